"""Gradient error of mattes, how far soft edges differ in sharpness: thousands, lower is better, 0 is best."""

import math
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROLES = ("predicted_alpha", "true_alpha", "region")
BETTER, BEST, UNIT = "lower", 0.0, "1000"
SIGMA = 1.4  # Rhemann et al., section 4
CUT = 0.01  # of the authors' code: the kernel ends where the Gaussian falls below it
REACH = math.ceil(SIGMA * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * SIGMA * CUT)))  # 4 pixels: 9 x 9
STRIP = 64  # ours: rows filtered at a time, so that what is computed of them stays in the processor's cache
THOUSAND = 1000  # matting papers print the sum in thousands


def grad(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None) -> Tensor:
    """Sum of (|gradient of predicted_alpha| - |gradient of true_alpha|)² where region is 1, divided by 1000.

    Rhemann et al., CVPR 2009, section 4; constants and factor as in the code that Xu et al. (Deep Image Matting, CVPR
    2017) published: first derivatives of a Gaussian, sigma 1.4, 9 x 9, each kernel divided by its L2 norm, borders
    repeated, both mattes first stretched to 0..1 by their own smallest and largest value. That stretch needs the whole
    picture, so it cannot be summed over strips from outside; inside, only a few rows are worked on at a time. It grows
    with the picture's size: compare at one size only. All (B, 1, H, W) 0..1; region is 1 where pixels count; None:
    everywhere. Returns (B,) float64, NaN where region is empty; a matte of one value has no gradient.

    >>> step = (torch.arange(20) >= 10).float().expand(1, 1, 1, 20)
    >>> float(grad(step / 2, step, torch.ones_like(step)))  # stretched, they are equal
    0.0
    """
    given = [predicted_alpha, true_alpha, *([] if region is None else [region])]
    found = [_grad(*(plane[0].cpu().contiguous().numpy() for plane in planes)) for planes in zip(*given, strict=True)]
    return torch.tensor(found, dtype=torch.float64, device=true_alpha.device)


def _grad(
    predicted: NDArray[np.float32], true: NDArray[np.float32], region: NDArray[np.float32] | None = None
) -> float:
    """One picture's, (H, W) each."""
    kernels, total, height = [_kernels(predicted), _kernels(true)], 0.0, len(true)
    counted = False
    for top in range(0, height, STRIP):
        count = min(STRIP, height - top)
        counts = None if region is None else region[top : top + count]
        if counts is not None and not counts.any():
            continue
        counted = True
        above, below = min(top, REACH), min(height, top + STRIP + REACH)
        rows, inside = slice(top - above, below), slice(above, above + count)
        steep, other = (_steepness(a[rows], *k)[inside] for a, k in zip((predicted, true), kernels, strict=True))
        steep -= other
        total += float(np.vdot(steep if counts is None else steep * counts, steep))
    return total / THOUSAND if counted else math.nan


def _kernels(alpha: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The Gaussian and its derivative as 9 taps each; their outer product has L2 norm 1 over the matte's range.

    The derivative's taps add up to 0, so that a stretch of the matte is but a factor of its gradient.
    """
    low, high, *_ = cv2.minMaxLoc(alpha)
    x = np.arange(-REACH, REACH + 1, dtype=np.float64)
    smooth = np.exp(-np.square(x) / (2 * SIGMA**2))
    slope = x * smooth
    stretch = 1 / (high - low) if high > low else 0.0
    return smooth / np.linalg.norm(smooth), slope / np.linalg.norm(slope) * stretch


def _steepness(alpha: NDArray[np.float32], smooth: NDArray[Any], slope: NDArray[Any]) -> NDArray[np.float32]:
    """Length of the gradient, (h, w)."""
    border = cv2.BORDER_REPLICATE
    across = cv2.sepFilter2D(alpha, cv2.CV_32F, slope, smooth, borderType=border)
    down = cv2.sepFilter2D(alpha, cv2.CV_32F, smooth, slope, borderType=border)
    # not cv2.magnitude, whose last bit depends on where its result happens to lie in memory
    np.square(across, out=across)
    across += np.square(down, out=down)
    return np.sqrt(across, out=across)
