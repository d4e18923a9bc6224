"""Optical flow: where each pixel of a frame was in the frame before; of affines, of video, and as a 16-bit picture.

Flow is backward, in pixels, x to the right and y down: the pixel whose center is q was at q + flow. Pixel (row,
column) has its center at (column + 0.5, row + 0.5), as everywhere in this package.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from bgswap.augmentation.tensors import Affine

STEPS, ZERO = 64.0, 2**15  # KITTI 2015 development kit: levels a pixel, and the level of no motion
LEAST = 16  # ours: pixels a side; smaller frames hold nothing that patches of 8 pixels could follow
AGREE = 0.01, 0.5  # Sundaram, Brox, Keutzer, ECCV 2010, eq. 5: share of the squared motions, and squared pixels


def encode(flow: NDArray[Any], valid: NDArray[Any]) -> NDArray[np.uint16]:
    """Flow (H, W, 2) and validity (H, W) -> (H, W, 3) uint16 as KITTI stores it: x, y, valid; 1/64 pixel a level.

    What is not valid, not finite, or beyond 512 pixels is 0, 0, 0.
    """
    finite = np.isfinite(flow).all(axis=2)
    levels = np.rint(np.where(finite[..., None], flow, 0).astype(np.float64) * STEPS + ZERO)
    good = (np.asarray(valid) > 0) & finite & ((levels >= 0) & (levels < 2 * ZERO)).all(axis=2)
    return np.dstack([levels, np.ones_like(levels[..., 0])]).astype(np.int64).clip(0, 2 * ZERO - 1).astype(
        np.uint16
    ) * good[..., None].astype(np.uint16)


def decode(levels: NDArray[np.uint16]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(H, W, 3) uint16 -> flow (H, W, 2), 0 where it is not valid, and validity (H, W)."""
    valid = levels[..., 2] > 0
    flow = (levels[..., :2].astype(np.float32) - ZERO) / np.float32(STEPS)
    return np.where(valid[..., None], flow, np.float32(0)), valid


def to_pixels(flow: Tensor) -> NDArray[np.uint16]:
    """A sample's flow_true (3, H, W): x, y, valid -> its picture (H, W, 3), see encode."""
    planes = flow.detach().cpu().numpy()
    return encode(np.moveaxis(planes[:2], 0, 2), planes[2] > 0.5)


def centers(size: Sequence[int], like: Tensor) -> Tensor:
    """x and y of every pixel's center, (2, H, W), with the device and type of `like`."""
    y = torch.arange(size[0], device=like.device, dtype=like.dtype) + 0.5
    x = torch.arange(size[1], device=like.device, dtype=like.dtype) + 0.5
    return torch.stack([x.expand(size[0], -1), y[:, None].expand(-1, size[1])])


def inverse(matrix: Affine) -> list[list[float]]:
    """The affine back, (2, 3) rows."""
    (a, b, c), (d, e, f) = matrix
    scale = 1 / (a * e - b * d)
    a, b, d, e = e * scale, -b * scale, -d * scale, a * scale
    return [[a, b, -a * c - b * f], [d, e, -d * c - e * f]]


def chained(first: Affine, then: Affine) -> list[list[float]]:
    """The affine that does `first` and `then`, (2, 3) rows."""
    (a, b, c), (d, e, f) = first
    return [[p * a + q * d, p * b + q * e, p * c + q * f + r] for p, q, r in then]


def through(points: Tensor, matrix: Affine) -> Tensor:
    """Points (2, H, W) through an affine."""
    (a, b, c), (d, e, f) = matrix
    return torch.stack([a * points[0] + b * points[1] + c, d * points[0] + e * points[1] + f])


def of_affines(previous: Affine, present: Affine, at: Tensor) -> Tensor:
    """Flow (2, H, W) at points (2, H, W) of what `previous` showed there before and `present` shows now."""
    return through(at, chained(inverse(present), previous)) - at


def sample(picture: Tensor, at: Tensor, mode: str = "bicubic") -> Tensor:
    """Pictures (C, H, W) seen at points (2, h, w), mirrored beyond their borders; "bicubic" may swing beyond 0..1."""
    size = torch.tensor([picture.shape[2], picture.shape[1]], device=at.device, dtype=at.dtype)
    grid = at.permute(1, 2, 0) * (2 / size) - 1
    seen = F.grid_sample(picture[None], grid[None], mode=mode, padding_mode="reflection", align_corners=False)
    return seen[0]


def warped(previous: Tensor, flow: Tensor) -> Tensor:
    """The frame before (C, H, W) brought to the present one by flow (2 or 3, H, W); a temporal loss compares these."""
    return sample(previous, centers(flow.shape[1:], flow) + flow[:2]).clamp(0, 1)


def inside(at: Tensor, size: Sequence[int]) -> Tensor:
    """Which points (2, H, W) lie between the outermost pixel centers of a picture of `size`: (H, W) bool."""
    x, y = at
    return (x >= 0.5) & (x <= size[1] - 0.5) & (y >= 0.5) & (y <= size[0] - 0.5)


def estimate(previous: NDArray[np.uint8], present: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Flow (H, W, 2) and validity (H, W) of two neighboring frames (H, W, 3) uint8 sRGB.

    Dense inverse search (Kroeger et al., ECCV 2016) both ways; valid where the two agree and stay in the frame.
    """
    height, width = present.shape[:2]
    if min(height, width) < LEAST:
        return np.zeros((height, width, 2), np.float32), np.zeros((height, width), bool)
    before, now = (cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in (previous, present))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = np.asarray(search.calc(now, before, None), np.float32)
    ahead = np.asarray(search.calc(before, now, None), np.float32)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    to_x, to_y = x + flow[..., 0], y + flow[..., 1]
    back = cv2.remap(ahead, to_x, to_y, cv2.INTER_LINEAR)
    share, floor = AGREE
    error = ((flow + back) ** 2).sum(axis=2)
    agree = error < share * ((flow**2).sum(axis=2) + (back**2).sum(axis=2)) + floor
    seen = (to_x >= 0) & (to_x <= width - 1) & (to_y >= 0) & (to_y <= height - 1)
    return flow, agree & seen
