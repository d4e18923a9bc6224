"""How wrong the predicted height is, |ln(predicted / true)|: 0.69 is twice or half, lower is better, 0 is best."""

import torch
from torch import Tensor

ROLES = ("predicted_box", "true_box")
BETTER, BEST, UNIT = "lower", 0.0, "ln"


def box_scale(predicted_box: Tensor, true_box: Tensor) -> Tensor:
    """Logarithm of the ratio of heights, without its sign: twice too big is as wrong as half as big (our definition).

    predicted_box, true_box: (B, 4) x of the middle, y of the lower edge, width, height, shares of the frame's sides;
    a person keeps its proportions, so the height tells the scale. Returns (B,), NaN where a height is not told or is
    not above 0. Half as high is ln 2:

    >>> round(float(box_scale(torch.tensor([[0.5, 0.9, 0.1, 0.3]]), torch.tensor([[0.2, 0.8, 0.2, 0.6]]))), 4)
    0.6931
    """
    predicted, true = predicted_box[:, 3], true_box[:, 3]
    told = (predicted > 0) & (true > 0)
    return torch.where(told, (predicted / true).log().abs(), torch.nan)
