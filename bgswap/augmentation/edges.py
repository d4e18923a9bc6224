"""Edges of hard masks: told from true mattes, and softened as a lens softens, never fitted to the photo.

The mask is blurred about its edge, and the very same alpha composites and is the truth, so picture and truth agree. An
edge fitted to the photo would be a guess sold as truth.
"""

import torch
from torch import Tensor

from bgswap.augmentation.tensors import gaussian, premultiplied, straight

HARD = 2.8  # ours: mean width in pixels up to which edges are a hard mask's: 1.2-1.4 shrunk, 2.5 enlarged; true
#  mattes have 2.9 even of small figures, and hair 5 to 20
INNER = 1.0  # ours: pixels by which colors are fetched from further inside than the softened edge reaches
SOLID = 2e-3  # ours: a softened edge ends where it is this near to 0 or 1, so that it has an end at all


def is_hard(alpha: Tensor) -> bool:
    """Whether a matte (1, H, W) is a hard mask, as it is or resampled."""
    return edge_width(alpha) <= HARD


def softened(foreground: Tensor, alpha: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """Colors (3, H, W) and alpha (1, H, W) of a person whose hard mask is blurred.

    Nothing further than ceil(3 sigma) pixels from the edge changes. The softened edge takes its colors from further
    inside: outside the mask there are none, and next to its border they often are the old background's.
    """
    soft = ((gaussian(alpha, sigma) - SOLID) / (1 - 2 * SOLID)).clamp_(0, 1)
    sure = soft.square().square()
    weight = sure.square().add_(1e-3) * alpha  # eighth power, as in matting/colors.py; thin parts have no inside
    inner, _ = straight(gaussian(premultiplied(foreground, weight), sigma + INNER))
    return torch.lerp(inner, foreground, sure * (alpha > 0)), soft


def edge_width(alpha: Tensor) -> float:
    """Mean width in pixels of a matte's edges (1, H, W): partial pixels over the edge's length; 0 without any.

    The length is the matte's total variation, which is the outline's length for hard and soft mattes alike.
    """
    down, across = alpha.diff(dim=1)[:, :, :-1], alpha.diff(dim=2)[:, :-1]
    length = float(torch.hypot(down, across).sum())
    partial = float(((alpha > 0) & (alpha < 1)).sum())
    return partial / length if length else (0.0 if partial == 0 else float("inf"))
