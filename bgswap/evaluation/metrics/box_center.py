"""Distance of the predicted box's center from the true one's, in frame sides: lower is better, 0 is best."""

import torch
from torch import Tensor

ROLES = ("predicted_box", "true_box")
BETTER, BEST, UNIT = "lower", 0.0, "sides"


def box_center(predicted_box: Tensor, true_box: Tensor) -> Tensor:
    """Length of the way between the boxes' centers, across in frame widths and down in frame heights (our definition).

    In shares of each side, since a box does not tell the frame's shape; opposite corners are 1.4142 apart. Widths do
    not count, so that a place has a value even where nobody knows who stands in it.

    predicted_box, true_box: (B, 4) x of the middle, y of the lower edge, width, height, shares of the frame's sides.
    Returns (B,), NaN where a place is not told. Three tenths of the width aside and feet four tenths of the height
    lower, at equal heights:

    >>> round(float(box_center(torch.tensor([[0.8, 0.9, 0.2, 0.5]]), torch.tensor([[0.5, 0.5, 0.2, 0.5]]))), 4)
    0.5
    """
    across = predicted_box[:, 0] - true_box[:, 0]
    down = (predicted_box[:, 1] - predicted_box[:, 3] / 2) - (true_box[:, 1] - true_box[:, 3] / 2)
    return torch.hypot(across, down)
