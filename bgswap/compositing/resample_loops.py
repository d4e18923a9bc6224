"""Scaling an upright person in one pass over its pixels: the same filter as cv2's way in resample.py, much faster.

Means of blocks, the Gaussian and the cubic are all separable, so along one side they are one row of weights on photo
pixels for each frame pixel.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.jit import compiled
from bgswap.compositing.light import Float

A = -0.75  # of Keys' cubic, as cv2.INTER_CUBIC has it
SOURCE_PIXELS = 1 << 19  # ours: photo pixels turned into float at a time, 8 MiB


def side_weights(
    back: tuple[float, float], start: int, end: int, step: int, sigma: float
) -> tuple[NDArray[np.int64], Float]:
    """Along one side: (first photo pixel (n,), weights (n, taps)) of the frame's pixels start..end.

    back: photo coordinate = back[0] * frame coordinate + back[1]. step, sigma: blocks of photo pixels that are
    averaged, and the Gaussian on these (0: none).
    """
    position = (back[0] * (np.arange(start, end) + 0.5) + back[1]) / step - 0.5  # in blocks, from their middles
    below = np.floor(position)
    f = position - below
    cubic = np.stack([_outer(1 + f), _inner(f), _inner(1 - f), _outer(2 - f)], axis=1)
    if sigma > 0:
        gaussian = cv2.getGaussianKernel(round(8 * sigma + 1) | 1, sigma).ravel()
        taps = np.zeros((len(cubic), 3 + len(gaussian)))
        for i, weight in enumerate(gaussian):
            taps[:, i : i + 4] += weight * cubic
    else:
        taps = cubic
    reach = (taps.shape[1] - 4) // 2
    first = (below.astype(np.int64) - 1 - reach) * step
    return first, np.repeat(taps / step, step, axis=1).astype(np.float32)


def _inner(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return ((A + 2) * x - (A + 3)) * x * x + 1


def _outer(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return ((A * x - 5 * A) * x + 8 * A) * x - 4 * A


def scale_upright(
    cutout: NDArray[Any],
    rows: tuple[NDArray[np.int64], Float],
    columns: tuple[NDArray[np.int64], Float],
    inside: tuple[Float, Float],
    out: tuple[NDArray[Any], NDArray[Any]],
    least_alpha: float,
) -> None:
    """Write straight colors (h, w, 3) and alpha (h, w) of a piece into `out`, uint8 or uint16.

    cutout: (H, W, 4) straight, uint8 or uint16; rows, columns: side_weights of the piece's; beyond the photo's border
    its last pixels go on. inside: (h,), (w,): alpha is multiplied by the lesser of the two. Where it ends up under
    least_alpha, colors are black.
    """
    foreground, alpha = out
    (first, down), (begin, across), (inside_y, inside_x) = rows, columns, inside
    levels = np.float32(1 / np.iinfo(cutout.dtype).max), np.float32(np.iinfo(foreground.dtype).max)
    left, right = int(begin.min()), int(begin.max()) + across.shape[1]  # photo columns that are needed
    step = abs(int(first[-1]) - int(first[0])) / max(1, len(first) - 1)  # photo rows a frame's row
    chunk = max(8, int(SOURCE_PIXELS / (right - left) / max(step, 0.25)))
    for top in range(0, len(first), chunk):
        part = slice(top, top + chunk)
        start, end = int(first[part].min()), int(first[part].max()) + down.shape[1]
        start, end = min(max(start, 0), len(cutout) - 1), min(max(end, 1), len(cutout))
        source = np.empty((end - start, right - left, 4), np.float32)
        filled = np.empty((end - start, 2), np.int64)
        compiled(_premultiply)(cutout, start, left, levels[0], source, filled)
        given = (first[part] - start, down[part], begin - left, across, inside_y[part], inside_x)
        compiled(_filter)(source, filled, *given, levels[1], np.float32(least_alpha), foreground[part], alpha[part])


def _premultiply(cutout, start, left, unit, source, filled):  # type: ignore[no-untyped-def]
    """The photo from (start, left) into source (h, w, 4), premultiplied 0..1; which columns of a row are not empty."""
    last = cutout.shape[1] - 1
    for i in range(source.shape[0]):
        begin, end = source.shape[1], 0
        for k in range(source.shape[1]):
            column = min(max(left + k, 0), last)
            cover = np.float32(cutout[start + i, column, 3]) * unit
            if cover > 0:
                begin, end = min(begin, k), k + 1
                for c in range(3):
                    source[i, k, c] = np.float32(cutout[start + i, column, c]) * (unit * cover)
            else:
                source[i, k, 0] = source[i, k, 1] = source[i, k, 2] = np.float32(0)
            source[i, k, 3] = cover
        filled[i, 0], filled[i, 1] = begin, end


def _filter(  # type: ignore[no-untyped-def]  # noqa: PLR0913
    source, filled, first_y, down, first_x, across, inside_y, inside_x, top, least, foreground, alpha
):
    """Down, then across; colors are divided by the very alpha that the filter gave, ringing included."""
    zero, half = np.float32(0), np.float32(0.5)
    line = np.empty((source.shape[1], 4), np.float32)
    for i in range(first_y.shape[0]):
        line[:] = 0
        begin, end = source.shape[1], 0
        for t in range(down.shape[1]):
            row = min(max(first_y[i] + t, 0), source.shape[0] - 1)
            begin, end = min(begin, filled[row, 0]), max(end, filled[row, 1])
            w = down[i, t]
            for k in range(filled[row, 0], filled[row, 1]):
                for c in range(4):
                    line[k, c] += w * source[row, k, c]
        for x in range(first_x.shape[0]):
            at = first_x[x]
            r = g = b = a = zero
            if at < end and at + across.shape[1] > begin:
                for k in range(across.shape[1]):
                    w = across[x, k]
                    r += w * line[at + k, 0]
                    g += w * line[at + k, 1]
                    b += w * line[at + k, 2]
                    a += w * line[at + k, 3]
            shown = a * min(inside_y[i], inside_x[x])
            by = top / a if shown > least else zero  # else as good as empty: what rings there is no color
            alpha[i, x] = int(max(min(shown * top, top), zero) + half)
            foreground[i, x, 0] = int(min(max(r * by, zero), top) + half)
            foreground[i, x, 1] = int(min(max(g * by, zero), top) + half)
            foreground[i, x, 2] = int(min(max(b * by, zero), top) + half)
