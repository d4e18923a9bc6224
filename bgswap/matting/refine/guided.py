"""Guided filter: snaps the matte's edge to the photo's, in the unknown band. He et al., TPAMI 2013, 10.1109/TPAMI.2012.213

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
FINE = 4  # ours: the second grid is at most this many times finer than the first
NOISE = 0.02  # ours: alpha this near to 0 or 1 after all is 0 or 1


def refine(rough: Rough, photo: NDArray[Any], band: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    """Alpha (H, W) of `photo` (H, W, 3) from `rough`, new inside `band` only. Signature: see the package's docstring."""
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
    size = photo.shape[:2]
    wide = part.grown(2 * RADIUS * step, *size)
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
    alpha = lines[..., 3] + lines[..., 0] * photo[..., 0]
    alpha += lines[..., 1] * photo[..., 1]
    alpha += lines[..., 2] * photo[..., 2]
    return np.asarray(alpha)


def fit(guide: NDArray[Any], alpha: NDArray[Any], radius: int = RADIUS, eps: float = EPS) -> NDArray[Any]:
    """The filter's linear functions: (h, w, 4) float32, three slopes and an offset.

    guide: (h, w, 3) 0..1; alpha: (h, w) 0..1; radius: pixels, the window is 2 radius + 1 wide; eps: squared guide units.
    """
    mean_guide, mean_alpha = _mean(guide, radius), _mean(alpha, radius)
    r, g, b = (mean_guide[..., i] for i in range(3))
    pairs = np.stack([guide[..., i] * guide[..., j] for i in range(3) for j in range(i, 3)], axis=-1)
    rr, rg, rb, gg, gb, bb = np.moveaxis(_mean(pairs, radius), -1, 0)
    rr, rg, rb = rr - r * r + eps, rg - r * g, rb - r * b
    gg, gb, bb = gg - g * g + eps, gb - g * b, bb - b * b + eps
    together = _mean(guide * alpha[..., None], radius) - mean_guide * mean_alpha[..., None]
    x, y, z = np.moveaxis(together, -1, 0)
    # Cramer's rule on the symmetric 3 x 3 system: a batched solver takes five times as long
    crr, crg, crb = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    cgg, cgb, cbb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    scale = 1 / (rr * crr + rg * crg + rb * crb)
    lines = np.empty((*alpha.shape, 4), np.float32)
    lines[..., 0] = (crr * x + crg * y + crb * z) * scale
    lines[..., 1] = (crg * x + cgg * y + cgb * z) * scale
    lines[..., 2] = (crb * x + cgb * y + cbb * z) * scale
    lines[..., 3] = mean_alpha - (lines[..., :3] * mean_guide).sum(axis=-1)
    return _mean(lines, radius)


def _mean(values: NDArray[Any], radius: int) -> NDArray[Any]:
    # sums of float32 squares lose too much where a color is flat, so boxFilter keeps them in float64 by itself
    return np.asarray(cv2.blur(values, (2 * radius + 1,) * 2, borderType=cv2.BORDER_REFLECT))
