"""The person's layer resized, turned, shifted and mirrored; plate and true photo stay, and where it belongs is told.

After Triple U-Net, "Data Preprocessing, Step 3": resizing, rotating, shifting and flipping of the cut-out
teach a network size and position. The deck gives no ranges: those of PlacementRanges are ours. So that nothing
gives the true place away, size and place on the canvas are drawn without regard to it, every plate has decoy holes
(decoys.py), and windows put the person's center anywhere in the frame.
"""

import json
import math
import random
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap.augmentation.decoys import draw_decoys, with_decoys
from bgswap.augmentation.frame import Scene, holding
from bgswap.augmentation.ranges import PlacementRanges
from bgswap.augmentation.tensors import premultiplied, straight, to_pixels, warp
from bgswap.compositing.geometry import SNAP_PX, inverse
from bgswap.compositing.outline import trace
from bgswap.errors import PictureError

INPUTS = ("photo", "foreground", "alpha", "plate")
OUTPUTS = ("foreground", "mask", "plate", "composite_true")

LEVEL = 0.5 / 255  # alpha below it is written as 0: colors there would only cost space

Box = tuple[float, float, float, float]


def draw_window(
    random: random.Random, size: tuple[int, int], box: Box, aspect: float, ranges: PlacementRanges
) -> tuple[float, float, float, float]:
    """Draw the part of a photo to show: (top, left, height, width) in its pixels, of width over height `aspect`.

    size: (height, width) of the photo; box: of the whole person, (top, left, bottom, right). The box's center lies
    uniformly in the frame; the window is the largest that puts it there, times a factor drawn from `ranges.crop`.
    For people near the photo's border, positions that only a window under `ranges.smallest` could show are left
    out, and the rest is uniform. In a share of `ranges.whole` it is as much of the photo as fits.
    """
    height, width = size
    center = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    fitting = min(height, width / aspect)
    if random.random() < ranges.whole:
        top = holding(random, (box[0], box[2]), fitting, height, center=True)
        return top, holding(random, (box[1], box[3]), fitting * aspect, width, center=True), fitting, fitting * aspect
    down, high = _shown(random, center[0], height, ranges.smallest * fitting)
    across, wide = _shown(random, center[1], width, ranges.smallest * fitting * aspect)
    tall = min(fitting, high, wide / aspect) * random.uniform(*ranges.crop)
    top = min(max(0.0, center[0] - down * tall), height - tall)
    left = min(max(0.0, center[1] - across * tall * aspect), width - tall * aspect)
    return top, left, tall, tall * aspect


def _shown(random: random.Random, center: float, whole: float, least: float) -> tuple[float, float]:
    """Where in the window the center lies, a share of its side, and the longest side that can show it there."""
    center = min(max(center, 0.0), whole)
    low, high = max(0.0, 1 - (whole - center) / least), min(1.0, center / least)
    share = random.uniform(low, high)
    before = center / share if share > 0 else math.inf
    after = (whole - center) / (1 - share) if share < 1 else math.inf
    return share, min(before, after)


def draw(random: random.Random, scene: Scene, ranges: PlacementRanges) -> dict[str, Any]:
    """Draw where the layer goes.

    Returns:
        "affine": 2 x 3, the frame's pixels at their true place -> on the canvas. "true_box": of the whole person,
        upright, [top, left, bottom, right] in shares of the frame, as the frame shows it.
    """
    height, width = scene.size
    top, left, bottom, right = _seen(scene)
    high, wide = bottom - top, right - left
    scale = random.uniform(*ranges.height) * min(height / high, width / wide)
    turn, flip = random.uniform(*ranges.rotation), random.random() < ranges.flip
    # Near 1 the compositor takes a scale for 1: then it is 1 here too, so that box_true leads back exactly.
    if abs(scale - 1) * max(high, wide) < 3 * SNAP_PX:
        scale = 1.0
    linear = _linear(scale, turn, flip)
    reach = np.abs(linear) @ [wide, high]  # of the turned box
    center = [
        _center(random, float(extent), side, ranges.inside) for extent, side in zip(reach, (width, height), strict=True)
    ]
    shift = np.array(center) - linear @ [(left + right) / 2, (top + bottom) / 2]
    if scale == 1 and turn % 90 == 0:
        shift = np.rint(shift)
    return {
        "affine": np.column_stack([linear, shift]).tolist(),
        "rotation": turn,
        "flip": flip,
        "true_box": [top / height, left / width, bottom / height, right / width],
    }


