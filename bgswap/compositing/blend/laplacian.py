"""Wide bands mix softly, fine ones sharply. Burt and Adelson, ACM TOG 1983, 10.1145/245.247"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.blend import over
from bgswap.compositing.blend._edges import edge_tiles, push_pull, pyramid_reach
from bgswap.compositing.light import Float, to_levels, to_linear, to_srgb, to_unit

WIDTH = 0.002  # ours: the coarsest band mixes over 2 pixels at 1000 rows; at 4 people glow before the night


def reach(width_px: float) -> int:
    """Pixels beyond a pixel that decide about it; a multiple of the coarsest band's step, so that pieces agree."""
    return 2 * pyramid_reach(_levels(width_px))  # of the colors carried outward, and then of the bands


def _levels(width_px: float) -> int:
    return int(np.clip(np.rint(np.log2(max(2.0, abs(width_px)))), 1, 6))


def blend(
    foreground: NDArray[Any], alpha: NDArray[Any], background: NDArray[Any], *, light: str, width_px: float
) -> NDArray[Any]:
    """Mix each frequency band over a width of its own, up to about width_px. Shapes as in `over`.

    Only tiles whose surroundings hold an edge are worked on; elsewhere the pixels are `over`'s, untouched. Hair gets
    softer: this is for hard mattes, and for colors that differ over wide stretches. Not as in the paper: the person has
    no colors beyond its edge, so that they are carried out from it (push-pull), and the number of bands is bounded by
    width_px instead of by the picture.
    """
    mixed = over.blend(foreground, alpha, background, light=light, width_px=0)
    for tile, around, inner in edge_tiles(alpha, reach(width_px)):
        bands = _mix(foreground[around], alpha[around], background[around], _levels(width_px), light)
        mixed[tile] = to_levels(bands[inner], mixed.dtype)
    return mixed


def _mix(foreground: NDArray[Any], alpha: NDArray[Any], background: NDArray[Any], levels: int, light: str) -> Float:
    cover, near, far = to_unit(alpha), to_unit(foreground), to_unit(background)
    near = push_pull(near, cover, levels)
    if light == "linear":
        near, far = to_linear(near), to_linear(far)
    # The difference's pyramid is the difference of both pyramids: one is enough.
    difference = near - far
    covers, bands = [cover], []
    for _ in range(levels):
        smaller = cv2.pyrDown(difference)
        bands.append(difference - cv2.pyrUp(smaller, dstsize=difference.shape[1::-1]))
        difference = smaller
        covers.append(cv2.pyrDown(covers[-1]))
    total = difference * covers[-1][..., None]
    for band, weight in zip(reversed(bands), reversed(covers[:-1]), strict=True):
        total = cv2.pyrUp(total, dstsize=band.shape[1::-1]) + band * weight[..., None]
    mixed = far + total
    return to_srgb(np.clip(mixed, 0, 1)) if light == "linear" else mixed
