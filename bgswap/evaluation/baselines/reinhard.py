"""The person takes the place's mean and spread, CIELAB, all the way. Reinhard et al., CG&A 2001, 10.1109/38.946629"""

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.blend import over
from bgswap.compositing.colors import Recolor
from bgswap.compositing.decisions import ColorMap
from bgswap.compositing.harmonize import reinhard
from bgswap.compositing.light import to_unit
from bgswap.compositing.resample import shrink
from bgswap.compositing.scene import SMALL
from bgswap.evaluation.baselines._cut import check

ROLES = ("input", "mask")
OF = "picture"
SURE = 0.5  # ours: small pixels that hold more of the person than this are not counted as its place


def make(composite: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A composite (H, W, 3) sRGB with its person's colors fitted to the rest; pixels where mask (H, W) is 0 stay.

    What `composite --harmonize reinhard --strength 1` does: statistics of a small copy, a grid of affines applied to
    the full pixels. The person counts by its alpha, the place is what else the composite shows. Without a person, or
    with nothing but the person, the composite comes back.

    Raises:
        PictureError: the sizes differ.
    """
    check(composite, mask)
    person, rest = (to_unit(shrink(np.dstack([composite, alpha]), SMALL)) for alpha in (mask, 255 - mask))
    place = rest[rest[..., 3] > SURE][None, :, :3]
    grid = reinhard.grid_of(person[..., :3], person[..., 3], place) if place.size else None
    if grid is None:
        return composite.copy()
    changed = Recolor(ColorMap("reinhard", 1.0, grid=grid), mask.shape).apply(composite, mask, 0, 0)
    return over.blend(changed, mask, composite, light="srgb", width_px=0)
