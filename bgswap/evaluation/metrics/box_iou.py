"""Overlap of the predicted box with the true one, intersection over union: 0..1, higher is better, 1 is best."""

import torch
from torch import Tensor

from bgswap.evaluation.metric import ratio

ROLES = ("predicted_box", "true_box")
BETTER, BEST, UNIT = "higher", 1.0, ""


def box_iou(predicted_box: Tensor, true_box: Tensor) -> Tensor:
    """Area that two upright boxes share over the area that they cover together (Everingham et al., IJCV 2010).

    Placement is compared so by BootPlace (Zhou et al., CVPR 2025). As both areas shrink alike, the frame's shape does
    not matter. Parts of a box outside the frame count: a person may be cut by the border.

    predicted_box, true_box: (..., 4) x of the middle, y of the lower edge, width, height, shares of the frame's sides,
    of shapes that broadcast. Returns (...), 0 to 1; NaN where a number is not told or neither box has an area. A box
    half a width beside its equal shares a third of what both cover:

    >>> round(float(box_iou(torch.tensor([0.5, 0.9, 0.2, 0.5]), torch.tensor([0.6, 0.9, 0.2, 0.5]))), 4)
    0.3333
    """
    first, second = _edges(predicted_box), _edges(true_box)
    low, high = torch.maximum(first[0], second[0]), torch.minimum(first[1], second[1])
    shared = (high - low).clamp_min(0).prod(-1)
    both = (first[1] - first[0]).prod(-1) + (second[1] - second[0]).prod(-1) - shared
    return ratio(shared, both)


def _edges(box: Tensor) -> tuple[Tensor, Tensor]:
    """(..., 4) -> its upper left and lower right corners, (..., 2) each."""
    x, y, width, height = box.unbind(-1)
    return torch.stack([x - width / 2, y - height], -1), torch.stack([x + width / 2, y], -1)