def draw_photo(random: random.Random, ranges: PlacementRanges) -> dict[str, Any]:
    """Draw what all samples of a photo have in common, the decoys of its plate: "decoys" and "turn" of decoys.py."""
    return draw_decoys(random, ranges.decoys, ranges.decoy)


def _seen(scene: Scene) -> Box:
    """What the frame shows of the person's box, at least a pixel of it."""
    height, width = scene.size
    top, left = min(max(0.0, scene.box[0]), height - 1.0), min(max(0.0, scene.box[1]), width - 1.0)
    bottom, right = min(max(top + 1, scene.box[2]), float(height)), min(max(left + 1, scene.box[3]), float(width))
    return top, left, bottom, right


def _linear(scale: float, turn: float, flip: bool) -> NDArray[np.float64]:
    """Mirror, then turn counter-clockwise by degrees, then scale, as compositing/geometry.py has it."""
    angle = math.radians(turn)
    linear = scale * np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    if turn % 90 == 0:
        linear = scale * np.rint(linear / scale)
    if flip:
        linear[:, 0] = -linear[:, 0]
    return linear


def _center(random: random.Random, extent: float, side: float, inside: float) -> float:
    """A uniform center that keeps at least `inside` of the extent on the canvas, or the middle."""
    margin = min((inside - 0.5) * extent, side / 2)
    return random.uniform(max(0.0, margin), min(side, side - margin))


def prepare(
    read: Mapping[str, NDArray[np.uint8]], drawn: Mapping[str, Any], tools: Any
) -> dict[str, NDArray[np.uint8]]:
    """Decoys into the plate, at the photo's size, from the mattes "decoy_<i>"; without these it stays as it is.

    tools.fill is the Filler that made the plate, or None for the default one; tools.shared keeps the plate for the
    photo's other samples.
    """
    names = sorted((role for role in read if role.startswith("decoy_")), key=lambda role: int(role[6:]))
    if not names or not drawn["decoys"]:
        return dict(read)
    matte = read["alpha"] if "alpha" in read else read["foreground"][..., 3]
    plate, matte = np.ascontiguousarray(read["plate"][..., :3]), np.ascontiguousarray(matte)
    shapes = [np.ascontiguousarray(read[name]) for name in names]

    def make() -> tuple[NDArray[np.uint8], int]:
        filled = with_decoys(plate, matte, shapes, drawn, tools.fill)
        return filled, filled.nbytes

    asked = json.dumps([drawn["decoys"], drawn["turn"]])
    known = ("placement", asked, *(zlib.crc32(pixels.data) for pixels in (plate, matte, *shapes)))
    return {**read, "plate": tools.shared.get(known, make)}


def apply(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> dict[str, Tensor]:
    """Move the layer: "foreground" (4, H, W) straight RGBA, "mask" (1, H, W) its alpha; plate and photo stay."""
    size = pictures["photo"].shape[1], pictures["photo"].shape[2]
    layer = premultiplied(pictures["foreground"], pictures["alpha"])
    colors, alpha = straight(warp(layer, drawn["affine"], size))
    alpha = torch.where(alpha < LEVEL, 0, alpha)
    return {
        "foreground": torch.cat([colors * (alpha > 0), alpha]),
        "mask": alpha,
        "plate": pictures["plate"],
        "composite_true": pictures["photo"],
    }


def facts(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> dict[str, Any]:
    """What leads the layer back: "box_true": [x, y, height, rotation, flip], a Place of its own outline.

    pictures: what apply gave. placement_matrix(Place(*box_true), trace(layer), frame) is the inverse of the drawn
    affine, but for the compositor's snapping of scales that are within 0.75 pixels of 1.

    Raises:
        PictureError: the layer shows nobody.
    """
    alpha = pictures["mask"]
    height, width = alpha.shape[1:]
    outline = trace(to_pixels(alpha))
    if outline is None or outline.height == 0 or outline.width == 0:
        raise PictureError("the frame shows nothing of the person: no place can be told")
    back = inverse(np.array(drawn["affine"]))
    x, y = back @ [(outline.box[1] + outline.box[3]) / 2, outline.box[2], 1]
    share = outline.height * float(np.sqrt(abs(np.linalg.det(back[:, :2])))) / height
    turn = drawn["rotation"] if drawn["flip"] else -drawn["rotation"]  # a mirror turns the turn round
    return {"box_true": [float(x / width), float(y / height), share, turn + 0.0, drawn["flip"]]}
