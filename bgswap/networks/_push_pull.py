"""Push and pull: a hole gets the colors around it, the nearer the more.

Gortler, Grzeszczuk, Szeliski, Cohen, SIGGRAPH 1996, 10.1145/237170.237200, section 3.4.
"""

import torch.nn.functional as F
from torch import Tensor

NOWHERE = 0.5  # ours: the color where nothing is known at all
LEAST = 1e-4  # ours: a weight by which a sum of colors is divided at least


def push_pull(picture: Tensor, weight: Tensor, *, saturate: bool) -> Tensor:
    """Fill what is not known. picture (B, C, H, W), weight (B, 1, H, W), 1 = known or 0 -> as picture; known stays.

    saturate: as in the paper, a coarse cell counts as known wholly once a quarter of it is, and at all coarser levels
    too, so that colors near the hole's rim prevail. False, ours: cells count by the area that is known, so that the
    fill is nearer to the mean of all; where less than a quarter of a picture is known, gray has a share.
    """
    levels = [(picture * weight, weight, weight)]  # push: colors times their weight, weight, what the cell covers
    while max(levels[-1][0].shape[-2:]) > 1:
        total, seen = (F.avg_pool2d(one, 2, ceil_mode=True) for one in levels[-1][:2])
        sure = (4 * seen).clamp_max(1)
        if saturate:
            total, seen = total * (sure / seen.clamp_min(LEAST)), sure
        levels.append((total, seen, sure))
    colors = picture.new_full((*picture.shape[:2], 1, 1), NOWHERE)
    for total, seen, sure in reversed(levels):  # pull
        size = (total.shape[-2], total.shape[-1])
        colors = F.interpolate(colors, size, mode="bilinear", align_corners=False)
        colors = colors + sure * (total / seen.clamp_min(LEAST) - colors)
    return colors * (1 - weight) + picture * weight
