"""Gradient energy inside the mask over the truth's (or the input's): 1 is as sharp and best, below 1 is blurred."""

import torch
from torch import Tensor

from bgswap.evaluation.metric import ratio
from bgswap.evaluation.metrics.fmse import inside

ROLES = {"true": ("predicted", "true", "mask"), "input": ("predicted", "input", "mask")}
# Networks blur, so more is better, up to 1. Above it stands noise, ringing or added contrast: look before you praise.
BETTER, BEST, UNIT = "higher", 1.0, ""
VARIANTS = ("true", "input")
HALO = 1  # Sobel's rows on either side
LUMA = (0.299, 0.587, 0.114)  # Rec. ITU-R BT.601-7, section 2.5.1, of sRGB values as they are stored
BLOCK = 1 << 16  # ours: pixels a block, so that a handful of float planes of it stays in a core's cache


def energy(picture: Tensor) -> Tensor:
    """Squared length of Sobel's gradient of luminance; (B, 3, h, W) -> (B, h - 2, W - 2), 0 to 20.

    Tenengrad (Tenenbaum, Stanford 1970; Krotkov, Focusing, IJCV 1988) without its threshold.
    """
    luma = picture[:, 0] * LUMA[0]
    luma.add_(picture[:, 1], alpha=LUMA[1]).add_(picture[:, 2], alpha=LUMA[2])
    right, left = luma[..., 2:], luma[..., :-2]
    steep = right - left
    along = (steep[:, 2:] + steep[:, :-2]).add_(steep[:, 1:-1], alpha=2)
    smooth = torch.add(right, left, out=steep).add_(luma[..., 1:-1], alpha=2)
    down = smooth[:, 2:] - smooth[:, :-2]
    return along.square_().addcmul_(down, down)


def sums(predicted: Tensor, other: Tensor, mask: Tensor, rows: slice | None = None) -> Tensor:
    """Gradient energy of both inside the mask, (B, 2): of pixels in `rows` that are not on the picture's border.

    All with up to HALO rows of context above and below; rows: those that count, all by default.
    """
    batch, _, height, width = predicted.shape
    first, last, _ = (rows or slice(None)).indices(height)
    first, last = max(first, HALO), min(last, height - HALO)
    added = torch.zeros(batch, 2, dtype=torch.float64, device=predicted.device)
    if width <= 2 * HALO:
        return added
    step = max(1, BLOCK // (batch * width))
    for top in range(first, last, step):
        inner = slice(top, min(top + step, last))
        outer = slice(top - HALO, inner.stop + HALO)
        hard = inside(mask[:, 0, inner, HALO:-HALO]).flatten(1)
        for column, picture in enumerate((predicted, other)):
            added[:, column] += torch.linalg.vecdot(energy(picture[:, :, outer]).flatten(1), hard)
    return added


def score(sums: Tensor) -> Tensor:
    """(B, 2) -> (B,), NaN where the mask is empty or the truth has no gradient inside it."""
    return ratio(sums[:, 0], sums[:, 1])


def sharpness(predicted: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """Sum of squared Sobel gradients of `predicted` inside the mask over that of the truth, or of the input.

    Ours, of Tenengrad's parts (see energy): an error such as mse hardly tells a blurred person from one whose colors
    are a little off, this does. It measures how much detail there is, not whether it is the right detail.

    predicted, other: (B, 3, H, W) sRGB 0..1, other the truth or (variant "input") the picture before; mask:
    (B, 1, H, W) 0..1, 0.5 and above is inside. Pixels on the picture's border have no gradient and do not count.
    Returns (B,), 0 and up; NaN where the mask is empty or `other` is flat inside it. Half the contrast is a quarter:

    >>> other = torch.linspace(0, 1, 8).expand(1, 3, 8, 8)
    >>> float(sharpness(other / 2, other, torch.ones(1, 1, 8, 8)).round(decimals=5))
    0.25
    """
    return score(sums(predicted, other, mask))
