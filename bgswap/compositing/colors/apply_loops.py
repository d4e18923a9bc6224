"""The loops of recolor.py over a strip's pixels. Imported when the first pixel is recolored: compiling wakes numba.

A row is worked on in tiles of TILE pixels between the middles of two neighboring cells. Within one, a grid's numbers
change evenly from left to right, so that every bin's share is a sum of plain products: no pixel looks anything up, and
the compiler does many at a time. Bins that no pixel of a tile touches are left out.
"""

from typing import Any

import numpy as np

from bgswap.compositing.jit import compiled
from bgswap.compositing.light import WEIGHTS

TILE = 64  # ours: pixels side by side
RED, GREEN, BLUE = (np.float32(one) for one in WEIGHTS)
BINS, SHARE, OUT = 3 * TILE, 4 * TILE, 5 * TILE  # where a tile's planes lie, after red, green and blue
ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
KNEE, OFFSET = np.float32(0.04045), np.float32(0.055)  # sRGB, IEC 61966-2-1
SCALE, POWER, SLOPE, LINEAR_KNEE = np.float32(1.055), np.float32(2.4), np.float32(12.92), np.float32(0.0031308)
SIXTEENTH = np.float32(1 / 16)
S2, S3, S4, S5 = np.float32(1 / 2), np.float32(1 / 6), np.float32(1 / 24), np.float32(1 / 120)


@compiled
def between(grid: Any, at: float, row: Any) -> None:
    """Fill row (columns, bins, 12) with what lies at `at`, counted in cells from the first one's middle."""
    rows, columns, bins, numbers = grid.shape
    low = min(max(int(np.floor(at)), 0), rows - 1)
    high, share = min(low + 1, rows - 1), np.float32(min(max(at - low, 0.0), 1.0))
    for column in range(columns):
        for bin_ in range(bins):
            for number in range(numbers):
                first, second = grid[low, column, bin_, number], grid[high, column, bin_, number]
                row[column, bin_, number] = first + share * (second - first)


@compiled
def load(tile: Any, levels: Any, curves: Any, saturation: Any, bins: int) -> tuple[int, int]:
    """Levels (n, 3) -> a tile's red, green, blue and bin. Returns the lowest and the highest bin that is touched."""
    for index in range(levels.shape[0]):
        tile[index] = curves[0, levels[index, 0]]
        tile[TILE + index] = curves[1, levels[index, 1]]
        tile[2 * TILE + index] = curves[2, levels[index, 2]]
    if saturation != ZERO:
        for index in range(TILE):
            red, green, blue = tile[index], tile[TILE + index], tile[2 * TILE + index]
            gray = RED * red + GREEN * green + BLUE * blue
            tile[index] = red + saturation * (red - gray)
            tile[TILE + index] = green + saturation * (green - gray)
            tile[2 * TILE + index] = blue + saturation * (blue - gray)
    last = np.float32(bins - 1)
    low, high = last, ZERO
    for index in range(TILE):
        gray = RED * tile[index] + GREEN * tile[TILE + index] + BLUE * tile[2 * TILE + index]
        at = min(max(last * gray, ZERO), last)
        tile[BINS + index] = at
        low, high = min(low, at), max(high, at)
    return max(int(np.floor(low)), 0), min(int(np.ceil(high)), bins - 1)


@compiled
def slice_(tile: Any, left: Any, right: Any, bins: tuple[int, int]) -> None:
    """Apply a grid's affines: left and right (bins, 12) are the cells whose middles the tile lies between."""
    for index in range(3 * TILE):
        tile[OUT + index] = ZERO
    for bin_ in range(bins[0], bins[1] + 1):
        a, b = left[bin_], right[bin_]
        a0, a1, a2, a3, a4, a5 = a[0], a[1], a[2], a[3], a[4], a[5]
        a6, a7, a8, a9, a10, a11 = a[6], a[7], a[8], a[9], a[10], a[11]
        b0, b1, b2, b3, b4, b5 = b[0] - a0, b[1] - a1, b[2] - a2, b[3] - a3, b[4] - a4, b[5] - a5
        b6, b7, b8, b9, b10, b11 = b[6] - a6, b[7] - a7, b[8] - a8, b[9] - a9, b[10] - a10, b[11] - a11
        middle = np.float32(bin_)
        for index in range(TILE):
            share = max(ZERO, ONE - abs(tile[BINS + index] - middle))
            moved = share * tile[SHARE + index]
            red, green, blue = tile[index], tile[TILE + index], tile[2 * TILE + index]
            tile[OUT + index] += share * (a0 * red + a1 * green + a2 * blue + a3) + moved * (
                b0 * red + b1 * green + b2 * blue + b3
            )
            tile[OUT + TILE + index] += share * (a4 * red + a5 * green + a6 * blue + a7) + moved * (
                b4 * red + b5 * green + b6 * blue + b7
            )
            tile[OUT + 2 * TILE + index] += share * (a8 * red + a9 * green + a10 * blue + a11) + moved * (
                b8 * red + b9 * green + b10 * blue + b11
            )


