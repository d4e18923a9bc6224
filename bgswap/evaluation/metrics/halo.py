"""Old background's color left along a cut-out's edge: share of what could be left, lower is better, 0 is best."""

import math
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap.matting.bands import Part, parts, sample

ROLES = ("predicted", "predicted_alpha", "input", "true_alpha")
BETTER, BEST, UNIT = "lower", 0.0, ""

# All ours: no paper defines this measure.
SURE = 0.99  # true alpha from which on the photo shows the person alone, so that nothing can be left over
REACH = 0.02  # how far around a pixel its two colors are looked for: share of the picture's longer side
LEAST = 6  # pixels of the picture: the same of small ones
GRID = 640  # longer side of the grid on which they are averaged, in pixels
ENOUGH = 0.01  # share of that window that must be sure person, and sure background
CONTRAST = 0.1  # distance in sRGB from person to background below which a leftover is neither seen nor measured


def halo(predicted: Tensor, predicted_alpha: Tensor, input: Tensor, true_alpha: Tensor) -> Tensor:
    """How far a cut-out's stored colors lie from the person's own toward the old background's, along the edge.

    The rim that people complain of when a cut-out keeps the photo's pixels (Zhang et al., Deep Image Compositing, WACV
    2021, keep it low by training; rembg's users call it colored): the photo shows I = a F + (1 - a) B, the cut-out
    ought to store F. Around each pixel of the edge the mean colors of sure person and sure background are taken, and
    both are moved the least that explains I at the true alpha a. With them, and the stored color C,

        left = <C - F, B - F> / |B - F|, clipped to 0 .. |B - F|
        halo = sum(alpha left) / sum(max(alpha, a) |B - F|)

    summed where a < 0.99 and person and background are both near and differ. alpha is the cut-out's own: a rim that
    it hides does not count. So 0 is none left, and 1 the old background itself all along; at the photo's own colors
    a true matte gets the mean of 1 - a; a matte that reaches beyond the person gets more, one that is drawn in less.
    Nothing away from the edge counts. It is a measure of color alone: read it beside sad or grad. Both colors are
    estimates: on soft hair over real places a cut-out with the true colors gets 0.01 to 0.07, mostly about 0.035, so
    a smaller difference tells nothing (the photo's own colors there: 0.20 to 0.28).

    predicted (the cut-out's straight colors), input (the photo): (B, 3, H, W) sRGB 0..1; predicted_alpha, true_alpha:
    (B, 1, H, W) 0..1. Returns (B,) float64, 0 to 1; NaN where there is no edge, or the cut-out is empty.

    >>> true = torch.linspace(2.5, -1.5, 33).clamp(0, 1).expand(1, 1, 33, 33)  # a red person at the left of blue
    >>> photo = torch.cat([true, torch.zeros_like(true), 1 - true], 1)
    >>> red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand_as(photo)
    >>> round(float(halo(red, true, photo, true)), 1), round(float(halo(photo, true, photo, true)), 1)
    (0.0, 0.4)
    """
    found = [
        _halo(*(plane.cpu().contiguous().numpy() for plane in planes))
        for planes in zip(predicted, predicted_alpha[:, 0], input, true_alpha[:, 0], strict=True)
    ]
    return torch.tensor(found, dtype=torch.float64, device=predicted.device)


def _halo(
    colors: NDArray[np.float32], alpha: NDArray[np.float32], photo: NDArray[np.float32], true: NDArray[np.float32]
) -> float:
    """One picture's: colors and photo (3, H, W), alpha and true (H, W)."""
    left = could = 0.0
    person, background = _means(photo, true)
    seen = False
    for part in parts(_touched(alpha, true, person.shape[:2]), *true.shape):
        cover, truth = alpha[part.slices], true[part.slices]
        seen = seen or bool(cover.any())
        inside = (truth < SURE) & (np.maximum(cover, truth) > 0)
        cover, truth = cover[inside], truth[inside]
        fore, back, sure = _near(person, background, part, inside, true.shape)
        shown, stored = (_pixels(picture, part, inside) for picture in (photo, colors))
        fore, back = _explain(shown, truth, fore, back)
        back -= fore
        distance = np.linalg.norm(back, axis=0)
        sure &= distance >= CONTRAST
        stored -= fore
        along = np.einsum("cn,cn->n", stored, back)[sure] / distance[sure]
        left += float(np.dot(cover[sure], np.clip(along, 0, distance[sure])))
        could += float(np.dot(np.maximum(cover, truth)[sure], distance[sure]))
    return left / could if could and (seen or alpha.any()) else math.nan


def _means(photo: NDArray[np.float32], true: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Mean color of sure person, and of sure background, around each point of a small grid: (h, w, 4) each.

    The fourth channel is how much of the window is that. A point counts alpha ** 8 as person, (1 - alpha) ** 8 as
    background, as in bgswap.matting.colors.
    """
    longest = max(true.shape)
    scale = min(1.0, GRID / longest)
    size = max(1, round(true.shape[1] * scale)), max(1, round(true.shape[0] * scale))
    small = cv2.merge([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in photo])
    cover = cv2.resize(true, size, interpolation=cv2.INTER_AREA)
    window = 2 * max(1, round(max(LEAST, REACH * longest) * scale)) + 1
    found = []
    for sure in (cover, 1 - cover):
        weight = np.square(np.square(np.square(sure)))
        weighted = cv2.merge([*(weight * plane for plane in cv2.split(small)), weight])
        mean = cv2.blur(weighted, (window, window), borderType=cv2.BORDER_REFLECT)
        mean[..., :3] /= mean[..., 3:] + np.float32(1e-6)  # ours: no division by 0
        found.append(mean)
    return found[0], found[1]


def _touched(alpha: NDArray[np.float32], true: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.uint8]:
    """Where an edge may be, on a grid of that size: not 0 where some pixel is neither sure person nor nothing in both.

    Each point of the grid answers for its own block of pixels and the neighbors'.
    """
    edge = np.empty(true.shape, np.uint8)
    for top in range(0, len(true), 64):
        rows = slice(top, top + 64)
        edge[rows] = (true[rows] < SURE) & (np.maximum(alpha[rows], true[rows]) > 0)
    small = cv2.resize(edge * np.uint8(255), size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.dilate(small, np.ones((3, 3), np.uint8)))


def _near(
    person: NDArray[Any], background: NDArray[Any], part: Part, inside: NDArray[np.bool_], size: tuple[int, ...]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Both mean colors of a part's pixels, (3, n) each, and where enough of both is near, (n,)."""
    fore, back = (sample(mean, part, (size[0], size[1]))[inside].T for mean in (person, background))
    return fore[:3], back[:3], (fore[3] >= ENOUGH) & (back[3] >= ENOUGH)


def _pixels(picture: NDArray[np.float32], part: Part, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """A part's pixels of (3, H, W) that are inside, (3, n), a copy."""
    return picture[(slice(None), *part.slices)][:, inside]


def _explain(
    photo: NDArray[Any], alpha: NDArray[Any], fore: NDArray[Any], back: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The colors nearest to fore and back, (3, n), of which photo is made at alpha (n,): least squares, clipped."""
    missing = photo - alpha * fore - (1 - alpha) * back
    missing /= np.square(alpha) + np.square(1 - alpha)
    return np.clip(fore + alpha * missing, 0, 1), np.clip(back + (1 - alpha) * missing, 0, 1)
