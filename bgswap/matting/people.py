"""Who stays: the people of a small matte, told apart as connected patches, and a choice among them.

People who touch or overlap in the picture are one patch, and are kept or left out together.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.errors import UsageError

LEAST = 0.0005  # ours: a patch below this share of the frame is not a person; 7 x 7 pixels at side 320
BESIDE = 0.1  # ours: nor is one below this share of the largest patch; 0.05 to 0.2 measured alike, better than none
SPECK = 255  # in People.areas: near a patch too small to be a person, which is left out
NEAR = 0.03  # ours: a point may miss its person by this share of the frame's diagonal


@dataclass(frozen=True)
class Who:
    """A choice. kind: "all", "largest", "point" (x, y: shares of the frame) or "number" (from the left, 1 = first)."""

    kind: str
    x: float = 0.0
    y: float = 0.0
    number: int = 0


def parse_who(text: str) -> Who:
    """Read `all`, `largest`, `X,Y` or `N`.

    Raises:
        UsageError: the text is none of these.
    """
    if text in ("all", "largest"):
        return Who(text)
    try:
        if "," in text:
            x, y = (float(word) for word in text.split(","))
            if 0 <= x <= 1 and 0 <= y <= 1:
                return Who("point", x=x, y=y)
        elif int(text) >= 1:
            return Who("number", number=int(text))
    except ValueError:
        pass
    raise UsageError(
        f"--who {text} is not a choice. Say all, largest, X,Y (shares of the frame from its upper left corner, "
        "such as 0.3,0.6) or N (the N-th from the left)."
    )


@dataclass(frozen=True)
class People:
    """The patches of a matte (h, w), from left to right."""

    areas: NDArray[np.uint8]  # (h, w): 1 + number of the person whose patch is nearest, or SPECK; 0 where all is empty
    boxes: tuple[tuple[int, int, int, int], ...]  # left, top, right, bottom of each patch; ends not included
    weights: tuple[float, ...]  # covered area of each, in pixels of the matte
    labels: NDArray[np.uint8]  # (h, w): as areas, but on the patches only

    def __len__(self) -> int:
        return len(self.boxes)


def find_people(alpha: NDArray[Any]) -> People:
    """The patches of a small matte (h, w) 0..1 where alpha is above one half. At most 200, the largest ones."""
    count, labels, stats, centers = cv2.connectedComponentsWithStats((alpha > 0.5).astype(np.uint8))
    sizes = stats[1:, cv2.CC_STAT_AREA]
    least = max(LEAST * alpha.size, BESIDE * sizes.max(initial=0))
    kept = [i + 1 for i in np.argsort(-sizes, kind="stable")[:200] if sizes[i] >= least]
    kept.sort(key=lambda i: centers[i][0])
    order = np.full(count, SPECK, np.uint8)
    order[0] = 0
    order[kept] = np.arange(1, len(kept) + 1)
    patches = order[labels]
    boxes, weights = [], []
    for i in kept:
        left, top, width, height = (int(stats[i, k]) for k in range(4))
        boxes.append((left, top, left + width, top + height))
        weights.append(float(alpha[labels == i].sum()))
    return People(_spread(patches), tuple(boxes), tuple(weights), patches)


def _spread(patches: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give every pixel the number of the nearest patch, so that soft edges and hair go with their person."""
    if not patches.any():
        return patches
    empty = (patches == 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    table = np.zeros(int(nearest.max()) + 1, np.uint8)
    table[nearest[empty == 0]] = patches[empty == 0]
    return np.asarray(table[nearest])


def choose(people: People, who: Who) -> list[int]:
    """The numbers, from 0, of the people chosen; empty when there is no such person."""
    if not len(people):
        return []
    if who.kind == "largest":
        return [int(np.argmax(people.weights))]
    if who.kind == "number":
        return [who.number - 1] if who.number <= len(people) else []
    if who.kind == "point":
        return _under(people, who)
    return list(range(len(people)))


def _under(people: People, who: Who) -> list[int]:
    height, width = people.areas.shape
    column, row = min(width - 1, int(who.x * width)), min(height - 1, int(who.y * height))
    number = int(people.areas[row, column])
    if number == SPECK:
        return []
    away = np.argwhere(people.labels == number) - (row, column)
    missed = np.sqrt((away**2).sum(axis=1).min())
    return [number - 1] if missed <= NEAR * np.hypot(height, width) else []


def share_of(people: People, chosen: list[int]) -> NDArray[np.float32]:
    """How much of each pixel belongs to the chosen people, (h, w) 0..1; 1 near them, soft halfway to all others."""
    mine = np.isin(people.areas, np.add(chosen, 1)).astype(np.float32)
    return np.asarray(cv2.blur(mine, (3, 3)))


def box_of(people: People, chosen: list[int]) -> tuple[float, float, float, float]:
    """The box around the chosen people as shares of the frame: left, top, right, bottom."""
    height, width = people.areas.shape
    lefts, tops, rights, bottoms = zip(*(people.boxes[i] for i in chosen), strict=True)
    return min(lefts) / width, min(tops) / height, max(rights) / width, max(bottoms) / height
