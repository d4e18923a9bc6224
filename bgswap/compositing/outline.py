"""The person's outline in its photo: the box that places are told in, and the borders that cut the person."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

STRIP = 512
SPECK = 0.05  # ours: a blob under this share of the largest one is no part of the person's box
TOUCH = 0.002  # ours: this close to a border counts as touching it, share of the photo; mattes often end a pixel early
RUN = 0.05  # ours: a border cuts the person where this share of the box's side lies on it


@dataclass(frozen=True)
class Outline:
    """box and support as (top, left, bottom, right) in pixels, ends exclusive; size (height, width) of the photo.

    box: where alpha is at least half, without specks. support: where alpha is not 0. cut: the photo's borders
    that cut the person, of "top", "left", "bottom", "right".
    """

    box: tuple[int, int, int, int]
    support: tuple[int, int, int, int]
    size: tuple[int, int]
    cut: frozenset[str] = frozenset()

    @property
    def height(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def width(self) -> int:
        return self.box[3] - self.box[1]


def trace(cutout: NDArray[Any]) -> Outline | None:
    """The outline of a cut-out (H, W, 4) or of its matte (H, W), uint8 or uint16; None when it is empty all over."""
    alpha = cutout if cutout.ndim == 2 else cutout[..., 3]
    height, width = alpha.shape
    rows, columns = np.zeros(height, alpha.dtype), np.zeros(width, alpha.dtype)
    for top in range(0, height, STRIP):
        strip = np.ascontiguousarray(alpha[top : top + STRIP])  # alpha is often one channel of four: gather it once
        rows[top : top + STRIP] = strip.max(axis=1)
        np.maximum(columns, strip.max(axis=0), out=columns)
    peak = int(rows.max(initial=0))
    if peak == 0:
        return None
    half = (min(peak, int(np.iinfo(alpha.dtype).max)) + 1) // 2
    top, left, bottom, right = _without_specks(alpha, half)
    box_rows, box_columns = _extent(rows[top:bottom] >= half), _extent(columns[left:right] >= half)
    box = (top + box_rows[0], left + box_columns[0], top + box_rows[1], left + box_columns[1])
    (first, last), (start, end) = _extent(rows > 0), _extent(columns > 0)
    return Outline(box, (first, start, last, end), (height, width), _cut_sides(alpha, box, half))


def _extent(marks: NDArray[np.bool_]) -> tuple[int, int]:
    found = np.flatnonzero(marks)
    return (int(found[0]), int(found[-1]) + 1) if found.size else (0, len(marks))


def _without_specks(alpha: NDArray[Any], half: int) -> tuple[int, int, int, int]:
    """Roughly the box around all blobs of some size, found on every n-th pixel and widened by one of those steps."""
    height, width = alpha.shape
    step = max(1, max(height, width) // 512)
    small = (alpha[step // 2 :: step, step // 2 :: step] >= half).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(small, connectivity=8)
    if count < 3:  # background and one blob, or nothing that every n-th pixel met
        return 0, 0, height, width
    blobs = stats[1:]
    kept = blobs[blobs[:, cv2.CC_STAT_AREA] >= SPECK * blobs[:, cv2.CC_STAT_AREA].max()]
    left, top = kept[:, cv2.CC_STAT_LEFT].min(), kept[:, cv2.CC_STAT_TOP].min()
    right = (kept[:, cv2.CC_STAT_LEFT] + kept[:, cv2.CC_STAT_WIDTH]).max()
    bottom = (kept[:, cv2.CC_STAT_TOP] + kept[:, cv2.CC_STAT_HEIGHT]).max()
    margin = step if step > 1 else 0
    return (
        max(0, int(top) * step - margin),
        max(0, int(left) * step - margin),
        min(height, int(bottom) * step + margin),
        min(width, int(right) * step + margin),
    )


def _cut_sides(alpha: NDArray[Any], box: tuple[int, int, int, int], half: int) -> frozenset[str]:
    height, width = alpha.shape
    near_rows, near_columns = max(1, round(TOUCH * height)), max(1, round(TOUCH * width))
    borders = {
        "top": alpha[:near_rows].max(axis=0),
        "bottom": alpha[height - near_rows :].max(axis=0),
        "left": alpha[:, :near_columns].max(axis=1),
        "right": alpha[:, width - near_columns :].max(axis=1),
    }
    sides = {
        "top": box[3] - box[1],
        "bottom": box[3] - box[1],
        "left": box[2] - box[0],
        "right": box[2] - box[0],
    }
    return frozenset(s for s, line in borders.items() if (line >= half).sum() >= max(1.0, RUN * sides[s]))
