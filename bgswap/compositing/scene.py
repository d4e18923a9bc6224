"""A person at its place, seen small: what colors, shadows and networks are decided on."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.decisions import Place
from bgswap.compositing.geometry import bounds, placement_matrix, region_in_frame
from bgswap.compositing.light import Float, to_unit
from bgswap.compositing.outline import Outline
from bgswap.compositing.resample import shrink

SMALL = 512  # ours: longer side of the pictures that colors and shadows are decided on
Window = tuple[float, float, float, float]  # top, left, bottom, right; shares of the frame
FRAME: Window = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class Layers:
    """Person and place in one window of the frame, small; float32, sRGB 0..1.

    foreground (h, w, 3), straight, black where alpha is 0; alpha (h, w); background (h, w, 3).
    """

    foreground: Float
    alpha: Float
    background: Float
    window: Window = FRAME

    @property
    def composite(self) -> Float:
        """Cut-and-paste of the three, (h, w, 3)."""
        cover = self.alpha[..., None]
        return cover * self.foreground + (1 - cover) * self.background

    def stretched(self, size: tuple[int, int]) -> "Layers":
        """The same window at (height, width) pixels of any shape."""
        if self.alpha.shape == size:
            return self
        shrinks = self.alpha.shape[0] >= size[0] and self.alpha.shape[1] >= size[1]
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        alpha, background, premultiplied = (
            cv2.resize(plane, size[::-1], interpolation=way)
            for plane in (self.alpha, self.background, self.alpha[..., None] * self.foreground)
        )
        return Layers(straight(premultiplied, alpha), alpha, background, self.window)


@dataclass(frozen=True, eq=False)
class Scene:
    """A cut-out (H, W, 4) with its outline at a place of a background (h, w, 3), uint8 or uint16.

    frame: (height, width) of the result in pixels; the background has its shape, and may be smaller.
    """

    person: NDArray[Any]
    outline: Outline
    place: Place
    background: NDArray[Any]
    frame: tuple[int, int]

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """(2, 3) affine, photo pixels -> frame pixels."""
        return placement_matrix(self.place, self.outline, self.frame)

    @cached_property
    def seen(self) -> Window | None:
        """The part of the frame that the person may show in; None where they lie outside."""
        region = region_in_frame(self.matrix, self.outline, self.frame)
        if region is None:
            return None
        height, width = self.frame
        return region[0] / height, region[1] / width, region[2] / height, region[3] / width

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """The upright box around the person's box, (top, left, bottom, right) in frame pixels; may reach out of it."""
        return bounds(self.matrix, self.outline.box)

    @cached_property
    def whole(self) -> Layers:
        """The frame with a longer side of SMALL pixels."""
        return self.layers(FRAME, SMALL)

    def around(self, margin: float) -> Window:
        """The window around what is seen of the person, wider on all sides by `margin` of its longer side.

        It is cut at the frame. The whole frame where the person lies outside.
        """
        if self.seen is None:
            return FRAME
        height, width = self.frame
        top, left, bottom, right = self.seen
        more = margin * max((bottom - top) * height, (right - left) * width)
        return (
            max(0.0, top - more / height),
            max(0.0, left - more / width),
            min(1.0, bottom + more / height),
            min(1.0, right + more / width),
        )

    def layers(self, window: Window, longest: int) -> Layers:
        """A window with a longer side of `longest` pixels, never larger than the frame's own pixels there."""
        height, width = self.frame
        top, left, bottom, right = window
        rows, columns = (bottom - top) * height, (right - left) * width
        scale = min(1.0, longest / max(rows, columns))
        size = max(1, round(rows * scale)), max(1, round(columns * scale))
        steps = np.array([size[1] / columns, size[0] / rows])  # small pixels a frame pixel, in x and y
        background = _crop(self.background, window, size)
        placed = self._placed(np.array([left * width, top * height]), steps, size)
        return Layers(straight(placed[..., :3], placed[..., 3]), np.clip(placed[..., 3], 0, 1), background, window)

    def _placed(self, origin: NDArray[np.float64], steps: NDArray[np.float64], size: tuple[int, int]) -> Float:
        """The person premultiplied, (h, w, 4), in a window that begins at `origin` of the frame."""
        linear = steps[:, None] * self.matrix[:, :2]
        scale = float(np.sqrt(abs(np.linalg.det(linear))))
        top, left, bottom, right = self.outline.support
        shown = self.person[top:bottom, left:right]
        longest = max(1, round(max(shown.shape[:2]) * min(1.0, scale)))  # shrunk by averages, then only moved
        small = to_unit(shrink(shown, longest))
        small[..., :3] *= small[..., 3:]
        to_photo = np.diag([shown.shape[1] / small.shape[1], shown.shape[0] / small.shape[0]])
        shift = steps * (self.matrix[:, 2] - origin) + linear @ [left, top]
        linear = linear @ to_photo
        shift += linear @ [0.5, 0.5] - 0.5
        placed: Float = cv2.warpAffine(small, np.column_stack([linear, shift]), size[::-1])
        return placed


def straight(premultiplied: Float, alpha: Float) -> Float:
    """Colors (h, w, 3), 0..1, that gave these by alpha (h, w); black where there is next to none."""
    colors = np.zeros_like(premultiplied)
    np.divide(premultiplied, alpha[..., None], out=colors, where=alpha[..., None] > 1e-3)
    return np.clip(colors, 0, 1)


def _crop(picture: NDArray[Any], window: Window, size: tuple[int, int]) -> Float:
    """A window of a picture at another size, float 0..1: averaged where it shrinks, bilinear where it does not."""
    height, width = picture.shape[:2]
    top, left = int(window[0] * height), int(window[1] * width)
    bottom, right = max(top + 1, round(window[2] * height)), max(left + 1, round(window[3] * width))
    crop = picture[top:bottom, left:right]
    step = max(1, max(crop.shape[:2]) // (3 * max(size)))  # ours: every n-th pixel, then means of three and more
    crop = np.ascontiguousarray(crop[step // 2 :: step, step // 2 :: step])
    shrinks = crop.shape[0] >= size[0] and crop.shape[1] >= size[1]
    resized = cv2.resize(crop, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return to_unit(resized)
