"""samples/<step>.png: some samples as rows; input, output and truth as columns."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap.folders.encode import encode
from bgswap.folders.files import write_whole

GAP = 4  # pixels, ours
PAPER = 128  # gray, ours: neither an empty matte's black nor a full one's white


def sheet(columns: Sequence[Tensor], path: Path, rows: int = 6) -> NDArray[np.uint8]:
    """Write the first `rows` of columns (B, 3 or 1, H, W) 0..1 sRGB as one PNG; its pixels (H, W, 3).

    Columns may differ in size: each is as wide as its pictures, and a row as high as its highest. What is no number
    is black.
    """
    pictures = [_pixels(column[:rows]) for column in columns]
    many = min(len(one) for one in pictures)
    height = max(one.shape[1] for one in pictures)
    width = sum(one.shape[2] + GAP for one in pictures) - GAP
    drawn = np.full((many * (height + GAP) - GAP, width, 3), PAPER, np.uint8)
    left = 0
    for one in pictures:
        for row in range(many):
            top = row * (height + GAP)
            drawn[top : top + one.shape[1], left : left + one.shape[2]] = one[row]
        left += one.shape[2] + GAP
    write_whole(path, encode(drawn, "png"))
    return drawn


def _pixels(column: Tensor) -> NDArray[np.uint8]:
    """(B, 3 or 1, H, W) 0..1 -> (B, H, W, 3) uint8."""
    steps = torch.nan_to_num(column.detach().float().cpu()).clamp(0, 1).mul(255).round().to(torch.uint8)
    pixels: NDArray[np.uint8] = steps.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()
    return pixels
