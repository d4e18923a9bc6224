"""Big LaMa: a network that sees the whole picture at once; 206 MB to fetch.

Suvorov et al., WACV 2022, 10.1109/WACV51458.2022.00323.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

MULTIPLE = 8  # three halvings: the sides that the network takes

Network = Callable[..., tuple[NDArray[np.float32], ...]]  # a loader Model: float32 arrays in, float32 arrays out


def fill(
    photo: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    *,
    seed: int = 0,  # noqa: ARG001
    model: Network,
) -> NDArray[np.uint8]:
    """Fill a small picture's hole. photo (h, w, 3) uint8 RGB, hole (h, w) True = fill -> (h, w, 3) uint8.

    model: called with the photo (1, 3, H, W) 0..1 and the hole (1, 1, H, W), 1 = fill, both float32 and
    mirrored at the right and lower side to multiples of 8; answers (1, 3, H, W) 0..1. seed: not used. What
    the network says outside of the hole is dropped. Levels are cut, not rounded, as the authors' own script
    does.
    """
    height, width = hole.shape
    low, right = -height % MULTIPLE, -width % MULTIPLE
    pixels = np.pad(photo, ((0, low), (0, right), (0, 0)), mode="symmetric").transpose(2, 0, 1)[None]
    mask = np.pad(hole, ((0, low), (0, right)), mode="symmetric")[None, None]
    answer = model(pixels.astype(np.float32) / 255, mask.astype(np.float32))[0][0, :, :height, :width]
    levels = np.clip(answer.transpose(1, 2, 0) * 255, 0, 255).astype(np.uint8)
    return np.where(hole[..., None], levels, photo)
