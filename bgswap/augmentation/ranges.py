"""What samples are drawn from: one dataclass a method, every field an option, every default with its source.

No torch here: the command builds its options from these fields before anything heavy is loaded.
"""

from dataclasses import dataclass, field
from typing import Any

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


@dataclass(frozen=True)
class PlacementRanges:
    """How the person's layer is moved away from its true place."""


@dataclass(frozen=True)
class RecolorRanges:
    """How the person's colors are changed."""


@dataclass(frozen=True)
class RelightRanges:
    """Which light falls on the person."""


@dataclass(frozen=True)
class TripletRanges:
    """How fusion triplets are made."""


@dataclass(frozen=True)
class MattingRanges:
    """How photos for matting are varied."""


@dataclass(frozen=True)
class FramesRanges:
    """How person and place move."""


@dataclass(frozen=True)
class ShadowRanges:
    """Which shadow the person casts."""


RANGES: dict[str, type[Any]] = {
    "placement": PlacementRanges,
    "recolor": RecolorRanges,
    "relight": RelightRanges,
    "triplet": TripletRanges,
    "matting": MattingRanges,
    "frames": FramesRanges,
    "shadow": ShadowRanges,
}
