"""Guided filter: snaps the matte's edge to the photo's, in its band. He et al., TPAMI 2013, 10.1109/TPAMI.2012.213

In each window alpha is a linear function of the photo's color; the function is fitted on a small grid and evaluated on
full-size pixels, which is the fast form of He and Sun (arXiv 1505.00996, 2015). Two departures, both ours and both
measured with tests/bench/matte_quality.py: contrast is added before (a network that is unsure of the place of an edge
answers with a ramp) and after each fit (least squares shrink alpha toward one half); and a second fit follows on a
finer grid, in the band's tiles.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.matting.bands import Part, contrast, enlarge, parts, sample, to_float
from bgswap.matting.look import Rough, full, shrink

RADIUS = 4  # ours, pixels of the grid that is fitted on: 3 to 6 measured alike
EPS = 1e-4  # ours, squared guide units: 1e-3 loses edges, 1e-5 gains nothing
FIRST, AFTER, LAST = 3.0, 2.0, 1.3  # ours: gain before the first fit, after it, after the second
FINE = 3  # ours: the second grid is at most this many times finer than the first
NOISE = 0.02  # ours: alpha this near to 0 or 1 after all is 0 or 1


def refine(rough: Rough, photo: NDArray[Any], band: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    """Alpha (H, W) of `photo` (H, W, 3) from `rough`, new inside `band` only. See the package's docstring."""
    height, width = photo.shape[:2]
    sharp = contrast(rough.alpha, FIRST).astype(np.float32)
    alpha = enlarge(sharp, height, width, photo.dtype)
    coarse = fit(rough.photo, sharp)
    step = max(1, round(max(height, width) / (FINE * max(rough.alpha.shape))))
    for part in parts(band, height, width):
        fine = _fine(coarse, photo, part, step)
        inside = sample(band, part, (height, width), nearest=True)
        cv2.copyTo(fine, inside, alpha[part.slices])
    return alpha, []


def _fine(coarse: NDArray[Any], photo: NDArray[Any], part: Part, step: int) -> NDArray[Any]:
    """Alpha of one part of the photo: the coarse fit evaluated, and fitted again, every `step` pixels."""
    size = photo.shape[0], photo.shape[1]
    wide = part.grown(2 * RADIUS * step, *size, step)
    pixels = photo[wide.slices]
    rows, columns = -(-pixels.shape[0] // step), -(-pixels.shape[1] // step)
    guide = to_float(shrink(pixels, rows, columns))
    lines = sample(coarse, wide, size, (rows, columns))
    second = fit(guide, contrast(evaluate(lines, guide), AFTER))
    within = Part(part.top - wide.top, part.bottom - wide.top, part.left - wide.left, part.right - wide.left)
    lines = sample(second, within, pixels.shape[:2])
    alpha = contrast(evaluate(lines, to_float(photo[part.slices])), LAST)
    alpha = np.clip((alpha - NOISE) / (1 - 2 * NOISE), 0, 1) * full(photo)
    return np.rint(alpha).astype(photo.dtype)


def evaluate(lines: NDArray[Any], photo: NDArray[Any]) -> NDArray[Any]:
    """Alpha (h, w) from the linear functions (h, w, 4) at the colors of the photo (h, w, 3)."""
    together = cv2.multiply(lines, cv2.cvtColor(photo, cv2.COLOR_RGB2RGBA))  # its fourth channel is 1
    return np.asarray(cv2.transform(together, np.ones((1, 4), np.float32)))


def fit(guide: NDArray[Any], alpha: NDArray[Any], radius: int = RADIUS, eps: float = EPS) -> NDArray[Any]:
    """The filter's linear functions: (h, w, 4) float32, three slopes and an offset.

    guide: (h, w, 3) 0..1; alpha: (h, w) 0..1; radius: pixels, a window is 2 radius + 1 wide; eps: squared guide units.
    """

    def mean(plane: NDArray[Any]) -> NDArray[Any]:
        return cv2.blur(plane, (2 * radius + 1,) * 2, borderType=cv2.BORDER_REFLECT)

    # one plane a color: twice as fast as one array of all
    red, green, blue = cv2.split(guide)
    r, g, b, a = mean(red), mean(green), mean(blue), mean(alpha)
    rr, gg, bb = mean(red * red) - r * r + eps, mean(green * green) - g * g + eps, mean(blue * blue) - b * b + eps
    rg, rb, gb = mean(red * green) - r * g, mean(red * blue) - r * b, mean(green * blue) - g * b
    x, y, z = mean(red * alpha) - r * a, mean(green * alpha) - g * a, mean(blue * alpha) - b * a
    # Cramer's rule on the symmetric 3 x 3 system: a batched solver takes five times as long
    crr, crg, crb = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    cgg, cgb, cbb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    scale = 1 / (rr * crr + rg * crg + rb * crb)
    slope_r = (crr * x + crg * y + crb * z) * scale
    slope_g = (crg * x + cgg * y + cgb * z) * scale
    slope_b = (crb * x + cgb * y + cbb * z) * scale
    offset = a - slope_r * r - slope_g * g - slope_b * b
    return np.asarray(cv2.merge([mean(slope_r), mean(slope_g), mean(slope_b), mean(offset)]))
