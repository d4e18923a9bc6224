"""Intersection over union of mattes' masks at one half, or soft: share of overlap 0..1, higher is better, 1 is best."""

import torch
from torch import Tensor

from bgswap.evaluation.metrics.alpha_mad import add_up, blocks
from bgswap.evaluation.metrics.dice import areas

ROLES = ("predicted_alpha", "true_alpha", "region")
BETTER, BEST, UNIT = "higher", 1.0, ""
VARIANTS = ("hard", "soft")


def sums(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None, *, variant: str = "hard") -> Tensor:
    """Intersection, both areas together, and the pixels that count, (B, 3)."""
    if variant == "hard":
        return areas(predicted_alpha, true_alpha, region)
    given = [predicted_alpha, true_alpha, *([] if region is None else [region])]
    return add_up(_sums(*planes) for planes in blocks(*given))


def _sums(predicted: Tensor, true: Tensor, counts: Tensor | None = None) -> tuple[Tensor, ...]:
    """Those of one block, (B, n) each."""
    if counts is None:
        shared = torch.minimum(predicted, true).sum(1)
        return shared, predicted.sum(1) + true.sum(1), torch.full_like(shared, true.shape[1])
    predicted, true = predicted * counts, true * counts
    shared = torch.minimum(predicted, true).sum(1)
    return shared, predicted.add_(true).sum(1), counts.sum(1)


def score(sums: Tensor) -> Tensor:
    """(B, 3) -> (B,); 0 / 0 is NaN."""
    shared, both, count = sums.unbind(1)
    return torch.where((both == 0) & (count > 0), 1.0, shared / (both - shared))


def iou(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None, *, variant: str = "hard") -> Tensor:
    """Pixels in both masks over pixels in either, where region is 1: Jaccard's index.

    As the PASCAL VOC segmentation challenge counts it (Everingham et al., IJCV 2010), but a picture at a time. variant:
    "hard", masks of alpha at least one half; "soft", sum of the smaller alpha over sum of the larger (Ruzicka's form),
    which is the same for masks. All (B, 1, H, W) 0..1; region is 1 where pixels count; None: everywhere. Returns (B,),
    0 to 1; 1 where nobody was there and nobody was found; NaN where region is empty. One shared, one extra:

    >>> mattes = torch.tensor([1.0, 0.5, 0.4]), torch.tensor([1.0, 0.0, 0.0])
    >>> float(iou(*(matte.view(1, 1, 1, 3) for matte in mattes), torch.ones(1, 1, 1, 3)))
    0.5
    """
    return score(sums(predicted_alpha, true_alpha, region, variant=variant))
