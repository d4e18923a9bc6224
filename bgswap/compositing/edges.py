"""Colors beyond the person's edge: what the blend ways need where the cut-out itself has none."""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.light import Float, to_levels, to_unit

TRUSTED = 0.1  # ours: from this alpha on, a cut-out's own color is kept


def extend_colors(foreground: NDArray[Any], alpha: NDArray[Any], distance: int) -> NDArray[Any]:
    """Carry the person's colors `distance` pixels beyond its edge, or more; solid pixels stay as they are.

    foreground (h, w, 3), alpha (h, w), both uint8 or both uint16. Push-pull: means weighted by alpha on ever
    smaller copies fill what finer ones leave open (after Gortler et al., SIGGRAPH 1996, 10.1145/237170.237200).
    """
    levels = 1 + int(np.ceil(np.log2(max(2, distance))))
    return to_levels(push_pull(to_unit(foreground), to_unit(alpha), levels), foreground.dtype)


def edge_tiles(
    alpha: NDArray[Any], margin: int, tile: int = 512
) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice], tuple[slice, slice]]]:
    """Tiles of a matte (h, w) with an edge within `margin` pixels: (tile, surroundings, tile in these)."""
    height, width = alpha.shape
    top = np.iinfo(alpha.dtype).max
    for y in range(0, height, tile):
        for x in range(0, width, tile):
            y0, x0 = max(0, y - margin), max(0, x - margin)
            y1, x1 = min(height, y + tile), min(width, x + tile)
            around = slice(y0, min(height, y1 + margin)), slice(x0, min(width, x1 + margin))
            if alpha[around].max() > 0 and alpha[around].min() < top:
                yield (slice(y, y1), slice(x, x1)), around, (slice(y - y0, y1 - y0), slice(x - x0, x1 - x0))


def push_pull(colors: Float, weight: Float, levels: int) -> Float:
    """colors (h, w, 3), weight (h, w), 0..1: colors where weight is 1, and neighbors' means the more the less it is."""
    if levels == 0 or min(weight.shape) < 2:
        return colors
    summed, cover = cv2.pyrDown(colors * weight[..., None]), cv2.pyrDown(weight)
    means = np.divide(summed, cover[..., None], out=np.zeros_like(summed), where=cover[..., None] > 1e-4)
    coarse = push_pull(means, cover, levels - 1)
    filled = cv2.pyrUp(coarse, dstsize=(colors.shape[1], colors.shape[0]))
    # A color under a little alpha is a color all the same (a hair's): only below TRUSTED do neighbors take over.
    pulled: Float = filled + (colors - filled) * np.minimum(1, weight / TRUSTED)[..., None]
    return pulled
