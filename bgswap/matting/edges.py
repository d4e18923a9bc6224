"""What a user may do to a finished matte's edge: widen or narrow it, soften it."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.matting.bands import disk


def grow(alpha: NDArray[Any], pixels: int) -> NDArray[Any]:
    """Widen a matte (H, W) by so many pixels; a negative number narrows it. Soft edges stay soft."""
    if pixels == 0:
        return alpha
    way = cv2.dilate if pixels > 0 else cv2.erode
    return np.asarray(way(alpha, disk(abs(pixels)), borderType=cv2.BORDER_REPLICATE))


def feather(alpha: NDArray[Any], pixels: float) -> NDArray[Any]:
    """Soften a matte (H, W) by a Gaussian of this standard deviation, in pixels."""
    if pixels <= 0:
        return alpha
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), pixels, borderType=cv2.BORDER_REPLICATE))
