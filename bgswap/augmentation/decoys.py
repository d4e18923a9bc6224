"""Decoy holes: other people's shapes taken out of a plate and filled as the true hole was, so that it is one of many.

A filled hole can be told from a photo: its texture repeats, its noise and its JPEG blocks are others. So the plate
of a placement sample gets more such holes, filled by the same way with the same settings. One after another, so
that each has the whole scene to take from (all in one go, they swallowed it), and the true hole anew among them at
a random turn: the newest hole lies over the others, so that a true hole that is always first would tell.
tests/bench/plate_leak.py measures what a network still finds. On 21 street photos, its AUC of the place in crops: 0.73
without decoys, 0.70 with three of them in one go (25 photos), 0.57 with three one after another; 0.51
is position alone.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.augmentation.ranges import Range
from bgswap.compositing.outline import Outline, trace
from bgswap.inpainting.fill import Filler

MOST = 0.5  # ours: share of the photo that a decoy's shape may take before it grows; more leaves too little around


def draw_decoys(random: random.Random, count: int, size: Range) -> dict[str, Any]:
    """Draw where decoys lie: {"decoys": [[x, y, height, flip], ...], "turn": n}, as JSON.

    x, y: center of the shape's box, shares of the photo's width and height, uniform, so that borders cut decoys
    as they cut people in crops. height: of the shape's box, in heights of the true person's. flip: mirrored.
    turn: how many decoys are filled before the true hole is filled again; 0: it stays as it is.
    """
    decoys = [
        [random.random(), random.random(), random.uniform(*size), random.random() < 0.5] for _ in range(max(0, count))
    ]
    return {"decoys": decoys, "turn": random.randint(0, len(decoys))}


def with_decoys(
    plate: NDArray[np.uint8],
    own_matte: NDArray[np.uint8],
    shapes: Sequence[NDArray[np.uint8]],
    drawn: Mapping[str, Any],
    filler: Filler | None = None,
) -> NDArray[np.uint8]:
    """Fill decoys, and at its turn the true hole anew: plate (H, W, 3) uint8 -> the same, own_matte (H, W) uint8.

    shapes: mattes (h, w) uint8 of other people, of any size, taken in turn; an empty one makes no hole. drawn:
    what draw_decoys gave. filler: made with the settings that made the plate; None: the default ones. Pixels
    outside of all holes keep their bytes. A decoy that would leave too little to fill from is left out.

    Raises:
        PictureError: plate and matte differ in size, or the person leaves nothing to fill from.
    """
    filler, mattes = filler or Filler(), decoys_of(own_matte, shapes, drawn)
    if mattes and drawn["turn"] > 0:
        mattes.insert(drawn["turn"], own_matte)
    pixels = plate.copy()
    for matte in mattes:
        pixels = filler.fill(pixels, matte).pixels
    return pixels


def holes(
    own_matte: NDArray[np.uint8], shapes: Sequence[NDArray[np.uint8]], drawn: Mapping[str, Any]
) -> NDArray[np.uint8]:
    """The true person's matte and the decoys' in one, before they are grown: (H, W) uint8 -> (H, W) uint8."""
    united = own_matte.copy()
    for decoy in decoys_of(own_matte, shapes, drawn):
        np.maximum(united, decoy, out=united)
    return united


def decoys_of(
    own_matte: NDArray[np.uint8], shapes: Sequence[NDArray[np.uint8]], drawn: Mapping[str, Any]
) -> list[NDArray[np.uint8]]:
    """The mattes of the decoys that find room, each (H, W) uint8 as own_matte."""
    own = trace(own_matte)
    outlines = [trace(shape) for shape in shapes]
    if own is None or not shapes:
        return []
    found = []
    for number, decoy in enumerate(drawn["decoys"]):
        shape, outline = shapes[number % len(shapes)], outlines[number % len(shapes)]
        if outline is None:
            continue
        laid = _laid(own_matte.shape, shape, outline, own.height, decoy)
        if 0 < (laid > 127).mean() <= MOST:
            found.append(laid)
    return found


def _laid(
    size: tuple[int, ...], shape: NDArray[np.uint8], outline: Outline, own_height: int, decoy: Sequence[Any]
) -> NDArray[np.uint8]:
    """A shape where it was drawn, on a matte of that size (H, W)."""
    x, y, share, flip = decoy
    top, left, bottom, right = outline.box
    scale = share * own_height / outline.height
    height, width = max(1, round(scale * outline.height)), max(1, round(scale * outline.width))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(shape[top:bottom, left:right], (width, height), interpolation=method)
    cut = outline.cut
    if flip:
        small = small[:, ::-1]
        cut = frozenset({"left": "right", "right": "left"}.get(side, side) for side in cut)
    high, wide = size
    first, start = round(y * high - height / 2), round(x * wide - width / 2)
    # A border that cuts the person cuts the decoy: a straight end inside the photo would tell it from a true hole.
    if "top" in cut:
        first = min(first, 0)
    if "bottom" in cut:
        first = max(first, high - height)
    if "left" in cut:
        start = min(start, 0)
    if "right" in cut:
        start = max(start, wide - width)
    laid = np.zeros(size, np.uint8)
    y0, x0, y1, x1 = max(0, first), max(0, start), min(high, first + height), min(wide, start + width)
    if y0 < y1 and x0 < x1:
        laid[y0:y1, x0:x1] = small[y0 - first : y1 - first, x0 - start : x1 - start]
    return laid
