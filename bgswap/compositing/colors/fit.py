"""Find the ColorMap's grid for colors whose change is known."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.colors.apply import IDENTITY
from bgswap.compositing.light import Float, luminance

Double = NDArray[np.float64]

JOIN = 10.0  # ours: the pull between neighboring bins, in pulls toward identity; bins without pixels follow the nearest
SEEN = 6_000  # ours: pixels that the change of the whole is fitted to
BLURS = (0.5, 1.0, 1.5, 2.0, 3.0)  # ours: sigmas in small pixels by which a network may have blurred what it painted
FINE = 4.0  # ours: sigma in small pixels; colors less their blur by it show how sharp a picture is
SHARPER = 0.97  # ours: share of an error that a blur must come below to be believed
OWN = 4.0  # ours: weight of a vertex's own moments, where each neighbor's along an axis is 1
BORDER = 0.02  # ours: what is left of a pixel's weight at the person's edge, where a blur mixes in what lies beyond
DOUBT = 5e-4  # ours: pull toward the whole's change; as a variance of colors, 0.022 of the range squared
FEW = 12.0  # ours: small pixels in a cell and bin below which the pull toward the whole's change grows
ROUNDS = 4  # ours: later ones fit what earlier ones left


def fit_grid(before: Float, after: Float, weight: Float, *, bins: int = 8, ridge: float = 1e-4) -> Float:
    """Least squares affines that lead `before` to `after`: (n, 3) sRGB 0..1 and weights (n,) -> grid (1, 1, bins, 12).

    Neighboring bins share a pixel in the proportion that Recolor mixes them. ridge: pull toward identity, as a share
    of an average bin's weight; neighboring bins are pulled together JOIN times as much, which decides in bins that no
    pixel reaches.
    """
    at = np.clip(luminance(before), 0, 1) * (bins - 1)
    low = np.minimum(at.astype(int), max(0, bins - 2))
    part = at - low
    ones = np.concatenate([before, np.ones((len(before), 1), np.float32)], 1).astype(np.float64)
    design = np.zeros((len(before), bins, 4))
    index = np.arange(len(before))
    design[index, low] += (1 - part)[:, None] * ones
    design[index, np.minimum(low + 1, bins - 1)] += part[:, None] * ones
    flat = design.reshape(len(before), -1)
    weighted = flat * weight[:, None]
    pull = ridge * max(float(weight.sum()), 1e-6) / bins
    start = np.tile(IDENTITY.reshape(3, 4).T, (bins, 1)).astype(np.float64)  # (bins * 4, 3)
    step = np.diff(np.eye(bins), axis=0)
    joined = np.eye(bins) + JOIN * step.T @ step
    solved = np.linalg.solve(
        weighted.T @ flat + pull * np.kron(joined, np.eye(4)),
        weighted.T @ after.astype(np.float64) + pull * start,
    )
    return solved.reshape(bins, 4, 3).transpose(0, 2, 1).reshape(1, 1, bins, 12).astype(np.float32)


def fit_local_grid(
    before: Float,
    after: Float,
    weight: Float,
    window: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    shape: tuple[int, int, int] = (16, 16, 8),
) -> Float:
    """A change that differs from place to place, as a grid of the whole frame: (rows, columns, bins, 12), `shape`'s.

    before, after (h, w, 3) sRGB 0..1 and weight (h, w), 0..1, which is 0 where the change is not known; small pictures
    of a window (top, left, bottom, right) of the frame, in shares. After "Bilateral Guided Upsampling" (Chen, Adams,
    Wadhwa, Hasinoff, SIGGRAPH Asia 2016, 10.1145/2980179.2982423), the local variant: every vertex has its own affine,
    fitted to its moments after these were averaged with the neighbors'. Not as there: affines are pulled to the fit of
    all pixels, and are that one where there are none; `before` is first blurred as far as `after` is; what is
    left is fitted again.
    """
    from bgswap.compositing.colors.fit_loops import gather, splat  # numba wakes up only here

    seen = weight > 0.02
    if not seen.any():
        return np.tile(IDENTITY, (*shape, 1))
    before, after, weight = (one.astype(np.float32) for one in (before, after, weight))
    before, sigma = _as_soft(before, after, weight)
    if sigma:
        inside = cv2.GaussianBlur(weight, (0, 0), 1.5 * sigma) ** 8
        weight = weight * (BORDER + (1 - BORDER) * inside)
    rows, columns = np.nonzero(seen)
    colors, wanted, share = before[rows, columns], after[rows, columns], weight[rows, columns].astype(np.float32)
    step = len(colors) // SEEN * 2 + 1  # odd: it falls on both colors of a checkerboard
    whole = fit_grid(colors[::step], wanted[::step], share[::step], bins=shape[2])
    grid = np.tile(whole.astype(np.float64), (shape[0], shape[1], 1, 1))
    top, left, bottom, right = window
    down = (top + (rows + 0.5) * ((bottom - top) / before.shape[0])) * shape[0] - 0.5
    over = (left + (columns + 0.5) * ((right - left) / before.shape[1])) * shape[1] - 0.5
    at = np.stack([down, over, luminance(colors) * (shape[2] - 1)], 1).clip(0, np.array(shape) - 1).astype(np.float32)
    for _ in range(ROUNDS):
        missing = wanted - gather(at, colors, grid)
        moments = np.zeros((*shape, 22))
        splat(at, colors, missing, share, moments)
        grid += _solved(moments)
    return grid.astype(np.float32)


def _as_soft(before: Float, after: Float, weight: Float) -> tuple[Float, float]:
    """`before`, blurred as much as `after` is, and by which sigma: a lost edge is no change of color.

    Found where the details of `after`, as an affine of those of `before`, are explained best.
    """
    seen = weight > 0.5
    wanted = _blurred(after, weight, FINE)
    wanted = (after - wanted)[seen]
    best, chosen, least = before, 0.0, np.inf
    for sigma in (0.0, *BLURS):
        candidate = _blurred(before, weight, sigma) if sigma else before
        details = (candidate - _blurred(candidate, weight, FINE))[seen]
        square, product = details.T @ details, details.T @ wanted
        mix = np.linalg.solve(square + 1e-6 * np.eye(3), product)
        error = float((wanted**2).sum() - 2 * (mix * product).sum() + (mix * (square @ mix)).sum())
        if error < SHARPER * least:
            best, chosen, least = candidate, sigma, error
    return best, chosen


def _blurred(picture: Float, weight: Float, sigma: float) -> Float:
    """A blur that takes no color from where the weight is 0."""
    cover = np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-4)
    return cv2.GaussianBlur(picture * weight[..., None], (0, 0), sigma) / cover[..., None]


def _solved(moments: Double) -> Double:
    """Moments (rows, columns, bins, 22) of colors and missing changes -> affines to add, (rows, columns, bins, 12)."""
    for axis in range(3):
        moments = _averaged(moments, axis)
    square = np.empty((*moments.shape[:3], 4, 4))
    upper = np.triu_indices(4)
    square[..., upper[0], upper[1]] = square[..., upper[1], upper[0]] = moments[..., :10]
    known = moments[..., 9]  # the weight of all pixels: the moment of 1 by 1
    pull = DOUBT * (known + FEW) + 1e-9
    square += pull[..., None, None] * np.eye(4)
    solved = np.linalg.solve(square, moments[..., 10:].reshape(*moments.shape[:3], 4, 3))
    affines: Any = solved.swapaxes(-1, -2).reshape(*moments.shape[:3], 12)
    return affines


def _averaged(moments: Double, axis: int) -> Double:
    lines = np.moveaxis(moments, axis, 0)
    if len(lines) == 1:
        return moments
    beyond: Any = np.concatenate([lines[:1], lines, lines[-1:]])
    averaged: Any = (beyond[:-2] + OWN * beyond[1:-1] + beyond[2:]) / (OWN + 2)
    return np.moveaxis(averaged, 0, axis)
