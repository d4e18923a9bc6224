"""The place's histograms of red, green and blue. Fecker et al., IEEE TCSVT 2008, 10.1109/TCSVT.2008.926997"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.colors import fit_grid
from bgswap.compositing.decisions import ColorMap
from bgswap.compositing.light import Float
from bgswap.compositing.scene import Scene

LEVELS = 256


def harmonize(scene: Scene) -> ColorMap | None:
    """The color change for a person at its place; None where nobody is seen, or where nothing is but the person."""
    seen = scene.whole
    grid = grid_of(seen.foreground, seen.alpha, seen.background)
    return None if grid is None else ColorMap("histogram", grid=grid)


def grid_of(foreground: Float, alpha: Float, background: Float) -> Float | None:
    """Color grid (1, 1, 8, 12) that gives the person the place's histogram of each channel; None without either.

    foreground (h, w, 3), straight, alpha (h, w), background (h, w, 3): small pictures, sRGB 0..1. The person counts by
    its alpha, the place by 1 - alpha, which is what is seen of it. Not as in the paper: there a mapping is of whole
    pictures of a sequence. The change is held as affines guided by luminance, fitted to the exact one.
    """
    cover, rest = alpha.reshape(-1), 1 - alpha.reshape(-1)
    if not cover.any() or not rest.any():
        return None
    seen = cover > 0
    colors, around = foreground.reshape(-1, 3)[seen], background.reshape(-1, 3)
    moved = transfer(colors, cover[seen], around, rest)
    return fit_grid(colors, moved, cover[seen])


def transfer(colors: Float, weight: Float, background: Float, rest: Float) -> Float:
    """The exact change: colors (n, 3) that count by weight (n,), background (m, 3) by rest (m,) -> (n, 3), 0..1."""
    levels = np.rint(colors * (LEVELS - 1)).astype(np.intp)
    place = np.rint(background * (LEVELS - 1)).astype(np.intp)
    moved = np.empty_like(colors)
    for channel in range(3):
        table = matched(_counts(levels[:, channel], weight), _counts(place[:, channel], rest))
        moved[:, channel] = table[levels[:, channel]]
    return moved


def matched(person: NDArray[Any], place: NDArray[Any]) -> Float:
    """Where each level goes, (256,) 0..1: to the lowest that as large a share of the place lies at or below.

    person, place: counts of each level (256,), neither empty. Levels that the person has none of go along.
    """
    below_person, below_place = (np.cumsum(some, dtype=np.float64) / some.sum() for some in (person, place))
    found = np.searchsorted(below_place, below_person - 1e-9, side="left").clip(0, LEVELS - 1)
    return (found / (LEVELS - 1)).astype(np.float32)


def _counts(levels: NDArray[np.intp], weight: Float) -> NDArray[np.float64]:
    counted = np.bincount(levels, weights=weight, minlength=LEVELS)
    return counted.astype(np.float64)
