"""Mean squared error of 0..255 pictures, over all pixels and channels: levels², lower is better, 0 is best."""

import torch
from torch import Tensor

ROLES = ("predicted", "true")
BETTER, BEST, UNIT = "lower", 0.0, "levels²"


def sums(predicted: Tensor, true: Tensor) -> Tensor:
    """Squared error in levels² and the numbers that it sums, (B, 2)."""
    error = (predicted - true).flatten(1)
    squares = torch.linalg.vecdot(error, error).double() * 255**2
    return torch.stack([squares, torch.full_like(squares, error.shape[1])], 1)


def score(sums: Tensor) -> Tensor:
    """(B, 2) -> (B,)."""
    return sums[:, 0] / sums[:, 1]


def mse(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean of (255 (predicted - true))², as harmonization papers have it (Tsai et al., CVPR 2017, section 5).

    predicted, true: (B, C, H, W) sRGB 0..1. Returns (B,), 0 to 65025. Off by 10 levels everywhere is 100:

    >>> float(mse(torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 10 / 255)).round(decimals=3))
    100.0
    """
    return score(sums(predicted, true))