@compiled
def shade(tile: Any, logs: Any, at: float, step: float) -> None:
    """Gain of light: logs (columns,) are a row's logarithms; the tile begins at `at`, in cells from the first middle.

    Where a value and its outcome lie on sRGB's power, a gain is one factor on value + 0.055; the few others are dark.
    """
    last = logs.shape[0] - 1
    first, past = min(max(int(np.floor(at)), 0), last), min(max(int(np.ceil(at + step * TILE)), 0), last)
    for index in range(TILE):
        tile[SHARE + index], tile[BINS + index] = min(max(at + step * index, 0.0), float(last)), ZERO
    for column in range(first, past + 1):
        log, middle = logs[column] / POWER, np.float32(column)
        for index in range(TILE):
            tile[BINS + index] += log * max(ZERO, ONE - abs(tile[SHARE + index] - middle))
    darkest = ONE
    for index in range(TILE):
        # exp of at most 5, as the 16th power of the series to the fifth order: off by less than 3 in 100,000
        x = tile[BINS + index] * SIXTEENTH
        factor = ONE + x * (ONE + x * (S2 + x * (S3 + x * (S4 + x * S5))))
        factor *= factor
        factor *= factor
        factor *= factor
        factor *= factor
        tile[SHARE + index] = factor
        for channel in range(3):
            value = tile[OUT + channel * TILE + index]
            moved = factor * (value + OFFSET) - OFFSET
            darkest = min(darkest, value, moved)
            tile[channel * TILE + index] = value
            tile[OUT + channel * TILE + index] = moved
    if darkest <= KNEE:
        for index in range(TILE):
            for channel in range(3):
                value, moved = tile[channel * TILE + index], tile[OUT + channel * TILE + index]
                if min(value, moved) <= KNEE:
                    gain = tile[SHARE + index] ** POWER
                    tile[OUT + channel * TILE + index] = dark(value, gain)


@compiled
def dark(value: Any, gain: Any) -> Any:
    """A gain of light on one sRGB value, by the definition."""
    linear = gain * (value / SLOPE if value <= KNEE else ((value + OFFSET) / SCALE) ** POWER)
    if linear <= LINEAR_KNEE:
        return linear * SLOPE
    return SCALE * linear ** (ONE / POWER) - OFFSET


@compiled
def store(changed: Any, levels: Any, alpha: Any, tile: Any, top: Any) -> None:
    """A tile's values, rounded and clipped, to changed (n, 3) where alpha (n,) is not 0; else the levels."""
    for index in range(levels.shape[0]):
        for channel in range(3):
            value = min(max(tile[OUT + channel * TILE + index] * top + HALF, ZERO), top)
            changed[index, channel] = np.int32(value) if alpha[index] else levels[index, channel]


@compiled
def first_of(at: float, step: float, columns: int) -> tuple[int, int]:
    """The left one of the cells that a tile from `at` lies between, and how many pixels are before the right one."""
    cell = min(max(int(np.floor(at)), 0), max(0, columns - 2))
    if cell >= columns - 2:
        return cell, TILE
    return cell, min(TILE, max(1, int(np.ceil((cell + 1 - at) / step))))


@compiled
def strip(
    changed: Any, levels: Any, alpha: Any, curves: Any, saturation: Any, grid: Any, shading: Any, place: Any
) -> None:
    """Recolor levels (h, w, 3) into changed; place: the strip's (top, left) in a frame of (height, width)."""
    height, width = alpha.shape
    top, left, frame_height, frame_width = place
    limit = np.float32(curves.shape[1] - 1)
    row = np.empty(grid.shape[1:], np.float32)
    logs = np.empty((1, shading.shape[1], 1, 1), np.float32)
    tile = np.zeros(8 * TILE, np.float32)
    step = grid.shape[1] / frame_width
    shading_step = shading.shape[1] / frame_width
    for y in range(height):
        down = (top + y + 0.5) / frame_height
        if grid.shape[0]:
            between(grid, down * grid.shape[0] - 0.5, row)
        if shading.shape[0]:
            between(shading, down * shading.shape[0] - 0.5, logs[0])
        x = 0
        while x < width:
            at = (left + x + 0.5) * step - 0.5
            cell, wide = first_of(at, step, grid.shape[1])
            end = min(x + wide, width)
            if not alpha[y, x:end].any():
                changed[y, x:end] = levels[y, x:end]
                x = end
                continue
            bins = load(tile, levels[y, x:end], curves, saturation, max(1, grid.shape[2]))
            if grid.shape[0]:
                for index in range(TILE):
                    tile[SHARE + index] = min(max(at + step * index - cell, 0.0), 1.0)
                slice_(tile, row[cell], row[min(cell + 1, grid.shape[1] - 1)], bins)
            else:
                for index in range(3 * TILE):
                    tile[OUT + index] = tile[index]
            if shading.shape[0]:
                shade(tile, logs[0, :, 0, 0], (left + x + 0.5) * shading_step - 0.5, shading_step)
            store(changed[y, x:end], levels[y, x:end], alpha[y, x:end], tile, limit)
            x = end
