"""Apply a ColorMap to full-size pixels, and fit one to colors whose change is known."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.decisions import ColorMap
from bgswap.compositing.light import WEIGHTS, Float, luminance, to_levels, to_unit

STEPS = 1024  # ours: luminance is read in this many steps, so that an affine is looked up and not interpolated a pixel
PIXELS = 1 << 17  # ours: pixels at a time, so that floats stay in the cache
IDENTITY = np.array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], np.float32)


class Recolor:
    """A ColorMap made ready for one frame: an affine for each cell and luminance step, strength worked in."""

    def __init__(self, color: ColorMap, frame: tuple[int, int]) -> None:
        self.frame, self.identity = frame, color.is_identity
        grid = IDENTITY.reshape(1, 1, 1, 12) if color.grid is None else color.grid
        grid = IDENTITY + np.float32(color.strength) * (grid - IDENTITY)
        self.cells = grid.shape[:2]
        at = np.linspace(0, grid.shape[2] - 1, STEPS)
        low = np.minimum(at.astype(int), max(0, grid.shape[2] - 2))
        high, part = np.minimum(low + 1, grid.shape[2] - 1), (at - low).astype(np.float32)[:, None]
        table = grid[:, :, low] * (1 - part) + grid[:, :, high] * part
        self.table = np.ascontiguousarray(table.reshape(-1, 12).T)  # (12, rows * columns * STEPS)

    def apply(self, foreground: NDArray[Any], alpha: NDArray[Any], top: int, left: int) -> NDArray[Any]:
        """foreground (h, w, 3) uint8 or uint16, at (top, left) of the frame: recolored where alpha is not 0."""
        if self.identity:
            return foreground
        changed = foreground.copy()
        flat, where = changed.reshape(-1, 3), np.flatnonzero(alpha)
        for start in range(0, where.size, PIXELS):
            some = where[start : start + PIXELS]
            planes = to_unit(np.ascontiguousarray(np.take(flat, some, axis=0).T))
            moved = self._affine(planes, some, alpha.shape[1], (top, left))
            flat[some] = to_levels(moved, foreground.dtype).T
        return changed

    def _affine(self, planes: Float, index: NDArray[np.intp], width: int, origin: tuple[int, int]) -> Float:
        """planes (3, n) sRGB 0..1, index into a piece of that width at origin -> (3, n)."""
        red, green, blue = planes
        step = ((STEPS - 1) * (WEIGHTS[0] * red + WEIGHTS[1] * green + WEIGHTS[2] * blue) + 0.5).astype(np.intp)
        np.clip(step, 0, STEPS - 1, out=step)
        moved = np.zeros_like(planes)
        for weight, cell in self._cells(index, width, origin):
            where = step + cell * STEPS if self.cells != (1, 1) else step
            for channel in range(3):
                a, b, c, offset = (np.take(row, where) for row in self.table[4 * channel : 4 * channel + 4])
                value = a * red + b * green + c * blue + offset
                moved[channel] += value if weight is None else weight * value
        return moved

    def _cells(self, index: NDArray[np.intp], width: int, origin: tuple[int, int]) -> list[tuple[Float | None, Any]]:
        """The cells around each pixel with their bilinear weights; cells are told by their middles."""
        if self.cells == (1, 1):
            return [(None, 0)]
        rows, columns = (line + start for line, start in zip(np.divmod(index, width), origin, strict=True))
        found: list[tuple[Float | None, Any]] = []
        axes = []
        for index, count, length in zip((rows, columns), self.cells, self.frame, strict=True):
            at = np.clip((index + 0.5) * (count / length) - 0.5, 0, count - 1)
            low = np.minimum(at.astype(np.intp), max(0, count - 2))
            part = (at - low).astype(np.float32)
            axes.append([(low, 1 - part), (np.minimum(low + 1, count - 1), part)])
        for row, row_weight in axes[0]:
            for column, column_weight in axes[1]:
                found.append((row_weight * column_weight, row * self.cells[1] + column))
        return found


def fit_grid(before: Float, after: Float, weight: Float, *, bins: int = 8, ridge: float = 1e-4) -> Float:
    """Least squares affines that lead `before` to `after`: (n, 3) sRGB 0..1 and weights (n,) -> grid (1, 1, bins, 12).

    Neighboring bins share a pixel in the proportion that Recolor mixes them. ridge: pull toward identity, as
    a share of an average bin's weight; it decides alone in bins that no pixel reaches.
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
    solved = np.linalg.solve(
        weighted.T @ flat + pull * np.eye(bins * 4),
        weighted.T @ after.astype(np.float64) + pull * start,
    )
    return solved.reshape(bins, 4, 3).transpose(0, 2, 1).reshape(1, 1, bins, 12).astype(np.float32)
