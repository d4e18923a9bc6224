"""As in the photo, made to fit: on the border that cuts the person, else feet on the place's lower part."""

from typing import Any

from numpy.typing import NDArray

from bgswap.compositing.decisions import Place
from bgswap.compositing.outline import Outline

SMALLEST, LARGEST = 0.35, 0.9  # ours: range for a whole person, shares of the place's height


def find_place(outline: Outline, _place: NDArray[Any], frame: tuple[int, int]) -> Place:
    """Where a person of this outline goes in a frame of (height, width) pixels.

    Its size is its share of the photo's height. A border of the photo that cuts the person stays the border
    that cuts it. The place's own pixels are not looked at.
    """
    photo_width = outline.size[1]
    shape = outline.width / outline.height * frame[0] / frame[1]  # box width per box height, both as shares
    height = _height(outline, shape)
    width = height * shape
    y = _feet(outline, height)
    x = (outline.box[1] + outline.box[3]) / 2 / photo_width
    if {"left", "right"} <= outline.cut and width < 1:  # cannot touch both: keep to the nearer one
        x = width / 2 if x < 0.5 else 1 - width / 2
    elif "left" in outline.cut:
        x = width / 2
    elif "right" in outline.cut:
        x = 1 - width / 2
    else:
        x = min(max(x, width / 2), 1 - width / 2) if width <= 1 else 0.5
    return Place(x, y, height)


def _height(outline: Outline, shape: float) -> float:
    share, cut = outline.height / outline.size[0], outline.cut
    if {"top", "bottom"} <= cut:
        return max(1.0, 1 / shape if {"left", "right"} <= cut else 1.0)
    if {"left", "right"} <= cut:
        return min(1.0, max(share, 1 / shape))  # wide enough to touch both borders, but never with the head cut off
    if cut:
        return min(max(share, SMALLEST), 1.0)
    return min(max(share, SMALLEST), LARGEST, 1 / shape)


def _feet(outline: Outline, height: float) -> float:
    if "bottom" in outline.cut:
        return 1.0
    if "top" in outline.cut:
        return height
    # Ours: who looks bigger stands nearer, and so lower in the picture; a margin of 3 % stays below the nearest.
    return max(min(0.62 + 0.6 * height, 0.97), min(height + 0.02, 0.99))
