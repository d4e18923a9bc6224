"""Mean absolute error of mattes over the pixels that count: a share of 1, lower is better, 0 is best."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from bgswap.evaluation.metrics.l1 import errors
from bgswap.evaluation.metrics.mse import with_count

ROLES = ("predicted_alpha", "true_alpha", "region")
BETTER, BEST, UNIT = "lower", 0.0, ""
BLOCK = 1 << 16  # ours: numbers worked on at a time, so that what is computed of them stays in the processor's cache


def blocks(*planes: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same stretch of every plane, (B, n), until all pixels were seen. planes: (B, 1, H, W)."""
    flat = [plane.flatten(1) for plane in planes]
    count, step = flat[0].shape[1], max(1, BLOCK // max(1, len(flat[0])))
    if count <= step:
        yield tuple(flat)
        return
    for start in range(0, count, step):
        yield tuple(plane[:, start : start + step] for plane in flat)


def add_up(parts: Iterable[tuple[Tensor, ...]]) -> Tensor:
    """Sums of each block, K of (B,), added in float64 over all blocks: (B, K)."""
    first, *others = (torch.stack(part, 1).double() for part in parts)
    for part in others:
        first += part
    return first


def sums(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None) -> Tensor:
    """Absolute error and the pixels that count, (B, 2)."""
    if region is None:
        return with_count(errors(predicted_alpha, true_alpha), true_alpha)
    return add_up(
        ((predicted - true).mul_(counts).abs_().sum(1), counts.sum(1))
        for predicted, true, counts in blocks(predicted_alpha, true_alpha, region)
    )


def score(sums: Tensor) -> Tensor:
    """(B, 2) -> (B,); 0 / 0 is NaN."""
    return sums[:, 0] / sums[:, 1]


def alpha_mad(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean of |predicted_alpha - true_alpha| where region is 1, as trimap-free matting papers have it.

    Known as MAD or MAE (Ke et al., MODNet, AAAI 2022, section 5; often printed times 1000). All (B, 1, H, W) 0..1;
    region is 1 where pixels count, such as in the trimap's unknown band; None: everywhere. Returns (B,), 0 to 1, NaN
    where region is empty. Off by 1/4 in half of the pixels is 1/8:

    >>> true = torch.tensor([[[[0.0, 0.5]]]])
    >>> float(alpha_mad(true + torch.tensor([0.0, 0.25]), true, torch.ones(1, 1, 1, 2)))
    0.125
    """
    if region is None:
        return errors(predicted_alpha, true_alpha).mul_(len(true_alpha) / true_alpha.numel())
    return score(sums(predicted_alpha, true_alpha, region))
