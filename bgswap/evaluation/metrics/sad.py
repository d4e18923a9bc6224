"""Sum of absolute differences of mattes: thousands of pixels, lower is better, 0 is best."""

from torch import Tensor

from bgswap.evaluation.metrics.alpha_mad import sums
from bgswap.evaluation.metrics.l1 import errors

ROLES = ("predicted_alpha", "true_alpha", "region")
BETTER, BEST, UNIT = "lower", 0.0, "1000 px"
THOUSAND = 1000  # matting papers print the sum in thousands

__all__ = ["BEST", "BETTER", "ROLES", "UNIT", "sad", "score", "sums"]


def score(sums: Tensor) -> Tensor:
    """(B, 2) -> (B,); 0 / 0 is NaN."""
    error, count = sums.unbind(1)
    return error / count * count / THOUSAND


def sad(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None) -> Tensor:
    """Sum of |predicted_alpha - true_alpha| where region is 1, divided by 1000.

    Rhemann et al., CVPR 2009, section 4; the factor as in Xu et al. (Deep Image Matting, CVPR 2017). It grows with the
    picture's size: compare at one size only. All (B, 1, H, W) 0..1; region is 1 where pixels count, such as in the
    trimap's unknown band; None: everywhere. Returns (B,), 0 to H W / 1000, NaN where region is empty. A hundred pixels
    that are off by one half are 50 whole pixels, 0.05 thousand:

    >>> import torch
    >>> true = torch.zeros(1, 1, 10, 10)
    >>> float(sad(true + 0.5, true, torch.ones_like(true)))
    0.05
    """
    if region is None:
        return errors(predicted_alpha, true_alpha).div_(THOUSAND)
    return score(sums(predicted_alpha, true_alpha, region))
