"""One person with all of its decisions on one frame, ready to be painted a piece at a time."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap import extensions
from bgswap.compositing.colors import Recolor
from bgswap.compositing.decider import USUAL, Networks
from bgswap.compositing.decisions import Blend, ColorMap, Decisions, Painting, Place
from bgswap.compositing.geometry import placement_matrix
from bgswap.compositing.lens import PersonLens
from bgswap.compositing.light import to_levels, to_unit
from bgswap.compositing.outline import Outline
from bgswap.compositing.resample import PlacedCutout, shrink
from bgswap.compositing.scene import Layers
from bgswap.compositing.shading import Shading

WAYS = "bgswap.compositing.blend"
SMALL = 1024  # ours: longer side of the frame that a way looks at beforehand, where it does
Region = tuple[int, int, int, int]
At = tuple[int, int]  # where a piece begins: row and column of the frame


class PlacedPerson:
    """A cut-out (H, W, 4) with its decisions on a canvas (h, w, 3), which is looked at and not written.

    reach: pixels beyond a pixel that decide about it. region: frame pixels (top, left, bottom, right) that may change;
    they may lie outside the frame. None: nothing does.
    """

    def __init__(
        self,
        person: NDArray[Any],
        outline: Outline,
        decisions: Decisions,
        canvas: NDArray[Any],
        networks: Networks,
    ) -> None:
        assert isinstance(decisions.place, Place)  # whoever has no place is not painted
        frame = (canvas.shape[0], canvas.shape[1])
        self.decisions, self.frame, self.dtype = decisions, frame, canvas.dtype
        matrix = placement_matrix(decisions.place, outline, frame)
        self.cutout = PlacedCutout(person, matrix, outline, frame)
        self.recolor = Recolor(decisions.harmonize or ColorMap(), frame)
        self.lens = PersonLens.of(decisions.lens, frame)
        self.painted = None if decisions.painting is None else _Painted(decisions.painting, frame)
        self.shading = None
        if decisions.shadow is not None and self.cutout.region is not None:
            self.shading = Shading(decisions.shadow, person[..., 3], matrix, outline, frame)
        width_px = decisions.blend.width * frame[0]
        small = partial(_small, person, outline, decisions, canvas, networks)
        way, self._mix = _mixer(decisions.blend, width_px, frame, small, networks)
        self.reach = int(way.reach(width_px)) + (self.lens.reach if self.lens else 0)

    @property
    def region(self) -> Region | None:
        """See the class."""
        if self.painted is not None and self.painted.whole:
            return 0, 0, *self.frame
        if self.cutout.region is None:
            return None
        top, left, bottom, right = self.cutout.region
        top, left, bottom, right = top - self.reach, left - self.reach, bottom + self.reach, right + self.reach
        if self.shading is not None:
            (first, past), (start, end) = self.shading.rows, self.shading.columns
            top, left, bottom, right = min(top, first), min(left, start), max(bottom, past), max(right, end)
        return top, left, bottom, right

    def shade(self, background: NDArray[Any], at: At) -> NDArray[Any]:
        """A piece of the place (h, w, 3) with this person's shadow on it."""
        return background if self.shading is None else self.shading.apply(background, *at)

    def foreground(self, at: At, size: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The person's colors (h, w, 3), as they will be, and alpha (h, w), straight, in a piece of the frame."""
        top, left = at
        foreground, alpha = self.cutout.piece(top, left, top + size[0], left + size[1], self.dtype)
        if self.painted is not None:
            return self.painted.piece(at, size, self.dtype), self.painted.cover(alpha)
        foreground = self.recolor.apply(foreground, alpha, top, left)
        return self.lens.apply(foreground, alpha, at) if self.lens else (foreground, alpha)

    def blend(self, background: NDArray[Any], at: At) -> tuple[NDArray[Any], NDArray[Any]]:
        """The piece of the place (h, w, 3) with the person in it, and the person's alpha (h, w)."""
        foreground, alpha = self.foreground(at, background.shape[:2])
        return self._mix(foreground, alpha, background, at=at), alpha


def _mixer(
    blend: Blend, width_px: float, frame: tuple[int, int], small: Callable[[], Layers], networks: Networks
) -> tuple[Any, Callable[..., NDArray[Any]]]:
    """The way's module, and mix(foreground, alpha, background, at=...) for pieces of this frame."""
    known = blend.way in extensions.names(WAYS)
    way = extensions.load(WAYS, blend.way if known else "multi-stream")
    if not hasattr(way, "prepare"):
        plain = partial(way.blend, light=blend.light, width_px=width_px)
        return way, lambda foreground, alpha, background, at: plain(foreground, alpha, background)  # noqa: ARG005
    name = "" if blend.way == "poisson" else USUAL["blend"] if known else blend.way
    prepared = way.prepare(small, networks.model(name) if name else None, frame, width_px)
    return way, partial(prepared.blend, light=blend.light)


def _small(
    person: NDArray[Any], outline: Outline, decisions: Decisions, canvas: NDArray[Any], networks: Networks
) -> Layers:
    """The whole frame, small, as it will be just before it is blended: colors changed, shadow laid."""
    place = np.ascontiguousarray(shrink(canvas, SMALL))
    plain = PlacedPerson(person, outline, replace(decisions, blend=Blend()), place, networks)
    foreground, alpha = plain.foreground((0, 0), place.shape[:2])
    shaded = plain.shade(place, (0, 0))
    return Layers(to_unit(foreground), to_unit(alpha), to_unit(shaded))


class _Painted:
    """A network's picture, enlarged to the frame a piece at a time."""

    def __init__(self, painting: Painting, frame: tuple[int, int]) -> None:
        self.whole, self.pixels = painting.whole, painting.pixels
        top, left, bottom, right = painting.window
        height, width = self.pixels.shape[:2]
        self._scale = height / ((bottom - top) * frame[0]), width / ((right - left) * frame[1])
        self._origin = top * frame[0], left * frame[1]

    def cover(self, alpha: NDArray[Any]) -> NDArray[Any]:
        """The alpha with which the painting is laid over the place."""
        return np.full_like(alpha, np.iinfo(alpha.dtype).max) if self.whole else alpha

    def piece(self, at: At, size: tuple[int, int], dtype: Any) -> NDArray[Any]:
        """(h, w, 3) of the frame at `at`, by bicubic interpolation."""
        back = np.array([[self._scale[1], 0, 0], [0, self._scale[0], 0]])
        back[0, 2] = self._scale[1] * (at[1] + 0.5 - self._origin[1]) - 0.5
        back[1, 2] = self._scale[0] * (at[0] + 0.5 - self._origin[0]) - 0.5
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        enlarged = cv2.warpAffine(self.pixels, back, size[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return to_levels(enlarged, dtype)
