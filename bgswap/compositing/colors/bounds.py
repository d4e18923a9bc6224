"""Hold a color change back where a person cannot take it: skin stays skin, nothing explodes."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.colors.apply import IDENTITY, Recolor
from bgswap.compositing.decisions import ColorMap, Globals
from bgswap.compositing.light import WEIGHTS, Float, luminance, to_levels, to_linear
from bgswap.compositing.scene import Layers, Scene

SIDE = 192  # ours: longer side of the picture of the person that a change is tried on
STEPS = 6  # ours: how often the share that is kept is halved in on: to 1 in 64
SKIN_CR, SKIN_CB = (133, 173), (77, 127)  # Chai and Ngan, see skin_of
ENOUGH = 40  # ours: pixels of skin, or of a cell, below which neither is judged
MOST_OFF = 0.15  # ours: share of the skin that may leave the bounds: a face may be a small part of what looks like skin
TYPICAL = 0.25  # ours: chroma over lightness that paler skin is taken to have: the hue of gray means nothing
WHITE = 0.996  # ours: at most a level of 255 off white; black as near
OFFSETS = np.array([0, 0, 0, 1] * 3, np.float32)
FLOOR = 0.002  # ours: linear light added before two exposures are compared, so that black against black is no change
NOISE = 0.01  # ours: contrast added before two are compared, for the same reason


@dataclass(frozen=True)
class Bounds:
    """What a change may do to a group of the person's pixels; all ours but the turn of hue.

    stops: of exposure, up or down. contrast: factor on the spread of luminance, either way. clipped: share of pixels
    that newly turn white or black. turn: degrees of skin's hue in CIELAB (order of magnitude
    of what is seen as another skin). chroma: factor on skin's CIELAB chroma over lightness, either way: below is gray.
    """

    stops: float
    contrast: float
    clipped: float
    turn: float
    chroma: float


WHOLE = Bounds(stops=1.5, contrast=2.0, clipped=0.1, turn=15.0, chroma=2.0)
SKIN = replace(WHOLE, stops=np.inf, contrast=np.inf, clipped=np.inf)
CELL = Bounds(stops=2.0, contrast=np.inf, clipped=np.inf, turn=15.0, chroma=2.5)  # light may differ from side to side


def bounded(color: ColorMap, scene: Scene) -> ColorMap:
    """The change, mixed with identity as far as it would leave the bounds of what the person can take.

    First each cell of the grid by itself. Then, where skin leaves its bounds, the color of the change is held back and
    its light is not: a night may darken a face that it must not dye. Then all parts of the change together. A change
    within the bounds, and one whose person is not seen, is given back untouched.
    """
    if color.is_identity:
        return color
    person = _Person(scene.layers(scene.around(0.0), SIDE))
    if not person.seen.any():
        return color
    if color.grid is not None and color.grid.shape[:2] != (1, 1):
        shares = _kept(color, person, CELL, (color.grid.shape[0], color.grid.shape[1]))
        if (shares < 1).any():  # lowered around, too, so that no line shows where cells meet
            color = _mixed(color, cv2.blur(cv2.erode(shares, np.ones((3, 3))), (3, 3)))
    gray = None if color.grid is None else person.gray(color.grid)
    color = _mixed(color, _kept(color, person, SKIN, (1, 1), gray, dim=False), gray, dim=False)
    return _mixed(color, _kept(color, person, WHOLE, (1, 1)))


def skin_of(srgb: Float) -> NDArray[np.bool_]:
    """Where colors (..., 3), sRGB 0..1, may be skin: (...). Chai and Ngan, IEEE TCSVT 1999, 10.1109/76.767122.

    Chroma alone decides, Cr 133 to 173 and Cb 77 to 127 of BT.601, so that light and dark skin are found alike. It
    fails where the light is strongly colored or skin is nearly black in the picture, and it takes wood, sand and beige
    cloth for skin, too: they are then treated as gently.
    """
    cb = 128 + srgb @ np.array([-37.797, -74.203, 112], np.float32)
    cr = 128 + srgb @ np.array([112, -93.786, -18.214], np.float32)
    skin: NDArray[np.bool_] = (cr >= SKIN_CR[0]) & (cr <= SKIN_CR[1]) & (cb >= SKIN_CB[0]) & (cb <= SKIN_CB[1])
    return skin


class _Person:
    """The person's small colors, and what a change makes of them, as figures of groups of pixels."""

    def __init__(self, layers: Layers) -> None:
        top, left, bottom, right = layers.window
        height, width = layers.alpha.shape
        self._frame = height / (bottom - top), width / (right - left)
        self._at = top * self._frame[0], left * self._frame[1]
        self._levels, self._alpha = to_levels(layers.foreground, np.uint16), to_levels(layers.alpha, np.uint16)
        self.seen = layers.alpha > 0.5
        rows, columns = np.nonzero(self.seen)
        self._down = (self._at[0] + rows + 0.5) / self._frame[0]
        self._over = (self._at[1] + columns + 0.5) / self._frame[1]
        self._before = layers.foreground[self.seen]
        self._skin = skin_of(self._before)

    def groups(self, cells: tuple[int, int]) -> NDArray[np.intp]:
        """The number of the cell that each pixel lies in."""
        row, column = (self._down * cells[0]).astype(np.intp), (self._over * cells[1]).astype(np.intp)
        return row.clip(0, cells[0] - 1) * cells[1] + column.clip(0, cells[1] - 1)

    def gray(self, grid: Float) -> Float:
        """A grid that changes the luminance of the person's colors as `grid` does, and their hue not at all.

        Darker by a gain; brighter half by a gain and half by fading to white, for a gain alone burns skin to orange.
        """
        bins = grid.shape[2]
        level = np.clip(luminance(self._before) * (bins - 1) + 0.5, 0, bins - 1).astype(np.intp)
        size = np.bincount(level, minlength=bins)[:, None]
        sums = np.stack([np.bincount(level, channel, minlength=bins) for channel in self._before.T], 1)
        even = np.repeat(np.maximum(np.arange(bins), 0.5)[:, None] / max(1, bins - 1), 3, 1)
        mean = np.where(size > 0, sums / np.maximum(size, 1), even) + FLOOR  # (bins, 3)
        affine = grid.reshape(*grid.shape[:3], 3, 4)
        moved = np.einsum("rcnij,nj->rcni", affine[..., :3], mean) + affine[..., 3]
        light, wanted = mean @ WEIGHTS, np.clip(moved @ WEIGHTS, 0, 1)  # (bins,), (rows, columns, bins)
        fade = np.clip((1 - wanted) / np.maximum(1 - light, FLOOR), 0, 1)  # 1 where it darkens: that is a gain alone
        gain = np.where(wanted > light, (wanted / light + fade) / 2, wanted / light)
        lift = np.where(wanted > light, (1 - fade) / 2, 0)
        return (gain[..., None] * IDENTITY + lift[..., None] * OFFSETS).astype(np.float32)

    def excess(self, color: ColorMap, bounds: Bounds, groups: NDArray[np.intp], count: int) -> NDArray[np.bool_]:
        """Whether the change leaves the bounds, a group each: (count,)."""
        changed = Recolor(color, self._frame).apply(self._levels, self._alpha, *self._at)
        after = changed[self.seen].astype(np.float32) / np.float32(65535)

        def total(values: NDArray[np.float32]) -> NDArray[Any]:
            return np.bincount(groups, values, minlength=count)

        size = total(np.ones(len(after), np.float32))
        many = np.maximum(size, 1)
        light = [total(to_linear(colors) @ WEIGHTS) / many + FLOOR for colors in (self._before, after)]
        beyond = np.abs(np.log2(light[1] / light[0])) > bounds.stops
        if np.isfinite(bounds.contrast):
            spread = []
            for gray in (luminance(self._before), luminance(after)):
                spread.append(np.sqrt(np.maximum(total(gray**2) / many - (total(gray) / many) ** 2, 0)) + NOISE)
            beyond |= np.abs(np.log(spread[1] / spread[0])) > np.log(bounds.contrast)
        if np.isfinite(bounds.clipped):
            beyond |= total((_clipped(after) & ~_clipped(self._before)).astype(np.float32)) / many > bounds.clipped
        beyond &= size >= min(ENOUGH, len(after))
        skin = total(self._skin.astype(np.float32))
        if np.isfinite(bounds.clipped):  # skin burns out in red long before it is white
            burnt = self._skin & (after.max(1) > WHITE) & (self._before.max(1) <= WHITE)
            beyond |= (total(burnt.astype(np.float32)) > MOST_OFF * skin) & (skin >= ENOUGH)
        off = np.zeros(len(after), np.float32)
        off[self._skin] = _is_off(self._before[self._skin], after[self._skin], bounds)
        return beyond | ((total(off) > MOST_OFF * skin) & (skin >= ENOUGH))


