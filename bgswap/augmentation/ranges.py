"""What samples are drawn from: one dataclass a method, every field an option, every default with its source.

No torch here: the command builds its options from these fields before anything heavy is loaded.
"""

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from bgswap.errors import UsageError

Range = tuple[float, float]  # (low, high), both possible; drawn uniformly unless the help says otherwise


def ranged(low: float, high: float, meaning: str, source: str, *, within: Range) -> Any:
    """A field that is a range; within: the least and the most that make sense."""
    return field(default=(low, high), metadata={"help": meaning, "source": source, "within": within})


def single(default: float | int, meaning: str, source: str, *, within: Range) -> Any:
    """A field that is one number."""
    return field(default=default, metadata={"help": meaning, "source": source, "within": within})


def share(default: float, meaning: str, source: str) -> Any:
    """A field that is a share of samples, 0 to 1."""
    return single(default, meaning, source, within=(0, 1))


@dataclass(frozen=True)
class Ranges:
    """What all dataclasses of ranges have: `method`, which begins the names of their options, and their bounds."""

    method: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for one in fields(self):
            value, (least, most) = getattr(self, one.name), one.metadata["within"]
            given = value if isinstance(value, tuple) else (value,)
            if not least <= min(given) <= max(given) <= most:
                told = ",".join(f"{number:g}" for number in given)
                name = "-".join(word for word in (self.method, one.name.replace("_", "-")) if word)
                raise UsageError(f"--{name} {told} is not within {least:g} to {most:g}")


@dataclass(frozen=True)
class FrameRanges(Ranges):
    """Which part of a photo a sample shows, where --size is not native."""

    crop: Range = ranged(
        0.5, 1.0, "Side of the crop, of the largest that fits.", "iDIH, Sofiiuk et al. 2021", within=(0.001, 1)
    )
    flip: float = share(0.5, "Share of samples mirrored left to right.", "pix2pix")
    soften: float = single(
        0.6, "Blur of a hard mask's edge, sigma in pixels of the sample; 0 keeps it hard.", "ours", within=(0, 20)
    )


@dataclass(frozen=True)
class PlacementRanges(Ranges):
    """How the person's layer is moved away from its true place."""

    method: ClassVar[str] = "placement"

    height: Range = ranged(
        0.3, 0.9, "Size on the canvas: of the frame's height, or width where that binds.", "ours", within=(0.02, 4)
    )
    rotation: Range = ranged(-15.0, 15.0, "Turn, degrees counter-clockwise.", "ours", within=(-180, 180))
    flip: float = share(0.5, "Share of layers mirrored left to right.", "pix2pix")
    inside: float = single(0.8, "Least share of the layer's box on the canvas, both ways.", "ours", within=(0, 1))
    crop: Range = ranged(
        0.75, 1.0, "Side of the crop, of the largest with the center where it was drawn.", "ours", within=(0.05, 1)
    )
    whole: float = share(0.0, "Share that shows all that fits instead: whole people, but mostly amid it.", "ours")
    smallest: float = single(
        0.25, "Least side of such a crop, of the largest that fits the photo.", "ours", within=(0.05, 1)
    )
    decoys: int = single(3, "Holes of other people's shapes in each plate.", "ours", within=(0, 20))
    decoy: Range = ranged(0.6, 1.1, "Height of a decoy, of the person's.", "ours", within=(0.05, 5))


@dataclass(frozen=True)
class RecolorRanges(Ranges):
    """How the person's colors are changed."""

    method: ClassVar[str] = "recolor"

    transfer: float = share(
        0.8, "Share of samples with another person's colors.", "HPBNet and the harmonization GAN: all"
    )
    strength: Range = ranged(0.6, 1.0, "How far colors go to the other person's.", "ours; HPBNet: 1", within=(0, 1))
    spread: Range = ranged(
        0.5, 1.8, "Bounds on the other's spread of colors over the person's.", "ours", within=(0, 100)
    )
    reach: float = single(
        20.0, "How far the mean color may go, in CIELAB units.", "ours; HPBNet: any", within=(0, 1000)
    )
    jitter: float = share(0.5, "Share with the white balance of both photos changed first.", "ours; HPBNet: all")
    balance: float = share(0.3, "Share with the white balance of the person changed.", "ours")
    gain: Range = ranged(
        0.75, 1.3, "Gain of light a channel in both; wider for saturated light.", "HPBNet, 3.1", within=(0.01, 100)
    )
    exposure: float = share(0.3, "Share with another exposure.", "ours")
    stops: Range = ranged(-0.8, 0.6, "Stops of exposure.", "ours", within=(-8, 8))
    temperature: float = share(0.3, "Share with another temperature of light.", "ours")
    kelvin: Range = ranged(
        4200, 10000, "Light, 1000 to 15000; daylight is 6504; uniform in mired.", "ours", within=(1000, 15000)
    )
    curves: float = share(0.3, "Share with bent tone curves.", "ours")
    bend: float = single(0.15, "How far a curve's control values move, of 0..1.", "ours", within=(0, 1))
    saturation: float = share(0.3, "Share with another saturation.", "ours")
    chroma: Range = ranged(0.5, 1.4, "Factor on saturation.", "ours", within=(0, 10))
    lut: float = share(0.3, "Share with a random 3D table.", "ours")
    shift: float = single(0.12, "Largest shift in the table, of 0..1.", "ours", within=(0, 1))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spread[0] > self.spread[1]:
            raise UsageError("--recolor-spread is a least and a most ratio")


