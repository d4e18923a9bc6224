"""Lay the shadow that a standing person would cast on the ground of a plate, with its numbers.

Silhouette, camera and light give the shadow (bgswap/augmentation/casting.py), truth for networks that draw shadows
without knowing the light. It takes linear light away and turns slightly blue, as shadows under a sky do.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

import torch
from torch import Tensor

from bgswap.augmentation.casting import View, cast, contact, ground_line
from bgswap.augmentation.colors import LUMA, to_linear, to_srgb
from bgswap.augmentation.frame import Scene, holding
from bgswap.augmentation.ranges import ShadowRanges
from bgswap.augmentation.tensors import over

INPUTS = ("foreground", "alpha", "plate")
OUTPUTS = ("foreground", "plate", "shadow_true", "composite_true")

ROOM = 0.02  # ours: ground below the feet that a window shows at least, share of the person's height
VISIBLE = 1 / 512  # light lost that no 8-bit picture shows: taken as none, and the plate stays as it is there


def draw_window(
    random: Random,
    photo: tuple[int, int],
    box: tuple[float, float, float, float],
    aspect: float,
    ranges: ShadowRanges,  # noqa: ARG001 - methods that draw windows draw alike
) -> tuple[float, float, float, float]:
    """The part of a photo (height, width) that a sample shows: top, left, height, width in its pixels.

    The largest window of that aspect (width over height), anywhere that shows the feet and, where it can, the whole
    person: shadows need ground, and heads cast them too.
    """
    height, width = photo
    tall = min(float(height), width / aspect)
    wide = tall * aspect
    top = holding(random, (box[0], box[2] + ROOM * (box[2] - box[0])), tall, height)
    left = holding(random, (box[1], box[3]), wide, width, center=True)
    return top, left, tall, wide


def draw(random: Random, scene: Scene, ranges: ShadowRanges) -> dict[str, Any]:
    """The light and the camera, and whether anyone stands.

    azimuth, elevation: of the light, degrees; 0 behind the camera, 90 to its right, 180 behind the person. size:
    the light's apparent width, degrees. density, contact: light lost in full shadow and under the soles, 0..1.
    tint: powers per channel R, G, B of the light that is left, see `shade`; their luminance is 1. camera, distance:
    in the person's heights. box: the scene's. standing: False where the feet are not in the frame: nothing is cast.
    """
    blue = random.uniform(*ranges.tint)
    tint = (1 + blue, 1.0, 1 - blue)  # what is lost less is what stays more: blue
    luminance = sum(weight * share for weight, share in zip(LUMA, tint, strict=True))
    return {
        "standing": "bottom" not in scene.cut and 0 < scene.box[2] <= scene.size[0],
        "box": [float(side) for side in scene.box],
        "azimuth": random.uniform(*ranges.azimuth),
        "elevation": random.uniform(*ranges.elevation),
        "size": random.uniform(*ranges.softness),
        "density": random.uniform(*ranges.density),
        "contact": random.uniform(*ranges.contact),
        "tint": [share / luminance for share in tint],
        "camera": random.uniform(*ranges.camera),
        "distance": random.uniform(*ranges.distance),
    }


def apply(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> dict[str, Tensor]:
    """Shade the plate and set the person over it.

    foreground (3, H, W), alpha (1, H, W), plate (3, H, W), sRGB 0..1 -> foreground (4, H, W) straight RGBA, plate,
    shadow_true (1, H, W) 0..1: share of linear light that the ground loses, also behind the person; and
    composite_true (3, H, W). Channel c of the ground keeps (1 - shadow_true) ** tint[c] of its light.
    """
    foreground, alpha, plate = pictures["foreground"], pictures["alpha"], pictures["plate"]
    lost = shadow(alpha, drawn)
    return {
        "foreground": torch.cat([foreground, alpha]),
        "plate": plate,
        "shadow_true": lost,
        "composite_true": over(foreground, alpha, shade(plate, lost, drawn["tint"])),
    }


def shadow(alpha: Tensor, drawn: Mapping[str, Any]) -> Tensor:
    """Share of light that the ground loses, (1, H, W) 0..1, for a person's alpha (1, H, W)."""
    size = int(alpha.shape[1]), int(alpha.shape[2])
    line = ground_line(alpha, drawn["box"]) if drawn["standing"] else None
    if line is None:
        return torch.zeros_like(alpha)
    view = View.of(drawn, line, size)
    dark = drawn["density"] * cast(alpha, line, view, drawn)
    lost = 1 - (1 - dark) * contact(alpha, line, view, drawn["contact"])
    return torch.where(lost > VISIBLE, lost, 0).clamp(0, 1)


def shade(plate: Tensor, lost: Tensor, tint: list[float]) -> Tensor:
    """Darken a plate (3, H, W) sRGB: channel c keeps (1 - lost) ** tint[c] of its linear light; lost is (1, H, W)."""
    rows, columns = lost[0].amax(1).nonzero(), lost[0].amax(0).nonzero()
    if not len(rows):
        return plate
    part = (..., slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    where = lost[part][0] > 0
    colors = plate[part][:, where]
    # A power and no factor: where nearly all light is gone, a factor would leave blue alone.
    left = (1 - lost[part][:, where]) ** torch.tensor(tint, dtype=plate.dtype, device=plate.device)[:, None]
    shaded = plate.clone()
    shaded[part][:, where] = to_srgb(to_linear(colors) * left)
    return shaded
