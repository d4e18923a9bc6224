"""How a silhouette stands: which row each of its columns stands on. Shared by all that shades the ground."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.light import Float
from bgswap.compositing.scene import Scene

# All ours, set by eye on standing people; lengths in the person's heights.
FEET = 0.12  # how far above the lowest point another foot may stand in the picture
SOLE = 0.03  # half width of the surroundings in which a sole is lowest
UPRIGHT = 30  # degrees: who leans more does not stand on its feet


@dataclass(frozen=True)
class Stance:
    """Where a silhouette's feet are, in its own pixels.

    line: (W,) the row on which each column stands, counted from pixel borders: on the taut line under the feet, level
    beyond them. left, right: columns of the box, the right one exclusive. top: its first row.
    """

    line: Float
    left: int
    right: int
    top: int

    @property
    def base(self) -> float:
        """Row under the lowest foot."""
        return float(self.line.max())

    @property
    def middle(self) -> float:
        """Column amid the box."""
        return (self.left + self.right) / 2

    @property
    def ground(self) -> float:
        """Row of the ground under the trunk: amid the highest and the lowest foot."""
        return float(self.line.max() + self.line.min()) / 2

    @classmethod
    def of(cls, alpha: Float, person_px: float) -> "Stance | None":
        """For a matte (H, W) 0..1 of a person who is person_px pixels tall; None where it is empty."""
        solid = alpha >= 0.5
        columns, rows = np.flatnonzero(solid.any(axis=0)), np.flatnonzero(solid.any(axis=1))
        if not columns.size:
            return None
        line = ground_line(np.where(solid.any(axis=0), len(alpha) - solid[::-1].argmax(axis=0), 0), person_px)
        return cls(line, int(columns[0]), int(columns[-1]) + 1, int(rows[0]))


def ground_line(lowest: NDArray[np.integer], tall: float) -> Float:
    """(W,) rows past each column's lowest pixel, 0 where it is empty -> the row that each column stands on, (W,).

    tall: the person's height in pixels.
    """
    # Soles are the lowest of their surroundings; the outer side of a shoe or calf is not.
    reach = max(1, round(SOLE * tall))
    around = cv2.dilate(lowest.astype(np.float32)[None], np.ones((1, 2 * reach + 1), np.uint8))[0]
    soles = (around == lowest) & (lowest >= lowest.max() - FEET * tall) & (lowest > 0)
    chain: list[tuple[float, float]] = []
    for x in np.flatnonzero(soles).tolist():
        corner = (float(x), float(lowest[x]))
        while len(chain) > 1 and _turns_up(chain[-2], chain[-1], corner):
            chain.pop()
        chain.append(corner)
    # From foot to foot the ground falls in the middle third: under each leg it is level.
    knots = [chain[0]]
    for (x0, y0), (x1, y1) in pairwise(chain):
        third = (x1 - x0) / 3
        knots += [(x0 + third, y0), (x1 - third, y1), (x1, y1)]
    return np.interp(np.arange(len(lowest)), [x for x, _ in knots], [y for _, y in knots]).astype(np.float32)


def stands(scene: Scene) -> bool:
    """Whether the person stands on ground that the picture shows: nothing else darkens it where feet would be."""
    turn = abs((scene.place.rotation + 180) % 360 - 180)
    return "bottom" not in scene.outline.cut and scene.place.y <= 1.0 and turn <= UPRIGHT


def _turns_up(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """True where b lies on or above the line from a to c, rows counting down: it is no corner of the lower hull."""
    return (b[1] - a[1]) * (c[0] - a[0]) <= (c[1] - a[1]) * (b[0] - a[0])
