"""The person lit anew from a random sphere of light, shaded by spherical harmonics; the place stays.

HPBNet (Wang et al., CGF 2023, 10.1111/cgf.14921), section 3.1, has a network do it (Zhou et al., ICCV 2019). Here:
irradiance of second-order spherical harmonics (Ramamoorthi and Hanrahan, SIGGRAPH 2001, 10.1145/383259.383317) over
normals, the new one divided by the old, times the colors in linear light. Normals are a network's where pictures hold
"normals", else normals.py's guess.
"""

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor

from bgswap.augmentation.colors import LUMA, to_linear, to_srgb
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.normals import estimate_normals
from bgswap.augmentation.ranges import RelightRanges
from bgswap.augmentation.tensors import resize

INPUTS = ("photo", "foreground", "alpha")
OPTIONAL = ("normals",)
OUTPUTS = ("composite", "alpha", "composite_true")

LOBES = 3  # ours: more soft lights look like ambient
SOFT = 0.6  # ours: about where a lobe of order 2 that is nowhere negative differs most from front to back
FILL = (0.1, 0.4)  # ours: strength of the second and third light, of the first one's
GREEN = 0.15  # ours: how far a light's green may leave the line from blue to amber, of the warmth's largest
TINTS = (0.75, 1.3)  # HPBNet's white balance: no channel leaves the luminance by more
LAMBERT = (math.pi, *[2 * math.pi / 3] * 3, *[math.pi / 4] * 5)  # A_l there: a matte surface's blur of each band
DIM = 0.05  # ours: added to both lights, so that two small ones give no large ratio
WHITE = 0.8  # ours: where white lies on the camera's shoulder when it is darkened
LOOK = 64  # ours: cells along the longer side that the old light is fitted on
HUBER = 0.35  # ours: luminance this far off, in means, pulls only linearly
EVEN = (0.4, 2.5)  # ours: what is believed of the old light, times its mean
RIDGE = 0.02  # ours: pull of the old light towards an even one, share of the person's cells
SIDEWAYS = (3, 4, 7)  # x, xy, xz: what differs between left and right


def draw(random: Random, scene: Scene, ranges: RelightRanges) -> dict[str, Any]:
    """A sphere of light: three soft lobes (unused ones of share 0) in an ambient, and their 9 coefficients a channel.

    light: (3, 9), radiance of mean 1; positive everywhere, as every lobe is a square of order 2: no ringing.
    """
    del scene  # light is the same wherever the person stands
    count = max(1, min(LOBES, random.randint(round(ranges.lights[0]), round(ranges.lights[1]))))
    lobes = [_draw_lobe(random, ranges) for _ in range(LOBES)]
    strengths = [1.0 if i == 0 else float(i < count) * random.uniform(*FILL) for i in range(LOBES)]
    ambient, tone = random.uniform(*ranges.ambient), _draw_color(random, ranges)
    for lobe, strength in zip(lobes, strengths, strict=True):
        lobe["share"] = (1 - ambient) * strength / sum(strengths)
    return {
        "lobes": lobes,
        "ambient": {"share": ambient, "color": tone},
        "light": sphere(lobes, ambient, tone),
        "contrast": random.uniform(*ranges.contrast),
        "exposure": random.uniform(*ranges.exposure),
        "ratio": [float(end) for end in ranges.ratio],
        "relief": random.uniform(*ranges.relief),
        "unlight": random.uniform(*ranges.unlight),
    }


def _draw_lobe(random: Random, ranges: RelightRanges) -> dict[str, Any]:
    low, high = (math.sin(math.radians(degrees)) for degrees in ranges.elevation)
    return {
        "azimuth": random.uniform(*ranges.azimuth),
        "elevation": math.degrees(math.asin(random.uniform(low, high))),  # even over the sphere's area
        "color": _draw_color(random, ranges),
    }


def _draw_color(random: Random, ranges: RelightRanges) -> list[float]:
    """Gains of red, green, blue with luminance 1, from blue to amber."""
    warmth = random.uniform(*ranges.warmth)
    green = random.uniform(-GREEN, GREEN) * max(abs(end) for end in ranges.warmth)
    gains = [2 ** (warmth / 2), 2**green, 2 ** (-warmth / 2)]
    brightness = sum(gain * weight for gain, weight in zip(gains, LUMA, strict=True))
    return [gain / brightness for gain in gains]


def sphere(lobes: Sequence[Mapping[str, Any]], ambient: float, tone: Sequence[float]) -> list[list[float]]:
    """Radiance coefficients (3, 9) of an ambient and of lobes (c + SOFT)^2, c the cosine to the lobe's middle.

    A lobe of share 1 has mean 1 over the sphere. Azimuth 0 and elevation 0 is the viewer's.
    """
    mean = SOFT**2 + 1 / 3  # (c + s)^2 in Legendre polynomials: (s^2 + 1/3) P0 + 2 s P1 + 2/3 P2
    bands = [1.0] + [2 * SOFT / mean / 3] * 3 + [2 / 3 / mean / 5] * 5  # each over 2 l + 1, by the addition theorem
    light = [[ambient * shade * math.sqrt(4 * math.pi)] + [0.0] * 8 for shade in tone]
    for lobe in lobes:
        turn, lift = math.radians(lobe["azimuth"]), math.radians(lobe["elevation"])
        toward = math.cos(lift) * math.sin(turn), math.sin(lift), math.cos(lift) * math.cos(turn)
        for i, (band, value) in enumerate(zip(bands, basis(*toward), strict=True)):
            for coefficients, shade in zip(light, lobe["color"], strict=True):
                coefficients[i] += 4 * math.pi * band * value * lobe["share"] * shade
    return light


