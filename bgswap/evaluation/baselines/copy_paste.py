"""Cut at one half and paste, colors as they are: the baseline of Zhang et al., WACV 2021, arXiv 2011.02146"""

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.blend import over
from bgswap.evaluation.baselines._cut import check, hard

ROLES = ("input", "mask", "background")
OF = "picture"


def make(photo: NDArray[np.uint8], mask: NDArray[np.uint8], background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """photo's pixels (H, W, 3) where mask (H, W) is one half or more, else background's (H, W, 3).

    Raises:
        PictureError: the sizes differ.
    """
    check(photo, mask, background)
    return over.blend(photo, hard(mask), background, light="srgb", width_px=0)
