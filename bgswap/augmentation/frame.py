"""Which part of a photo a sample shows: a window drawn about the person, in shares that fit pictures of any size."""

import math
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

from bgswap.augmentation.ranges import FrameRanges
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


def holding(random: Random, part: tuple[float, float], length: float, whole: int, *, center: bool = False) -> float:
    """Where a stretch begins that holds a part; the part's end, or its center, where it cannot hold all of it."""
    low, high = part[1] - length, part[0]
    if low > high:
        low = high = (low + high) / 2 if center else low
    most = whole - length
    return random.uniform(min(max(0.0, low), most), min(max(0.0, high), most))


def mirrored(random: Random, window: Window, share: float) -> Window:
    """The window, mirrored in a share of draws."""
    return replace(window, flip=random.random() < share)


def frame_size(window: Window, photo: tuple[int, int], size: tuple[int, int] | None) -> tuple[int, int]:
    """(height, width) of the frame: as asked, or the window's own pixels."""
    rows, columns = span(window.top, window.height, photo[0]), span(window.left, window.width, photo[1])
    return size or (rows.stop - rows.start, columns.stop - columns.start)


def scene_of(outline: Outline, window: Window, size: tuple[int, int]) -> Scene:
    """The person's box seen through the window."""
    height, width = outline.size
    rows, columns = span(window.top, window.height, height), span(window.left, window.width, width)
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


def covering(picture: tuple[int, int], size: tuple[int, int], random: Random, crop: tuple[float, float]) -> Window:
    """A window of a place (height, width) in the frame's shape: the largest that fits times a factor, anywhere."""
    height, width = picture
    aspect = size[1] / size[0]
    tall = min(height, width / aspect) * random.uniform(*crop)
    wide = tall * aspect
    top, left = random.uniform(0, height - tall), random.uniform(0, width - wide)
    return Window(top / height, left / width, tall / height, wide / width)


def span(start: float, length: float, whole: int) -> slice:
    """Shares of a length as whole pixels, at least one."""
    first = min(max(0, round(start * whole)), whole - 1)
    return slice(first, max(first + 1, min(whole, round((start + length) * whole))))