def _is_off(before: Float, after: Float, bounds: Bounds) -> NDArray[np.bool_]:
    """Which colors of skin (n, 3) turned, paled or flushed too much."""
    if not before.size:
        return np.zeros(len(before), np.bool_)
    was, became = (_tone(colors) for colors in (before, after))
    size = np.abs(was) + 1e-6
    padding = was / size * np.maximum(0, TYPICAL - size)
    ratio = (became + padding) / (was + padding)
    off: NDArray[np.bool_] = np.abs(np.angle(ratio, deg=True)) > bounds.turn
    return off | (np.abs(np.log(np.abs(ratio) + 1e-6)) > np.log(bounds.chroma))


def _tone(colors: Float) -> NDArray[np.complex64]:
    """Direction and size of CIELAB's chroma over lightness, a + bi; some light is added, as black has no tone."""
    lightness, a, b = cv2.cvtColor(colors[None], cv2.COLOR_RGB2LAB)[0].T
    tone: NDArray[np.complex64] = (a + 1j * b) / (lightness + 1)
    return tone


def _clipped(srgb: Float) -> NDArray[np.bool_]:
    gray = luminance(srgb)
    return (gray > WHITE) | (gray < 1 - WHITE)


def _kept(
    color: ColorMap,
    person: _Person,
    bounds: Bounds,
    cells: tuple[int, int],
    gray: Float | None = None,
    *,
    dim: bool = True,
) -> Float:
    """The share of the change that each cell, or the whole where there is one, can take: (rows, columns), 0..1.

    gray, dim: what it is mixed with, as _mixed has it.
    """
    groups, count = person.groups(cells), cells[0] * cells[1]
    high = np.ones(count, np.float32)
    beyond = person.excess(color, bounds, groups, count)
    if not beyond.any():
        return high.reshape(cells)
    low = np.where(beyond, 0, high).astype(np.float32)
    for _ in range(STEPS):
        middle: Float = (low + high) * np.float32(0.5)
        mixed = _mixed(color, middle.reshape(cells), gray, dim=dim)
        excess = person.excess(mixed, bounds, groups, count)
        high, low = np.where(excess & beyond, middle, high), np.where(excess & beyond, low, middle)
    return np.where(beyond, low, 1).astype(np.float32).reshape(cells)


def _mixed(color: ColorMap, shares: Float, gray: Float | None = None, *, dim: bool = True) -> ColorMap:
    """That much of a change: of all its parts where there is one share, of the grid's cells where there are many.

    dim: light is mixed, too; else exposure and shading stay, and `gray` is the grid that keeps the light.
    """
    if (shares == 1).all():
        return color
    rest = IDENTITY if gray is None else gray
    grid = None if color.grid is None else rest + shares[..., None, None] * (color.grid - rest)
    if shares.size > 1:
        return replace(color, grid=grid)
    share, told, shading = float(shares[0, 0]), color.globals, color.shading
    light = share if dim else 1.0
    if told is not None:
        told = Globals(light * told.exposure, *(share * one for one in (told.temperature, told.tint, told.saturation)))
    return replace(color, globals=told, grid=grid, shading=None if shading is None else light * shading)