@dataclass(frozen=True)
class RelightRanges(Ranges):
    """Which light falls on the person."""

    method: ClassVar[str] = "relight"

    lights: Range = ranged(1, 3, "Number of soft lights besides the light from everywhere.", "ours", within=(0, 3))
    azimuth: Range = ranged(
        -180, 180, "Degrees a light stands to the right of the viewer; 180 is behind.", "HPBNet", within=(-360, 360)
    )
    elevation: Range = ranged(
        -30, 75, "Degrees a light stands above the horizon.", "ours; HPBNet: any", within=(-90, 90)
    )
    ambient: Range = ranged(0.05, 0.4, "Share of the light that comes from everywhere.", "ours", within=(0, 1))
    warmth: Range = ranged(-0.6, 0.6, "Stops of red over blue in each light; below 0 is blue.", "ours", within=(-4, 4))
    contrast: Range = ranged(
        1.2, 2.4, "Power of the ratio of lights; 1 is soft light on a matte surface.", "ours", within=(0, 8)
    )
    exposure: Range = ranged(-0.4, 0.4, "Stops that the whole person gets brighter or darker.", "ours", within=(-8, 8))
    ratio: Range = ranged(
        0.4, 2.5, "No part gets darker or brighter than these times, in linear light.", "ours", within=(0.01, 100)
    )
    relief: Range = ranged(
        0.6, 1.2, "How strongly weak shading in the photo bends the surface; 0 is smooth.", "ours", within=(0, 10)
    )
    unlight: Range = ranged(
        0.0, 0.6, "Share of the photo's own light from left or right taken away first.", "ours", within=(0, 1)
    )


@dataclass(frozen=True)
class TripletRanges(Ranges):
    """How fusion triplets are made."""

    method: ClassVar[str] = "triplet"

    hard: float = share(
        0.5,
        "Share of hard triplets, where --run names a network; else all are easy.",
        "ours; Deep Image Compositing mixes both",
    )


@dataclass(frozen=True)
class MattingRanges(Ranges):
    """How photos for matting are varied."""

    method: ClassVar[str] = "matting"

    whole: float = share(0.25, "Share of samples that show as much of the photo as fits.", "ours")
    half_length: float = share(
        0.2, "Share that shows the person's upper half.", "ours; matting U-Net's photos are such"
    )
    head: float = share(0.15, "Share that shows head and shoulders.", "ours")
    crop: Range = ranged(0.4, 1.0, "Side of all other windows, of the largest that fits.", "ours", within=(0.02, 1))
    turned: float = share(0.5, "Share that is turned and enlarged a little.", "ours")
    rotation: Range = ranged(-7.0, 7.0, "Turn in degrees.", "ours; matting U-Net: small angles", within=(-180, 180))
    zoom: Range = ranged(1.0, 1.15, "Enlargement of those that are turned.", "ours", within=(0.5, 8))
    new_place: float = share(0.5, "Share of people over a new place; the others stay in their photo.", "ours")
    soften: Range = ranged(
        0.4, 0.9, "Blur of a hard mask's edge over a new place, sigma in pixels.", "ours", within=(0, 20)
    )
    exposure: Range = ranged(-0.5, 0.5, "Exposure in stops, of person and place apart.", "ours", within=(-8, 8))
    white_balance: Range = ranged(
        0.8, 1.25, "Gains of red and blue, likewise.", "ours, within HPBNet's 0.75-1.3", within=(0.01, 100)
    )
    saturation: Range = ranged(0.7, 1.2, "Saturation, likewise.", "ours", within=(0, 10))
    noise: Range = ranged(0.0, 0.025, "Noise, likewise: sigma, of 1.", "ours", within=(0, 1))
    person_blur: Range = ranged(
        0.0, 0.003, "Blur of the person, sigma, share of the frame's height.", "ours", within=(0, 0.2)
    )
    defocused: float = share(0.4, "Share of new places out of focus.", "ours")
    place_blur: Range = ranged(
        0.002, 0.015, "Blur of those, sigma, share of the frame's height.", "ours", within=(0, 0.2)
    )
    coarse: float = share(0.2, "Share of pictures that lose resolution.", "ours")
    resolution: Range = ranged(0.5, 1.0, "Sides to which those are shrunk.", "ours", within=(0.02, 1))
    jpeg: float = share(0.5, "Share of pictures that go through JPEG.", "ours")
    quality: Range = ranged(40.0, 95.0, "JPEG quality of those, 1 to 100.", "ours", within=(1, 100))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.whole + self.half_length + self.head > 1 + 1e-9:
            raise UsageError("the shares of whole, half-length and head windows are more than 1 together: lower one")


