"""Wide bands mix softly, fine ones sharply, over a hard mask. Burt and Adelson, ACM TOG 1983, 10.1145/245.247"""

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.blend import laplacian
from bgswap.evaluation.baselines._cut import check, hard

ROLES = ("input", "mask", "background")
OF = "picture"


def make(photo: NDArray[np.uint8], mask: NDArray[np.uint8], background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The person of photo (H, W, 3) before background (H, W, 3), mixed bands up to `laplacian.WIDTH` of the height.

    mask (H, W) is cut at one half first: the way is one for masks without soft edges. Sizes are pixels of the photo.

    Raises:
        PictureError: the sizes differ.
    """
    check(photo, mask, background)
    width_px = laplacian.WIDTH * len(mask)
    return laplacian.blend(photo, hard(mask), background, light="srgb", width_px=width_px)
