"""The hole that a person leaves: the mask grown past rim, shoes and near shadow, and the boxes to fill."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.errors import PictureError

FEET = 0.12  # ours: the lowest share of a person's height counts as feet, which are stretched toward the ground
STRIP = 512  # rows whose distances are worked out at a time
SMALL = 1024  # longest side of the mask in which people are told apart
SPECK = 1e-3  # ours: a piece of the mask smaller than this share of the largest has no feet


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels; lower and right sides lie outside."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the box's pixels."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def longest(self) -> int:
        """The longer side in pixels."""
        return max(self.bottom - self.top, self.right - self.left)

    def grown(self, by: int, shape: tuple[int, ...]) -> "Box":
        """`by` pixels wider on every side, within a picture of that shape (H, W)."""
        return Box(
            max(0, self.top - by),
            max(0, self.left - by),
            min(shape[0], self.bottom + by),
            min(shape[1], self.right + by),
        )

    def meets(self, other: "Box") -> bool:
        """Whether the two share a pixel."""
        down = self.top < other.bottom and other.top < self.bottom
        return down and self.left < other.right and other.left < self.right

    def joined(self, other: "Box") -> "Box":
        """The smallest box that holds both."""
        return Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )


def hole_of(
    matte: NDArray[np.integer], *, threshold: float = 0.05, dilate: float = 0.02, below: float = 0.04
) -> NDArray[np.bool_]:
    """The pixels to be filled. matte (H, W) uint8 or uint16, white = person -> (H, W) True = fill.

    threshold: coverage above which a pixel belongs to the person. dilate: how far the mask grows on all
    sides, in pixels from 1 on, as a share of the short side below 1. below: how far the feet are stretched
    down and sideways, as a share of the person's height, so that shoes and near shadow go too; not where the
    photo cuts the person off.

    Raises:
        PictureError: nothing would be left to fill from.
    """
    person = matte > threshold * np.iinfo(matte.dtype).max
    if not person.any():
        return person
    hole = _grown(_with_ground(person, below) if below > 0 else person, growth(dilate, matte.shape))
    if hole.all():
        raise PictureError("the mask covers the whole photo: nothing is left to fill the hole from")
    return hole


def growth(dilate: float, shape: tuple[int, ...]) -> float:
    """How far a mask of that shape (H, W) grows, in pixels."""
    return dilate if dilate >= 1 else dilate * min(shape)


def share_of_fill(hole: NDArray[np.bool_], rows: slice, width: float) -> NDArray[np.float32]:
    """How much of the fill shows in some rows of a hole: rising to 1 `width` pixels from the rim, (h, W) float32."""
    reach = int(width) + 2
    first, last = max(0, rows.start - reach), min(len(hole), rows.stop + reach)
    depth = cv2.distanceTransform(hole[first:last].astype(np.uint8), cv2.DIST_L2, 5)
    share: NDArray[np.float32] = np.minimum(depth[rows.start - first : rows.stop - first] / (width + 1), 1)
    return share


def islands(hole: NDArray[np.bool_], margin: float = 0.5) -> list[tuple[Box, Box]]:
    """Boxes to fill one after another: each (its hole's box, that box with room around), in reading order.

    Room is `margin` times the hole's longest side. Holes whose boxes with room meet are taken together, so
    that no crop has a foreign hole in it.
    """
    boxes = _boxes(hole)
    merged = True
    while merged:
        merged = False
        kept: list[Box] = []
        for box in boxes:
            room = _room(box, margin, hole.shape)
            near = [other for other in kept if room.meets(_room(other, margin, hole.shape))]
            for other in near:
                box, merged = box.joined(other), True
            kept = [other for other in kept if other not in near] + [box]
        boxes = kept
    return [(box, _room(box, margin, hole.shape)) for box in sorted(boxes, key=lambda box: (box.top, box.left))]


def _room(box: Box, margin: float, shape: tuple[int, ...]) -> Box:
    return box.grown(max(16, round(margin * box.longest)), shape)


def _boxes(hole: NDArray[np.bool_]) -> list[Box]:
    """Bounding boxes of the hole's pieces; on large pictures to a few pixels, and never too tight."""
    small, step = _small(hole)
    count, _, stats, _ = cv2.connectedComponentsWithStats(small, connectivity=8)
    height, width = hole.shape
    return [
        Box(y * step, x * step, min(height, (y + h) * step), min(width, (x + w) * step))
        for x, y, w, h, _ in stats[1:count].tolist()
    ]


def _small(mask: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], int]:
    """The mask shrunk by a whole step, a pixel set where any of its block is: (h, w) 0 or 1, and the step."""
    step = -(-max(mask.shape) // SMALL)
    rows = np.logical_or.reduceat(mask, np.arange(0, mask.shape[0], step), axis=0)
    return np.logical_or.reduceat(rows, np.arange(0, mask.shape[1], step), axis=1).astype(np.uint8), step


def _with_ground(person: NDArray[np.bool_], below: float) -> NDArray[np.bool_]:
    """The mask and an ellipse's reach around everybody's feet, further sideways than down."""
    small, step = _small(person)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(small, connectivity=8)
    ground, largest = np.zeros_like(small), stats[1:count, cv2.CC_STAT_AREA].max()
    for number, (_, top, _, height, area) in enumerate(stats[1:count].tolist(), start=1):
        bottom, reach = top + height, round(below * height)
        if bottom >= small.shape[0] or area < SPECK * largest or reach < 1:
            continue
        feet = (labels == number).astype(np.uint8)
        feet[: bottom - max(1, round(FEET * height))] = 0
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4 * reach + 1, 2 * reach + 1))
        kernel[reach + 1 :] = 0  # each pixel looks up and to the sides for feet: they grow down and sideways only
        ground |= cv2.dilate(feet, kernel)
    size = (small.shape[1] * step, small.shape[0] * step)
    full = cv2.resize(ground, size, interpolation=cv2.INTER_NEAREST)[: person.shape[0], : person.shape[1]]
    reached: NDArray[np.bool_] = person | (full > 0)
    return reached


def _grown(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """Every pixel within `radius` of the mask, strip by strip."""
    if radius < 1:
        return mask
    reach, grown = int(radius) + 1, np.empty_like(mask)
    for top in range(0, mask.shape[0], STRIP):
        first, last = max(0, top - reach), min(mask.shape[0], top + STRIP + reach)
        strip = mask[first:last]
        if strip.any():
            far = cv2.distanceTransform((~strip).astype(np.uint8), cv2.DIST_L2, 5)
            grown[top : top + STRIP] = (far <= radius)[top - first : top - first + STRIP]
        else:
            grown[top : top + STRIP] = False
    return grown
