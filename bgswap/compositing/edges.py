"""Colors beyond the person's edge: what the blend ways need where the cut-out itself has none."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.light import Float, to_levels, to_unit


def extend_colors(foreground: NDArray[Any], alpha: NDArray[Any], distance: int) -> NDArray[Any]:
    """Carry the person's colors at least `distance` pixels beyond its edge. Same shape and dtype; solid pixels are kept.

    foreground (h, w, 3), alpha (h, w), both uint8 or both uint16. Push-pull: means weighted by alpha on ever smaller
    copies fill what finer ones leave open (after Gortler et al., SIGGRAPH 1996, 10.1145/237170.237200).
    """
    unit = to_unit(alpha)
    levels = 1 + int(np.ceil(np.log2(max(2, distance))))
    return to_levels(push_pull(to_unit(foreground), unit, levels), foreground.dtype)


def push_pull(colors: Float, weight: Float, levels: int) -> Float:
    """colors (h, w, 3), weight (h, w), 0..1: colors where weight is 1, and neighbors' means the more the less it is."""
    if levels == 0 or min(weight.shape) < 2:
        return colors
    summed, cover = cv2.pyrDown(colors * weight[..., None]), cv2.pyrDown(weight)
    means = np.divide(summed, cover[..., None], out=np.zeros_like(summed), where=cover[..., None] > 1e-4)
    # Means of a few soft pixels are means all the same: they count in full for the next level up.
    coarse = push_pull(means, np.minimum(1, 4 * cover), levels - 1)
    filled = cv2.pyrUp(coarse, dstsize=(colors.shape[1], colors.shape[0]))
    pulled: Float = filled + (colors - filled) * weight[..., None]
    return pulled
