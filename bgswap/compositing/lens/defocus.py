"""The background as out of a lens that is focused on the people: points become discs, wider the farther they are.

Focus lies where the feet stand. A thin lens spreads a point at depth d into a disc that grows with |1 - focus / d|, and
on level ground 1 / d falls evenly from the feet's row to the horizon's, where it is 0: so the radius grows evenly
between these two rows and is full above. The horizon is taken to run at the height of the person's eyes (ours: most
photos are taken standing); ground nearer than the feet stays sharp (ours: a lens would blur it, but people stand on
it). Who is cut by the frame's lower border shows no ground: then the disc is full everywhere.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.decisions import Decisions
from bgswap.compositing.jit import compiled
from bgswap.compositing.lens import discs
from bgswap.compositing.light import Float, to_linear, to_srgb

At = tuple[int, int]
Floats = NDArray[np.float64]

EYES = 0.93  # ours: height of the eyes, share of the person's
GROUND = 0.97  # ours: feet below this share of the frame leave less and less ground in the picture, at 1 none
FINEST = 8.0  # ours: a disc of twice this radius and more is drawn from a picture of half the size, and so on
COARSEST = 64  # pixels of a frame that one of such a picture may stand for
LIGHT = 65535  # levels of linear light
SHARP = 0.5  # pixels; the disc lies within its pixel


class Defocus:
    """Discs of up to `radius` pixels, full above row `horizon` and none below row `feet` of a (height, width) frame.

    least: the share of the radius that rows below the feet have, too. reach: pixels beyond a pixel that decide about
    it.
    """

    def __init__(self, radius: float, feet: float, horizon: float, frame: tuple[int, int], least: float = 0.0) -> None:
        self.radius, self.feet, self.horizon, self.frame, self.least = radius, feet, horizon, frame, least
        self.reach = int(np.ceil(radius)) + 3 * int(_scales(np.array([radius]))[0])

    @classmethod
    def of(cls, people: Sequence[Decisions], frame: tuple[int, int]) -> "Defocus | None":
        """The strongest of the people's; sharp where the nearest one's feet stand. None where nothing is to be done."""
        radius = max((one.lens.defocus for one in people if one.lens is not None), default=0.0) * frame[0]
        if radius <= SHARP:
            return None
        placed = [one.place for one in people if one.place is not None]
        if not placed:
            return cls(radius, frame[0], frame[0], frame, least=1.0)
        nearest = max(placed, key=lambda place: place.y)
        horizon = nearest.y - EYES * nearest.height
        least = float(np.clip((nearest.y - GROUND) / (1 - GROUND), 0, 1))
        return cls(radius, nearest.y * frame[0], horizon * frame[0], frame, least)

    def radii(self, rows: NDArray[Any]) -> Floats:
        """The disc's radius in pixels at heights of the frame; the middle of its first row of pixels is at 0.5."""
        depth = (self.feet - rows) / max(1e-6, self.feet - self.horizon)
        return self.radius * np.clip(depth, self.least, 1)

    def apply(self, background: NDArray[Any], at: At) -> NDArray[Any]:
        """A piece of the place (h, w, 3) that begins at row and column `at` of the frame; uint8 or uint16."""
        radii = self.radii(np.arange(background.shape[0]) + at[0] + 0.5)
        scales = np.where(radii <= SHARP, 0, _scales(radii))
        if not scales.any():
            return background
        blurred = np.empty_like(background, order="C")
        edges = [0, *(np.flatnonzero(np.diff(scales)) + 1), len(scales)]
        for first, past in pairwise(edges):
            if scales[first]:
                light = self._light(background, at, (int(first), int(past)), int(scales[first]))
                spot = np.array([at[0] + first, at[1]])
                compiled(discs.to_levels)(light, _from_light(background.dtype.name), spot, blurred[first:past])
            else:
                blurred[first:past] = background[first:past]
        return blurred

    def _light(self, background: NDArray[Any], at: At, rows: At, scale: int) -> Float:
        """Rows (first, past) of a piece in linear light, (h, w, 3), with discs drawn at 1/scale of its size."""
        # Small rows and columns are counted from the frame's corner. `wanted` ones are drawn, `known` ones exist.
        known = at[0] // scale, -(-(at[0] + background.shape[0]) // scale)
        margin = 0 if scale == 1 else 1
        wanted = (
            max(known[0], (at[0] + rows[0]) // scale - margin),
            min(known[1], (at[0] + rows[1] - 1) // scale + 1 + margin),
        )
        # Shrinking and enlarging blur by themselves, about as a disc of the radius `scale` does: variances add up.
        radii = self.radii((np.arange(*wanted) + 0.5) * scale)
        half = half_widths(np.sqrt(np.maximum(radii**2 - scale**2 + 1, 0)) / scale)
        pad = half.shape[1]
        under = max(known[0], wanted[0] - pad), min(known[1], wanted[1] + pad)
        left, right = at[1] // scale, -(-(at[1] + background.shape[1]) // scale)
        small = np.empty((under[1] - under[0], right - left, 3), np.uint16)
        corner = np.array([under[0] * scale - at[0], left * scale - at[1], scale])
        compiled(discs.reduce)(background, _to_light(background.dtype.name), corner, small)
        columns = reflected(np.arange(-pad, small.shape[1] + pad), small.shape[1])
        lines = reflected(np.arange(wanted[0] - pad, wanted[1] + pad) - under[0], len(small))
        sums = np.empty((len(lines), len(columns) + 1, 3), np.int32)
        compiled(discs.prefix)(small, lines, columns, sums)
        drawn = np.empty((len(half), small.shape[1], 3), np.float32)
        compiled(discs.add_up)(sums.reshape(len(sums), -1), half, drawn.reshape(len(drawn), -1))
        if scale == 1:
            return drawn
        light = np.empty((rows[1] - rows[0], background.shape[1], 3), np.float32)
        compiled(discs.enlarge)(drawn, np.array([at[0] + rows[0], at[1], wanted[0], left, scale]), light)
        return light


def half_widths(radii: Floats) -> Floats:
    """(rows, n) half the width of discs of these radii in their middle row of pixels and those below, averages of each.

    Exact: the antiderivative of sqrt(r^2 - t^2) is (t sqrt(r^2 - t^2) + r^2 asin(t / r)) / 2. A disc smaller than its
    pixel becomes that pixel.
    """
    radius = np.maximum(radii, SHARP)[:, None]
    edges = np.arange(int(np.ceil(radius.max() - 0.5)) + 2) - 0.5
    inside = np.clip(edges, -radius, radius)
    area = (inside * np.sqrt(radius**2 - inside**2) + radius**2 * np.arcsin(inside / radius)) / 2
    return np.diff(area, axis=1)


def reflected(places: NDArray[Any], length: int) -> NDArray[Any]:
    """Indices beyond 0..length-1 mirrored at the outer borders, however far away they are."""
    folded = places % (2 * length)
    return np.minimum(folded, 2 * length - 1 - folded)


def _scales(radii: Floats) -> NDArray[np.int64]:
    """How many pixels of the frame, in each direction, one of the picture stands for that such a disc is drawn from."""
    halvings = np.floor(np.log2(np.maximum(radii / FINEST, 1)) + 1e-9)
    return np.minimum(2**halvings, COARSEST).astype(np.int64)


@cache
def _to_light(dtype: str) -> NDArray[np.uint16]:
    top = np.iinfo(dtype).max
    levels = np.arange(top + 1, dtype=np.float32) / np.float32(top)
    return np.rint(to_linear(levels) * LIGHT).astype(np.uint16)


@cache
def _from_light(dtype: str) -> Float:
    light = np.arange(LIGHT + 2, dtype=np.float32) / np.float32(LIGHT)
    return np.minimum(to_srgb(light), 1) * np.float32(np.iinfo(dtype).max)
