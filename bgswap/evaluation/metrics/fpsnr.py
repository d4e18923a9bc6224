"""Peak signal-to-noise ratio inside the mask alone: dB, higher is better, 100 (the cap) for identical pictures."""

from torch import Tensor

from bgswap.evaluation.metrics import fmse
from bgswap.evaluation.metrics.fmse import sums
from bgswap.evaluation.metrics.psnr import decibels

__all__ = ["fpsnr", "score", "sums"]

ROLES = ("predicted", "true", "mask")
BETTER, BEST, UNIT = "higher", 100.0, "dB"


def score(sums: Tensor) -> Tensor:
    """(B, 2) -> (B,), NaN where the mask is empty."""
    return decibels(fmse.score(sums))


def fpsnr(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """10 log10(255² / fmse) of each picture, capped at 100 as psnr is, peak 255.

    As the evaluation script of Intrinsic Image Harmonization (Guo et al., CVPR 2021) has it.

    predicted, true: (B, C, H, W) sRGB 0..1; mask: (B, 1, H, W) 0..1, 0.5 and above is inside. Returns (B,), 0 to 100,
    NaN where the mask is empty. Off by 25.5 levels inside is 20 dB, whatever the rest is like:

    >>> import torch
    >>> predicted, mask = torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)
    >>> predicted[..., :1], mask[..., :1] = 0.1, 1.0
    >>> float(fpsnr(predicted, torch.zeros(1, 3, 4, 4), mask).round(decimals=4))
    20.0
    """
    return score(sums(predicted, true, mask))
