"""Recolor: the person in another's colors, another light and another grading; the photo is the truth.

The pairs of the harmonization GAN (README, "The five systems") and of HPBNet (Wang et al., CGF 2023,
10.1111/cgf.14921, section 3.1): a true photo is the target, and its person's colors are changed. First both photos'
white balance may be jittered (HPBNet: then the jittered photo is the truth); then the person takes another person's
mean and spread in CIELAB, gains of light, curves, saturation and a 3D table. Only pixels with alpha above 0 are
worked on.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor

from bgswap.augmentation.colors import (
    DAYLIGHT,
    Moments,
    curves,
    lab_from_srgb,
    lut,
    moments,
    reinhard,
    saturation,
    scaled,
    shoulder,
    srgb_from_lab,
    temperature_gains,
    white_balance,
    within,
)
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.ranges import Range, RecolorRanges
from bgswap.errors import PictureError

INPUTS = ("photo", "foreground", "alpha", "reference", "reference_alpha")
OUTPUTS = ("composite", "alpha", "composite_true")

DIGITS = 4  # ours: of the numbers in a line of metadata; finer than a level of 8 bits
SEEN = 4096  # ours: this many of a person's pixels suffice for its mean and spread, to about a fiftieth of the spread
PIECE = 2**16  # ours: pixels worked on at a time: a table takes 27 numbers a pixel, and photos can be large
LIGHTNESS = 4.0, 95.0  # ours: CIELAB L that the transfer keeps the person within, so that faces do not burn out
KNEE = 0.88  # ours: above it colors are compressed and not cut
KNOTS = 5  # ours: control values of a curve: black, three between, white
TINT = 0.4  # ours: how much of a curve's bend may differ from channel to channel; the rest is one for all
ENDS = 0.5  # ours: black and white move by at most this share of the bend, and only inward, so that nothing is cut off
UNCHANGED = (1.0, 1.0, 1.0)
STEPS = ("jitter", "transfer", "balance", "exposure", "temperature", "curves", "saturation", "lut")


def draw(random: Random, scene: Scene, ranges: RecolorRanges) -> dict[str, Any]:  # noqa: ARG001 - methods draw alike
    """Numbers of one change; a step that is not taken has the numbers that change nothing.

    jitter, reference_jitter: gains in light of the photo and of the reference. transfer: 0 for none, 1 for all the
    way; spread: bounds on the ratio of spreads; reach: bound on the way of a mean, CIELAB. balance: gains in light;
    stops, kelvin: gains in light too. curves: (3, 5), lut: 81, offsets in sRGB, see colors.py. saturation: a factor.

    Every number is drawn whether its step is taken or not, so that another share leaves the other steps alone.
    """
    taken = {name: random.random() < getattr(ranges, name) for name in STEPS}
    jitter, reference_jitter, balance = (_gains(random, ranges.gain) for _ in range(3))
    strength, stops, chroma = (_number(random, one) for one in (ranges.strength, ranges.stops, ranges.chroma))
    mired = random.uniform(1e6 / ranges.kelvin[0], 1e6 / ranges.kelvin[1])  # equal steps of it look alike
    bends = _bends(random, ranges.bend)
    shifts = [_number(random, (-ranges.shift, ranges.shift)) for _ in range(81)]
    return {
        "jitter": jitter if taken["jitter"] else [*UNCHANGED],
        "reference_jitter": reference_jitter if taken["jitter"] else [*UNCHANGED],
        "transfer": strength if taken["transfer"] else 0.0,
        "spread": [float(bound) for bound in ranges.spread],
        "reach": float(ranges.reach),
        "balance": balance if taken["balance"] else [*UNCHANGED],
        "stops": stops if taken["exposure"] else 0.0,
        "kelvin": round(1e6 / mired, 1) if taken["temperature"] else DAYLIGHT,
        "curves": bends if taken["curves"] else [[0.0] * KNOTS for _ in range(3)],
        "saturation": chroma if taken["saturation"] else 1.0,
        "lut": shifts if taken["lut"] else [0.0] * 81,
    }


def apply(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> dict[str, Tensor]:
    """Change the person's colors; see INPUTS, and `draw` for the numbers. All (3, H, W), sRGB 0..1:

    photo: the true photo, jittered; foreground_true: the person's true colors, jittered alike; foreground: the
    changed ones. The composite is photo + alpha * (foreground - foreground_true), so that soft edges stay exact
    without knowing what is behind them, and nothing changes where alpha is 0. After another method `pictures` has a
    foreground_true of its own; it is kept, and foreground is changed further.

    Raises:
        PictureError: colors are to come from another person, and there is none.
    """
    made = jittered(pictures, drawn)
    reference, other_alpha = pictures.get("reference"), pictures.get("reference_alpha")
    made["foreground"] = changed(made["foreground"], pictures["alpha"], reference, other_alpha, drawn)
    return made


def jittered(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any]) -> dict[str, Tensor]:
    """photo, foreground and foreground_true (foreground, where it is missing) under the drawn white balance.

    Gains scale the two sides of the mixing formula alike, so soft edges stay true; clipped to 0..1, as a file is.
    """
    names = [name for name in ("photo", "foreground", "foreground_true") if name in pictures]
    made = {name: _in_light(pictures[name], drawn["jitter"]) for name in names}
    return {"foreground_true": made["foreground"], **made}


def changed(
    foreground: Tensor,
    alpha: Tensor,
    reference: Tensor | None,
    reference_alpha: Tensor | None,
    drawn: Mapping[str, Any],
) -> Tensor:
    """The person's changed colors (3, H, W); where alpha (1, H, W) is 0 those of `foreground` (3, H, W) stay.

    reference (3, h, w), reference_alpha (1, h, w): the other person, at any size; None where nothing is transferred.
    """
    if not _acts(drawn):
        return foreground
    where = _seen(alpha)
    if len(where) == 0:
        return foreground
    transfer = mapping(foreground, alpha, reference, reference_alpha, drawn, where)
    colors = foreground.flatten(1).index_select(1, where)
    made = recolored(colors, transfer, drawn)
    return foreground.flatten(1).scatter(1, where.expand(3, -1), made).view_as(foreground)


def mapping(
    foreground: Tensor,
    alpha: Tensor,
    reference: Tensor | None,
    reference_alpha: Tensor | None,
    drawn: Mapping[str, Any],
    where: Tensor | None = None,
) -> Moments | None:
    """What the transfer does, as scale and shift (3,) in CIELAB; None without transfer. Arguments as of `changed`;
    where: indices of the person's pixels, if they are known.

    It depends on the person's pixels: a sequence of frames takes it from one of them, and gives it to `recolored`
    for all. Of each person SEEN pixels are looked at.

    Raises:
        PictureError: colors are to come from another person, and there is none.
    """
    if drawn["transfer"] == 0:
        return None
    if reference is None or reference_alpha is None:
        raise PictureError("no other person to take colors from: give more photos, or --recolor-transfer 0")
    where = _few(_seen(alpha) if where is None else where)
    other_where = _few(_seen(reference_alpha))
    if len(where) == 0 or len(other_where) == 0:  # nobody to be seen: nothing to transfer
        return None
    lab, weight = _in_lab(foreground, alpha, where)
    other = _in_lab(reference, reference_alpha, other_where, drawn["reference_jitter"])
    low, high = drawn["spread"]
    scale, shift = reinhard(moments(lab, weight), moments(*other), (low, high), drawn["transfer"], drawn["reach"])
    lightness = within((scale[0], shift[0]), lab[0], LIGHTNESS, low)
    return torch.stack([lightness[0], *scale[1:]]), torch.stack([lightness[1], *shift[1:]])


def recolored(colors: Tensor, transfer: Moments | None, drawn: Mapping[str, Any]) -> Tensor:
    """Apply all steps after the jitter to colors (3, ...), in the order transfer, light, curves, saturation, table.

    One fixed function of each color. Clipped to 0..1 at the end; before that, only negative light is cut, which the
    transfer gives for colors outside sRGB's gamut.
    """
    if not _acts(drawn):
        return colors
    pieces = [_recolored(few, transfer, drawn) for few in colors.reshape(3, -1).split(PIECE, 1)]
    return torch.cat(pieces, 1).view(colors.shape)


def _recolored(colors: Tensor, transfer: Moments | None, drawn: Mapping[str, Any]) -> Tensor:
    if transfer is not None:
        colors = srgb_from_lab(scaled(lab_from_srgb(colors), transfer)).clamp_min_(0)
    colors = white_balance(colors, _light(drawn))
    if _bent(drawn):
        colors = curves(colors, drawn["curves"])
    if drawn["saturation"] != 1:
        colors = saturation(colors, drawn["saturation"])
    if any(drawn["lut"]):
        colors = lut(colors, drawn["lut"])
    return shoulder(colors, KNEE).clamp_(0, 1)


def _seen(alpha: Tensor) -> Tensor:
    """Where the person is: indices (N,) of pixels in reading order."""
    return alpha.reshape(-1).nonzero()[:, 0]


def _few(where: Tensor) -> Tensor:
    """Every second, third, ... of the indices, SEEN at most."""
    return where[:: -(-len(where) // SEEN) or 1]


def _in_lab(picture: Tensor, alpha: Tensor, where: Tensor, gains: Sequence[float] = UNCHANGED) -> tuple[Tensor, Tensor]:
    """CIELAB (3, N) and weights (N,) of some pixels."""
    colors = _in_light(picture.flatten(1).index_select(1, where), gains)
    return lab_from_srgb(colors), alpha.reshape(-1).index_select(0, where)


def _in_light(picture: Tensor, gains: Sequence[float]) -> Tensor:
    return picture if all(gain == 1 for gain in gains) else white_balance(picture, gains).clamp_(0, 1)


def _light(drawn: Mapping[str, Any]) -> tuple[float, ...]:
    """Balance, exposure and temperature: gains in light all three, so one."""
    warmth = UNCHANGED if drawn["kelvin"] == DAYLIGHT else temperature_gains(drawn["kelvin"])
    return tuple(gain * 2.0 ** drawn["stops"] * warm for gain, warm in zip(drawn["balance"], warmth, strict=True))


def _bent(drawn: Mapping[str, Any]) -> bool:
    return any(any(channel) for channel in drawn["curves"])


def _acts(drawn: Mapping[str, Any]) -> bool:
    """Whether any step after the jitter changes a color."""
    still = drawn["transfer"] == 0 and drawn["saturation"] == 1 and _light(drawn) == UNCHANGED
    return not still or _bent(drawn) or any(drawn["lut"])


def _number(random: Random, between: Range) -> float:
    return round(random.uniform(*between), DIGITS)


def _gains(random: Random, between: Range) -> list[float]:
    return [_number(random, between) for _ in range(3)]


def _bends(random: Random, bend: float) -> list[list[float]]:
    """Offsets of a curve's control values: one curve for all channels, and a smaller one for each."""
    drawn = [[random.uniform(-1, 1) for _ in range(KNOTS)] for _ in range(4)]
    for knots in drawn:
        knots[0], knots[-1] = ENDS * abs(knots[0]), -ENDS * abs(knots[-1])
    common, *tints = drawn
    return [
        [round(bend * ((1 - TINT) * every + TINT * own), DIGITS) for every, own in zip(common, tint, strict=True)]
        for tint in tints
    ]
