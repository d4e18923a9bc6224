"""Photos for matting: turned, cropped, and people over new places that differ in color, noise and blur.

Iordachescu and Patilea (University of Bucharest) flip and turn by small angles; their future work, people over new
places, is added here. The differences between person and place are there so that a network learns people, not seams.

A person over a new place whose source mask is hard gets a softer edge, as a lens gives one: the mask is blurred about
its edge, and the very same alpha composites and is the truth, so picture and truth agree. A photo that stays as it is
has an edge of its own that nobody knows: there a hard mask stays hard (but for the turn's resampling, which photo and
mask share), since an edge fitted to the photo would be a guess sold as truth.
"""

import math
from collections.abc import Mapping
from random import Random
from typing import Any

import torch
from torch import Tensor

from bgswap.augmentation.colors import saturation, white_balance
from bgswap.augmentation.degrade import coarsen, jpeg, noise
from bgswap.augmentation.edges import is_hard, softened
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.ranges import MattingRanges
from bgswap.augmentation.tensors import gaussian, premultiplied, warp
from bgswap.errors import UsageError

INPUTS = ("photo", "foreground", "alpha", "background")
OUTPUTS = ("image", "alpha_true")

MILD = 0.5  # ours: share of the color change, in stops, that a photo of its own takes as a whole
UPPER = (0.42, 0.58)  # ours: share of the figure down to where a half-length window reaches
HEAD = (0.2, 0.3)  # ours: the same of head and shoulders; a head is about an eighth of a figure
HEADROOM = (0.03, 0.2)  # ours: share of such a window above the head
ASIDE = 0.15  # ours: how far such a window may be off the box's middle, share of its width
FIGURE = 2.5  # ours: a figure's height over its width; of one that the photo cuts below, this much is assumed
LEAST = 64  # ours: pixels; a lower window would be enlarged beyond what a photo holds


def inputs(ranges: MattingRanges) -> tuple[str, ...]:
    """The roles that these ranges read: places only where somebody is set over one."""
    return INPUTS if ranges.new_place else tuple(role for role in INPUTS if role != "background")


def draw_window(
    random: Random,
    size: tuple[int, int],
    box: tuple[float, float, float, float],
    aspect: float,
    ranges: MattingRanges,
) -> tuple[int, int, int, int]:
    """Which part of the photo to show: (top, left, height, width) in its pixels, always inside it.

    Shares of `ranges`: the largest window that fits, half-length, head and shoulders; all others are of random size
    with their middle in the person's box.

    Args:
        random: where chance comes from.
        size: (height, width) of the photo.
        box: (top, left, bottom, right) of the person, in the photo's pixels.
        aspect: width over height of the window.
        ranges: shares and the range of sizes.
    """
    height, width = size
    top, left, bottom, right = box
    largest = min(height, width / aspect)
    kind = random.random()
    near = kind - ranges.whole
    if not 0 <= near < ranges.half_length + ranges.head:
        tall = largest if near < 0 else largest * random.uniform(*ranges.crop)
        middle = random.uniform(top, bottom), random.uniform(left, right)
        return _window(middle[0] - tall / 2, middle[1], tall, size, aspect)
    figure = bottom - top
    if bottom >= height - 1:  # cut below: its upper half is not half of what is seen
        figure = max(figure, FIGURE * (right - left))
    reach = figure * random.uniform(*(UPPER if near < ranges.half_length else HEAD))
    end = min(top + reach, bottom)
    start = max(0.0, end - (end - top) / (1 - random.uniform(*HEADROOM)))
    tall = min(largest, max(end - start, min(LEAST, largest)))
    aside = random.uniform(-ASIDE, ASIDE) * tall * aspect
    return _window(start, (left + right) / 2 + aside, tall, size, aspect)


def _window(top: float, middle: float, tall: float, size: tuple[int, int], aspect: float) -> tuple[int, int, int, int]:
    """Whole pixels: rows from `top` on, columns about `middle`, moved into the photo."""
    rows = min(size[0], max(1, round(tall)))
    columns = min(size[1], max(1, round(tall * aspect)))
    left = middle - columns / 2
    return (
        min(max(0, round(top)), size[0] - rows),
        min(max(0, round(left)), size[1] - columns),
        rows,
        columns,
    )


