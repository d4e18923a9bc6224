"""The person's histograms become the place's, by channel. Fecker et al., TCSVT 2008, 10.1109/TCSVT.2008.926997"""

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.blend import over
from bgswap.evaluation.baselines._cut import check

ROLES = ("input", "mask")
OF = "picture"
LEVELS = 256


def make(composite: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A composite (H, W, 3) sRGB with its person's R, G and B matched to the rest; pixels where mask (H, W) is 0 stay.

    One of the four ways in which iHarmony4's composites were made (Cong et al., CVPR 2020). The person counts by its
    alpha, the place by 1 - alpha. Not as in the paper: there a mapping is of whole pictures of a sequence. Without a
    person, or with nothing but the person, the composite comes back.

    Raises:
        PictureError: the sizes differ.
    """
    check(composite, mask)
    if not mask.any() or mask.min() == 255:
        return composite.copy()
    tables = [matched(*counts(channel, mask)) for channel in cv2.split(composite)]
    changed = np.asarray(cv2.LUT(composite, np.stack(tables, -1)[:, None]))
    return over.blend(changed, mask, composite, light="srgb", width_px=0)


def counts(channel: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How much of the person and of the place, in 255ths of pixels, each level of a channel (H, W) has: (256,) each."""
    together = channel.astype(np.uint16) * np.uint16(LEVELS) + alpha  # one pass counts every level with every alpha
    pairs = np.bincount(together.ravel(), minlength=LEVELS**2).reshape(LEVELS, LEVELS)
    weights = np.arange(LEVELS)
    return pairs @ weights, pairs @ weights[::-1]


def matched(person: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Where each level goes, (256,): to the lowest that as large a share of the place lies at or below.

    person, place: counts of each level (256,), neither empty. Levels that the person has none of go along.
    """
    below_person, below_place = (np.cumsum(some) / some.sum() for some in (person, place))
    return np.searchsorted(below_place, below_person, side="left").clip(0, LEVELS - 1).astype(np.uint8)
