"""Connectivity error of mattes, what floats loose from the person: thousands of pixels, lower is better, 0 is best."""

import math

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]
from torch import Tensor

ROLES = ("predicted_alpha", "true_alpha", "region")
BETTER, BEST, UNIT = "lower", 0.0, "1000 px"
LEVELS = 10  # thresholds 0.1, 0.2 ... 1: the authors' step
THETA = 0.15  # Rhemann et al., section 4: what lies less above its level counts as connected
ROUNDING = 1e-6  # ours: 153/255 reaches 0.6, whichever way float32 rounds it
STRIP = 32  # ours: rows worked on at a time, so that what is computed of them stays in the processor's cache
BUSY = 1 / 8  # ours: of mattes with more runs a pixel than this, labeling all pixels ten times is faster
THOUSAND = 1000  # matting papers print the sum in thousands


def conn(predicted_alpha: Tensor, true_alpha: Tensor, region: Tensor | None = None) -> Tensor:
    """Sum of |phi(predicted_alpha) - phi(true_alpha)| where region is 1, divided by 1000.

    Rhemann et al., CVPR 2009, section 4; constants and factor as in the code that Xu et al. (Deep Image Matting, CVPR
    2017) published. At each threshold t = 0.1, 0.2 ... 1 the largest 4-connected component of the pixels where both
    mattes reach t is taken (of equally large ones the first from the top). A pixel's level l is the last threshold up
    to which it was always within; d = alpha - l; phi = 1 - d where d >= 0.15, else 1. Components are those of the whole
    picture, which cannot be summed over strips. All (B, 1, H, W) 0..1; region is 1 where pixels count; None:
    everywhere. Returns (B,) float64, NaN where region is empty. A speck of alpha 0.8 that is not there in truth is 0.8
    pixels:

    >>> true = torch.tensor([1.0, 1, 0, 0, 0]).view(1, 1, 1, 5)
    >>> round(float(conn(true + torch.tensor([0, 0, 0, 0, 0.8]), true, torch.ones_like(true))), 6)
    0.0008
    """
    given = [predicted_alpha, true_alpha, *([] if region is None else [region])]
    found = [_conn(*(plane[0].cpu().contiguous().numpy() for plane in planes)) for planes in zip(*given, strict=True)]
    return torch.tensor(found, dtype=torch.float64, device=true_alpha.device)


def _conn(
    predicted: NDArray[np.float32], true: NDArray[np.float32], region: NDArray[np.float32] | None = None
) -> float:
    """One picture's, (H, W) each."""
    strips = [slice(top, top + STRIP) for top in range(0, len(true), STRIP)]
    reached = np.empty(true.shape, np.uint8)
    for rows in strips:
        lower = np.minimum(predicted[rows], true[rows])
        lower *= LEVELS
        lower += LEVELS * ROUNDING
        reached[rows] = lower
    total = 0.0
    held = _levels(reached)
    for rows in strips:
        level = np.multiply(held[rows], 1 / LEVELS, dtype=np.float64)
        difference = _above(predicted[rows], level)
        difference -= _above(true[rows], level)
        if region is not None:
            difference *= region[rows]
        total += float(np.abs(difference, out=difference).sum())
    return total / THOUSAND if region is None or region.any() else math.nan


def _above(alpha: NDArray[np.float32], level: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 - phi: how far alpha lies above its level, 0 where that is less than theta; in float64, as the authors'."""
    above = alpha - level
    above *= above >= THETA
    return above


def _levels(reached: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How many thresholds in a row, from the lowest, hold a pixel in their largest component, (H, W) 0..10.

    reached: how many thresholds both mattes reach. Runs of equal numbers along rows are far fewer than pixels, and
    joined from the highest threshold down each link between two of them is looked at once.
    """
    first = np.ones(reached.shape, bool)
    np.not_equal(reached[:, 1:], reached[:, :-1], out=first[:, 1:])
    if np.count_nonzero(first) > BUSY * first.size:
        return _levels_by_pixel(reached)
    starts = np.flatnonzero(first)
    heights, lengths = reached.reshape(-1)[starts], np.diff(starts, append=first.size)
    held = np.zeros(len(starts), np.uint8)
    largest = _largest(heights, lengths, *_links(starts, reached.shape[1], first.size))
    for level, inside in enumerate(reversed(largest)):
        held[inside[held[inside] == level]] += 1
    return np.repeat(held, lengths).reshape(reached.shape)


def _levels_by_pixel(reached: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same, every pixel labeled at every threshold: for mattes that are noise nearly everywhere."""
    held = np.zeros_like(reached)
    for level in range(LEVELS):
        passed = (reached > level).view(np.uint8)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(passed, connectivity=4)
        if len(stats) == 1:
            break
        held += (labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()) & (held == level)
    return held


def _links(starts: NDArray[np.intp], width: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which runs touch, as two lists of their numbers: those side by side, and those that overlap one row on."""
    runs = np.arange(len(starts))
    beside = runs[1:][starts[1:] % width != 0]
    upper, lower = runs[starts < size - width], runs[starts >= width]
    # where two runs overlap, one of them starts above or below a pixel of the other
    below = np.searchsorted(starts, starts[upper] + width, "right") - 1
    above = np.searchsorted(starts, starts[lower] - width, "right") - 1
    return np.concatenate([beside - 1, upper, above]), np.concatenate([beside, below, lower])


def _largest(
    heights: NDArray[np.uint8], lengths: NDArray[np.intp], one: NDArray[np.intp], other: NDArray[np.intp]
) -> list[NDArray[np.intp]]:
    """The runs of the largest component at each threshold, the highest threshold first."""
    weights = np.minimum(heights[one], heights[other])
    labels, count = np.arange(len(heights), dtype=np.int32), len(heights)
    found = []
    for threshold in range(LEVELS, 0, -1):
        joined = weights == threshold
        ends = labels[one[joined]], labels[other[joined]]
        graph = csr_array((np.ones(len(ends[0]), np.uint8), ends), shape=(count, count))
        count, merged = connected_components(graph, directed=False)
        labels = merged[labels]
        runs = np.flatnonzero(heights >= threshold)
        areas = np.bincount(labels[runs], lengths[runs], count)
        found.append(runs[labels[runs] == areas.argmax()])
    return found
