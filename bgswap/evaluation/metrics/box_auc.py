"""Chance that the true place scores above a moved one: 0..1, higher is better, 1 is best; 0.5 is guessing."""

import torch
from torch import Tensor

from bgswap.evaluation.metric import ratio

ROLES = ("true_score", "moved_scores")
BETTER, BEST, UNIT = "higher", 1.0, ""


def box_auc(true_score: Tensor, moved_scores: Tensor) -> Tensor:
    """Area under the ROC curve of one picture's true place against its moved ones; ties count half.

    The Mann-Whitney statistic over its greatest value (Hanley and McNeil, Radiology 1982, 143:29-36). Only the order
    of the scores counts, so that any scale will do as long as higher suits better.

    true_score: (B, 1); moved_scores: (B, K), NaN after the last. Returns (B,), 0 to 1; NaN without a true score or
    without any moved one. Above one, equal to one and below two:

    >>> float(box_auc(torch.tensor([[0.5]]), torch.tensor([[0.2, 0.5, 0.7, 0.9]])))
    0.375
    """
    told = ~moved_scores.isnan()
    won = (true_score > moved_scores).sum(1) + 0.5 * (true_score == moved_scores).sum(1)
    return torch.where(true_score[:, 0].isnan(), torch.nan, ratio(won, told.sum(1)))
