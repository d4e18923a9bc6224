"""A photo's grain: how much of it there is, and noise like it that hangs on the position in the frame only."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.jit import compiled
from bgswap.compositing.light import Float

SIDES = (509, 521)  # ours: primes, so that the sum of two tiles repeats only every 265,189 pixels
SPREAD = 0.3  # ours: of a pixel's noise to each neighbor; a developed photo's neighbors are alike by half
LUMA = 0.92  # ours: share of the noise that red, green and blue have in common; JPEG keeps little noise of color
ROOM = 2.0  # ours: noise is held this many deviations off black and white, where a camera clips it too
TILE = 16  # ours: side of the pieces in which noise is looked for
FLATTEST = 0.25  # ours: share of them that is taken for flat
LEAST = 0.1  # ours: share of the flat pieces with less noise than is told: texture only ever adds to it
USUAL = 0.92  # measured: what that share's noise is of the median where there is noise and nothing else
AGREED = 0.6  # ours: where it is less of the median than this, the pieces hold texture
FEWEST = 8  # ours: with fewer flat pieces nothing is said
DARKEST, BRIGHTEST = 16.0, 239.0  # ours: mean levels between which noise is not clipped
# Immerkaer, "Fast noise variance estimation", CVIU 64(2), 1996, eq. 3: blind to planes, 6 times the deviation of noise
LAPLACE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6


def grain_field(at: tuple[int, int], size: tuple[int, int]) -> Float:
    """Noise of deviation 1 for the pixels (h, w, 3) that begin at row and column `at` of the frame."""
    row, column = np.arange(size[0]) + at[0], np.arange(size[1]) + at[1]
    parts = (tile[np.ix_(row % len(tile), column % len(tile))] for tile in (_tile(side) for side in SIDES))
    return sum(parts, np.zeros((*size, 3), np.float32))


def add_grain(colors: NDArray[Any], alpha: NDArray[Any], at: tuple[int, int], grain: float) -> NDArray[Any]:
    """Colors (h, w, 3) with grain of that many levels of 255, where alpha (h, w) is not 0; uint8 or uint16.

    The noise grows smaller towards black and white, so that clipping it moves no mean.
    """
    top = float(np.iinfo(colors.dtype).max)
    grained = np.empty_like(colors, order="C")
    spots = np.array(at, np.int64)
    compiled(_grained)(colors, alpha, spots, _tile(SIDES[0]), _tile(SIDES[1]), grain / 255 * top, top, grained)
    return grained


def noise_level(windows: Sequence[tuple[Float, NDArray[np.bool_]]], *, sure: bool = False) -> float | None:
    """Deviation of the noise in flat parts, in levels of grain as `grain_field` lays it; None: there are too few.

    windows: lightness (h, w) in levels of 0..255, and which pixels count (h, w). A quarter of the pieces of 16 x 16
    pixels is flat: those with the smallest slopes after a blur that noise hardly outlives. The least noisy tenth of
    them decides. sure: None, too, where the flat pieces are not of one noise, as in grass and foliage.
    """
    found = [tiles for lightness, counts in windows if (tiles := _tiles(lightness, counts)) is not None]
    slope, noise = np.concatenate([np.zeros((2, 0)), *found], axis=1)
    kept = int(FLATTEST * len(slope))
    if kept < FEWEST:
        return None
    least, middle = np.sqrt(np.quantile(noise[np.argsort(slope, kind="stable")[:kept]], (LEAST, 0.5)))
    if sure and least < AGREED * middle:
        return None
    return float(least / USUAL) / _reading_of_one()


def _tiles(lightness: Float, counts: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """(2, n): squared slope and squared noise of the pieces that count in full and are not clipped."""
    rows, columns = lightness.shape[0] // TILE, lightness.shape[1] // TILE
    if not rows or not columns:
        return None

    def mean(plane: NDArray[Any]) -> NDArray[np.float64]:
        cut = plane[: rows * TILE, : columns * TILE].astype(np.float64)
        return cut.reshape(rows, TILE, columns, TILE).mean(axis=(1, 3)).ravel()

    residual = cv2.filter2D(lightness, -1, LAPLACE, borderType=cv2.BORDER_REFLECT_101)
    smooth = cv2.GaussianBlur(lightness, (0, 0), 3.0)
    slope = cv2.Sobel(smooth, -1, 1, 0) ** 2 + cv2.Sobel(smooth, -1, 0, 1) ** 2
    level = mean(lightness)
    kept = (mean(counts) == 1) & (level >= DARKEST) & (level <= BRIGHTEST)
    return np.stack([mean(slope), mean(residual**2)])[:, kept]


@cache
def _reading_of_one() -> float:
    """What the residual reads of grain of deviation 1, in lightness: less than 1, since it is no white noise."""
    from bgswap.compositing.light import luminance

    lightness = luminance(grain_field((0, 0), (256, 256)))
    return float(cv2.filter2D(lightness, -1, LAPLACE).std())


@cache
def _tile(side: int) -> Float:
    """(side, side, 3) of noise that joins itself at its borders, deviation 1/sqrt(2) in each channel."""
    planes = _normal(4 * side * side, seed=side).reshape(4, side, side)
    for axis in (1, 2):
        planes = planes + SPREAD * (np.roll(planes, 1, axis) + np.roll(planes, -1, axis))
    planes /= 1 + 2 * SPREAD**2  # the deviation that the two passes give white noise
    mixed = LUMA * planes[:1] + np.sqrt(1 - LUMA**2) * planes[1:]
    tile: Float = (mixed / np.sqrt(2)).transpose(1, 2, 0).astype(np.float32, order="C")
    tile.setflags(write=False)
    return tile


def _normal(count: int, seed: int) -> NDArray[np.float64]:
    """Normal numbers from a counter: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) and Box and Muller's formula.

    Written out, so that a saved decision gives the same grain whatever the version of NumPy.
    """
    state = np.arange(1, 2 * count + 1, dtype=np.uint64) + np.uint64(seed << 32)
    state *= np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    uniform = ((state ^ (state >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.sqrt(-2 * np.log(1 - uniform[:count])) * np.cos(2 * np.pi * uniform[count:])


def _grained(colors: Any, alpha: Any, at: Any, first: Any, second: Any, grain: float, top: float, grained: Any) -> None:
    strength, highest = np.float32(grain), np.float32(top)
    share = np.float32(1 / ROOM)
    for y in range(colors.shape[0]):
        row_first, row_second = first[(at[0] + y) % first.shape[0]], second[(at[0] + y) % second.shape[0]]
        x_first, x_second = at[1] % first.shape[1], at[1] % second.shape[1]
        for x in range(colors.shape[1]):
            for c in range(3):
                level = np.float32(colors[y, x, c])
                if alpha[y, x] > 0:
                    room = min(level, highest - level) * share
                    level += min(strength, room) * (row_first[x_first, c] + row_second[x_second, c])
                grained[y, x, c] = int(min(max(level, np.float32(0)), highest) + np.float32(0.5))
            x_first = 0 if x_first + 1 == first.shape[1] else x_first + 1
            x_second = 0 if x_second + 1 == second.shape[1] else x_second + 1
