"""Mean squared error of 0..1 pictures, over all pixels and channels: lower is better, 0 is best."""

from torch import Tensor

from bgswap.evaluation.metrics.mse import squares, sums

__all__ = ["mse01", "score", "sums"]

ROLES = ("predicted", "true")
BETTER, BEST, UNIT = "lower", 0.0, ""


def score(sums: Tensor) -> Tensor:
    """(B, 2), in levels² as mse has them, -> (B,)."""
    added, counted = sums.unbind(1)
    return added / (counted * 255**2)


def mse01(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean of (predicted - true)²: mse divided by 255², the scale of papers that keep pictures at 0..1.

    predicted, true: (B, C, H, W) sRGB 0..1. Returns (B,), 0 to 1. Off by a half everywhere is a quarter:

    >>> import torch
    >>> float(mse01(torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.5)))
    0.25
    """
    return squares(predicted, true).mul_(len(predicted) / predicted.numel())
