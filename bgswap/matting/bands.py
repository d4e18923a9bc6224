"""The unknown band of a matte: where it lies on the small grid, and which parts of the full picture it touches."""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.matting.look import full

SURE = 0.03  # ours: a network's alpha this near to 0 or 1 is taken at its word
STRIP = 96  # rows of the full picture that are worked on at a time
STEP = 32  # columns by which a strip's parts start and end


class Part(NamedTuple):
    """A rectangle of the full picture, in pixels: rows top..bottom, columns left..right (ends not included)."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of this part in an (H, W, ...) array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, margin: int, height: int, width: int, multiple: int = 1) -> "Part":
        """This part with about `margin` more pixels on each side, as far as the picture goes.

        Where the picture leaves room, its sides are multiples of `multiple`: whole blocks shrink four times as fast.
        """
        top, left = max(0, self.top - margin), max(0, self.left - margin)
        bottom, right = min(height, self.bottom + margin), min(width, self.right + margin)
        bottom -= min((bottom - top) % multiple, bottom - self.bottom)
        right -= min((right - left) % multiple, right - self.right)
        return Part(top, bottom, left, right)


def contrast(alpha: NDArray[Any], gain: float) -> NDArray[Any]:
    """Push alpha away from one half by `gain`, clipped to 0..1."""
    return np.clip((alpha - 0.5) * gain + 0.5, 0, 1)


def unknown(alpha: NDArray[Any], grow: int = 0, sure: float = SURE) -> NDArray[np.uint8]:
    """Where a matte (h, w) 0..1 is not sure, widened by `grow` pixels: 255 there, else 0."""
    soft = ((alpha > sure) & (alpha < 1 - sure)).astype(np.uint8) * 255
    # A hard step between two sure pixels is an edge too, and may lie a pixel off.
    solid = (alpha >= 0.5).astype(np.uint8)
    soft |= cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) * np.uint8(255)
    return np.asarray(cv2.dilate(soft, disk(grow))) if grow else soft


def disk(radius: int) -> NDArray[np.uint8]:
    """A round structuring element, (2 radius + 1) square."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)))


def enlarge(alpha: NDArray[Any], height: int, width: int, dtype: Any) -> NDArray[Any]:
    """A small matte (h, w) 0..1 at full size by cubic interpolation, in the full picture's own type."""
    top = np.iinfo(dtype).max
    small = np.rint(np.clip(alpha, 0, 1) * top).astype(dtype)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def sample(
    small: NDArray[Any], part: Part, size: tuple[int, int], out: tuple[int, int] | None = None, nearest: bool = False
) -> NDArray[Any]:
    """What a part of a picture of `size` (H, W) shows when `small` (h, w[, up to 4]) is stretched over all of it.

    out: rows and columns of the answer; without it one pixel for each of the part's.
    """
    lines, columns = part.bottom - part.top, part.right - part.left
    rows, cols = out or (lines, columns)
    # Pixel centers of the answer are carried to places on the small grid, so that parts meet without a seam.
    down, right = small.shape[0] / size[0], small.shape[1] / size[1]
    down_step, right_step = lines / rows * down, columns / cols * right
    matrix = np.array(
        [
            [right_step, 0, part.left * right + 0.5 * right_step - 0.5],
            [0, down_step, part.top * down + 0.5 * down_step - 0.5],
        ]
    )
    way = (cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(small, matrix, (cols, rows), flags=way, borderMode=cv2.BORDER_REPLICATE))


def parts(band: NDArray[np.uint8], height: int, width: int, strip: int = STRIP, step: int = STEP) -> list[Part]:
    """Rectangles of the (height, width) picture that together cover a band given on any grid, (h, w), not 0 = in."""
    found: list[Part] = []
    for top in range(0, height, strip):
        bottom = min(height, top + strip)
        # one more small row and column on each side, as interpolation reaches that far
        rows = slice(max(0, top * band.shape[0] // height - 1), bottom * band.shape[0] // height + 2)
        columns = np.flatnonzero(band[rows].any(axis=0))
        if not columns.size:
            continue
        starts = np.maximum(0, (columns - 1) * width // band.shape[1]) // step
        ends = np.minimum(width - 1, (columns + 2) * width // band.shape[1]) // step
        touched = np.zeros(width // step + 3, bool)
        for first, last in zip(starts, ends, strict=True):
            touched[first + 1 : last + 2] = True
        turns = np.flatnonzero(np.diff(touched))
        found += [
            Part(top, bottom, int(a) * step, min(width, int(b) * step))
            for a, b in zip(turns[::2], turns[1::2], strict=True)
        ]
    return found


def to_float(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """A part of a picture as float32 0..1."""
    return np.multiply(pixels, 1 / full(pixels), dtype=np.float32)
