"""Mean squared error of 0..255 pictures inside the mask alone: levels², lower is better, 0 is best."""

import torch
from torch import Tensor

from bgswap.evaluation.metric import ratio
from bgswap.evaluation.metrics.mse import differences

ROLES = ("predicted", "true", "mask")
BETTER, BEST, UNIT = "lower", 0.0, "levels²"
INSIDE = 0.5  # a mask's level 128 of 255 and above is inside, as Pillow rounds a mask to black and white


def inside(mask: Tensor) -> Tensor:
    """The hard mask, 0 and 1 of the same shape and type; a cast of True and False takes seven times longer."""
    return torch.ge(mask, INSIDE, out=torch.empty_like(mask))


def sums(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """Squared error in levels² inside the mask and the numbers that it sums (channels times pixels), (B, 2)."""
    found = predicted.new_zeros((len(predicted), 2), dtype=torch.float64)
    squares, counted = found.unbind(1)
    for rows, error in differences(predicted, true):
        hard = inside(mask[:, :, rows])
        squares += error.mul_(hard).square_().sum((1, 2, 3))
        counted += hard.sum((1, 2, 3))
    squares *= 255**2
    counted *= predicted.shape[1]
    return found


def score(sums: Tensor) -> Tensor:
    """(B, 2) -> (B,), NaN where the mask is empty."""
    return ratio(sums[:, 0], sums[:, 1])


def fmse(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """Sum of (255 (predicted - true))² inside the mask over channels times its pixels (Cong et al., CVPR 2020).

    The fMSE of the iHarmony4 tables: unlike mse it does not fall as the person gets smaller. Papers of the iDIH family
    (Sofiiuk et al., WACV 2021) weigh by a soft mask instead; with masks of 0 and 255 both are the same.

    predicted, true: (B, C, H, W) sRGB 0..1; mask: (B, 1, H, W) 0..1, 0.5 and above is inside. Returns (B,), 0 to 65025,
    NaN where the mask is empty. What is off outside does not count:

    >>> true, mask = torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)
    >>> true[..., :2], true[..., 2:], mask[..., :2] = 10 / 255, 1.0, 1.0
    >>> float(fmse(torch.zeros(1, 3, 4, 4), true, mask).round(decimals=3))
    100.0
    """
    return score(sums(predicted, true, mask))
