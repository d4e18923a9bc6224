"""Fast marching along the rim; no download. For scratches and thin holes.

Telea, Journal of Graphics Tools 2004, 10.1080/10867651.2004.10487596.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

RADIUS = 5  # working pixels averaged around each filled one; ours: 3 and 9 are up to 10 % better or worse, by picture


def fill(photo: NDArray[np.uint8], hole: NDArray[np.bool_], *, seed: int = 0) -> NDArray[np.uint8]:  # noqa: ARG001
    """Fill a small picture's hole. photo (h, w, 3) uint8 RGB, hole (h, w) True = fill -> (h, w, 3) uint8.

    seed: not used, nothing here is random. Blurs beyond about 20 pixels from the rim.
    """
    filled: NDArray[np.uint8] = cv2.inpaint(photo, hole.astype(np.uint8), RADIUS, cv2.INPAINT_TELEA)
    return filled
