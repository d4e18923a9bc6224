"""Whether a box among the first K candidates overlaps the true one by half: a share, higher is better, 1 is best."""

import torch
from torch import Tensor

from bgswap.evaluation.metrics.box_iou import box_iou

ROLES = ("candidates", "true_box")
VARIANTS = ("1", "5", "10")  # 1 and 5 as TopNet tells its results (Zhu et al., CVPR 2023); 10 is ours
BETTER, BEST, UNIT = "higher", 1.0, ""

HIT = 0.5  # intersection over union of a hit, as in PASCAL VOC (Everingham et al., IJCV 2010)


def box_topk(candidates: Tensor, true_box: Tensor, variant: str = "1") -> Tensor:
    """1 where one of the first K candidates has an overlap of at least 0.5 with the true box, else 0.

    Its mean over pictures is the share of pictures with a hit.

    candidates: (B, K', 4) boxes, best first, rows of NaN after the last; true_box: (B, 4); each x of the middle, y of
    the lower edge, width, height, shares of the frame's sides. variant: K; where there are fewer, those. Returns (B,)
    0 or 1, NaN where no overlap is known. The second of two is right:

    >>> candidates = torch.tensor([[[0.1, 0.9, 0.2, 0.5], [0.5, 0.9, 0.2, 0.5]]])
    >>> [float(box_topk(candidates, candidates[:, 1], variant=k)) for k in ("1", "5")]
    [0.0, 1.0]
    """
    overlap = box_iou(candidates[:, : int(variant)], true_box[:, None])
    hit = (overlap >= HIT).any(1).to(overlap.dtype)
    return torch.where(overlap.isnan().all(1), torch.nan, hit)
