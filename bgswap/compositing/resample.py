"""The person's pixels at their place: resampled once, antialiased, premultiplied by alpha, a piece at a time."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.geometry import Matrix, bounds, inverse, is_whole_shift, region_in_frame, scale_of
from bgswap.compositing.light import Float, change_depth, to_levels
from bgswap.compositing.outline import Outline

SOURCE_PIXELS = 1 << 20  # ours: photo pixels turned into float at a time, 16 MiB


class PlacedCutout:
    """A cut-out (H, W, 4) straight RGBA, seen through an affine; pieces of it are made when asked for.

    region: frame pixels (top, left, bottom, right) outside which it is empty, or None when all of it is.
    """

    def __init__(self, cutout: NDArray[Any], matrix: Matrix, outline: Outline, frame: tuple[int, int]) -> None:
        self.cutout, self.matrix = cutout, matrix
        self.region = region_in_frame(matrix, outline, frame)
        self._back = inverse(matrix)
        scale = scale_of(matrix)
        self._scale = scale
        # Whole-number shrinking averages blocks; the rest, between 1 and 1/2, is blurred just enough and then sampled.
        self._step = max(1, int(1 / scale + 1e-9))
        rest = min(1.0, scale * self._step)
        self._sigma = 0.5 * float(np.sqrt(1 / rest**2 - 1))  # ours: half a result pixel, less what a pixel has already

    def piece(self, top: int, left: int, bottom: int, right: int, dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Straight colors (h, w, 3) and alpha (h, w), both dtype, of the frame's rows and columns in that range."""
        if is_whole_shift(self.matrix):
            return self._moved(top, left, bottom, right, dtype)
        foreground = np.zeros((bottom - top, right - left, 3), dtype)
        alpha = np.zeros((bottom - top, right - left), dtype)
        top_level = float(np.iinfo(dtype).max)
        depth = cv2.CV_8U if dtype == np.uint8 else cv2.CV_16U
        span = max(8, int(SOURCE_PIXELS * self._scale**2 / max(1, bottom - top)))
        for start in range(left, right, span):
            end = min(right, start + span)
            premultiplied = self._sampled(top, start, bottom, end)
            if premultiplied is not None:
                # Divided by the very alpha that the filter gave, ringing included: so one color stays that color.
                cover = cv2.cvtColor(np.maximum(premultiplied[..., 3], 1e-4), cv2.COLOR_GRAY2RGBA)
                straight = cv2.divide(premultiplied, cover)  # alpha itself is divided by cover's fourth channel, 1
                levels = cv2.multiply(straight, (top_level,) * 4, dtype=depth)  # rounds and clips
                foreground[:, start - left : end - left] = levels[..., :3]
                alpha[:, start - left : end - left] = levels[..., 3]
        return foreground, alpha

    def _moved(self, top: int, left: int, bottom: int, right: int, dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        height, width = self.cutout.shape[:2]
        mirrored = self.matrix[0, 0] < 0
        shift_x, shift_y = int(self.matrix[0, 2]) - (width if mirrored else 0), int(self.matrix[1, 2])
        source = self.cutout[:, ::-1] if mirrored else self.cutout
        foreground = np.zeros((bottom - top, right - left, 3), dtype)
        alpha = np.zeros((bottom - top, right - left), dtype)
        y0, y1 = max(top, shift_y), min(bottom, shift_y + height)
        x0, x1 = max(left, shift_x), min(right, shift_x + width)
        if y0 < y1 and x0 < x1:
            inside = change_depth(
                np.ascontiguousarray(source[y0 - shift_y : y1 - shift_y, x0 - shift_x : x1 - shift_x]), dtype
            )
            foreground[y0 - top : y1 - top, x0 - left : x1 - left] = cv2.cvtColor(inside, cv2.COLOR_RGBA2RGB)
            alpha[y0 - top : y1 - top, x0 - left : x1 - left] = cv2.extractChannel(inside, 3)
        return foreground, alpha

    def _sampled(self, top: int, left: int, bottom: int, right: int) -> Float | None:
        """Premultiplied RGBA 0..1 of a piece, or None where it is empty."""
        step, reach = self._step, 3 + int(np.ceil(3 * self._sigma))
        height, width = self.cutout.shape[:2]
        near = bounds(self._back, (top, left, bottom, right))
        # Blocks start at multiples of the step in the whole photo, so that pieces agree wherever they are cut.
        y0, x0 = (int(np.floor(v / step) - reach) * step for v in near[:2])
        y1, x1 = (int(np.ceil(v / step) + reach) * step for v in near[2:])
        clipped = max(0, y0), max(0, x0), min(height, y1), min(width, x1)
        if clipped[0] >= clipped[2] or clipped[1] >= clipped[3]:
            return None
        crop = self.cutout[clipped[0] : clipped[2], clipped[1] : clipped[3]]
        if not crop[..., 3].any():
            return None
        source = self._premultiplied(crop)
        if clipped != (y0, x0, y1, x1):
            # The photo's border cuts the person: beyond it the last pixels go on, so that the cut stays opaque.
            edges = clipped[0] - y0, y1 - clipped[2], clipped[1] - x0, x1 - clipped[3]
            source = cv2.copyMakeBorder(source, *edges, cv2.BORDER_REPLICATE)
        if step > 1:
            source = cv2.resize(source, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
        if self._sigma > 0.05:
            source = cv2.GaussianBlur(source, (0, 0), self._sigma)
        # OpenCV counts from pixel centers: half a pixel off on both sides.
        back = self._back.copy()
        back[:, 2] += back[:, :2] @ np.array([left + 0.5, top + 0.5]) - np.array([x0, y0])
        back = back / step
        back[:, 2] -= 0.5
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        placed: Float = cv2.warpAffine(source, back, (right - left, bottom - top), flags=flags)
        if clipped != (y0, x0, y1, x1):
            placed *= self._inside_photo(top, left, bottom, right)[..., None]
        return placed

    def _premultiplied(self, crop: NDArray[Any]) -> Float:
        unit = cv2.multiply(crop, (1 / np.iinfo(crop.dtype).max,) * 4, dtype=cv2.CV_32F)
        cover = cv2.cvtColor(cv2.extractChannel(unit, 3), cv2.COLOR_GRAY2RGBA)  # (a, a, a, 1)
        premultiplied: Float = cv2.multiply(unit, cover, dst=unit)
        return premultiplied

    def _inside_photo(self, top: int, left: int, bottom: int, right: int) -> Float:
        """How much of each frame pixel lies on the photo, 0..1: the replicated border must not go on beyond it."""
        x, y = np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5
        u = self._back[0, 0] * x[None] + self._back[0, 1] * y[:, None] + self._back[0, 2]
        v = self._back[1, 0] * x[None] + self._back[1, 1] * y[:, None] + self._back[1, 2]
        height, width = self.cutout.shape[:2]
        room = np.minimum(np.minimum(u, width - u), np.minimum(v, height - v)) * self._scale
        return np.clip(room + 0.5, 0, 1).astype(np.float32)


def shrink(picture: NDArray[Any], longest: int) -> NDArray[Any]:
    """A small copy whose longer side is at most `longest`; RGBA is weighted by alpha. Same dtype, never enlarged.

    Every n-th pixel is taken down to two or three times the size and averaged from there: enough to decide
    on.
    """
    step = max(1, max(picture.shape[:2]) // (2 * longest))
    sparse = picture[step // 2 :: step, step // 2 :: step]
    ratio = longest / max(sparse.shape[:2])
    if ratio >= 1:
        return np.ascontiguousarray(sparse)
    size = max(1, round(sparse.shape[1] * ratio)), max(1, round(sparse.shape[0] * ratio))
    if sparse.ndim == 2 or sparse.shape[2] == 3:
        small: NDArray[Any] = cv2.resize(np.ascontiguousarray(sparse), size, interpolation=cv2.INTER_AREA)
        return small
    unit = sparse.astype(np.float32) * np.float32(1 / np.iinfo(sparse.dtype).max)
    unit[..., :3] *= unit[..., 3:]
    unit = cv2.resize(unit, size, interpolation=cv2.INTER_AREA)
    np.divide(unit[..., :3], unit[..., 3:], out=unit[..., :3], where=unit[..., 3:] > 0)
    return to_levels(unit, picture.dtype)


def cover(place: NDArray[Any], size: tuple[int, int]) -> tuple[NDArray[Any], list[str]]:
    """Scale a place (h, w, 3) to cover `size` (height, width) and crop it about its middle, never stretched.

    Returns it with what to tell the user: that it was cropped, or had to be enlarged.
    """
    height, width = place.shape[:2]
    scale = max(size[0] / height, size[1] / width)
    kept_rows, kept_columns = min(height, round(size[0] / scale)), min(width, round(size[1] / scale))
    top, left = (height - kept_rows) // 2, (width - kept_columns) // 2
    crop = place[top : top + kept_rows, left : left + kept_columns]
    notes = []
    if (kept_rows, kept_columns) != (height, width):
        notes.append(
            f"the place was cropped from {width}x{height} to {kept_columns}x{kept_rows} to fit the photo's shape"
        )
    if scale > 1:
        notes.append(f"the place was enlarged {scale:.2f} times to cover the photo's frame")
    if crop.shape[:2] == tuple(size):
        return np.ascontiguousarray(crop), notes
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(crop, (size[1], size[0]), interpolation=way), notes
