"""The person's pixels at their place: resampled once, antialiased, premultiplied by alpha, a piece at a time.

Two forms: `PlacedCutout` on pieces of full-size pixels, `place_tensor` on batches, for training.
"""

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.geometry import Matrix, bounds, inverse, is_whole_shift, region_in_frame, scale_of
from bgswap.compositing.light import Float, change_depth, to_levels
from bgswap.compositing.outline import Outline
from bgswap.compositing.resample_loops import scale_upright, side_weights

if TYPE_CHECKING:
    from torch import Tensor

SOURCE_PIXELS = 1 << 20  # ours: photo pixels turned into float at a time, 16 MiB
TILE = 64  # rows: as those that compose.py's strips begin at
LEAST_SIGMA = 0.05  # ours: a narrower Gaussian changes nothing
LEAST_ALPHA = 1e-4  # ours: below it colors are divided no further


class PlacedCutout:
    """A cut-out (H, W, 4) straight RGBA, seen through an affine; pieces of it are made when asked for.

    region: frame pixels (top, left, bottom, right) outside which it is empty, or None when all of it is.
    """

    def __init__(self, cutout: NDArray[Any], matrix: Matrix, outline: Outline, frame: tuple[int, int]) -> None:
        self.cutout, self.matrix = cutout, matrix
        self.region = region_in_frame(matrix, outline, frame)
        self._back = inverse(matrix)
        self._scale = scale_of(matrix)
        self._step, self._sigma = _antialias(self._scale)

    def piece(self, top: int, left: int, bottom: int, right: int, dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Straight colors (h, w, 3) and alpha (h, w), both dtype, of the frame's rows and columns in that range."""
        if is_whole_shift(self.matrix):
            return self._moved(top, left, bottom, right, dtype)
        if self.matrix[0, 1] == 0 == self.matrix[1, 0] and self.matrix[1, 1] > 0:
            return self._scaled(top, left, bottom, right, dtype)
        return self._turned(top, left, bottom, right, dtype)

    def _turned(self, top: int, left: int, bottom: int, right: int, dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Through tiles at fixed places of the frame: cv2's coordinates are rounded by where a picture begins."""
        foreground = np.zeros((bottom - top, right - left, 3), dtype)
        alpha = np.zeros((bottom - top, right - left), dtype)
        wide = min(8 * TILE, max(8, int(SOURCE_PIXELS * self._scale**2 / TILE)))
        for y in range(top // TILE * TILE, bottom, TILE):
            for x in range(left // wide * wide, right, wide):
                levels = self._tile(y, x, y + TILE, x + wide, dtype)
                if levels is not None:
                    first, start = max(top, y), max(left, x)
                    part = levels[first - y : bottom - y, start - x : right - x]
                    here = (
                        slice(first - top, first - top + len(part)),
                        slice(start - left, start - left + part.shape[1]),
                    )
                    foreground[here], alpha[here] = part[..., :3], part[..., 3]
        return foreground, alpha

    def _tile(self, top: int, left: int, bottom: int, right: int, dtype: Any) -> NDArray[Any] | None:
        """Straight RGBA (h, w, 4), or None where it is empty."""
        premultiplied = self._sampled(top, left, bottom, right)
        if premultiplied is None:
            return None
        # Divided by the very alpha that the filter gave, ringing included: so one color stays that color.
        cover = cv2.cvtColor(np.maximum(premultiplied[..., 3], LEAST_ALPHA), cv2.COLOR_GRAY2RGBA)
        straight = cv2.divide(premultiplied, cover)  # alpha itself is divided by cover's fourth channel, 1
        depth = cv2.CV_8U if dtype == np.uint8 else cv2.CV_16U
        levels: NDArray[Any] = cv2.multiply(straight, (float(np.iinfo(dtype).max),) * 4, dtype=depth)  # rounds, clips
        return levels

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

    def _scaled(self, top: int, left: int, bottom: int, right: int, dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Upright, mirrored or not: in one pass."""
        sigma = self._sigma if self._sigma > LEAST_SIGMA else 0.0
        made = np.empty((bottom - top, right - left, 3), dtype), np.empty((bottom - top, right - left), dtype)
        sides, inside = [], []
        for axis, start, end, length in (
            (1, top, bottom, self.cutout.shape[0]),
            (0, left, right, self.cutout.shape[1]),
        ):
            back = float(self._back[axis, axis]), float(self._back[axis, 2])
            sides.append(side_weights(back, start, end, self._step, sigma))
            at = back[0] * (np.arange(start, end) + 0.5) + back[1]
            inside.append(np.clip(np.minimum(at, length - at) * self._scale + 0.5, 0, 1).astype(np.float32))
        scale_upright(self.cutout, sides[0], sides[1], (inside[0], inside[1]), made, LEAST_ALPHA)
        return made

    def _sampled(self, top: int, left: int, bottom: int, right: int) -> Float | None:
        """Premultiplied RGBA 0..1 of a piece, or None where it is empty."""
        step, reach = self._step, _margin(self._sigma)
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
        if self._sigma > LEAST_SIGMA:
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


def _antialias(scale: float) -> tuple[int, float]:
    """(step, sigma): blocks of step x step photo pixels are averaged, their means blurred by sigma, then sampled.

    Whole-number shrinking averages blocks; the rest, between 1 and 1/2, is blurred just enough.
    """
    step = max(1, int(1 / scale + 1e-9))
    rest = min(1.0, scale * step)
    return step, 0.5 * float(np.sqrt(1 / rest**2 - 1))  # ours: half a result pixel, less what a pixel has already


def _margin(sigma: float) -> int:
    """How many blocks around a pixel the filter reaches."""
    return 3 + int(np.ceil(3 * sigma))


def matrix_tensor(places: "Tensor", boxes: "Tensor", frame: tuple[int, int]) -> "Tensor":
    """(B, 2, 3) affines, photo pixels -> frame pixels: geometry.placement_matrix in torch, differentiable.

    places: (B, 5) x, y, height, rotation, mirror, as a Place has them; mirrored where the fifth is above 0. boxes:
    (B, 4) top, left, bottom, right in photo pixels. Nothing is snapped to whole pixels.
    """
    import torch

    x, y, height, turn, mirror = places.unbind(1)
    top, left, bottom, right = boxes.unbind(1)
    scale, angle = height * frame[0] / (bottom - top), torch.deg2rad(turn)
    across = torch.where(mirror > 0, -scale, scale)
    linear = torch.stack([angle.cos() * across, angle.sin() * scale, -angle.sin() * across, angle.cos() * scale], 1)
    linear = linear.reshape(-1, 2, 2)
    anchor = torch.stack([(left + right) / 2, bottom], 1)[..., None]
    return torch.cat([linear, torch.stack([x * frame[1], y * frame[0]], 1)[..., None] - linear @ anchor], 2)


def place_tensor(cutout: "Tensor", matrix: "Tensor", frame: tuple[int, int]) -> "Tensor":
    """Cut-outs (B, 4, H, W), straight RGBA 0..1, seen through affines -> (B, 4, h, w), premultiplied.

    matrix: (B, 2, 3), photo pixels -> frame pixels; frame: (h, w). The same filter as PlacedCutout's: means of blocks,
    a Gaussian, Keys' cubic with a = -0.75; colors are divided by the alpha that it gave, ringing included, and both are
    clipped. Differentiable in both, but for the filter's width, which is taken as given.
    """
    import torch

    premultiplied = torch.cat([cutout[:, :3] * cutout[:, 3:], cutout[:, 3:]], dim=1)
    seen = torch.stack([_through(one, affine, frame) for one, affine in zip(premultiplied, matrix, strict=True)])
    alpha = seen[:, 3:].clamp(0, 1)
    return torch.cat([(seen[:, :3] / seen[:, 3:].clamp_min(LEAST_ALPHA)).clamp(0, 1) * alpha, alpha], dim=1)


def _through(premultiplied: "Tensor", matrix: "Tensor", frame: tuple[int, int]) -> "Tensor":
    """One picture (4, H, W) -> (4, h, w)."""
    import torch
    import torch.nn.functional as F

    size = float(torch.linalg.det(matrix[:, :2].detach().double()).abs().sqrt())
    step, sigma = _antialias(size)
    height, width = premultiplied.shape[1:]
    edge = _margin(sigma) * step  # beyond the photo's border its last pixels go on
    source = F.pad(premultiplied[None], (edge, edge + -width % step, edge, edge + -height % step), mode="replicate")
    source = F.avg_pool2d(source, step)
    if sigma > LEAST_SIGMA:
        source = _blurred(source, sigma)
    back = torch.linalg.inv(matrix[:, :2].double())
    y, x = torch.meshgrid(*(torch.arange(n, device=matrix.device) + 0.5 for n in frame), indexing="ij")
    at = torch.stack([x, y], 2).double() - matrix[:, 2].double()
    uv = at @ back.T  # photo pixels, (h, w, 2)
    whole = at.new_tensor([source.shape[3], source.shape[2]]) * step
    grid = ((uv + edge) / whole * 2 - 1).to(source.dtype)
    placed = F.grid_sample(source, grid[None], mode="bicubic", padding_mode="border", align_corners=False)[0]
    room = torch.minimum(uv, uv.new_tensor([width, height]) - uv).amin(2) * size
    return placed * (room + 0.5).clamp(0, 1).to(placed.dtype)


def _blurred(pictures: "Tensor", sigma: float) -> "Tensor":
    """(1, C, H, W) through the Gaussian that cv2 takes for floating-point pixels."""
    import torch
    import torch.nn.functional as F

    reach = (round(8 * sigma + 1) | 1) // 2
    taps = torch.arange(-reach, reach + 1, device=pictures.device, dtype=pictures.dtype)
    taps = (-(taps**2) / (2 * sigma**2)).exp()
    taps = (taps / taps.sum()).expand(pictures.shape[1], 1, 1, -1)
    across = F.conv2d(F.pad(pictures, (reach, reach, 0, 0), mode="replicate"), taps, groups=len(taps))
    padded = F.pad(across, (0, 0, reach, reach), mode="replicate")
    return F.conv2d(padded, taps.mT, groups=len(taps))


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
