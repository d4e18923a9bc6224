"""What the place's camera did to its picture and the person's did not: grain, softness, a blurred background."""

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.decisions import Lens
from bgswap.compositing.lens.defocus import Defocus
from bgswap.compositing.lens.grain import ROOM, add_grain, noise_level
from bgswap.compositing.lens.sharpness import edge_width
from bgswap.compositing.light import Float, change_depth, luminance, to_levels, to_unit
from bgswap.compositing.resample import PlacedCutout
from bgswap.compositing.scene import Scene

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Defocus", "PersonLens", "apply_lens", "match"]

At = tuple[int, int]
MOST_GRAIN = 12.0  # ours: levels; more would be taken for a fault
MOST_BLUR_PX = 3.0  # ours: sigma; a place that is softer than this is out of focus, and people do not follow it there
SEEN_BLUR_PX = 0.5  # ours: sigma that nobody sees; below it people stay as sharp as they are
SEEN_GRAIN = 0.7  # ours: levels, likewise
SOFTER = 1.15  # ours: the place's edges must be wider than the person's by this factor
WINDOW, WINDOWS = 384, 9  # ours: pictures are measured in so many windows of so many pixels a side


def match(scene: Scene) -> Lens:
    """grain and blur that make the person's pixels like the place's; 0 where they are so already.

    A person that is softer or grainier than the place is left alone. A reduced copy of the place says nothing of
    its pixels: then both are 0.
    """
    if scene.background.shape[:2] != tuple(scene.frame) or scene.seen is None:
        return Lens()
    place = [_everywhere(scene.background[rows, columns]) for rows, columns in _windows((0, 0, *scene.frame))]
    pieces = _pieces(scene)
    person = [_measured(*piece) for piece in pieces]
    noise = noise_level(place, sure=True)
    blur_px = _missing_blur(edge_width(place, noise or 0.0), edge_width(person, noise_level(person) or 0.0))
    if blur_px:
        soft = PersonLens(blur_px, 0.0)
        person = [_measured(*soft.apply(*piece, (0, 0))) for piece in pieces]
    return Lens(grain=_missing_grain(noise, noise_level(person)), blur=blur_px / scene.frame[0])


