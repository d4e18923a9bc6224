"""Lines of equal brightness carried inward; no download. For thin holes.

Bertalmio, Bertozzi and Sapiro, CVPR 2001, 10.1109/CVPR.2001.990497.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

RADIUS = 5  # working pixels around each filled one; ours, as in telea


def fill(photo: NDArray[np.uint8], hole: NDArray[np.bool_], *, seed: int = 0) -> NDArray[np.uint8]:  # noqa: ARG001
    """Fill a small picture's hole. photo (h, w, 3) uint8 RGB, hole (h, w) True = fill -> (h, w, 3) uint8.

    seed: not used, nothing here is random.
    """
    filled: NDArray[np.uint8] = cv2.inpaint(photo, hole.astype(np.uint8), RADIUS, cv2.INPAINT_NS)
    return filled
