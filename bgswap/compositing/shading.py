"""Lay a ShadowLayer over the place: its darkness is drawn small, about the person, and applied to full-size strips."""

from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap import extensions
from bgswap.compositing.decisions import ShadowLayer
from bgswap.compositing.geometry import Matrix, bounds
from bgswap.compositing.jit import compiled
from bgswap.compositing.light import Float, to_linear, to_srgb, to_unit
from bgswap.compositing.outline import Outline
from bgswap.compositing.resample import shrink
from bgswap.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

WAYS = "bgswap.compositing.shadow"
DRAWN = 384  # ours: the person's height in pixels where its shadow is drawn; the shadow is softer than these pixels
LONGEST = 1200  # ours: no side of the drawing is longer: long shadows are drawn coarser
VISIBLE = 1 / 512  # less than half a level even on white
FULL = 0.3  # ours: a shadow that takes less than this is not yet "full": its tint is that of a part of one
POWERS = (0.2, 3.0)  # ours: the tint never makes a channel brighter than the place, nor all but black
STEPS = 2048  # ours: of darkness, between which the light that is left is interpolated
FINE = 1 << 15  # steps of linear light that 8 bits are looked up in
COARSE = 1 << 13  # those that 16 bits are interpolated between: errors stay under half a level of 65535


class Shading:
    """The darkness that one layer lays on one frame. UsageError where nothing draws the layer's way."""

    def __init__(
        self,
        layer: ShadowLayer,
        alpha: NDArray[Any],
        matrix: Matrix,
        outline: Outline,
        frame: tuple[int, int],
    ) -> None:
        way = extensions.load(WAYS, layer.way)
        if not hasattr(way, "shade"):  # a way that only decides
            raise UsageError(f"a shadow is drawn by way of 'contact' or 'cast', not of '{layer.way}'")
        tall = outline.height * float(np.hypot(matrix[0, 1], matrix[1, 1]))  # the person's height in frame pixels
        top, left, bottom, right = _window(way, layer, bounds(matrix, outline.box), tall, frame)
        self.scale = min(1.0, DRAWN / tall, LONGEST / max(bottom - top, right - left))
        self.origin = np.array([left, top])  # x, y in the frame
        size = np.ceil(np.array([right - left, bottom - top]) * self.scale).astype(int)
        small = to_unit(shrink(alpha, max(8, round(max(outline.size) * self.scale * tall / outline.height))))
        _without_specks(small, outline)
        # small pixels -> photo -> frame -> drawn pixels, in coordinates that count from pixel corners
        to_photo = np.diag([alpha.shape[1] / small.shape[1], alpha.shape[0] / small.shape[0]])
        linear = self.scale * matrix[:, :2] @ to_photo
        shift = self.scale * (matrix[:, 2] - self.origin) + linear @ [0.5, 0.5] - 0.5
        placed: Float = cv2.warpAffine(small, np.column_stack([linear, shift]), tuple(size.tolist()))
        dark: Float = way.shade(layer, placed, frame_px=frame[0] * self.scale, person_px=tall * self.scale)
        dark, start = _cropped(dark)
        self.origin = self.origin + start / self.scale
        self.dark = dark
        self.kept = _kept(layer)

    @property
    def rows(self) -> tuple[int, int]:
        """Frame rows that may be darkened (first, past the last); they may lie outside the frame."""
        top = int(np.floor(self.origin[1]))
        return top, int(np.ceil(self.origin[1] + self.dark.shape[0] / self.scale))

    @property
    def columns(self) -> tuple[int, int]:
        """Frame columns that may be darkened."""
        left = int(np.floor(self.origin[0]))
        return left, int(np.ceil(self.origin[0] + self.dark.shape[1] / self.scale))

    def apply(self, background: NDArray[Any], top: int, left: int) -> NDArray[Any]:
        """Darken background (h, w, 3) uint8 or uint16 that lies at (top, left) of the frame, in linear light."""
        height, width = background.shape[:2]
        rows = max(self.rows[0], top), min(self.rows[1], top + height)
        columns = max(self.columns[0], left), min(self.columns[1], left + width)
        if rows[0] >= rows[1] or columns[0] >= columns[1]:
            return background
        shaded = np.array(background, order="C")
        down, right = (
            np.clip(self.scale * (np.arange(*span) + 0.5 - start) - 0.5, 0, length - 1).astype(np.float32)
            for span, start, length in zip((rows, columns), self.origin[::-1], self.dark.shape, strict=True)
        )
        part = np.array([rows[0] - top, columns[0] - left])
        deep = bool(background.dtype == np.uint16)
        compiled(_darken)(shaded, part, self.dark, (down, right), self.kept, *_tables(deep), deep)
        return shaded


def lay(picture: "Tensor", dark: "Tensor", tint: "Tensor", density: "Tensor") -> "Tensor":
    """Darken pictures (B, 3, H, W) sRGB 0..1 by dark (B, 1, H, W) in linear light; tint (B, 3), density (B,)."""
    import torch

    full = density.clamp_min(FULL).clamp_max(0.99)[:, None]
    powers = (1 + torch.log(tint) / torch.log(1 - full)).clamp(*POWERS)[:, :, None, None]
    left = (1 - dark).clamp_min(1e-6) ** powers
    linear = torch.where(picture <= 0.04045, picture / 12.92, ((picture.clamp_min(0) + 0.055) / 1.055) ** 2.4)
    light = linear * left
    bent = 1.055 * light.clamp_min(1e-6) ** (1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, light * 12.92, bent)


