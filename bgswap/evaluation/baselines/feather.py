"""A hard mask whose edge softens inward over 0.2 % of the height (ours), then plain compositing."""

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.blend import feather
from bgswap.evaluation.baselines._cut import check, hard

ROLES = ("input", "mask", "background")
OF = "picture"


def make(photo: NDArray[np.uint8], mask: NDArray[np.uint8], background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The person of photo (H, W, 3) before background (H, W, 3), mixed over `feather.WIDTH` of the height.

    mask (H, W) is cut at one half first: the way is one for masks without soft edges. Sizes are pixels of the photo.

    Raises:
        PictureError: the sizes differ.
    """
    check(photo, mask, background)
    width_px = feather.WIDTH * len(mask)
    return feather.blend(photo, hard(mask), background, light="srgb", width_px=width_px)
