"""Spoils true mattes as networks do, so that others learn to take such a mask in: edges off, patches wrong, coarse.

Source: mask noise of deep image compositing (Zhang et al., WACV 2021, arXiv 2011.02146), which gives no amounts: all
amounts here are ours.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from bgswap.training.recipe import Step

FRAME = 256  # the side that all lengths are told for
MOST_PATCHES = 3  # ours: a sample gets 0 to 3
COARSE_SHARE = 0.5  # ours: every second mask comes from a smaller one
PLACES = 4  # ours: cells along a side of the map that says where an edge is too wide and where it is too narrow


def spoil(
    alpha: Tensor,
    step: Step,
    *,
    edge: tuple[float, float] = (1, 15),
    patches: tuple[float, float] = (16, 64),
    blur: float = 3.0,
    coarse: int = 4,
) -> Tensor:
    """Mattes as a weak network gives them: alpha (B, 1, H, W) 0..1 -> same shape and range.

    In this order, drawn anew for every sample: the edge too wide, too narrow, or by places one or the other (a third
    of the samples each); up to 3 square patches of all person or none; a blur; and, for half of the samples, the loss
    of a smaller mask that was scaled up. The numbers depend on the step and a sample's place in the whole batch alone.

    Args:
        alpha: true mattes; left as they are. Gradients pass.
        step: where chance comes from.
        edge: least and most pixels that an edge is off; (0, 0): none.
        patches: least and most side of a patch, pixels; (0, 0): none.
        blur: largest sigma of the Gaussian, pixels; 0: none.
        coarse: how many times smaller the small mask is; 1: none.
        Pixels are those of a frame whose shorter side has 256: scaled to the actual one. All ours.
    """
    scale = min(alpha.shape[-2:]) / FRAME
    drawn = replace(step, device=torch.device("cpu"))  # numbers that decide must not be waited for on a GPU
    with torch.autocast(alpha.device.type, enabled=False):
        spoiled = alpha.float()
        if edge[1] > 0:
            spoiled = _edges(spoiled, drawn, edge[0] * scale, edge[1] * scale)
        if patches[1] > 0:
            spoiled = _patches(spoiled, drawn, patches[0] * scale, patches[1] * scale)
        if blur > 0:
            spoiled = _blur(spoiled, drawn.uniform(len(alpha), name="spoil blur") * blur * scale)
        if coarse > 1:
            spoiled = _coarse(spoiled, drawn, coarse)
    return spoiled.clamp(0, 1)


def _edges(alpha: Tensor, step: Step, least: float, most: float) -> Tensor:
    batch = len(alpha)
    sizes, kinds = step.uniform(batch, 2, name="spoil edge").T.tolist()
    radii = [max(round(least + u * (most - least)), 1) for u in sizes]
    where = step.uniform(batch, 1, PLACES, PLACES, name="spoil places")
    where = F.interpolate(where, size=alpha.shape[-2:], mode="bilinear", align_corners=False).to(alpha.device)
    rows = []
    for one, radius, kind, place in zip(torch.split(alpha, 1), radii, kinds, torch.split(where, 1), strict=True):
        if kind < 1 / 3:
            rows.append(_widest(one, radius))
        elif kind < 2 / 3:
            rows.append(1 - _widest(1 - one, radius))
        else:
            rows.append(torch.where(place > 0.5, _widest(one, radius), 1 - _widest(1 - one, radius)))
    return torch.cat(rows)


def _widest(alpha: Tensor, radius: int) -> Tensor:
    """The largest value within `radius` pixels, by an octagon: a square of a part, a diamond of the rest."""
    square = round(radius * 0.41)  # tan(22.5 degrees): all eight sides alike
    if square:
        alpha = F.max_pool2d(alpha, (2 * square + 1, 1), 1, (square, 0))
        alpha = F.max_pool2d(alpha, (1, 2 * square + 1), 1, (0, square))
    for _ in range(radius - square):
        upright, level = F.max_pool2d(alpha, (3, 1), 1, (1, 0)), F.max_pool2d(alpha, (1, 3), 1, (0, 1))
        alpha = torch.maximum(upright, level)
    return alpha


def _patches(alpha: Tensor, step: Step, least: float, most: float) -> Tensor:
    """0 to 3 squares of zeros or ones a sample; where, is drawn evenly."""
    batch, (height, width) = len(alpha), alpha.shape[-2:]
    drawn = step.uniform(batch, MOST_PATCHES, 4, name="spoil patches")
    many = (step.uniform(batch, 1, name="spoil many") * (MOST_PATCHES + 1)).floor()
    side = (least + drawn[..., 0] * (most - least)).round().clamp(min=1)
    top, left = (drawn[..., 1] * (height - side)).floor(), (drawn[..., 2] * (width - side)).floor()
    value = (drawn[..., 3] > 0.5).float()
    wanted = torch.arange(MOST_PATCHES) < many
    told = torch.stack([top, top + side, left, left + side, value, wanted.float()]).to(alpha.device, non_blocking=True)
    rows, columns = torch.arange(height, device=alpha.device), torch.arange(width, device=alpha.device)
    for number in range(MOST_PATCHES):
        top, bottom, left, right, value, wanted = told[:, :, number, None, None, None]
        inside = (rows[:, None] >= top) & (rows[:, None] < bottom) & (columns >= left) & (columns < right)
        alpha = torch.where(inside & (wanted > 0), value, alpha)
    return alpha


def _blur(alpha: Tensor, sigma: Tensor) -> Tensor:
    """A Gaussian of its own sigma, pixels, for every sample (B,), the border repeated."""
    reach = max(int(3 * float(sigma.max()) + 0.5), 1)
    x = torch.arange(-reach, reach + 1)
    weights = torch.exp(-0.5 * (x / sigma.clamp_min(1e-3)[:, None]) ** 2)
    weights = (weights / weights.sum(1, keepdim=True))[:, None].to(alpha.device)  # (B, 1, K)
    batch = len(alpha)
    rows = F.pad(alpha.transpose(0, 1), (reach, reach, reach, reach), mode="replicate")  # (1, B, H, W): one kernel each
    rows = F.conv2d(rows, weights[..., None], groups=batch)
    return F.conv2d(rows, weights[:, :, None], groups=batch).transpose(0, 1)


def _coarse(alpha: Tensor, step: Step, times: int) -> Tensor:
    height, width = alpha.shape[-2:]
    small = F.interpolate(alpha, size=(max(height // times, 1), max(width // times, 1)), mode="area")
    rough = F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)
    chosen = step.uniform(len(alpha), 1, 1, 1, name="spoil coarse") < COARSE_SHARE
    return torch.where(chosen.to(alpha.device, non_blocking=True), rough, alpha)
