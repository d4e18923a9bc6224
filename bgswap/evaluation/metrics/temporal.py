"""Error of what changes from frame to frame, flicker: levels of 0..255, lower is better, 0 is best."""

import torch
from torch import Tensor

ROLES = {
    "picture": ("predicted", "true", "previous", "true_previous"),
    "dtssd-alpha": ("predicted_alpha", "true_alpha", "previous_alpha", "true_previous_alpha"),
}
VARIANTS = ("picture", "dtssd-alpha")
BETTER, BEST, UNIT = "lower", 0.0, "levels"


def sums(predicted: Tensor, true: Tensor, previous: Tensor, true_previous: Tensor, variant: str = "picture") -> Tensor:
    """The error's absolute or squared sum and the numbers that it sums, (B, 2)."""
    error = (predicted - true).sub_(previous).add_(true_previous).flatten(1)
    if variant == "picture":
        added = error.abs_().sum(1).double() * 255
    else:
        added = torch.linalg.vecdot(error, error).double() * 255**2
    return torch.stack([added, torch.full_like(added, error.shape[1])], 1)


def score(sums: Tensor, variant: str = "picture") -> Tensor:
    """(B, 2) -> (B,)."""
    mean = sums[:, 0] / sums[:, 1]
    return mean if variant == "picture" else mean.sqrt()


def temporal(
    predicted: Tensor, true: Tensor, previous: Tensor, true_previous: Tensor, variant: str = "picture"
) -> Tensor:
    """Error of the change from frame to frame, (predicted - previous) - (true - true_previous), in levels of 0..255.

    "dtssd-alpha": its root mean square over a matte, dtSSD of Erofeev et al. (BMVC 2015, "Perceptually motivated
    benchmark for video matting"). Robust Video Matting (Lin et al., WACV 2022) prints it times 100 for mattes of
    0..1: that is ours over 2.55; there a first frame counts as 0, here it has no value. "picture": the mean of its
    absolute value over pixels and channels, ours. What is equally wrong in both frames does not count.

    predicted, true: this frame, previous, true_previous: the one before, (B, C, H, W) 0..1. Returns (B,), 0 to 510. A
    picture that becomes 4 levels brighter while the truth stays as it is:

    >>> dark, bright = torch.full((1, 3, 2, 2), 0.2), torch.full((1, 3, 2, 2), 0.2 + 4 / 255)
    >>> float(temporal(bright, dark, dark, dark).round(decimals=3))
    4.0
    """
    return score(sums(predicted, true, previous, true_previous, variant), variant)
