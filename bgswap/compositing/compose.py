"""Apply decisions to full-size pixels, strip by strip, so that no whole picture is ever held in float."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap import extensions
from bgswap.compositing.colors import Recolor
from bgswap.compositing.decide import NOBODY, CompositeSettings, check_pictures
from bgswap.compositing.decisions import Blend, ColorMap, Decisions, Place
from bgswap.compositing.geometry import placement_matrix, scale_of
from bgswap.compositing.outline import Outline, trace
from bgswap.compositing.resample import PlacedCutout, cover
from bgswap.compositing.shading import Shading

STRIP = 256  # rows at a time
ALIGN = 64  # strips and columns start at multiples of this, so that pyramids fall alike wherever a piece begins


def compose(
    person: NDArray[Any],
    background: NDArray[Any],
    decisions: Decisions,
    settings: CompositeSettings | None = None,
    *,
    size: tuple[int, int] | None = None,
    out: NDArray[Any] | None = None,
    strip: int = STRIP,
) -> tuple[NDArray[Any], list[str]]:
    """Set the person into the background. Returns the picture, dtype as the background's, and what to tell the user.

    person: (H, W, 4) straight RGBA as big as its photo; background: (h, w, 3); uint8 or uint16, sRGB.
    size: (height, width) of the result; None: the background's, or with settings.frame "person" the photo's. A
    background of another size is scaled to cover it and cropped, never stretched.
    out: painted into and returned, where it has the result's size and dtype; it may be `background` itself where the
    caller owns it.
    strip: rows worked on at a time, a multiple of 64; the pixels do not depend on it.
    """
    settings = settings or CompositeSettings()
    check_pictures(person, background)
    if size is None:
        size = person.shape[:2] if settings.frame == "person" else background.shape[:2]
    warnings: list[str] = []
    canvas = background
    if background.shape[:2] != tuple(size):
        canvas, warnings = cover(background, size)
    if out is not None and out.shape == canvas.shape and out.dtype == canvas.dtype:
        if not np.shares_memory(out, canvas):
            np.copyto(out, canvas)
        canvas = out
    elif np.shares_memory(canvas, background):
        canvas = canvas.copy()
    outline = trace(person)
    if outline is None or decisions.place is None:
        return canvas, [*warnings, *(() if NOBODY in decisions.warnings else (NOBODY,))]
    warnings += _enlarged(decisions.place, outline, canvas.shape[:2], settings.max_enlarge)
    _Painter(person, outline, decisions.place, decisions, canvas).paint(strip)
    return canvas, warnings


def _enlarged(place: Place, outline: Outline, frame: tuple[int, ...], limit: float) -> list[str]:
    scale = scale_of(placement_matrix(place, outline, (frame[0], frame[1])))
    if scale <= limit:
        return []
    return [f"the person is enlarged {scale:.2f} times (more than {limit:g}) and will look soft"]


class _Painter:
    """One person, one canvas: what each strip needs is prepared once."""

    def __init__(
        self, person: NDArray[Any], outline: Outline, place: Place, decisions: Decisions, canvas: NDArray[Any]
    ) -> None:
        frame = (canvas.shape[0], canvas.shape[1])
        matrix = placement_matrix(place, outline, frame)
        self.canvas = canvas
        self.cutout = PlacedCutout(person, matrix, outline, frame)
        self.recolor = Recolor(decisions.harmonize or ColorMap(), frame)
        self.shading = None
        if decisions.shadow is not None and self.cutout.region is not None:
            self.shading = Shading(decisions.shadow, person[..., 3], matrix, outline, frame)
        self._set_blend(decisions.blend, frame)
        self.region = self._region(frame)

    def _set_blend(self, blend: Blend, frame: tuple[int, int]) -> None:
        self.way, self.light = extensions.load("bgswap.compositing.blend", blend.way), blend.light
        self.width_px = blend.width * frame[0]
        self.halo = -(-int(self.way.reach(self.width_px)) // ALIGN) * ALIGN

    def _region(self, frame: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """Rows and columns (top, left, bottom, right) that anything changes in."""
        if self.cutout.region is None:
            return None
        top, left, bottom, right = self.cutout.region
        top, left, bottom, right = top - self.halo, left - self.halo, bottom + self.halo, right + self.halo
        if self.shading is not None:
            (first, past), (start, end) = self.shading.rows, self.shading.columns
            top, left, bottom, right = min(top, first), min(left, start), max(bottom, past), max(right, end)
        left = max(0, left) // ALIGN * ALIGN
        return max(0, top) // ALIGN * ALIGN, left, min(frame[0], bottom), min(frame[1], right)

    def paint(self, strip: int) -> None:
        """Work through the region from top to bottom, writing each strip into the canvas."""
        if self.region is None:
            return
        top, left, bottom, right = self.region
        above = self.canvas[0:0, left:right]  # shaded rows above the strip as they were before they were painted over
        for start in range(top, bottom, strip):
            end = min(bottom, start + strip)
            high, low = max(top, start - self.halo), min(bottom, end + self.halo)
            background = self.canvas[high:low, left:right].copy()
            if self.shading is not None:
                background = self.shading.apply(background, high, left)
            if start > high:
                background[: start - high] = above[len(above) - (start - high) :]
            above = background[: end - high][max(0, end - high - self.halo) :].copy()
            foreground, alpha = self.cutout.piece(high, left, low, right, self.canvas.dtype)
            foreground = self.recolor.apply(foreground, alpha, high, left)
            mixed = self.way.blend(foreground, alpha, background, light=self.light, width_px=self.width_px)
            self.canvas[start:end, left:right] = mixed[start - high : end - high]