def basis(x: Any, y: Any, z: Any) -> list[Any]:
    """The nine real spherical harmonics up to order 2 of a unit direction: floats or tensors, in the paper's order."""
    return [
        0.282095 + 0 * x,
        *(0.488603 * y, 0.488603 * z, 0.488603 * x),
        *(1.092548 * x * y, 1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z),
        0.546274 * (x * x - y * y),
    ]


def irradiance(light: Tensor, normals: Tensor) -> Tensor:
    """Radiance coefficients (c, 9) and unit normals (3, n) -> what falls on a matte surface, (c, n)."""
    return (light * _lambert(light)) @ torch.stack(basis(*normals))


def apply(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> dict[str, Tensor]:
    """The foreground in the drawn light; "normals" (3, H, W), n / 2 + 1/2, are used where given."""
    photo, foreground, alpha = (pictures[role] for role in INPUTS)
    relit = foreground.clone()
    person = torch.nonzero(alpha.flatten())[:, 0]  # only their pixels are worked on
    if len(person):
        if "normals" in pictures:
            normals = unit(pictures["normals"] * 2 - 1)
        else:
            normals = estimate_normals(foreground, alpha, relief=drawn["relief"])
        light = torch.tensor(drawn["light"], device=foreground.device)
        if drawn["unlight"] > 0:
            light = torch.cat([light, old_light(foreground, alpha, normals)[None]])
        fallen = irradiance(light, normals.flatten(1)[:, person]) / math.pi
        gains = light_gains(fallen, alpha.flatten()[person], drawn)
        relit.view(3, -1)[:, person] = brighten(foreground.flatten(1)[:, person], gains)
    return {"photo": photo, "foreground_true": pictures.get("foreground_true", foreground), "foreground": relit}


def light_gains(fallen: Tensor, alpha: Tensor, drawn: Mapping[str, Any]) -> Tensor:
    """Factors (3, n) in linear light of n pixels: a bounded ratio of luminance, times the light's bounded color.

    fallen: new irradiance of red, green, blue, and the old one where it is known, else it is even; (3 or 4, n).
    """
    new = torch.tensordot(torch.tensor(LUMA, device=fallen.device), fallen[:3], dims=1)
    ratio = torch.log(new + DIM)
    if len(fallen) > 3:
        ratio = ratio - drawn["unlight"] * torch.log(fallen[3].clamp(*EVEN) + DIM)
    ratio = drawn["contrast"] * (ratio - torch.dot(ratio, alpha) / alpha.sum())  # the mean brightness stays
    low, high = (math.log(end) for end in drawn["ratio"])
    ratio = _bounded(ratio + drawn["exposure"] * math.log(2), low, high)
    return ratio.exp() * (fallen[:3] / new.clamp_min(1e-3)).clamp(*TINTS)


def brighten(colors: Tensor, gains: Tensor) -> Tensor:
    """sRGB colors times gains in linear light, before the camera's shoulder x = s / sqrt(1 + s^2), which is ours.

    Bright colors roll off to white instead of being cut, and pale highlights regain color where they darken. All of
    white would stay white, so it lies below the shoulder's end when it darkens. Gains of 1 change nothing.
    """
    linear, square = to_linear(colors), gains.square() - 1
    shoulder = linear.square() * torch.where(square > 0, square, WHITE**2 * square)
    return to_srgb(linear * gains * torch.rsqrt(1 + shoulder)).clamp_(0, 1)


def _bounded(value: Tensor, low: float, high: float) -> Tensor:
    """Within low..high, bent towards the ends instead of cut, so that no edge shows; low <= 0 <= high."""
    end = torch.where(value > 0, max(high, 1e-4), min(low, -1e-4))
    return value / (1 + (value / end) ** 4) ** 0.25


def old_light(foreground: Tensor, alpha: Tensor, normals: Tensor) -> Tensor:
    """How the photo's own light differs between left and right: radiance coefficients (9,), mean irradiance about pi.

    Least squares of linear luminance on the harmonics, with Huber's weights and a ridge. Only what differs between
    left and right is believed: hair above a face and a shirt over trousers look like light from below or above,
    while people are much the same on both sides.
    """
    height, width = alpha.shape[1:]
    scale = min(1.0, LOOK / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    planes = resize(torch.cat([alpha, foreground * alpha, normals]), size).flatten(1)
    sure = planes[0].square() / planes[0].square().sum().clamp_min(1e-12)
    seen = torch.tensor(LUMA, device=alpha.device) @ to_linear((planes[1:4] / planes[0].clamp_min(1e-3)).clamp(0, 1))
    seen = seen / (seen @ sure).clamp_min(1e-4)
    harmonics = torch.stack(basis(*planes[4:])) * _lambert(planes)[:, None] / math.pi
    ridge = torch.full((9,), RIDGE, device=alpha.device)
    ridge[0] = 1e-6
    weight, fitted = sure, seen.new_zeros(9)
    for _ in range(4):
        weighted = harmonics * weight
        fitted = torch.linalg.solve(weighted @ harmonics.T + torch.diag(ridge), weighted @ seen)
        weight = sure * (HUBER / (fitted @ harmonics - seen).abs().clamp_min(HUBER))
    light = torch.zeros_like(fitted)
    light[0] = math.sqrt(4 * math.pi)
    light[list(SIDEWAYS)] = fitted[list(SIDEWAYS)]
    return light


def unit(normals: Tensor) -> Tensor:
    """(3, H, W) scaled to length 1; towards the viewer where there is no direction."""
    length = normals.square().sum(0).sqrt()
    return torch.where(length > 1e-3, normals / length.clamp_min(1e-3), normals.new_tensor([0, 0, 1]).view(3, 1, 1))


def _lambert(like: Tensor) -> Tensor:
    return torch.tensor(LAMBERT, device=like.device, dtype=like.dtype)
