"""Portraits: heads and shoulders cut from photos of whole people, all alike in size and place, to learn faces from.

What HPBNet's prior needs (Wang et al., CGF 2023, 10.1111/cgf.14921): StyleGAN2 learns best from pictures that show
the same thing in the same place, as FFHQ's do. No face is looked for: the person's box tells how tall a head is, the
matte where it stands. Where the cut reaches beyond the photo it is filled by reflection, as FFHQ's was.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bgswap.augmentation.cutting import matte_of, person_of
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.ranges import PortraitRanges
from bgswap.compositing.outline import Outline

INPUTS = ("photo", "foreground", "alpha")
OUTPUTS = ("portrait",)

FIGURE = 3.2  # ours: a figure's height over its shoulders and arms; of one that the photo cuts below, this is assumed
HEAD = 0.11  # ours: share of a figure that is surely head; the chin is at about an eighth, and hair may be wider


def draw_window(
    random: Random,
    size: tuple[int, int],
    box: tuple[float, float, float, float],
    aspect: float,
    ranges: PortraitRanges,
) -> tuple[float, float, float, float]:
    """Head and shoulders: (top, left, height, width) in the photo's pixels, always inside it.

    Args:
        random: where chance comes from.
        size: (height, width) of the photo.
        box: (top, left, bottom, right) of the person, in the photo's pixels.
        aspect: width over height of the window.
        ranges: of the head's height, and of what shows above and below it, in heads.
    """
    height, width = size
    head = figure_height(box, height) * random.uniform(*ranges.head)
    above, below = random.uniform(*ranges.headroom), random.uniform(*ranges.shoulders)
    tall = min(max(1.0, head * (above + 1 + below)), height, width / aspect)
    wide = tall * aspect
    top = box[0] - above * head
    left = (box[1] + box[3]) / 2 + random.uniform(-ranges.aside, ranges.aside) * wide - wide / 2
    return min(max(0.0, top), height - tall), min(max(0.0, left), width - wide), tall, wide


def figure_height(box: tuple[float, float, float, float], height: float) -> float:
    """Of the whole person, of whom a photo of this height may show the upper part only."""
    top, left, bottom, right = box
    seen = max(1.0, bottom - top)
    return max(seen, FIGURE * (right - left)) if bottom >= height - 1 else seen


def draw(random: Random, scene: Scene, ranges: PortraitRanges) -> dict[str, Any]:  # noqa: ARG001 - methods draw alike
    """How far the head is moved to the window's middle, 0 to 1; the window itself is drawn already."""
    return {"centered": ranges.centered}


def prepare(
    read: Mapping[str, NDArray[np.uint8]],
    drawn: Mapping[str, Any],
    tools: Any,  # noqa: ARG001 - methods prepare alike
) -> dict[str, NDArray[np.uint8]]:
    """The photo alone, moved so that the head stands where the middle of the person's box was."""
    aside = round(drawn["centered"] * head_aside(read))
    photo = read["photo"][..., :3]
    if aside:
        kept = photo[:, aside:] if aside > 0 else photo[:, :aside]
        before, behind = max(-aside, 0), max(aside, 0)
        photo = np.asarray(cv2.copyMakeBorder(kept, 0, 0, before, behind, cv2.BORDER_REFLECT), np.uint8)
    return {"photo": photo}


def head_aside(read: Mapping[str, NDArray[np.uint8]]) -> float:
    """How far the head's middle is to the right of the middle of the person's box, in the photo's pixels."""
    person: Outline = person_of(read)  # in pixels of a thinned matte
    matte = matte_of(read)
    step = matte.shape[1] / person.size[1]
    box = tuple(float(edge) for edge in person.box)
    rows = max(1, round(HEAD * figure_height((box[0], box[1], box[2], box[3]), person.size[0])))
    thin = matte[:: max(1, round(step)), :: max(1, round(step))]
    seen = thin[person.box[0] : person.box[0] + rows, person.box[1] : person.box[3]].astype(np.float64).sum(0)
    middle = float((seen * (np.arange(len(seen)) + 0.5)).sum() / max(seen.sum(), 1.0))
    return (middle - person.width / 2) * step


def apply(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG001 - as all
    """portrait (3, H, W): the cut photo."""
    return {"portrait": pictures["photo"]}
