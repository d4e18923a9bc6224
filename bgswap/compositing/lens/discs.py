"""Loops over pixels for `defocus`: shrink in linear light, sum along rows, add up discs, enlarge, back to levels.

Written for `jit.compiled`. Light is linear, 0..65535; every array is indexed by row, column, color.
"""

from typing import Any

import numpy as np

DITHER = 0.4  # ours: levels by which rounding is scattered, so that smooth skies get no steps; flat colors stay so


def reduce(pixels: Any, to_light: Any, where: Any, small: Any) -> None:
    """Means of scale x scale pixels, of those of them that the piece has, in linear light.

    where: row and column of the piece at which small begins, may be negative; scale.
    """
    scale = where[2]
    for row in range(small.shape[0]):
        top = max(0, where[0] + row * scale)
        bottom = min(pixels.shape[0], where[0] + (row + 1) * scale)
        for column in range(small.shape[1]):
            left = max(0, where[1] + column * scale)
            right = min(pixels.shape[1], where[1] + (column + 1) * scale)
            red, green, blue = 0, 0, 0
            for y in range(top, bottom):
                for x in range(left, right):
                    red += to_light[pixels[y, x, 0]]
                    green += to_light[pixels[y, x, 1]]
                    blue += to_light[pixels[y, x, 2]]
            count = (bottom - top) * (right - left)
            small[row, column, 0] = (red + count // 2) // count
            small[row, column, 1] = (green + count // 2) // count
            small[row, column, 2] = (blue + count // 2) // count


def prefix(small: Any, rows: Any, columns: Any, sums: Any) -> None:
    """sums[y, x]: of the first x of the pixels small[rows[y], columns]."""
    # Whole numbers: a run's sum is exact, wherever the piece begins; they may overflow, their differences do not.
    for row in range(len(rows)):
        red, green, blue = np.int32(0), np.int32(0), np.int32(0)
        for column in range(len(columns)):
            sums[row, column, 0], sums[row, column, 1], sums[row, column, 2] = red, green, blue
            red = np.int32(red + small[rows[row], columns[column], 0])
            green = np.int32(green + small[rows[row], columns[column], 1])
            blue = np.int32(blue + small[rows[row], columns[column], 2])
        last = len(columns)
        sums[row, last, 0], sums[row, last, 1], sums[row, last, 2] = red, green, blue


def add_up(sums: Any, half: Any, light: Any) -> None:
    """Discs of a radius of its own for each row, from sums along rows.

    sums, light: columns and colors in one line. half: (rows, n) half of the disc's width in its middle row and the
    n - 1 rows below; above it is the same. Each row of the disc is a run of whole pixels and a share of one more at
    either end: a mixture of two runs.
    """
    pad, length = half.shape[1], light.shape[1]
    for y in range(light.shape[0]):
        area = half[y, 0]
        for k in range(1, pad):
            area += 2 * half[y, k]
        for i in range(length):
            light[y, i] = 0
        for k in range(-pad + 1, pad):
            reach = half[y, abs(k)]
            if reach <= 0:
                continue
            whole = int(max(0.0, np.floor(reach - 0.5)))
            more = reach - 0.5 - whole if reach > 0.5 else 0.0
            outer = np.float32(more / (2 * area))
            inner = np.float32(((1.0 - more) if reach > 0.5 else 2 * reach) / (2 * area))
            row = sums[y + pad + k]
            left, right = 3 * (pad - whole), 3 * (pad + whole + 1)
            # Slices, since indices that might be negative keep the compiler from working on many numbers at once.
            start, end = row[left : left + length], row[right : right + length]
            before, after = row[left - 3 : left - 3 + length], row[right + 3 : right + 3 + length]
            line = light[y]
            for i in range(length):
                run, wider = np.float32(np.int32(end[i] - start[i])), np.float32(np.int32(after[i] - before[i]))
                line[i] += inner * run + outer * wider


def enlarge(grid: Any, where: Any, light: Any) -> None:
    """Bilinear. where: row and column of the frame that light begins at, of the small picture that grid does; scale."""
    scale, last_row, last_column = where[4], grid.shape[0] - 1, grid.shape[1] - 1
    step = np.float32(1 / scale)
    width = grid.shape[1]
    line = np.empty((width, 3), np.float32)
    for y in range(light.shape[0]):
        place = np.float32(where[0] + y + 0.5) * step - np.float32(0.5)
        above = int(np.floor(place))
        down = place - np.float32(above)
        upper, lower = min(max(above - where[2], 0), last_row), min(max(above + 1 - where[2], 0), last_row)
        for x in range(width):
            for c in range(3):
                line[x, c] = grid[upper, x, c] + down * (grid[lower, x, c] - grid[upper, x, c])
        for x in range(light.shape[1]):
            place = np.float32(where[1] + x + 0.5) * step - np.float32(0.5)
            before = int(np.floor(place))
            right = place - np.float32(before)
            near, far = min(max(before - where[3], 0), last_column), min(max(before + 1 - where[3], 0), last_column)
            for c in range(3):
                light[y, x, c] = line[near, c] + right * (line[far, c] - line[near, c])


def to_levels(light: Any, from_light: Any, at: Any, levels: Any) -> None:
    """Linear light to sRGB levels; `at`: row and column of the frame that they begin at.

    Rounding is scattered by interleaved gradient noise: Jimenez, "Next generation post processing in Call of Duty:
    Advanced Warfare", SIGGRAPH 2014 course.
    """
    top = np.float32(from_light[-1])
    for y in range(levels.shape[0]):
        for x in range(levels.shape[1]):
            phase = 0.06711056 * (at[1] + x) + 0.00583715 * (at[0] + y)
            phase = 52.9829189 * (phase - np.floor(phase))
            shift = np.float32(0.5 + 2 * DITHER * (phase - np.floor(phase) - 0.5))
            for c in range(3):
                value = min(max(light[y, x, c], np.float32(0)), np.float32(65535))
                index = int(value)
                level = from_light[index] + (value - np.float32(index)) * (from_light[index + 1] - from_light[index])
                levels[y, x, c] = int(min(level + shift, top))
