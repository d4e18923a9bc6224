"""Structural similarity, Gaussian window of 11 pixels: -1 to 1, higher is better, 1 is best."""

from functools import partial
from math import ceil

import torch
from torch import Tensor
from torch.nn import functional as F

from bgswap.errors import missing_extra
from bgswap.evaluation.metric import ratio

ROLES = ("predicted", "true")
BETTER, BEST, UNIT = "higher", 1.0, ""
HALO = 5  # the window's pixels on either side of its middle
TILE = 64  # ours: pixels a tile's side; with PLANES of them a call stays in a core's cache,
PLANES = 16  # and convolutions by channel are fastest in multiples of 16: measured, 8 times faster than whole pictures
BLOCK = 1 << 21  # ours: numbers that are cut into tiles at a time, so that a big picture takes bounded memory


def sums(predicted: Tensor, true: Tensor, rows: slice | None = None) -> Tensor:
    """SSIM summed over channels and windows that lie in the picture with their middle in `rows`, and their number.

    predicted, true: rows of pictures with up to HALO rows of context above and below; rows: those that count, all by
    default. Returns (B, 2); zeros where no window fits. NotReady without torchmetrics.
    """
    batch, channels, height, width = predicted.shape
    first, last, _ = (rows or slice(None)).indices(height)
    first, last, across = max(first, HALO), min(last, height - HALO), width - 2 * HALO
    added = torch.zeros(batch, dtype=torch.float64, device=predicted.device)
    if across < 1 or last <= first:
        return torch.stack([added, added], 1)
    step = max(TILE, BLOCK // (batch * channels * width) // TILE * TILE)
    for top in range(first, last, step):
        seen = slice(top - HALO, min(top + step, last) + HALO)
        added += _added(*(picture[:, :, seen].flatten(0, 1) for picture in (predicted, true))).view(batch, -1).sum(1)
    return torch.stack([added, torch.full_like(added, channels * (last - first) * across)], 1)


def _added(predicted: Tensor, true: Tensor) -> Tensor:
    """(N, h, w) planes -> (N,) sums over the windows inside; planes are cut into tiles that overlap by the window."""
    try:
        from torchmetrics.functional.image import structural_similarity_index_measure
    except ImportError as cause:
        raise missing_extra("eval", "ssim") from cause
    # It pads by mirroring and averages as many windows as there are pixels; the definition has those inside alone.
    similarity = partial(structural_similarity_index_measure, data_range=1.0, return_full_image=True, reduction="none")
    planes, high, wide = len(true), true.shape[1] - 2 * HALO, true.shape[2] - 2 * HALO
    down, across = ceil(high / TILE), ceil(wide / TILE)
    h, w = ceil(high / down), ceil(wide / across)
    pads = (0, across * w - wide, 0, down * h - high)
    ours, theirs = (
        F.pad(picture, pads).unfold(1, h + 2 * HALO, h).unfold(2, w + 2 * HALO, w).flatten(0, 2).split(PLANES)
        for picture in (predicted, true)
    )
    near = torch.channels_last  # the layout in which torch convolves channel by channel fastest
    maps = [
        similarity(a[None].contiguous(memory_format=near), b[None].contiguous(memory_format=near))[1][0]
        for a, b in zip(ours, theirs, strict=True)
    ]
    inner = torch.cat(maps)[:, HALO:-HALO, HALO:-HALO].reshape(planes, down, across, h, w)
    whole = inner.transpose(2, 3).reshape(planes, down * h, across * w)
    return whole[:, :high, :wide].flatten(1).sum(1, dtype=torch.float64)


def score(sums: Tensor) -> Tensor:
    """(B, 2) -> (B,), NaN where no window fits."""
    return ratio(sums[:, 0], sums[:, 1])


def ssim(predicted: Tensor, true: Tensor) -> Tensor:
    """Mean SSIM (Wang, Bovik, Sheikh, Simoncelli, TIP 2004, equation 13), sigma 1.5, K1 0.01, K2 0.03, full range 1.

    Of each color channel, averaged, over windows that lie wholly in the picture, as the authors' code has it. The
    arithmetic of a window is torchmetrics'; its own mean also counts windows that hang over the border, filled by
    mirroring, and so differs, by 0.015 on a 64x64 example. scikit-image gives ours with gaussian_weights,
    sigma 1.5 and use_sample_covariance=False; its default is another window. In float32, as here,
    variances cancel: values are off by up to 0.00015 from float64's, as torchmetrics' own are.

    predicted, true: (B, C, H, W) sRGB 0..1. Returns (B,), -1 to 1, NaN for pictures of under 11 pixels a side. A flat 0
    against a flat 1 leaves the first constant alone, 0.01² / (1 + 0.01²):

    >>> float(ssim(torch.zeros(1, 3, 16, 16), torch.ones(1, 3, 16, 16)).round(decimals=8))
    9.999e-05
    """
    return score(sums(predicted, true))
