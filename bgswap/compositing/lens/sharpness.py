"""How sharp a picture is: the width of its sharpest edges."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.light import Float

REBLUR = 1.0  # ours: sigma in pixels of the second blur; as wide as the edges that matter here
STRONGEST = 0.2  # ours: share of a picture's edge pixels that is looked at, the steepest
SHARPEST = 0.2  # ours: what share of them is sharper than the width that is told
STEEP = 4.0  # ours: levels a pixel; what is flatter is no edge
ABOVE_NOISE = 3.0  # ours: and an edge is steeper than this many deviations of the noise
FEWEST = 50  # ours: with fewer edge pixels nothing is said


def edge_width(windows: Sequence[tuple[Float, NDArray[np.bool_]]], noise: float = 0.0) -> float | None:
    """Sigma in pixels of the blur on the sharpest edges; None where there are too few edges.

    windows: lightness (h, w) in levels of 0..255, and which pixels count (h, w). noise: its
    deviation in levels.
    Zhuo and Sim, "Defocus map estimation from a single image", Pattern Recognition 44(9), 2011, eq. 4: an edge of width
    s, blurred once more by s0, loses its slope by R = sqrt((s^2 + s0^2) / s^2). Here along the steepest edges only,
    and of their widths the lower fifth.
    """
    found = [_edges(lightness, counts, max(STEEP, ABOVE_NOISE * noise)) for lightness, counts in windows]
    slope, width = np.concatenate([np.zeros((2, 0)), *found], axis=1)
    kept = np.argsort(-slope, kind="stable")[: int(STRONGEST * len(slope))]
    return float(np.quantile(width[kept], SHARPEST)) if len(kept) >= FEWEST else None


def _edges(lightness: Float, counts: NDArray[np.bool_], steep: float) -> NDArray[np.float64]:
    """(2, n): slope and width of edge pixels, where the slope is largest across the edge."""
    across, down, slope = _slopes(lightness)
    _, _, softer = _slopes(cv2.GaussianBlur(lightness, (0, 0), REBLUR))
    sides = np.where(across > down, _neighbors(slope, 1), _neighbors(slope, 0))
    inside = cv2.erode(counts.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0) > 0
    loss = (slope / np.maximum(softer, 1e-3)) ** 2 - 1
    kept = inside & (slope >= sides) & (slope >= steep) & (loss > 0.01)
    return np.stack([slope[kept], REBLUR / np.sqrt(loss[kept])]).astype(np.float64)


def _slopes(lightness: Float) -> tuple[Any, Any, Any]:
    across = np.abs(cv2.filter2D(lightness, -1, np.array([[-0.5, 0, 0.5]], np.float32)))
    down = np.abs(cv2.filter2D(lightness, -1, np.array([[-0.5], [0], [0.5]], np.float32)))
    return across, down, np.hypot(across, down)


def _neighbors(plane: Float, axis: int) -> Float:
    """The larger one of each pixel's two neighbors along an axis."""
    kernel = np.ones((3, 1) if axis == 0 else (1, 3), np.uint8)
    kernel.ravel()[1] = 0
    larger: Float = cv2.dilate(plane, kernel)
    return larger
