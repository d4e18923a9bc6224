"""Mean squared error of mattes over the pixels that count: a share of 1, lower is better, 0 is best."""

from torch import Tensor

from bgswap.evaluation.metrics.alpha_mad import add_up, blocks
from bgswap.evaluation.metrics.mse import squares, with_count

ROLES = ("predicted_alpha", "true_alpha", "region")
BETTER, BEST, UNIT = "lower", 0.0, ""


def sums(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None) -> Tensor:
    """Squared error and the pixels that count, (B, 2)."""
    if region is None:
        return with_count(squares(predicted_alpha, true_alpha), true_alpha)
    return add_up(
        ((predicted - true).square_().mul_(counts).sum(1), counts.sum(1))
        for predicted, true, counts in blocks(predicted_alpha, true_alpha, region)
    )


def score(sums: Tensor) -> Tensor:
    """(B, 2) -> (B,); 0 / 0 is NaN."""
    return sums[:, 0] / sums[:, 1]


def alpha_mse(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean of (predicted_alpha - true_alpha)² where region is 1 (Rhemann et al., CVPR 2009, section 4).

    As Xu et al. (Deep Image Matting, CVPR 2017) divide it: by the pixels that count. Many tables print it times 1000;
    this one does not. All (B, 1, H, W) 0..1; region is 1 where pixels count, such as in the trimap's unknown
    band; None: everywhere. Returns (B,), 0 to 1, NaN where region is empty. Off by 1/2 in half of the pixels is 1/8:

    >>> import torch
    >>> true = torch.tensor([[[[0.0, 0.5]]]])
    >>> float(alpha_mse(true + torch.tensor([0.0, 0.5]), true, torch.ones(1, 1, 1, 2)))
    0.125
    """
    if region is None:
        return squares(predicted_alpha, true_alpha).mul_(len(true_alpha) / true_alpha.numel())
    return score(sums(predicted_alpha, true_alpha, region))
