"""Balanced error rate of shadow masks: mean of what is missed and falsely marked, 0..1, lower is better, 0 is best."""

import torch
from torch import Tensor

from bgswap.evaluation.metric import ratio

ROLES = ("predicted_alpha", "true_alpha", "region")
VARIANTS = ("ber", "s-ber")
BETTER, BEST, UNIT = "lower", 0.0, ""

CUT = 0.5  # 127.5 of 255, of both masks


def sums(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None, variant: str = "ber") -> Tensor:
    """For shadow, then for the rest ("ber" only): pixels found right, pixels there are; (B, 4) or (B, 2)."""
    region = torch.ones_like(true_alpha) if region is None else region
    counts = []
    for predicted, true, part in zip(predicted_alpha, true_alpha, region, strict=True):
        counted = part >= CUT
        shadow = (true >= CUT) & counted
        marked = (predicted >= CUT) & counted
        there, found = int(shadow.count_nonzero()), int((marked & shadow).count_nonzero())
        rest, false = int(counted.count_nonzero()) - there, int(marked.count_nonzero()) - found
        counts.append([found, there, rest - false, rest])
    table = torch.tensor(counts, dtype=torch.float64, device=predicted_alpha.device)
    return table if variant == "ber" else table[:, :2]


def score(sums: Tensor) -> Tensor:
    """(B, 4) or (B, 2) -> (B,): one less the mean of the shares that were found right."""
    return 1 - ratio(sums[:, ::2], sums[:, 1::2]).mean(1)


def shadow_ber(
    predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None, variant: str = "ber"
) -> Tensor:
    """Mean of the share of the shadow that is missed and of the rest that is falsely marked; "s-ber": the first alone.

    1 - (TPR + TNR) / 2 and 1 - TPR (Nguyen et al., ICCV 2017), both masks cut at 127.5 and on a scale of 0..1 as in
    DESOBAv2's ber.py (Liu et al., CVPR 2024); elsewhere printed times 100. A picture without shadow, or for "ber" with
    nothing else, has no value: that script divides 0 by 0 and leaves the NaN out of the mean, as here.

    predicted_alpha, true_alpha: (B, 1, H, W) 0..1, how much is shadow; region: (B, 1, H, W), 1 where pixels count;
    None: everywhere.
    Returns (B,). Half of four shadow pixels missed and one of four others marked:

    >>> true, marked = torch.tensor([1.0] * 4 + [0] * 4), torch.tensor([1.0, 1, 0, 0, 1, 0, 0, 0])
    >>> [float(shadow_ber(*(t.view(1, 1, 1, 8) for t in (marked, true, true * 0 + 1)), variant=v)) for v in VARIANTS]
    [0.375, 0.5]
    """
    return score(sums(predicted_alpha, true_alpha, region, variant=variant))
