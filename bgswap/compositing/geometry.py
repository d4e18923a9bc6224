"""From the cut-out's pixels to the frame's: the affine of a Place, and what of the person then lies where.

Coordinates are continuous: pixel (row, column) covers [column, column + 1) x [row, row + 1), x to the right,
y down.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.decisions import Place
from bgswap.compositing.outline import Outline

Matrix = NDArray[np.float64]

SNAP_PX = 0.75  # ours: a scale this close to 1, in pixels at the box's far end, becomes 1: the pixels stay sharp


def placement_matrix(place: Place, outline: Outline, frame: tuple[int, int]) -> Matrix:
    """(2, 3) affine: photo pixels -> frame pixels; frame is (height, width).

    Size and shape of the person never change but by one scale, a turn and a mirror. Where the scale is 1 and
    there is no turn, the shift is rounded to whole pixels, so that nothing has to be resampled.
    """
    height, width = frame
    scale = place.height * height / outline.height
    if abs(scale - 1) * max(outline.height, outline.width) < SNAP_PX:
        scale = 1.0
    turn = np.deg2rad(place.rotation)
    cos, sin = np.cos(turn), np.sin(turn)
    linear = scale * np.array([[cos, sin], [-sin, cos]])  # counter-clockwise as seen, since y points down
    if place.rotation % 90 == 0:
        linear = scale * np.rint(linear / scale)
    if place.flip:
        linear[:, 0] = -linear[:, 0]
    anchor = np.array([(outline.box[1] + outline.box[3]) / 2, outline.box[2]])
    shift = np.array([place.x * width, place.y * height]) - linear @ anchor
    if scale == 1 and place.rotation % 90 == 0:
        shift = np.floor(shift + 0.5)
    return np.column_stack([linear, shift])


def scale_of(matrix: Matrix) -> float:
    """How much the affine enlarges lengths."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def inverse(matrix: Matrix) -> Matrix:
    """The affine back: frame pixels -> photo pixels."""
    back = np.linalg.inv(matrix[:, :2])
    return np.column_stack([back, -back @ matrix[:, 2]])


def is_whole_shift(matrix: Matrix) -> bool:
    """True where the affine only moves (and mirrors) pixels, by whole ones."""
    upright = matrix[0, 1] == 0 == matrix[1, 0] and abs(matrix[0, 0]) == 1 and matrix[1, 1] == 1
    return bool(upright and (matrix[:, 2] == np.rint(matrix[:, 2])).all())


def bounds(matrix: Matrix, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """The upright (top, left, bottom, right) around where the affine sends a box of the same form."""
    top, left, bottom, right = box
    corners = np.array([[left, right, left, right], [top, top, bottom, bottom], [1, 1, 1, 1]])
    x, y = matrix @ corners
    return float(y.min()), float(x.min()), float(y.max()), float(x.max())


def region_in_frame(matrix: Matrix, outline: Outline, frame: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Frame pixels (top, left, bottom, right) that the person's support may reach, or None when it misses the frame."""
    margin = 0 if is_whole_shift(matrix) else 2  # the filter's reach
    top, left, bottom, right = bounds(matrix, outline.support)
    top, left = max(0, int(np.floor(top)) - margin), max(0, int(np.floor(left)) - margin)
    bottom, right = min(frame[0], int(np.ceil(bottom)) + margin), min(frame[1], int(np.ceil(right)) + margin)
    return (top, left, bottom, right) if top < bottom and left < right else None


def showing_cuts(matrix: Matrix, outline: Outline, frame: tuple[int, int]) -> list[str]:
    """The photo's borders that cut the person and whose straight cut would be seen inside the frame."""
    height, width = outline.size
    top, left, bottom, right = outline.box
    ends = {
        "top": [(left, 0), (right, 0)],
        "bottom": [(left, height), (right, height)],
        "left": [(0, top), (0, bottom)],
        "right": [(width, top), (width, bottom)],
    }
    return [side for side in sorted(outline.cut) if _lies_inside(matrix, ends[side], frame)]


def _lies_inside(matrix: Matrix, line: list[tuple[int, int]], frame: tuple[int, int]) -> bool:
    points: NDArray[Any] = matrix @ np.column_stack([np.array(line), np.ones(2)]).T
    (x0, x1), (y0, y1) = points
    room = 1 + 0.005 * max(frame)  # ours: a cut this near the frame's border reads as cut by it
    hidden = (
        max(x0, x1) <= room or min(x0, x1) >= frame[1] - room or max(y0, y1) <= room or min(y0, y1) >= frame[0] - room
    )
    return not hidden
