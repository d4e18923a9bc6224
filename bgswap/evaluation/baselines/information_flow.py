"""Information-flow matte from a trimap of the mask; slow. Aksoy, Aydin, Pollefeys, CVPR 2017, arXiv 1707.05055"""

import numpy as np
from numpy.typing import NDArray

from bgswap.evaluation.baselines._cut import solved

ROLES = ("input", "mask", "background")
OF = "picture"


def make(photo: NDArray[np.uint8], mask: NDArray[np.uint8], background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The person of photo (H, W, 3) before background (H, W, 3), with the matte that `bgswap matte --refine` finds.

    mask (H, W) tells only who is surely in and surely out, see `_cut.solved`. Soft pixels get the person's own colors.

    Raises:
        PictureError: the sizes differ.
    """
    return solved("information-flow", photo, mask, background)