def _window(
    way: Any, layer: ShadowLayer, box: tuple[float, float, float, float], tall: float, frame: tuple[int, int]
) -> tuple[float, float, float, float]:
    """The part of the frame to draw in, (top, left, bottom, right): what may be darkened, and the person."""
    top, left, bottom, right = box
    half_width, middle = (right - left) / 2 / tall, (left + right) / 2
    above, below, before, after = way.room(layer, frame_share=frame[0] / tall, half_width=half_width)
    # What lies outside the frame is not drawn, but the person is, whose parts there cast shadows into it.
    high, low = max(0.0, bottom - above * tall), min(float(frame[0]), bottom + below * tall)
    first, last = max(0.0, middle - before * tall), min(float(frame[1]), middle + after * tall)
    if not getattr(way, "BODY", False):
        return min(high, bottom - 1), min(first, left), max(low, bottom + 1), max(last, right)
    return min(high, top), min(first, left), max(low, bottom + 1), max(last, right)


def _without_specks(alpha: Float, outline: Outline) -> None:
    """Empty a small matte outside the person's box, in place: specks below the feet are nobody's soles."""
    (rows, columns), (height, width) = alpha.shape, outline.size
    top, left, bottom, right = outline.box
    alpha[: top * rows // height], alpha[-(-bottom * rows // height) :] = 0, 0
    alpha[:, : left * columns // width], alpha[:, -(-right * columns // width) :] = 0, 0


def _cropped(dark: Float) -> tuple[Float, NDArray[Any]]:
    """The part of a drawing that is dark, with a pixel of light about it, and where it begins (x, y)."""
    seen = dark > VISIBLE / 2
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not rows.size:
        return np.zeros((1, 1), np.float32), np.zeros(2)
    top, left = max(0, int(rows[0]) - 1), max(0, int(columns[0]) - 1)
    part = dark[top : int(rows[-1]) + 2, left : int(columns[-1]) + 2]
    return np.ascontiguousarray(part, np.float32), np.array([left, top])


def _kept(layer: ShadowLayer) -> Float:
    """Light that each channel keeps in STEPS + 1 steps of darkness, (STEPS + 2, 3).

    A power of the light that is left, and no factor: where nearly all is gone, a factor would leave blue alone. The
    powers are such that the tint is the layer's where the cast shadow is full.
    """
    full = min(max(layer.density, FULL), 0.99)
    powers = np.clip(1 + np.log(np.maximum(layer.tint, 1e-3)) / np.log(1 - full), *POWERS)
    left = (1 - np.minimum(np.arange(STEPS + 2) / STEPS, 1))[:, None]
    return (left**powers).astype(np.float32)


@cache
def _tables(deep: bool) -> tuple[Float, Float]:
    """Levels -> steps of linear light, and steps -> levels, with the half that rounds them.

    Of 16 bits both in COARSE steps, to be interpolated; of 8 bits each level, and FINE steps.
    """
    size = COARSE if deep else FINE
    srgb = np.linspace(0, 1, COARSE if deep else 256, dtype=np.float32)
    steps = np.append(to_linear(srgb), np.float32(1)) * np.float32(size - 1)
    unit = to_srgb(np.minimum(np.arange(size + 1, dtype=np.float32) / np.float32(size - 1), 1))
    return steps, unit * np.float32(65535 if deep else 255) + np.float32(0.5)


def _darken(
    picture: NDArray[Any],
    part: NDArray[np.int_],
    dark: Float,
    at: tuple[Float, Float],
    kept: Float,
    steps: Float,
    levels: Float,
    deep: bool,
) -> None:
    """Darken (h, w, 3) in place, from row and column `part` on, by a drawing, read at its rows and columns `at`."""
    down, right = at
    line = np.empty(dark.shape[1] + 1, np.float32)
    one = np.uint32(1)  # unsigned indices are not asked whether they count from the end
    for i in range(down.size):
        above = np.uint32(down[i])
        under, low = np.uint32(min(above + 1, dark.shape[0] - 1)), down[i] - np.float32(above)
        for k in range(dark.shape[1]):
            line[k] = dark[above, k] + (dark[under, k] - dark[above, k]) * low
        line[-1] = line[-2]
        row = np.uint32(part[0] + i)
        for j in range(right.size):
            left = np.uint32(right[j])
            lost = line[left] + (line[left + one] - line[left]) * (right[j] - np.float32(left))
            if lost <= np.float32(VISIBLE):
                continue
            step = np.uint32(lost * np.float32(STEPS))
            share = lost * np.float32(STEPS) - np.float32(step)
            column = np.uint32(part[1] + j)
            for channel in range(3):
                first = kept[step, channel]
                keep = first + (kept[step + one, channel] - first) * share
                if deep:
                    level = np.float32(picture[row, column, channel]) * np.float32((COARSE - 1) / 65535)
                    index = np.uint32(level)
                    first = steps[index]
                    light = (first + (steps[index + one] - first) * (level - np.float32(index))) * keep
                    index = np.uint32(light)
                    first = levels[index]
                    level = first + (levels[index + one] - first) * (light - np.float32(index))
                else:
                    level = levels[np.uint32(steps[picture[row, column, channel]] * keep + np.float32(0.5))]
                picture[row, column, channel] = np.uint32(level)
