"""What samples are drawn from: one dataclass a method, every field an option, every default with its source.

No torch here: the command builds its options from these fields before anything heavy is loaded.
"""

from dataclasses import dataclass, field
from typing import Any

from bgswap.errors import UsageError

Range = tuple[float, float]  # (low, high), both possible; drawn uniformly unless the help says otherwise


def ranged(low: float, high: float, meaning: str, source: str) -> Any:
    """A field that is a range."""
    return field(default=(low, high), metadata={"help": meaning, "source": source})


def single(default: float | int | str | None, meaning: str, source: str) -> Any:
    """A field that is one value: a share of samples, a count, a choice."""
    return field(default=default, metadata={"help": meaning, "source": source})


@dataclass(frozen=True)
class FrameRanges:
    """Which part of a photo a sample shows, where --size is not native."""

    crop: Range = ranged(0.5, 1.0, "Side of the crop, of the largest that fits.", "iDIH, Sofiiuk et al. 2021")
    flip: float = single(0.5, "Share of samples mirrored left to right.", "pix2pix")
    soften: float = single(0.6, "Blur of a hard mask's edge, sigma in pixels of the sample; 0 keeps it hard.", "ours")


@dataclass(frozen=True)
class PlacementRanges:
    """How the person's layer is moved away from its true place."""

    height: Range = ranged(0.3, 0.9, "Size on the canvas: of the frame's height, or width where that binds.", "ours")
    rotation: Range = ranged(-15.0, 15.0, "Turn, degrees counter-clockwise.", "ours")
    flip: float = single(0.5, "Share of layers mirrored left to right.", "pix2pix")
    inside: float = single(0.8, "Least share of the layer's box on the canvas, both ways.", "ours")
    crop: Range = ranged(0.75, 1.0, "Side of the crop, of the largest with the center where it was drawn.", "ours")
    whole: float = single(0.0, "Share that shows all that fits instead: whole people, but mostly amid it.", "ours")
    smallest: float = single(0.25, "Least side of such a crop, of the largest that fits the photo.", "ours")
    decoys: int = single(3, "Holes of other people's shapes in each plate.", "ours")
    decoy: Range = ranged(0.6, 1.1, "Height of a decoy, of the person's.", "ours")


@dataclass(frozen=True)
class RecolorRanges:
    """How the person's colors are changed."""

    transfer: float = single(
        0.8, "Share of samples with another person's colors.", "HPBNet and the harmonization GAN: all"
    )
    strength: Range = ranged(0.6, 1.0, "How far colors go to the other person's.", "ours; HPBNet: 1")
    spread: Range = ranged(0.5, 1.8, "Bounds on the other's spread of colors over the person's.", "ours")
    reach: float = single(20.0, "How far the mean color may go, in CIELAB units.", "ours; HPBNet: any")
    jitter: float = single(0.5, "Share with the white balance of both photos changed first.", "ours; HPBNet: all")
    balance: float = single(0.3, "Share with the white balance of the person changed.", "ours")
    gain: Range = ranged(0.75, 1.3, "Gain of light a channel in both; wider for saturated light.", "HPBNet, 3.1")
    exposure: float = single(0.3, "Share with another exposure.", "ours")
    stops: Range = ranged(-0.8, 0.6, "Stops of exposure.", "ours")
    temperature: float = single(0.3, "Share with another temperature of light.", "ours")
    kelvin: Range = ranged(4200, 10000, "Light, 1000 to 15000; daylight is 6504; uniform in mired.", "ours")
    curves: float = single(0.3, "Share with bent tone curves.", "ours")
    bend: float = single(0.15, "How far a curve's control values move, of 0..1.", "ours")
    saturation: float = single(0.3, "Share with another saturation.", "ours")
    chroma: Range = ranged(0.5, 1.4, "Factor on saturation.", "ours")
    lut: float = single(0.3, "Share with a random 3D table.", "ours")
    shift: float = single(0.12, "Largest shift in the table, of 0..1.", "ours")

    def __post_init__(self) -> None:
        if min(self.gain) <= 0:
            raise UsageError("--recolor-gain multiplies light: both ends must be above 0")
        if min(self.kelvin) < 1000 or max(self.kelvin) > 15000:
            raise UsageError("--recolor-kelvin goes from 1000 to 15000")
        if self.spread[0] > self.spread[1] or self.spread[0] < 0:
            raise UsageError("--recolor-spread is a least and a most ratio, neither below 0")


@dataclass(frozen=True)
class RelightRanges:
    """Which light falls on the person."""

    lights: Range = ranged(1, 3, "Number of soft lights besides the light from everywhere.", "ours")
    azimuth: Range = ranged(-180, 180, "Degrees a light stands to the right of the viewer; 180 is behind.", "HPBNet")
    elevation: Range = ranged(-30, 75, "Degrees a light stands above the horizon.", "ours; HPBNet: any")
    ambient: Range = ranged(0.05, 0.4, "Share of the light that comes from everywhere.", "ours")
    warmth: Range = ranged(-0.6, 0.6, "Stops of red over blue in each light; below 0 is blue.", "ours")
    contrast: Range = ranged(1.2, 2.4, "Power of the ratio of lights; 1 is soft light on a matte surface.", "ours")
    exposure: Range = ranged(-0.4, 0.4, "Stops that the whole person gets brighter or darker.", "ours")
    ratio: Range = ranged(0.4, 2.5, "No part gets darker or brighter than these times, in linear light.", "ours")
    relief: Range = ranged(0.6, 1.2, "How strongly weak shading in the photo bends the surface; 0 is smooth.", "ours")
    unlight: Range = ranged(0.0, 0.6, "Share of the photo's own light from left or right taken away first.", "ours")


