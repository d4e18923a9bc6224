"""Pictures as tensors (C, H, W) float32 0..1, and the few operations that all methods share.

Everything here is pure and runs where its tensors are. Coordinates are continuous: pixel (row, column) covers
[column, column + 1) x [row, row + 1), x to the right, y down; an affine is (2, 3) rows as in
compositing/geometry.py.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

LEAST, WIDE = 0.05, 4.0  # ours: a blur of a smaller sigma is none; one of a larger works at half the size
Affine = Sequence[Sequence[float]]


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """(H, W) or (H, W, C) uint8 -> (C, H, W) float32 0..1; one channel for (H, W)."""
    planes = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)
    return torch.from_numpy(planes.astype(np.float32, order="C")).div_(255)


def to_pixels(picture: Tensor) -> NDArray[np.uint8]:
    """(C, H, W) 0..1 -> (H, W, C) uint8, rounded and clipped; (H, W) for one channel. Hidden pixels of RGBA are 0."""
    levels = picture.detach().mul(255).round_().clamp_(0, 255).to(torch.uint8)
    if len(levels) == 4:
        levels[:3] *= levels[3:] > 0
    return (levels[0] if len(levels) == 1 else levels.permute(1, 2, 0)).contiguous().cpu().numpy()


def as_file(picture: Tensor) -> Tensor:
    """(C, H, W) 0..1, rounded to the 8 bits that its file will hold: what the file calls 0 then changes nothing."""
    return picture.mul(255).round_().div_(255)


def over(foreground: Tensor, alpha: Tensor, background: Tensor) -> Tensor:
    """alpha F + (1 - alpha) B: (3, H, W), (1, H, W), (3, H, W), in sRGB as photo editors blend."""
    return torch.lerp(background, foreground, alpha)


def premultiplied(foreground: Tensor, alpha: Tensor) -> Tensor:
    """Straight colors (3, H, W) and alpha (1, H, W) -> premultiplied RGBA (4, H, W), for filters and warps."""
    return torch.cat([foreground * alpha, alpha])


def straight(rgba: Tensor) -> tuple[Tensor, Tensor]:
    """Premultiplied RGBA (4, H, W) -> straight colors (3, H, W), 0 where nothing is, and alpha (1, H, W), both 0..1."""
    alpha = rgba[3:]
    colors = torch.where(alpha > 1e-4, rgba[:3] / alpha.clamp_min(1e-4), 0)
    return colors.clamp(0, 1), alpha.clamp(0, 1)


def gaussian(picture: Tensor, sigma: float | tuple[float, float]) -> Tensor:
    """Blur (C, H, W) by a Gaussian of `sigma` pixels, or of (down, across); borders go on as they end.

    Summed tap by tap: torch's convolution of so few channels took 6 to 45 times as long (256 pixels, one thread).
    Wide blurs work at half the size, within a level of 8 bits away from the borders.
    """
    down, across = sigma if isinstance(sigma, tuple) else (sigma, sigma)
    if max(down, across) <= LEAST:
        return picture
    if min(down, across) > WIDE:
        height, width = picture.shape[1:]
        small = resize(picture, (max(1, height // 2), max(1, width // 2)))
        # to half the size and back is itself a blur of variance 4/3
        rest = math.sqrt(down**2 - 4 / 3) / 2, math.sqrt(across**2 - 4 / 3) / 2
        return resize(gaussian(small, rest), (height, width))
    for axis, spread in ((1, down), (2, across)):
        if spread > LEAST:
            picture = _blurred(picture, axis, spread)
    return picture


def _blurred(picture: Tensor, axis: int, sigma: float) -> Tensor:
    reach, length = max(1, math.ceil(3 * sigma)), picture.shape[axis]
    taps = [math.exp(-0.5 * (step / sigma) ** 2) for step in range(reach + 1)]
    whole = taps[0] + 2 * sum(taps[1:])
    pad = (0, 0, reach, reach) if axis == 1 else (reach, reach, 0, 0)
    padded = F.pad(picture[None], pad, mode="replicate")[0]
    blurred = padded.narrow(axis, reach, length) * (taps[0] / whole)
    for step in range(1, reach + 1):
        blurred.add_(padded.narrow(axis, reach - step, length), alpha=taps[step] / whole)
        blurred.add_(padded.narrow(axis, reach + step, length), alpha=taps[step] / whole)
    return blurred


def resize(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, H, W) -> (C, *size), bilinear, antialiased when it shrinks. Straight RGBA must be premultiplied before."""
    if tuple(picture.shape[1:]) == tuple(size):
        return picture
    return F.interpolate(picture[None], size=size, mode="bilinear", antialias=True, align_corners=False)[0]


def warp(picture: Tensor, matrix: Affine, size: tuple[int, int], *, outside: str = "zeros") -> Tensor:
    """See (C, H, W) through an affine, its pixels -> the frame's: (C, *size), bicubic, antialiased when it shrinks.

    RGBA comes premultiplied. outside: "zeros", or "border" to go on as the picture ends, or "reflection". The filter
    overshoots by edges and nothing is clipped: `straight` divides colors by the very alpha that it gave.
    """
    linear = torch.tensor(matrix, dtype=torch.float64)
    scale = math.sqrt(abs(float(torch.linalg.det(linear[:, :2]))))
    if scale < 1:  # averaged down first, so that one sample a pixel is enough
        height, width = picture.shape[1:]
        small = max(1, round(height * scale)), max(1, round(width * scale))
        picture = resize(picture, small)
        linear = linear.clone()
        linear[:, 0] *= width / small[1]
        linear[:, 1] *= height / small[0]
    back = torch.linalg.inv(torch.cat([linear, torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)]))[:2]
    grid = _grid(back, picture.shape[1:], size).to(picture)
    mode = "bicubic" if outside != "reflection" else "bilinear"
    return F.grid_sample(picture[None], grid[None], mode=mode, padding_mode=outside, align_corners=False)[0]


def _grid(back: Tensor, source: Sequence[int], size: tuple[int, int]) -> Tensor:
    """Where each frame pixel's center lies in the picture, (H, W, 2) as x, y in -1..1 over the picture's extent."""
    y, x = torch.meshgrid(
        torch.arange(size[0], dtype=torch.float64) + 0.5,
        torch.arange(size[1], dtype=torch.float64) + 0.5,
        indexing="ij",
    )
    at_x = back[0, 0] * x + back[0, 1] * y + back[0, 2]
    at_y = back[1, 0] * x + back[1, 1] * y + back[1, 2]
    return torch.stack([at_x / source[1], at_y / source[0]], 2) * 2 - 1
