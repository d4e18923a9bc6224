"""Root mean squared error of 0..255 pictures, whole or inside the true shadow: levels, lower is better, 0 is best."""

from torch import Tensor

from bgswap.errors import UsageError
from bgswap.evaluation.metric import ratio
from bgswap.evaluation.metrics import fmse, mse

ROLES = {"global": ("predicted", "true"), "local": ("predicted", "true", "mask")}
VARIANTS = ("global", "local")
BETTER, BEST, UNIT = "lower", 0.0, "levels"


def sums(predicted: Tensor, true: Tensor, mask: Tensor | None = None, variant: str = "global") -> Tensor:
    """Squared error in levels² and the numbers that it sums, (B, 2)."""
    if variant == "global":
        return mse.sums(predicted, true)
    if mask is None:
        raise UsageError("shadow-rmse:local needs the true shadow as a mask")
    return fmse.sums(predicted, true, mask)


def score(sums: Tensor) -> Tensor:
    """(B, 2) -> (B,)."""
    return ratio(sums[:, 0], sums[:, 1]).sqrt()


def shadow_rmse(predicted: Tensor, true: Tensor, mask: Tensor | None = None, variant: str = "global") -> Tensor:
    """Square root of the mean of (255 (predicted - true))², one picture at a time, then averaged over pictures.

    Source: RMSE and S-RMSE of shadow generation (Hong et al., AAAI 2022; the evaluation script of DESOBAv2, Liu et
    al., CVPR 2024), there at 256 x 256. "local" sums inside the true shadow and divides by 3 x its pixels. The script
    cuts that mask at 191 of 255, having moved it to -1..1 first; here it is cut at 127.5 as for the error rates.

    predicted, true: (B, 3, H, W) sRGB 0..1; mask: (B, 1, H, W) 0..1, the true shadow. Returns (B,), 0 to 255; NaN
    for "local" without a shadow. Off by 30 levels on a tenth of the pixels is 30 there and 30 / √10 in all:

    >>> import torch
    >>> true, mask = torch.zeros(1, 3, 1, 10), torch.eye(10)[None, None, :1]
    >>> [float(shadow_rmse(mask * 30 / 255 + true, true, mask, variant=v).round(decimals=3)) for v in VARIANTS]
    [9.487, 30.0]
    """
    if variant == "global":
        return mse.mse(predicted, true).sqrt_()
    return score(sums(predicted, true, mask, variant=variant))