@dataclass(frozen=True)
class TripletRanges:
    """How fusion triplets are made."""

    hard: float = single(
        0.5,
        "Share of hard triplets, where --run names a network; else all are easy.",
        "ours; Deep Image Compositing mixes both",
    )


@dataclass(frozen=True)
class MattingRanges:
    """How photos for matting are varied."""

    whole: float = single(0.25, "Share of samples that show as much of the photo as fits.", "ours")
    half_length: float = single(
        0.2, "Share that shows the person's upper half.", "ours; matting U-Net's photos are such"
    )
    head: float = single(0.15, "Share that shows head and shoulders.", "ours")
    crop: Range = ranged(0.4, 1.0, "Side of all other windows, of the largest that fits.", "ours")
    turned: float = single(0.5, "Share that is turned and enlarged a little.", "ours")
    rotation: Range = ranged(-7.0, 7.0, "Turn in degrees.", "ours; matting U-Net: small angles")
    zoom: Range = ranged(1.0, 1.15, "Enlargement of those that are turned.", "ours")
    new_place: float = single(0.5, "Share of people over a new place; the others stay in their photo.", "ours")
    soften: Range = ranged(0.4, 0.9, "Blur of a hard mask's edge over a new place, sigma in pixels.", "ours")
    exposure: Range = ranged(-0.5, 0.5, "Exposure in stops, of person and place apart.", "ours")
    white_balance: Range = ranged(0.8, 1.25, "Gains of red and blue, likewise.", "ours, within HPBNet's 0.75-1.3")
    saturation: Range = ranged(0.7, 1.2, "Saturation, likewise.", "ours")
    noise: Range = ranged(0.0, 0.025, "Noise, likewise: sigma, of 1.", "ours")
    person_blur: Range = ranged(0.0, 0.003, "Blur of the person, sigma, share of the frame's height.", "ours")
    defocused: float = single(0.4, "Share of new places out of focus.", "ours")
    place_blur: Range = ranged(0.002, 0.015, "Blur of those, sigma, share of the frame's height.", "ours")
    coarse: float = single(0.2, "Share of pictures that lose resolution.", "ours")
    resolution: Range = ranged(0.5, 1.0, "Sides to which those are shrunk.", "ours")
    jpeg: float = single(0.5, "Share of pictures that go through JPEG.", "ours")
    quality: Range = ranged(40.0, 95.0, "JPEG quality of those, 1 to 100.", "ours")


@dataclass(frozen=True)
class FramesRanges:
    """How person and place move."""

    steps: int = single(1, "Steps of motion; a sample shows one of them and the frame before it.", "ours: one pair")
    shift: Range = ranged(
        0.002, 0.015, "Length of a step, share of the frame's longer side.", "ours: 1 to 4 pixels of 256"
    )
    scale: float = single(0.01, "Most change of size in a step, a share.", "ours")
    rotation: float = single(0.6, "Most turn in a step, degrees.", "ours: under one degree")
    damping: float = single(0.8, "Share of a step's velocity that the next one keeps; 0 shakes.", "ours: a held camera")
    person: float = single(1.0, "The person's own motion, a share of the place's; 0 moves both as one.", "ours")


@dataclass(frozen=True)
class ShadowRanges:
    """Which shadow the person casts."""

    azimuth: Range = ranged(
        0.0, 360.0, "Of the light, degrees: 0 behind the camera, 90 right, 180 behind the person.", "ours: all round"
    )
    elevation: Range = ranged(
        30.0,
        65.0,
        "Of the light above the ground, degrees; lower is longer.",
        "ours: mostly on the ground that a photo shows",
    )
    softness: Range = ranged(
        0.5, 7.0, "Apparent width of the light, degrees: 0.5 is the bare sun.", "ours: up to a sun behind haze"
    )
    density: Range = ranged(
        0.3, 0.6, "Share of linear light that the full shadow takes.", "ours: read off shadows in photos"
    )
    contact: Range = ranged(
        0.5, 0.8, "Share of light that the ground under the soles loses.", "ours, as composite's contact shadow"
    )
    tint: Range = ranged(
        0.0,
        0.08,
        "How blue the shadow is: red light falls by this much more, told as a power.",
        "ours: skylight fills shadows outdoors",
    )
    camera: Range = ranged(
        0.8,
        1.0,
        "Height of the camera, and so of the horizon, in the person's heights.",
        "ours: a photographer who stands",
    )
    distance: Range = ranged(
        1.8, 4.0, "From camera to person, in the person's heights.", "ours: a whole figure seen by 35 to 100 mm"
    )


RANGES: dict[str, type[Any]] = {
    "placement": PlacementRanges,
    "recolor": RecolorRanges,
    "relight": RelightRanges,
    "triplet": TripletRanges,
    "matting": MattingRanges,
    "frames": FramesRanges,
    "shadow": ShadowRanges,
}
