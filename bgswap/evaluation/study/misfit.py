"""How badly a person's colors fit its place: which composites are hard, where nobody has chosen them by hand."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.harmonize.reinhard import lab_from_srgb
from bgswap.errors import PictureError

SIDE = 192  # ours: pixels of the longer side at which colors are compared: finer texture is no matter of fit
REACH = 0.25  # ours: surroundings end at this share of the longer side away from the person
SHADES = 128  # of a mask: from here on a pixel is the person's


def misfit(composite: NDArray[Any], mask: NDArray[Any]) -> float:
    """Distance between the person's colors and those around it, CIELAB units (delta E); higher fits worse, 0 is best.

    composite: (H, W, 3) sRGB uint8; mask: (H, W) uint8, white is the person, same size. Mean and spread of each of
    L, a, b are taken over the person and over what lies within REACH of it, and
    sqrt(sum of (difference of means)² + (difference of spreads)²) is the Fréchet distance of two normal distributions
    with these means and spreads and without correlation. NaN where there is no person, or nothing around it.

    Ours: seed 003 (Wang et al., CGF 2023) chose its 500 real composites of low realism by hand, which
    cannot be done again. The statistics are those that Reinhard et al. match (IEEE CG&A 2001, 10.1109/38.946629), so
    that this is high where their transfer would change much. A person in black before snow is far from its place
    as well, and rightly so: take it as an order of candidates, not as a measure of realism.

    Raises:
        PictureError: mask and composite differ in size.
    """
    if composite.shape[:2] != mask.shape[:2]:
        sizes = [f"{one.shape[1]}x{one.shape[0]}" for one in (mask, composite)]
        raise PictureError(f"the mask is {sizes[0]} and the picture {sizes[1]}: make them the same size")
    scale = min(1.0, SIDE / max(mask.shape[:2]))
    size = max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))
    small = cv2.resize(composite[..., :3], size, interpolation=cv2.INTER_AREA)
    person = cv2.resize(mask, size, interpolation=cv2.INTER_AREA) >= SHADES
    away = cv2.distanceTransform((~person).astype(np.uint8), cv2.DIST_L2, 5)
    around = ~person & (away <= REACH * max(size))
    if not (person.any() and around.any()):
        return float("nan")
    lab = lab_from_srgb(small.reshape(-1, 3).astype(np.float32) / np.float32(255)).reshape(*small.shape)
    inside, outside = lab[person], lab[around]
    means = inside.mean(0) - outside.mean(0)
    spreads = inside.std(0) - outside.std(0)
    return float(np.sqrt((means**2).sum() + (spreads**2).sum()))
