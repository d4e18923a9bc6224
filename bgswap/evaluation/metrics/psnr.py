"""Peak signal-to-noise ratio of each picture: dB, higher is better, 100 (the cap) for identical pictures."""

import torch
from torch import Tensor

from bgswap.evaluation.metrics import mse
from bgswap.evaluation.metrics.mse import sums

__all__ = ["decibels", "psnr", "score", "sums"]

ROLES = ("predicted", "true")
BETTER, BEST, UNIT = "higher", 100.0, "dB"
VARIANTS = ("255", "range")
WHOLE = ("range",)  # this variant does not add up over strips: it needs the whole picture's range
CAP = 100.0  # ours, dB: of identical pictures, whose ratio is infinite and would swallow every mean


def decibels(error: Tensor, peak: Tensor | float = 255.0) -> Tensor:
    """10 log10(peak² / error), at most 100; error: (B,) levels², NaN stays NaN; peak: levels."""
    values = (10 * torch.log10(peak**2 / error)).clamp(max=CAP)
    return torch.where(error == 0, CAP, values)


def score(sums: Tensor) -> Tensor:
    """(B, 2) -> (B,), of the variant "255"."""
    return decibels(mse.score(sums))


def psnr(predicted: Tensor, true: Tensor, variant: str = "255") -> Tensor:
    """10 log10(peak² / mse) of each picture; tables average these, and do not take the ratio of an average error.

    "255": the peak is 255 (Huynh-Thu and Ghanbari, Electronics Letters 2008). "range": the peak is the largest minus
    the smallest level of `predicted`, all channels together. DoveNet's published scripts do so (Cong et al., CVPR
    2020: DoveNet/test.py of the iHarmony4 repository passes `output.max() - output.min()` as scikit-image's data range,
    its evaluation.py the same of the composite that it scores): the range is that of the picture under test, not of the
    real one, so a washed-out result is punished twice. iDIH's own script has a third peak, the real picture's maximum;
    its followers (PCT-Net, CVPR 2023) have 255.

    predicted, true: (B, C, H, W) sRGB 0..1. Returns (B,), 0 to 100; "range" can be negative, and is NaN where a
    prediction of one single level has no range. Off by 25.5 levels everywhere is 20 dB:

    >>> float(psnr(torch.full((1, 3, 4, 4), 0.1), torch.zeros(1, 3, 4, 4)).round(decimals=4))
    20.0
    """
    error = mse.mse(predicted, true)
    if variant == "255":
        return decibels(error)
    levels = predicted.flatten(1)
    peak = (levels.amax(1) - levels.amin(1)).double() * 255  # aminmax is twenty times slower
    return decibels(error, torch.where(peak > 0, peak, torch.nan))