class PersonLens:
    """Blur, then grain, for one frame. reach: pixels beyond a pixel that decide about it."""

    def __init__(self, blur_px: float, grain: float) -> None:
        self.blur_px, self.grain = blur_px, grain
        self.reach = _radius(blur_px)

    @classmethod
    def of(cls, lens: Lens | None, frame: tuple[int, int]) -> "PersonLens | None":
        """None where nothing is to be done."""
        if lens is None or (lens.grain <= 0 and _radius(lens.blur * frame[0]) == 0):
            return None
        return cls(lens.blur * frame[0], lens.grain)

    def apply(self, foreground: NDArray[Any], alpha: NDArray[Any], at: At) -> tuple[NDArray[Any], NDArray[Any]]:
        """A piece of the person, (h, w, 3) and (h, w), that begins at row and column `at` of the frame."""
        columns = np.flatnonzero(alpha.any(axis=0))
        if not columns.size:
            return foreground, alpha
        start = max(0, int(columns[0]) - 2 * self.reach)
        end = int(columns[-1]) + 1 + 2 * self.reach
        colors, cover = np.ascontiguousarray(foreground[:, start:end]), np.ascontiguousarray(alpha[:, start:end])
        if self.reach:  # 16 bits until all is done, so that nothing is rounded twice
            colors, cover = self._blurred(colors, cover, np.uint16 if self.grain > 0 else colors.dtype)
        if self.grain > 0:
            colors = add_grain(colors, cover, (at[0], at[1] + start), self.grain)
        foreground, alpha = foreground.copy(), alpha.copy()
        foreground[:, start:end], alpha[:, start:end] = change_depth(colors, foreground.dtype), cover
        return foreground, alpha

    def _blurred(self, colors: NDArray[Any], alpha: NDArray[Any], depth: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        weights = _weights(self.blur_px)
        cover = to_unit(alpha)
        scale = 1 / float(np.iinfo(colors.dtype).max)
        premultiplied = cv2.multiply(colors, cv2.cvtColor(cover, cv2.COLOR_GRAY2RGB), scale=scale, dtype=cv2.CV_32F)
        soft, cover = (
            cv2.sepFilter2D(plane, -1, weights, weights, borderType=cv2.BORDER_REPLICATE)
            for plane in (premultiplied, cover)
        )
        under = cv2.cvtColor(np.maximum(cover, np.float32(1e-6)), cv2.COLOR_GRAY2RGB)
        top, kind = float(np.iinfo(depth).max), cv2.CV_8U if depth == np.uint8 else cv2.CV_16U
        straight: NDArray[Any] = cv2.divide(soft, under, scale=top, dtype=kind)  # rounds and clips
        return straight, to_levels(cover, alpha.dtype)


def apply_lens(
    foreground: "Tensor", alpha: "Tensor", noise: "Tensor", *, blur_px: float, grain: "Tensor | float"
) -> tuple["Tensor", "Tensor"]:
    """The same in torch: foreground (B, 3, H, W) straight 0..1 and alpha (B, 1, H, W), both as they then are.

    noise: (B, 3, H, W) of deviation 1, as `grain.grain_field` gives it. blur_px: sigma in pixels. grain: levels of
    0..255, a number or (B, 1, 1, 1).
    """
    import torch
    from torch.nn import functional

    radius = _radius(blur_px)
    if radius:
        weights = torch.from_numpy(_weights(blur_px)).to(foreground)
        planes = torch.cat([foreground * alpha, alpha], 1)
        B, C, H, W = planes.shape
        padded = functional.pad(planes, (radius,) * 4, mode="replicate").reshape(B * C, 1, H + 2 * radius, -1)
        rows = functional.conv2d(padded, weights.reshape(1, 1, 1, -1))
        soft = functional.conv2d(rows, weights.reshape(1, 1, -1, 1)).reshape(B, C, H, W)
        alpha = soft[:, 3:]
        foreground = soft[:, :3] / alpha.clamp_min(1e-6)
    room = torch.minimum(foreground, 1 - foreground).clamp_min(0) / ROOM
    strength = torch.minimum(room, torch.as_tensor(grain).to(foreground) / 255)
    return (foreground + strength * noise).clamp(0, 1), alpha


def _radius(sigma: float) -> int:
    return int(np.ceil(3 * sigma)) if sigma >= 0.2 else 0  # below it the neighbors weigh less than a level of 255


def _weights(sigma: float) -> Float:
    """(2 radius + 1,) of a Gaussian, sum 1."""
    steps = np.arange(-_radius(sigma), _radius(sigma) + 1)
    bell = np.exp(-0.5 * (steps / sigma) ** 2)
    return (bell / bell.sum()).astype(np.float32)


def _missing_blur(place: float | None, person: float | None) -> float:
    if place is None or person is None or place < SOFTER * person:
        return 0.0
    missing = float(np.sqrt(place**2 - person**2))
    return min(missing, MOST_BLUR_PX) if missing >= SEEN_BLUR_PX else 0.0


def _missing_grain(place: float | None, person: float | None) -> float:
    if place is None or person is None or place <= person:
        return 0.0
    missing = float(np.sqrt(place**2 - person**2))
    return min(missing, MOST_GRAIN) if missing >= SEEN_GRAIN else 0.0


def _windows(region: tuple[int, int, int, int]) -> list[tuple[slice, slice]]:
    """At most WINDOWS windows, spread evenly over (top, left, bottom, right)."""
    per_side = round(WINDOWS**0.5)

    def spans(start: int, end: int) -> list[slice]:
        count = min(per_side, -(-(end - start) // WINDOW))
        side = min(WINDOW, end - start)
        return [slice(int(first), int(first) + side) for first in np.linspace(start, end - side, count)]

    return [(rows, columns) for rows in spans(region[0], region[2]) for columns in spans(region[1], region[3])]


def _pieces(scene: Scene) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Colors and alpha of the person as placed, in windows over where it is."""
    cutout = PlacedCutout(scene.person, scene.matrix, scene.outline, scene.frame)
    assert cutout.region is not None  # the caller knows that the person is seen
    return [
        cutout.piece(rows.start, columns.start, rows.stop, columns.stop, scene.background.dtype)
        for rows, columns in _windows(cutout.region)
    ]


def _measured(colors: NDArray[Any], alpha: NDArray[Any]) -> tuple[Float, NDArray[np.bool_]]:
    return _lightness(colors), alpha == np.iinfo(alpha.dtype).max


def _everywhere(colors: NDArray[Any]) -> tuple[Float, NDArray[np.bool_]]:
    return _lightness(colors), np.ones(colors.shape[:2], np.bool_)


def _lightness(colors: NDArray[Any]) -> Float:
    lightness: Float = luminance(to_unit(colors)) * np.float32(255)
    return lightness
