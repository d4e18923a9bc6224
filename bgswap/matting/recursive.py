"""A refinement network used twice: on the photo at 320 pixels, then on its own mask scaled up to 640.

Deep image compositing (Zhang et al., WACV 2021, arXiv 2011.02146), section 3.2: "the original picture and its raw mask
at 320 x 320; the refined mask upsampled to 640 x 640 and refined again", by the same weights. Not as there: the aspect
is kept, and a photo that is smaller than a pass's side is not enlarged for it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.matting.look import full, grid, shrink

SIDES = (320, 640)  # longest side of each pass, pixels: section 3.2
MULTIPLE = 32  # what the network's sides must divide by

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def refine_recursively(
    photo: NDArray[Any],
    alpha: NDArray[np.float32],
    network: Network,
    *,
    sides: Sequence[int] = SIDES,
    multiple: int = MULTIPLE,
) -> NDArray[np.float32]:
    """A better matte for a photo (H, W, 3) uint8 or uint16 sRGB: (h, w) 0..1, on the grid of the last pass.

    Args:
        photo: left as it is.
        alpha: the raw mask (h, w) 0..1 of the whole photo, of any size.
        network: photo and mask, (1, 4, h, w) float32 0..1, sides multiples of `multiple` -> logits (1, 1, h, w).
        sides: longest side of each pass, in turn.
        multiple: both sides are rounded to a multiple of it.

    Raises:
        ValueError: sides are none, or do not rise.
    """
    if not sides or list(sides) != sorted(set(sides)):
        raise ValueError(f"sides {tuple(sides)}: give at least one, from small to large")
    seen: tuple[int, int] | None = None
    for side in sides:
        size = grid(photo, min(side, max(photo.shape[:2])), multiple)
        if size == seen:
            break  # the photo holds no more than was seen
        alpha, seen = _pass(photo, alpha, network, size), size
    return alpha


def _pass(
    photo: NDArray[Any], alpha: NDArray[np.float32], network: Network, size: tuple[int, int]
) -> NDArray[np.float32]:
    colors = shrink(photo, *size).astype(np.float32) / np.float32(full(photo))
    stacked = np.concatenate([colors, _at(alpha, *size)[..., None]], axis=2)
    logits = network(np.ascontiguousarray(stacked.transpose(2, 0, 1)[None]))[0, 0]
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -50, 50))), np.float32)


def _at(alpha: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """A matte at another size: area means where it shrinks, linear where it grows, so that it never overshoots."""
    if alpha.shape == (height, width):
        return alpha
    smaller = alpha.shape[0] >= height and alpha.shape[1] >= width
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(alpha.astype(np.float32), (width, height), interpolation=way))
