"""Cut-outs in the person's own colors, without the old background's in soft edges; the photo's hole; a color behind.

I = alpha F + (1 - alpha) B, in sRGB as photo editors blend, all alpha straight. Around each soft pixel the mean color
of sure foreground and of sure background is taken from the smallest window that holds enough of it; then both are
moved the least that explains the pixel. The windows are ours; the first half resembles blur fusion (Forte,
ICIP 2021, 10.1109/ICIP42928.2021.9506164). On five cut-outs with true colors over twenty places
(tests/bench/matte_quality.py) it comes closer than blur fusion and than pymatting's multi-level method.
"""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.matting.bands import Part, parts, sample, to_float
from bgswap.matting.look import full, shrink

STRIP = 64  # rows worked on at a time
COARSE, FINE = 320, 960  # ours: longest side of the grid of the wide windows, and of the narrow ones
WIDE, NARROW = (31, 15, 7), (9, 3)  # ours: windows in pixels of those grids
ENOUGH = 0.02  # ours: a window that holds this share of sure pixels is believed half
STIFF = 0.02  # ours: how hard it is to move a color from its mean, against leaving the pixel unexplained


def cut_out(photo: NDArray[Any], alpha: NDArray[Any], colors: str = "own") -> NDArray[Any]:
    """The person as RGBA: photo (H, W, 3 or 4) and alpha (H, W) of one type -> (H, W, 4) of that type.

    colors: "own": the foreground's colors where alpha is partial; "photo": the photo's. Hidden pixels are all 0.
    """
    photo = photo[..., :3]
    cut = _with_alpha(photo, alpha)
    if colors == "own":
        for part, soft, own in own_colors(photo, alpha):
            cut[part.slices][..., :3][soft] = own
    return cut


def hole(photo: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """The photo without the person: (H, W, 4), its alpha that of the photo less the person's. Hidden pixels are 0."""
    left = full(alpha) - alpha
    if photo.shape[2] == 4:
        left = cv2.multiply(left, np.ascontiguousarray(photo[..., 3]), scale=1 / full(photo))
    return _with_alpha(photo[..., :3], left)


def flatten(cut: NDArray[Any], color: tuple[int, int, int]) -> NDArray[Any]:
    """A cut-out (H, W, 4) on a plain color, given as sRGB 0..255: (H, W, 3) of the same type."""
    top = full(cut)
    paint = np.array(color, np.float32) * (top / 255)
    flat = np.empty((*cut.shape[:2], 3), cut.dtype)
    flat[:] = np.rint(paint).astype(cut.dtype)
    for rows in _strips(cut.shape[0]):
        strip, alpha = cut[rows], np.ascontiguousarray(cut[rows, :, 3])
        if not alpha.any():
            continue
        cv2.copyTo(np.ascontiguousarray(strip[..., :3]), (alpha > 0).view(np.uint8), flat[rows])
        soft = cv2.inRange(alpha, 1, top - 1) > 0
        share = strip[soft][:, 3:].astype(np.float32) / top
        flat[rows][soft] = np.rint(share * strip[soft][:, :3] + (1 - share) * paint).astype(cut.dtype)
    return flat


def own_colors(photo: NDArray[Any], alpha: NDArray[Any]) -> Iterator[tuple[Part, NDArray[np.bool_], NDArray[Any]]]:
    """The foreground's colors at partial alpha, part by part: where, which of its pixels, their colors (N, 3).

    photo: (H, W, 3); alpha: (H, W); both uint8 or uint16. Nothing of full size is held but one byte a pixel.
    """
    size = alpha.shape[0], alpha.shape[1]
    soft = np.asarray(cv2.inRange(alpha, 1, full(alpha) - 1))
    found = parts(soft, *size)
    if not found:
        return
    longest = max(size)
    coarse = min(COARSE, longest / 2)  # of small pictures half the pixels do for what is only a first guess
    rows, columns = (max(1, round(side * coarse / longest)) for side in size)
    guesses = _means(to_float(shrink(photo, rows, columns)), to_float(shrink(alpha, rows, columns)), WIDE, None)
    step = max(1, round(longest / FINE))
    for part in found:
        inside = soft[part.slices] > 0
        wide = part.grown(NARROW[0] * step, *size, step)
        grid = -(-(wide.bottom - wide.top) // step), -(-(wide.right - wide.left) // step)
        pixels, cover = to_float(shrink(photo[wide.slices], *grid)), to_float(shrink(alpha[wide.slices], *grid))
        start = [sample(guess, wide, size, grid) for guess in guesses]
        means = _means(pixels, cover, NARROW, start)
        within = Part(part.top - wide.top, part.bottom - wide.top, part.left - wide.left, part.right - wide.left)
        around = (wide.bottom - wide.top, wide.right - wide.left)
        fore, back = (sample(mean, within, around)[inside] for mean in means)
        own = _explain(to_float(photo[part.slices][inside]), to_float(alpha[part.slices][inside]), fore, back)
        yield part, inside, np.rint(own * full(photo)).astype(photo.dtype)


def _means(
    photo: NDArray[Any], alpha: NDArray[Any], windows: tuple[int, ...], start: list[NDArray[Any]] | None
) -> list[NDArray[Any]]:
    """Mean colors of sure foreground and sure background around each pixel, two of (h, w, 3) 0..1.

    A pixel counts alpha ** 8 as foreground and (1 - alpha) ** 8 as background (ours; 4 and 16 measured worse).

    start: what to believe where even the narrower windows hold none; without it the widest window, whatever it holds.
    """
    means = []
    for i, cover in enumerate((alpha, 1 - alpha)):
        weight = np.square(np.square(np.square(cover)))  # eighth power
        colors = cv2.merge([weight, weight, weight, weight])
        cv2.multiply(cv2.cvtColor(photo, cv2.COLOR_RGB2RGBA), colors, colors)
        mean = start[i] if start else None
        for window in windows:
            held = cv2.blur(colors, (window, window), borderType=cv2.BORDER_REFLECT)
            if mean is None:
                mean = held[..., :3] / (held[..., 3:] + 1e-6)
            else:
                mean = (held[..., :3] + ENOUGH * mean) / (held[..., 3:] + ENOUGH)
        means.append(np.asarray(mean))
    return means


def _explain(photo: NDArray[Any], alpha: NDArray[Any], fore: NDArray[Any], back: NDArray[Any]) -> NDArray[np.float32]:
    """Foreground colors (N, 3) 0..1: ridge regression of I = alpha F + (1 - alpha) B around the means F and B."""
    cover = alpha[:, None]
    missing = photo - cover * fore - (1 - cover) * back
    share = cover / (cover**2 + (1 - cover) ** 2 + np.float32(STIFF))
    return np.clip(fore + share * missing, 0, 1)


def _with_alpha(photo: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """(H, W, 3) and (H, W) as (H, W, 4), all 0 where alpha is."""
    cut = np.zeros((*alpha.shape, 4), photo.dtype)
    for rows in _strips(alpha.shape[0]):
        if alpha[rows].any():
            seen = (alpha[rows] > 0).view(np.uint8)
            cv2.copyTo(cv2.merge([np.ascontiguousarray(photo[rows]), alpha[rows]]), seen, cut[rows])
    return cut


def _strips(height: int) -> Iterator[slice]:
    for top in range(0, height, STRIP):
        yield slice(top, top + STRIP)
