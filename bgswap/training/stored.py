"""A sample's pictures as files hold them: opened, cropped to shape, resized, and made planes of."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap.augmentation import flow
from bgswap.errors import PictureError
from bgswap.folders import picture
from bgswap.folders.picture import ReadOptions
from bgswap.folders.records import show
from bgswap.training.settings import Size

GREY = ("alpha", "mask", "alpha_true", "previous_alpha", "shadow_true")  # roles of one channel
CUT_OUT, FLOW = "foreground", "flow_true"  # RGBA; x, y, valid

Pixels = NDArray[Any]
Crop = tuple[int, int, int, int]  # top, left, height, width


def open_stored(path: Path, role: str) -> Pixels:
    """A picture as it is kept: (H, W), (H, W, 3), a cut-out (H, W, 4); uint8, or uint16 of a deeper file."""
    try:
        deep = ReadOptions(depth=16)
        opened = picture.read_mask(path, deep) if role in GREY else picture.read(path, deep)
    except PictureError as cause:
        raise PictureError(f"{show(path)}: {cause}") from cause
    if role == CUT_OUT and opened.alpha is None:
        raise PictureError(f"{show(path)} is no cut-out, it has no alpha")
    return opened.pixels if role in (*GREY, CUT_OUT) else np.ascontiguousarray(opened.rgb)


def planes(role: str, pixels: Pixels) -> Tensor:
    """(H, W) or (H, W, C) as kept -> (C, H, W) float32, the channels last in memory."""
    if role == FLOW:
        vectors, valid = flow.decode(pixels)
        return torch.from_numpy(np.dstack([vectors, valid.astype(np.float32)])).permute(2, 0, 1)
    values = torch.from_numpy(pixels.astype(np.float32)).div_(float(np.iinfo(pixels.dtype).max))
    return values[None] if values.ndim == 2 else values.permute(2, 0, 1)


def crop_of(stored: Sequence[int], size: Size) -> Crop:
    """The largest part about the center that has the shape of `size`."""
    scale = min(stored[0] / size[0], stored[1] / size[1])
    height, width = (max(1, min(side, round(new * scale))) for side, new in zip(stored, size, strict=True))
    return (stored[0] - height) // 2, (stored[1] - width) // 2, height, width


def fitted(role: str, pixels: Pixels, size: Size) -> Pixels:
    """Cropped and resized: area means where it shrinks, cubic where it grows."""
    top, left, height, width = crop_of(pixels.shape[:2], size)
    part = pixels[top : top + height, left : left + width]
    if role == FLOW:
        return _fitted_flow(part, size)
    most = np.iinfo(pixels.dtype).max
    values = part.astype(np.float32)
    if role == CUT_OUT:  # straight colors are weighed by their alpha
        values[..., :3] *= values[..., 3:] / most
    values = _resized(values, size)
    if role == CUT_OUT:
        alpha = values[..., 3:] / most
        values[..., :3] = np.where(alpha > 0.5 / most, values[..., :3] / np.maximum(alpha, 0.5 / most), 0)
    fitted: Pixels = np.rint(values).clip(0, most).astype(pixels.dtype)
    return fitted


def _resized(values: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    shrinks = values.shape[0] >= size[0] and values.shape[1] >= size[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized: NDArray[np.float32] = cv2.resize(values, size[::-1], interpolation=way)
    return resized


def _fitted_flow(levels: Pixels, size: Size) -> Pixels:
    """A flow, still coded: its vectors in pixels of the new size, valid where all that it is the mean of was."""
    vectors, valid = flow.decode(levels)
    way = cv2.INTER_AREA if levels.shape[0] >= size[0] and levels.shape[1] >= size[1] else cv2.INTER_LINEAR
    mean = cv2.resize(vectors, size[::-1], interpolation=way)
    whole = cv2.resize(valid.astype(np.float32), size[::-1], interpolation=way) > 0.999
    scale = np.array([size[1] / levels.shape[1], size[0] / levels.shape[0]], np.float32)
    return flow.encode(mean * scale, whole)


def box_within(box: Sequence[float], stored: Sequence[int], crop: Crop) -> list[float]:
    """A place (x, y, height, rotation, flip), shares of the stored frame, told of the crop."""
    top, left, height, width = crop
    x, y = (box[0] * stored[1] - left) / width, (box[1] * stored[0] - top) / height
    return [x, y, box[2] * stored[0] / height, *box[3:]]
