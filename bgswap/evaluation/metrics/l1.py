"""Mean absolute error of 0..255 pictures, over all pixels and channels: levels, lower is better, 0 is best."""

from torch import Tensor

from bgswap.evaluation.metrics.mse import added, differences, with_count

ROLES = ("predicted", "true")
BETTER, BEST, UNIT = "lower", 0.0, "levels"


def sums(predicted: Tensor, true: Tensor) -> Tensor:
    """Absolute error in levels and the numbers that it sums, (B, 2)."""
    return with_count(errors(predicted, true).mul_(255), predicted)


def errors(predicted: Tensor, true: Tensor) -> Tensor:
    """Absolute error of 0..1 pictures, summed over all pixels and channels, (B,) float64."""
    return added([error.abs_().sum((1, 2, 3)) for _, error in differences(predicted, true)])


def score(sums: Tensor) -> Tensor:
    """(B, 2) -> (B,)."""
    return sums[:, 0] / sums[:, 1]


def l1(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean of |255 (predicted - true)|, the L1 loss of pix2pix (Isola et al., CVPR 2017, equation 3) in levels.

    Divide by 255 for the loss of 0..1 pictures, by 127.5 for that of -1..1 pictures.

    predicted, true: (B, C, H, W) sRGB 0..1. Returns (B,), 0 to 255. Half of the rows off by 10 levels is 5:

    >>> true = torch.zeros(1, 3, 4, 4)
    >>> true[:, :, :2] = 10 / 255
    >>> float(l1(torch.zeros(1, 3, 4, 4), true).round(decimals=4))
    5.0
    """
    return errors(predicted, true).mul_(255 * len(predicted) / predicted.numel())
