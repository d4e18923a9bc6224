"""Holes of people's shapes in pictures without people, to learn filling: what was behind them is known.

After LaMa's wide masks (Suvorov et al., WACV 2022, 10.1109/WACV51458.2022.00323, section 2.4: large holes teach what
small ones do not), with people's own outlines in place of polygons: these are the holes that bgswap fills. A person of
the photo and one of another photo lend their shapes; a place, or a plate, is what the holes are cut into.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap.augmentation.cutting import matte_of
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.ranges import HoleRanges
from bgswap.compositing.outline import trace
from bgswap.errors import PictureError

INPUTS = ("photo", "foreground", "alpha", "background")
OPTIONAL = ("reference",)
OUTPUTS = ("holed", "mask", "photo_true")

GRAY = 0.5  # what "holed" shows in its holes, for eyes alone
INSIDE = 0.5  # ours: share of a shape's width that lies in the frame at least
SUNK = 0.15  # ours: share of a shape's height that may be below the frame, as of people whom a photo cuts off
TRIES = 0.85  # ours: a shape that would cover too much shrinks by this, again and again


def draw_window(
    random: random.Random,  # noqa: ARG001 - methods that draw windows draw alike
    size: tuple[int, int],
    box: tuple[float, float, float, float],  # noqa: ARG001
    aspect: float,  # noqa: ARG001
    ranges: HoleRanges,  # noqa: ARG001
) -> tuple[float, float, float, float]:
    """The whole photo: of it only the outline is used, which is laid at a size and place of its own."""
    return 0.0, 0.0, float(size[0]), float(size[1])


def draw(random: random.Random, scene: Scene, ranges: HoleRanges) -> dict[str, Any]:
    """Draw the holes.

    Returns:
        "size": of the frame. "people": a list of [whose, height, x, bottom, flip]: 0 for the photo's own person and 1
        for the other; height, x of the middle and bottom in shares of the frame's height, width and height. "grow":
        how far the shapes grow, a share of the shorter side. "most": share of the frame that they may cover.
    """
    count = random.randint(round(ranges.people[0]), round(ranges.people[1]))
    people = []
    for number in range(count):
        height = random.uniform(*ranges.height)
        bottom = random.uniform(height, 1 + SUNK * height) if height < 1 else random.uniform(1, 1 + SUNK)
        people.append([number % 2, height, random.random(), bottom, random.random() < 0.5])
    grow = random.uniform(*ranges.grow)
    return {"size": list(scene.size), "people": people, "grow": grow, "most": ranges.most}


def prepare(
    read: Mapping[str, NDArray[np.uint8]],
    drawn: Mapping[str, Any],
    tools: Any,  # noqa: ARG001 - methods prepare alike
) -> dict[str, NDArray[np.uint8]]:
    """The place, and "mask", the holes in the frame's own pixels."""
    shapes = [matte_of(read)]
    if "reference_alpha" in read:
        shapes.append(read["reference_alpha"])
    elif "reference" in read and read["reference"].shape[2] == 4:
        shapes.append(read["reference"][..., 3])
    if "background" not in read:
        raise PictureError("no place to cut holes into: name some with --background")
    height, width = drawn["size"]
    holes = laid_holes((height, width), shapes, drawn["people"], drawn["grow"], drawn["most"])
    return {"background": read["background"], "mask": holes}


def laid_holes(
    size: tuple[int, int],
    shapes: Sequence[NDArray[np.uint8]],
    people: Sequence[Sequence[Any]],
    grow: float,
    most: float,
) -> NDArray[np.uint8]:
    """People's shapes where `draw` put them, together and grown: (H, W) uint8, 255 in holes, else 0.

    A shape that would cover more than `most` of the frame, with those before it, shrinks. shapes: mattes (h, w) uint8.

    Raises:
        PictureError: no shape shows anybody.
    """
    reach = round(grow * min(size))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    holes = np.zeros(size, np.uint8)
    for whose, share, x, bottom, flip in people:
        matte = shapes[min(whose, len(shapes) - 1)]
        outline = trace(matte)
        if outline is None or outline.height == 0 or outline.width == 0:
            continue
        top, left, low, right = outline.box
        shape = matte[top:low, left:right]
        tall = share * size[0]
        while tall >= 2:
            laid = cv2.dilate(_laid(size, shape[:, ::-1] if flip else shape, tall, x, bottom), kernel)
            if x != 0.5 and not laid.any():
                x = 0.5  # only a sleeve is in the frame, thinner than a pixel
                continue
            both = np.maximum(holes, np.asarray(laid, np.uint8))
            if (both > 0).mean() <= most:
                holes = both
                break
            tall *= TRIES
    if not holes.any():
        raise PictureError("no shape of a person leaves a hole in the frame")
    return holes


def _laid(size: tuple[int, int], shape: NDArray[np.uint8], tall: float, x: float, bottom: float) -> NDArray[np.uint8]:
    """One shape of `tall` pixels on a frame of that size, 0 or 255."""
    wide = max(1.0, tall * shape.shape[1] / shape.shape[0])
    middle = wide * (0.5 - INSIDE) + x * (size[1] - 2 * wide * (0.5 - INSIDE))
    down, across = tall / shape.shape[0], wide / shape.shape[1]
    matrix = np.array([[across, 0, middle - wide / 2], [0, down, bottom * size[0] - tall]])
    matrix[:, 2] += 0.5 * np.array([across, down]) - 0.5  # pixels' centers, not corners
    laid = cv2.warpAffine(np.ascontiguousarray(shape), matrix, size[::-1], flags=cv2.INTER_LINEAR)
    return np.where(laid > 127, 255, 0).astype(np.uint8)


def apply(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG001 - as all
    """holed (3, H, W): the place, gray in its holes; mask (1, H, W): 1 there, else 0; photo_true: the place."""
    place, mask = pictures["background"], (pictures["mask"] > 0.5).float()
    return {"holed": torch.where(mask > 0, GRAY, place), "mask": mask, "photo_true": place}
