"""The loops of color_fit.py over small pictures' pixels. Imported when a local grid is fitted: this wakes numba."""

from typing import Any

import numpy as np

from bgswap.compositing.jit import compiled


@compiled
def moments_of(color: Any, missing: Any, share: float, own: Any) -> None:
    """Fill own (22,) with one pixel's moments, see splat."""
    number = 0
    for first in range(4):
        one = share * (color[first] if first < 3 else 1.0)
        for second in range(first, 4):
            own[number] = one * (color[second] if second < 3 else 1.0)
            number += 1
    for first in range(4):
        one = share * (color[first] if first < 3 else 1.0)
        for channel in range(3):
            own[number] = one * missing[channel]
            number += 1


@compiled
def splat(at: Any, colors: Any, missing: Any, share: Any, moments: Any) -> None:
    """Add pixels to the moments (rows, columns, bins, 22) of the eight vertices around each.

    at (n, 3): row, column and bin, within the grid; colors and missing (n, 3); share (n,). Of a vertex: the upper half
    of p p' for p = (red, green, blue, 1), row by row, and p m' for the missing change m.
    """
    rows, columns, bins = moments.shape[0], moments.shape[1], moments.shape[2]
    own = np.empty(22)
    for index in range(at.shape[0]):
        moments_of(colors[index], missing[index], share[index], own)
        row, column, bin_ = int(at[index, 0]), int(at[index, 1]), int(at[index, 2])
        for down in range(2):
            near = 1 - abs(at[index, 0] - row - down)
            for over in range(2):
                nearer = near * (1 - abs(at[index, 1] - column - over))
                for up in range(2):
                    nearest = nearer * (1 - abs(at[index, 2] - bin_ - up))
                    if nearest > 0:  # also false beyond the last row, column or bin
                        vertex = moments[min(row + down, rows - 1), min(column + over, columns - 1)]
                        vertex = vertex[min(bin_ + up, bins - 1)]
                        for number in range(22):
                            vertex[number] += nearest * own[number]


@compiled
def gather(at: Any, colors: Any, grid: Any) -> Any:
    """Colors (n, 3) moved by a grid (rows, columns, bins, 12) at the same positions -> (n, 3)."""
    rows, columns, bins = grid.shape[0], grid.shape[1], grid.shape[2]
    moved = np.zeros(colors.shape, np.float32)
    for index in range(at.shape[0]):
        row, column, bin_ = int(at[index, 0]), int(at[index, 1]), int(at[index, 2])
        red, green, blue = colors[index, 0], colors[index, 1], colors[index, 2]
        new_red = new_green = new_blue = 0.0
        for down in range(2):
            near = 1 - abs(at[index, 0] - row - down)
            for over in range(2):
                nearer = near * (1 - abs(at[index, 1] - column - over))
                for up in range(2):
                    nearest = nearer * (1 - abs(at[index, 2] - bin_ - up))
                    if nearest > 0:
                        cell = grid[
                            min(row + down, rows - 1), min(column + over, columns - 1), min(bin_ + up, bins - 1)
                        ]
                        new_red += nearest * (cell[0] * red + cell[1] * green + cell[2] * blue + cell[3])
                        new_green += nearest * (cell[4] * red + cell[5] * green + cell[6] * blue + cell[7])
                        new_blue += nearest * (cell[8] * red + cell[9] * green + cell[10] * blue + cell[11])
        moved[index, 0], moved[index, 1], moved[index, 2] = new_red, new_green, new_blue
    return moved
