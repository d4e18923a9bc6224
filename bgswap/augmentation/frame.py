"""Which part of a photo a sample shows: a window drawn about the person, and every picture cut to it alike."""

import math
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap.augmentation.ranges import FrameRanges
from bgswap.augmentation.tensors import as_file, to_tensor
from bgswap.compositing.outline import Outline

INSIDE = 0.1  # ours: a point of the person stays this share of the window away from its borders
TOUCH = 1.0  # pixels of the frame: a box this close to its border is cut by it


@dataclass(frozen=True)
class Window:
    """A part of a picture in shares of its height and width, and whether it is then mirrored left to right."""

    top: float = 0.0
    left: float = 0.0
    height: float = 1.0
    width: float = 1.0
    flip: bool = False

    def as_json(self) -> dict[str, Any]:
        """Its fields, for a sample's parameters."""
        return asdict(self)


@dataclass(frozen=True)
class Scene:
    """What a method knows of its sample when it draws.

    size: (height, width) of the frame in pixels. box: of the whole person, (top, left, bottom, right) in the
    frame's pixels; it may reach outside. cut: of "top", "left", "bottom", "right", where the photo's or the
    frame's border cuts the person.
    """

    size: tuple[int, int]
    box: tuple[float, float, float, float]
    cut: frozenset[str] = frozenset()


def draw_window(random: Random, outline: Outline, aspect: float | None, ranges: FrameRanges) -> Window:
    """A window of the given width over height that shows some of the person; None takes the whole photo.

    It is the largest that fits into the photo, times a factor drawn from `ranges.crop`, at a uniform place around a
    point drawn in the person's box: heads come as often as knees.
    """
    if aspect is None:
        return Window()
    height, width = outline.size
    largest = min(height, width / aspect)
    tall = largest * random.uniform(*ranges.crop)
    wide = tall * aspect
    top, left, bottom, right = outline.box
    return Window(
        _place(random, top + (bottom - top) * _to_ends(random.random()), tall, height) / height,
        _place(random, random.uniform(left, right), wide, width) / width,
        tall / height,
        wide / width,
    )


def _to_ends(share: float) -> float:
    """0..1 -> 0..1, thicker toward both ends (the arcsine law), which windows reach from one side only."""
    return (1 - math.cos(math.pi * share)) / 2


def _place(random: Random, point: float, length: float, whole: float) -> float:
    """Where a stretch begins that holds `point` well inside, as far as the picture allows."""
    low, high = point - (1 - INSIDE) * length, point - INSIDE * length
    low, high = (min(max(0.0, value), whole - length) for value in (low, high))
    return random.uniform(low, high)


def mirrored(random: Random, window: Window, share: float) -> Window:
    """The window, mirrored in a share of draws."""
    return replace(window, flip=random.random() < share)


def frame_size(window: Window, photo: tuple[int, int], size: tuple[int, int] | None) -> tuple[int, int]:
    """(height, width) of the frame: as asked, or the window's own pixels."""
    rows, columns = _span(window.top, window.height, photo[0]), _span(window.left, window.width, photo[1])
    return size or (rows.stop - rows.start, columns.stop - columns.start)


def scene_of(outline: Outline, window: Window, size: tuple[int, int]) -> Scene:
    """The person's box seen through the window."""
    height, width = outline.size
    rows, columns = _span(window.top, window.height, height), _span(window.left, window.width, width)
    down, across = size[0] / (rows.stop - rows.start), size[1] / (columns.stop - columns.start)
    top, bottom = ((edge - rows.start) * down for edge in (outline.box[0], outline.box[2]))
    left, right = ((edge - columns.start) * across for edge in (outline.box[1], outline.box[3]))
    sides = set(outline.cut)
    if window.flip:
        left, right = size[1] - right, size[1] - left
        names = {"left": "right", "right": "left"}
        sides = {names.get(side, side) for side in sides}
    beyond = {"top": top < -TOUCH, "left": left < -TOUCH, "bottom": bottom > size[0] + TOUCH}
    beyond["right"] = right > size[1] + TOUCH
    return Scene(size, (top, left, bottom, right), frozenset(sides | {side for side, out in beyond.items() if out}))


def cut(pixels: NDArray[np.uint8], window: Window, size: tuple[int, int]) -> Tensor:
    """The window of a picture (H, W) or (H, W, 3) uint8 as (C, *size) 0..1; averaged where it shrinks."""
    return to_tensor(_resized(_cropped(pixels, window), size))


def cut_straight(rgba: NDArray[np.uint8], window: Window, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The window of a cut-out (H, W, 4) uint8 as straight colors (3, *size) and alpha (1, *size), weighted by alpha."""
    part = _cropped(rgba, window)
    if part.shape[:2] == tuple(size):
        both = to_tensor(part)
        return both[:3], both[3:]
    colors, alpha = np.ascontiguousarray(part[..., :3]), np.ascontiguousarray(part[..., 3])
    # products of two bytes are held exactly in 16 bits, so that thin alpha keeps its color
    weighted = cv2.multiply(colors, cv2.merge([alpha] * 3), dtype=cv2.CV_16U)
    whole = cv2.multiply(alpha, 255, dtype=cv2.CV_16U)
    weighted, whole = _resized(weighted, size), _resized(whole, size)
    straight = weighted.astype(np.float32) / np.maximum(whole, 1).astype(np.float32)[..., None]
    planes = torch.from_numpy(np.ascontiguousarray(np.moveaxis(straight, 2, 0))).clamp_(0, 1)
    return planes, as_file(torch.from_numpy(whole.astype(np.float32) / (255 * 255))[None])


def covering(picture: tuple[int, int], size: tuple[int, int], random: Random, crop: tuple[float, float]) -> Window:
    """A window of a place (height, width) in the frame's shape: the largest that fits times a factor, anywhere."""
    height, width = picture
    aspect = size[1] / size[0]
    tall = min(height, width / aspect) * random.uniform(*crop)
    wide = tall * aspect
    top, left = random.uniform(0, height - tall), random.uniform(0, width - wide)
    return Window(top / height, left / width, tall / height, wide / width)


def _span(start: float, length: float, whole: int) -> slice:
    first = min(max(0, round(start * whole)), whole - 1)
    return slice(first, max(first + 1, min(whole, round((start + length) * whole))))


def _cropped(pixels: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    rows = _span(window.top, window.height, pixels.shape[0])
    columns = _span(window.left, window.width, pixels.shape[1])
    part = pixels[rows, columns]
    return part[:, ::-1] if window.flip else part


def _resized(part: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    if part.shape[:2] == tuple(size):
        return part
    shrinks = size[0] * size[1] < part.shape[0] * part.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized: NDArray[Any] = cv2.resize(np.ascontiguousarray(part), (size[1], size[0]), interpolation=way)
    return resized