def draw(random: Random, scene: Scene, ranges: MattingRanges) -> dict[str, Any]:
    """Everything that makes the sample; lengths in pixels of the frame, angles in degrees, noise in units of 0..1."""
    turned = random.random() < ranges.turned
    rotation, zoom = random.uniform(*ranges.rotation), random.uniform(*ranges.zoom)
    coarse = random.random() < ranges.coarse
    factor = random.uniform(*ranges.resolution)
    defocused = random.random() < ranges.defocused
    place_blur = random.uniform(*ranges.place_blur) * scene.size[0]
    packed = random.random() < ranges.jpeg
    quality = round(random.uniform(*ranges.quality))
    return {
        "new_place": random.random() < ranges.new_place,
        "rotation": rotation if turned else 0.0,
        "zoom": zoom if turned else 1.0,
        "person": _look(random, ranges),
        "place": _look(random, ranges),
        "soften": random.uniform(*ranges.soften),
        "person_blur": random.uniform(*ranges.person_blur) * scene.size[0],
        "place_blur": place_blur if defocused else 0.0,
        "person_noise": random.uniform(*ranges.noise),
        "place_noise": random.uniform(*ranges.noise),
        "noise_seed": random.getrandbits(32),
        "resolution": factor if coarse else 1.0,
        "jpeg": quality if packed else 0,  # 0: none
    }


def _look(random: Random, ranges: MattingRanges) -> dict[str, float]:
    return {
        "exposure": random.uniform(*ranges.exposure),
        "red": random.uniform(*ranges.white_balance),
        "blue": random.uniform(*ranges.white_balance),
        "saturation": random.uniform(*ranges.saturation),
    }


def apply(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> dict[str, Tensor]:
    """image (3, H, W) and alpha_true (1, H, W). "background" is read only where `drawn["new_place"]` is true.

    Raises:
        UsageError: a new place is due and there is none.
    """
    if drawn["new_place"]:
        image, alpha = _over_new_place(pictures, drawn)
        grain: float | Tensor = drawn["place_noise"] + (drawn["person_noise"] - drawn["place_noise"]) * alpha
    else:
        photo = torch.cat([recolored(pictures["photo"], drawn["person"], MILD), pictures["alpha"]])
        both = _turned(photo, drawn)
        image, alpha, grain = both[:3], both[3:], drawn["person_noise"]
    if drawn["resolution"] < 1:
        image = coarsen(image, drawn["resolution"])
    image = noise(image, grain, drawn["noise_seed"])
    if drawn["jpeg"]:
        image = jpeg(image, drawn["jpeg"])
    return {"image": image, "alpha_true": alpha}


def _over_new_place(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """The person over its new place, and the alpha that did it. The place is not turned: it was cut freely before."""
    if "background" not in pictures:
        raise UsageError("people over new places need places: give --background, or set the share of new places to 0")
    colors, alpha = pictures["foreground"], pictures["alpha"]
    if is_hard(alpha):
        colors, alpha = softened(colors, alpha, drawn["soften"])
    person = _turned(premultiplied(recolored(colors, drawn["person"]), alpha), drawn)
    person = gaussian(person, drawn["person_blur"])
    place = gaussian(recolored(pictures["background"], drawn["place"]), drawn["place_blur"])
    alpha = person[3:].clamp(0, 1)
    return torch.addcmul(person[:3], 1 - alpha, place).clamp_(0, 1), alpha


def _turned(picture: Tensor, drawn: Mapping[str, Any]) -> Tensor:
    """Turned about the frame's middle, counter-clockwise, and enlarged; corners are filled by reflection."""
    if drawn["rotation"] == 0 and drawn["zoom"] == 1:
        return picture
    height, width = picture.shape[1:]
    turn = math.radians(drawn["rotation"])
    cos, sin = math.cos(turn) * drawn["zoom"], math.sin(turn) * drawn["zoom"]
    x, y = width / 2, height / 2
    matrix = [[cos, sin, x - cos * x - sin * y], [-sin, cos, y + sin * x - cos * y]]
    return warp(picture, matrix, (height, width), outside="reflection")


def recolored(picture: Tensor, look: Mapping[str, float], strength: float = 1.0) -> Tensor:
    """Exposure in stops, white balance and saturation of (3, H, W) 0..1 sRGB.

    Gains in linear light are gains in gamma-coded values, too, where light is a plain power of them.
    """
    gains = [(2.0 ** look["exposure"] * gain) ** strength for gain in (look["red"], 1.0, look["blue"])]
    return saturation(white_balance(picture, gains), look["saturation"] ** strength).clamp_(0, 1)
