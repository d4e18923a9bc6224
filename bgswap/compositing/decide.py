"""Decide on small pictures: where the person goes, how its colors change, which shadow falls, how edges mix."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from bgswap import extensions
from bgswap.compositing.decisions import Blend, ColorMap, Decisions, ShadowLayer
from bgswap.compositing.geometry import placement_matrix, region_in_frame, showing_cuts
from bgswap.compositing.light import to_unit
from bgswap.compositing.outline import Outline, trace
from bgswap.compositing.placement import find_place
from bgswap.compositing.resample import cover, shrink
from bgswap.errors import PictureError, UsageError

SMALL = 512  # ours: longer side of the pictures that colors are decided on
NOBODY = "there is no person in the cut-out: the place is left as it is"


@dataclass(frozen=True)
class CompositeSettings:
    """What a user chooses. place, harmonize, shadow and blend name a file of the folder of that name."""

    place: str = "fit"  # or X,Y,H[,ROTATION[,flip]]
    harmonize: str = "none"
    strength: float = 0.5  # of the color change, 0..1; ours: in full, faces turn gray on snow and blue at night
    shadow: str = "contact"
    blend: str = "over"
    light: str = "srgb"  # or "linear": where edges mix
    feather: float | None = None  # pixels of the result over which the blend softens; None: the way's own share
    frame: str = "background"  # or "person": whose size the result has
    max_enlarge: float = 1.5  # enlarging the person beyond this warns

    def __post_init__(self) -> None:
        if self.frame not in ("background", "person"):
            raise UsageError(f"frame is 'background' or 'person', not '{self.frame}'")
        if not 0 <= self.strength <= 1:
            raise UsageError(f"strength is 0 to 1, not {self.strength}")


def decide(
    person: NDArray[Any],
    place: NDArray[Any],
    settings: CompositeSettings,
    *,
    person_frame: tuple[int, int] | None = None,
    place_frame: tuple[int, int] | None = None,
) -> Decisions:
    """All decisions for a person (H, W, 4), straight RGBA as big as its photo, and a place (h, w, 3), uint8 or uint16.

    Either may be a reduced copy: its true (height, width) is then told by person_frame and place_frame.
    Pixels are looked at small; only the matte's box is read at the size given, so that a person given at full
    size is placed to the pixel.
    """
    check_pictures(person, place)
    size = (person_frame or person.shape[:2]) if settings.frame == "person" else (place_frame or place.shape[:2])
    size = (int(size[0]), int(size[1]))
    blend = _blend(settings, size[0])
    outline = trace(person)
    if outline is None:
        return Decisions(None, blend=blend, size=size, warnings=(NOBODY,))
    small_place = shrink(place, SMALL)
    if settings.frame == "person":
        share = min(1.0, SMALL / max(size))
        small_place, _ = cover(small_place, (max(1, round(size[0] * share)), max(1, round(size[1] * share))))
    where = find_place(settings.place, outline, small_place, size)
    matrix = placement_matrix(where, outline, size)
    warnings = [
        f"the photo's {side} border cuts the person, and that straight cut shows in the result"
        for side in showing_cuts(matrix, outline, size)
    ]
    if region_in_frame(matrix, outline, size) is None:
        warnings = [f"the person lies outside the frame at {where.x:g},{where.y:g}: nothing of it shows"]
    return Decisions(
        where,
        harmonize=_harmonize(settings, person, small_place),
        shadow=_shadow(settings, outline, where),
        blend=blend,
        size=size,
        warnings=tuple(warnings),
    )


def check_pictures(person: NDArray[Any], place: NDArray[Any]) -> None:
    """Refuse what is no RGBA cut-out and no RGB place of 8 or 16 bits."""
    for name, picture, channels in (("person", person, 4), ("place", place, 3)):
        if picture.ndim != 3 or picture.shape[2] != channels or 0 in picture.shape:
            raise PictureError(f"the {name} is (height, width, {channels}), not {picture.shape}")
        if picture.dtype not in ("uint8", "uint16"):
            raise PictureError(f"the {name} has 8 or 16 bits a channel, not {picture.dtype}")


def _harmonize(settings: CompositeSettings, person: NDArray[Any], place: NDArray[Any]) -> ColorMap | None:
    way = extensions.load("bgswap.compositing.harmonize", settings.harmonize)
    if settings.harmonize == "none":
        return None  # no small copy of the person needs to be made
    unit = to_unit(shrink(person, SMALL))
    grid = way.harmonize(unit[..., :3], unit[..., 3], to_unit(place))
    return None if grid is None else ColorMap(settings.harmonize, settings.strength, grid)


def _shadow(settings: CompositeSettings, outline: Outline, place: Any) -> ShadowLayer | None:
    layer: ShadowLayer | None = extensions.load("bgswap.compositing.shadow", settings.shadow).cast(outline, place)
    return layer


def _blend(settings: CompositeSettings, height: int) -> Blend:
    way = extensions.load("bgswap.compositing.blend", settings.blend)
    width = way.WIDTH if settings.feather is None else settings.feather / height
    return Blend(settings.blend, settings.light, float(width))