@dataclass(frozen=True)
class FramesRanges(Ranges):
    """How person and place move."""

    method: ClassVar[str] = "frames"

    steps: int = single(
        1, "Steps of motion; a sample shows one of them and the frame before it.", "ours: one pair", within=(1, 999)
    )
    shift: Range = ranged(
        0.002, 0.015, "Length of a step, share of the frame's longer side.", "ours: 1 to 4 pixels of 256", within=(0, 1)
    )
    scale: float = single(0.01, "Most change of size in a step, a share.", "ours", within=(0, 0.5))
    rotation: float = single(0.6, "Most turn in a step, degrees.", "ours: under one degree", within=(0, 45))
    damping: float = single(
        0.8, "Share of a step's velocity that the next one keeps; 0 shakes.", "ours: a held camera", within=(0, 1)
    )
    person: float = single(
        1.0, "The person's own motion, a share of the place's; 0 moves both as one.", "ours", within=(0, 10)
    )


@dataclass(frozen=True)
class ShadowRanges(Ranges):
    """Which shadow the person casts."""

    method: ClassVar[str] = "shadow"

    azimuth: Range = ranged(
        0.0,
        360.0,
        "Of the light, degrees: 0 behind the camera, 90 right, 180 behind the person.",
        "ours: all round",
        within=(-360, 360),
    )
    elevation: Range = ranged(
        30.0,
        65.0,
        "Of the light above the ground, degrees; lower is longer.",
        "ours: mostly on the ground that a photo shows",
        within=(5, 85),
    )
    softness: Range = ranged(
        0.5,
        7.0,
        "Apparent width of the light, degrees: 0.5 is the bare sun.",
        "ours: up to a sun behind haze",
        within=(0, 60),
    )
    density: Range = ranged(
        0.3, 0.6, "Share of linear light that the full shadow takes.", "ours: read off shadows in photos", within=(0, 1)
    )
    contact: Range = ranged(
        0.5,
        0.8,
        "Share of light that the ground under the soles loses.",
        "ours, as composite's contact shadow",
        within=(0, 1),
    )
    tint: Range = ranged(
        0.0,
        0.08,
        "How blue the shadow is: red light falls by this much more, told as a power.",
        "ours: skylight fills shadows outdoors",
        within=(0, 0.9),
    )
    camera: Range = ranged(
        0.8,
        1.0,
        "Height of the camera, and so of the horizon, in the person's heights.",
        "ours: a photographer who stands",
        within=(0.1, 5),
    )
    distance: Range = ranged(
        1.8,
        4.0,
        "From camera to person, in the person's heights.",
        "ours: a whole figure seen by 35 to 100 mm",
        within=(0.5, 100),
    )


@dataclass(frozen=True)
class PortraitRanges(Ranges):
    """What portraits show of head and shoulders."""

    method: ClassVar[str] = "portrait"

    head: Range = ranged(
        0.12, 0.135, "Height of a head, share of the figure's.", "ours: about an eighth", within=(0.02, 1)
    )
    headroom: Range = ranged(0.25, 0.4, "What shows above the head, in heads.", "ours", within=(0, 5))
    shoulders: Range = ranged(
        0.5, 0.7, "What shows below the chin, in heads; more shows more of the shoulders.", "ours", within=(0, 10)
    )
    aside: float = single(
        0.02, "How far the head may be off the middle, share of the window's width.", "ours", within=(0, 0.5)
    )
    centered: float = single(
        1.0, "How far the head is moved to the middle; 0 leaves the person's box there.", "ours", within=(0, 1)
    )


@dataclass(frozen=True)
class HoleRanges(Ranges):
    """Which holes of people's shapes a place gets."""

    method: ClassVar[str] = "hole"

    people: Range = ranged(1, 3, "Number of holes.", "ours: one person to a small group", within=(1, 20))
    height: Range = ranged(
        0.35, 0.95, "Height of a shape, share of the frame's.", "ours: crops about a hole, as inpaint", within=(0.02, 4)
    )
    grow: Range = ranged(
        0.01,
        0.05,
        "How far shapes grow, share of the shorter side.",
        "ours: inpaint's 0.02 of whole photos",
        within=(0, 0.5),
    )
    most: float = share(0.5, "Share of the frame that the holes may cover.", "ours: half is left to fill from")


RANGES: dict[str, type[Any]] = {
    kind.method: kind
    for kind in (
        PlacementRanges,
        RecolorRanges,
        RelightRanges,
        TripletRanges,
        MattingRanges,
        FramesRanges,
        ShadowRanges,
        PortraitRanges,
        HoleRanges,
    )
}
