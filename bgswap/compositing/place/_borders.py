"""What the photo's borders ask of a place: who is cut by one stays cut by it, who is whole stays whole and grounded.

The rules and their numbers are ours.
"""

from bgswap.compositing.decisions import Place
from bgswap.compositing.outline import Outline

SMALLEST, LARGEST = 0.35, 0.9  # range for a whole person, shares of the place's height
GROUND, SLOPE, NEAREST = 0.62, 0.6, 0.97  # feet at GROUND + SLOPE * height, at most at NEAREST


def shape(outline: Outline, frame: tuple[int, int]) -> float:
    """Width of the person's box over its height, both as shares of a frame of (height, width) pixels."""
    return outline.width / outline.height * frame[0] / frame[1]


def cuts(outline: Outline, flip: bool) -> frozenset[str]:
    """The borders that cut the person once it is mirrored or not."""
    turned = {"left": "right", "right": "left"}
    return frozenset(turned.get(side, side) for side in outline.cut) if flip else outline.cut


def fitting_height(outline: Outline, frame: tuple[int, int], height: float, smallest: float = SMALLEST) -> float:
    """The nearest height that borders allow, share of the frame's height."""
    form, cut = shape(outline, frame), outline.cut
    if {"top", "bottom"} <= cut:
        return max(1.0, 1 / form if {"left", "right"} <= cut else 1.0)
    if {"left", "right"} <= cut:
        return min(1.0, max(height, 1 / form))  # wide enough to touch both borders, but never with the head cut off
    if cut:
        return min(max(height, smallest), 1.0)
    return min(max(height, smallest), LARGEST, 1 / form)


def feet(outline: Outline, height: float) -> float:
    """Where a person's lower edge goes on a place that is not looked at, share of the frame's height."""
    if "bottom" in outline.cut:
        return 1.0
    if "top" in outline.cut:
        return height
    # Who looks bigger stands nearer, and so lower in the picture; a margin of 3 % stays below the nearest.
    return max(min(GROUND + SLOPE * height, NEAREST), min(height + 0.02, 0.99))


def settled(
    outline: Outline,
    frame: tuple[int, int],
    x: float,
    height: float,
    *,
    y: float | None = None,
    flip: bool = False,
    smallest: float = SMALLEST,
) -> Place:
    """The Place nearest to these numbers that keeps a cut person on its borders and a whole one in the frame.

    y: of a whole person's feet; None: by its height. A person cut by the upper or lower border has no choice.
    """
    height = fitting_height(outline, frame, height, smallest)
    width = height * shape(outline, frame)
    cut = cuts(outline, flip)
    if {"left", "right"} <= cut and width < 1:  # cannot touch both: keep to the nearer one
        x = width / 2 if x < 0.5 else 1 - width / 2
    elif "left" in cut:
        x = width / 2
    elif "right" in cut:
        x = 1 - width / 2
    else:
        x = min(max(x, width / 2), 1 - width / 2) if width <= 1 else 0.5
    free = y is not None and not cut & {"top", "bottom"}
    low = min(max(y, height), 1.0) if free and y is not None else feet(outline, height)
    return Place(x, low, height, flip=flip)
