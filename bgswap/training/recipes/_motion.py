"""Motion between two frames, for temporal losses: as samples tell it, or a small random one of a still.

Coordinates are those of augmentation/flow.py: pixels, x to the right, y down, a center at (column + 0.5, row + 0.5).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from bgswap.augmentation import flow
from bgswap.training.recipe import Step

SHIFT = 0.015  # ours, as --frames-shift has it at most: of the frame's longer side, here along each axis
TURN = math.radians(0.6)  # ours, as --frames-rotation
GROWTH = 0.01  # ours, as --frames-scale


def told(flow_true: Tensor) -> tuple[Tensor, Tensor]:
    """Where each pixel was in the frame before, (B, 2, H, W) pixels, and whether that is known, (B, 1, H, W) 0 or 1.

    flow_true (B, 3, H, W): x, y in pixels and 1 where valid, as samples made on the fly have it; or the same as a
    16-bit picture divided by 65535, as files have it.
    """
    shift, valid = flow_true[:, :2].float(), flow_true[:, 2:]
    stored = (shift * 65535 - flow.ZERO) / flow.STEPS
    is_raw = valid.amax((1, 2, 3), keepdim=True) > 0.5  # a stored 1 is 1/65535
    known = (valid > 0).float()
    at = flow.centers(shift.shape[-2:], shift) + torch.where(is_raw, shift, stored) * known
    return at, known * inside(at)


def drawn(step: Step, batch: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The same of a small random affine for each picture: a still, moved."""
    height, width = size
    chance = step.uniform(batch, 4, name="motion") * 2 - 1
    shift = (chance[:, :2] * (SHIFT * max(size)))[:, :, None, None]
    turn, growth = chance[:, 2] * TURN, torch.exp(chance[:, 3] * math.log1p(GROWTH))
    cos, sin = ((growth * f(turn))[:, None, None] for f in (torch.cos, torch.sin))
    x, y = flow.centers(size, chance)
    x, y = x - width / 2, y - height / 2
    turned = torch.stack([cos * x + sin * y + width / 2, cos * y - sin * x + height / 2], dim=1)
    at = turned + shift
    return at, inside(at)


def moved(pictures: Tensor, at: Tensor) -> Tensor:
    """Pictures (B, C, H, W) 0..1 seen at points (B, 2, H, W), mirrored beyond their borders; bicubic, kept in 0..1."""
    height, width = pictures.shape[-2:]
    size = torch.tensor([width, height], device=at.device, dtype=at.dtype)
    grid = at.permute(0, 2, 3, 1) * (2 / size) - 1
    seen = F.grid_sample(pictures.float(), grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    return seen.clamp(0, 1)


def inside(at: Tensor) -> Tensor:
    """Which points (B, 2, H, W) lie in the frame, (B, 1, H, W) 0 or 1."""
    height, width = at.shape[-2:]
    x, y = at[:, :1], at[:, 1:]
    return ((x >= 0.5) & (x <= width - 0.5) & (y >= 0.5) & (y <= height - 0.5)).float()


def flicker(now: Tensor, before: Tensor, flow_true: Tensor, alpha: Tensor) -> Tensor:
    """The person's mean change between frames (B, 3, H, W), motion taken out, of 0..255: (B,); 0 where none is seen."""
    at, known = told(flow_true)
    where = known * alpha
    change = (now - moved(before, at)).abs() * where * 255
    return change.sum((1, 2, 3)) / (3 * where.sum((1, 2, 3))).clamp_min(1)
