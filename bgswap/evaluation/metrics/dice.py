"""Dice coefficient of mattes, soft or of masks at one half: share of overlap 0..1, higher is better, 1 is best."""

import numpy as np
import torch
from torch import Tensor

from bgswap.evaluation.metrics.alpha_mad import BLOCK, add_up, blocks
from bgswap.evaluation.metrics.mse import added

ROLES = ("predicted_alpha", "true_alpha", "region")
BETTER, BEST, UNIT = "higher", 1.0, ""
VARIANTS = ("soft", "hard")
HALF = 0.5  # a pixel of half cover belongs to the hard mask


def areas(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None) -> Tensor:
    """Pixels in both masks at one half, those in the one plus those in the other, and all that count, (B, 3)."""
    found = np.zeros((len(true_alpha), 3))
    given = [predicted_alpha, true_alpha, *([] if region is None else [region])]
    for picture, planes in enumerate(zip(*given, strict=True)):
        flat = [plane.cpu().reshape(-1).numpy() for plane in planes]
        for start in range(0, flat[0].size, BLOCK):  # NumPy compares and counts several times as fast as torch
            predicted, true, *counts = (plane[start : start + BLOCK] >= HALF for plane in flat)
            count = predicted.size
            if counts:
                predicted &= counts[0]
                true &= counts[0]
                count = np.count_nonzero(counts[0])
            found[picture] += np.count_nonzero(predicted & true), np.count_nonzero(predicted), count
            found[picture, 1] += np.count_nonzero(true)
    return torch.from_numpy(found).to(true_alpha.device)


def sums(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None, *, variant: str = "soft") -> Tensor:
    """The product, the squares of both, and the pixels that count, (B, 3)."""
    if variant == "hard":
        return areas(predicted_alpha, true_alpha, region)
    if region is None:
        product, squares = _everywhere(predicted_alpha, true_alpha)
        return torch.stack([product, squares, torch.full_like(product, true_alpha[0].numel())], 1)
    return add_up(_sums(*planes) for planes in blocks(predicted_alpha, true_alpha, region))


def _everywhere(predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """The product and the squares of both over all pixels, (B,) float64."""
    dot, parts = torch.linalg.vecdot, list(blocks(predicted, true))
    return added([dot(a, b) for a, b in parts]), added([dot(a, a) + dot(b, b) for a, b in parts])


def _sums(predicted: Tensor, true: Tensor, counts: Tensor) -> tuple[Tensor, ...]:
    """Those of one block, (B, n) each."""
    inside = true * counts
    product = (inside * predicted).sum(1)
    squares = inside.mul_(true).addcmul_(predicted.square(), counts).sum(1)
    return product, squares, counts.sum(1)


def score(sums: Tensor) -> Tensor:
    """(B, 3) -> (B,); 0 / 0 is NaN."""
    product, squares, count = sums.unbind(1)
    return torch.where((squares == 0) & (count > 0), 1.0, 2 * product / squares)


def dice(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None, *, variant: str = "soft") -> Tensor:
    """2 sum(a g) / (sum(a²) + sum(g²)) over region: Dice's coefficient, not the loss, which is 1 less this.

    With the squares below it is V-Net's (Milletari et al., 3DV 2016) and that of the U-Net matting poster (AISegment
    portraits), whose figures it is compared with. variant: "soft", of the mattes themselves; "hard", of their masks at
    one half (Dice, Ecology 1945), where squares change nothing. All (B, 1, H, W) 0..1; region is 1 where pixels count;
    None: everywhere. Returns (B,), 0 to 1; 1 where nobody was there and nobody was found; NaN where region is empty.

    >>> true, predicted = torch.tensor([1, 1, 0, 0.5]), torch.tensor([0.9, 0.6, 0.2, 0.5])  # 2 * 1.75 / (2.25 + 1.46)
    >>> round(float(dice(predicted.view(1, 1, 2, 2), true.view(1, 1, 2, 2), torch.ones(1, 1, 2, 2))), 6)
    0.943396
    """
    if region is None and variant == "soft":
        product, squares = _everywhere(predicted_alpha, true_alpha)
        return torch.where(squares == 0, 1.0, 2 * product / squares)
    return score(sums(predicted_alpha, true_alpha, region, variant=variant))
