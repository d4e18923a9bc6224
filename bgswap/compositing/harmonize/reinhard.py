"""Mean and spread of the place's colors, in CIELAB. Reinhard et al., IEEE CG&A 2001, 10.1109/38.946629"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.colors import fit_grid
from bgswap.compositing.decisions import ColorMap
from bgswap.compositing.light import Float, to_linear, to_srgb
from bgswap.compositing.scene import Scene

RATIO = 0.3, 3.0  # bounds on spread(place) / spread(person), a habit of implementations, not in the paper
FLAT = 1e-3  # Lab units: below it there is no spread to speak of, and the ratio stays 1
SAMPLES = 20_000
TO_XYZ = np.array(  # sRGB primaries, D65
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def harmonize(scene: Scene) -> ColorMap | None:
    """The color change for a person at its place; None where nobody is seen."""
    seen = scene.whole
    grid = grid_of(seen.foreground, seen.alpha, seen.background)
    return None if grid is None else ColorMap("reinhard", grid=grid)


def grid_of(foreground: Float, alpha: Float, background: Float) -> Float | None:
    """Color grid (1, 1, 8, 12) that gives the person the place's mean and spread; None where there is no person.

    foreground (h, w, 3), alpha (h, w), background (h', w', 3): small pictures, sRGB 0..1, straight; the
    person's pixels count by their alpha, the place's all alike. Not as in the paper: CIELAB instead of its
    l-alpha-beta, the ratio bounded, and the change held as affines guided by luminance, fitted to the exact
    one.
    """
    seen = alpha.reshape(-1) > 0.05
    if not seen.any():
        return None
    colors, weight = foreground.reshape(-1, 3)[seen], alpha.reshape(-1)[seen]
    step = len(colors) // SAMPLES + 1
    colors, weight = colors[::step], weight[::step]
    moved = transfer(colors, weight, background.reshape(-1, 3))
    return fit_grid(colors, moved, weight)


def transfer(colors: Float, weight: Float, background: Float) -> Float:
    """The exact change: colors (n, 3), their weights (n,), background (m, 3), sRGB 0..1 -> (n, 3), clipped to 0..1."""
    lab, target = lab_from_srgb(colors), lab_from_srgb(background)
    share = (weight / weight.sum())[:, None]
    mean = (share * lab).sum(0)
    spread = np.sqrt((share * (lab - mean) ** 2).sum(0))
    ratio = np.ones(3)
    np.divide(target.std(0), spread, out=ratio, where=spread > FLAT)
    moved = (lab - mean) * np.clip(ratio, *RATIO) + target.mean(0)
    return np.clip(srgb_from_lab(moved), 0, 1).astype(np.float32)


def lab_from_srgb(srgb: Float) -> NDArray[np.float64]:
    """(n, 3) sRGB 0..1 -> CIELAB, D65."""
    xyz = to_linear(srgb).astype(np.float64) @ TO_XYZ.T / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def srgb_from_lab(lab: NDArray[np.float64]) -> NDArray[Any]:
    """CIELAB, D65 -> sRGB; colors outside its gamut come out below 0 or above 1."""
    fy = (lab[:, 0] + 16) / 116
    f = np.stack([fy + lab[:, 1] / 500, fy, fy - lab[:, 2] / 200], 1)
    xyz = np.where(f > 6 / 29, f**3, (116 * f - 16) * 27 / 24389) * WHITE
    return to_srgb((xyz @ np.linalg.inv(TO_XYZ).T).astype(np.float32))
