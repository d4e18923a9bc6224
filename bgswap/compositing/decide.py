"""Decide on small pictures: where the person goes, how its colors change, which shadow falls, how edges mix."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bgswap import extensions
from bgswap.compositing.colors import bounded
from bgswap.compositing.decider import Networks, coloring
from bgswap.compositing.decisions import PARTS, Blend, ColorMap, Decisions, Lens, Painting, Place, ShadowLayer
from bgswap.compositing.geometry import showing_cuts
from bgswap.compositing.lens import match
from bgswap.compositing.outline import Outline, trace
from bgswap.compositing.place._footing import missing_ground
from bgswap.compositing.placement import find_all, find_places, ways_of
from bgswap.compositing.resample import cover, shrink
from bgswap.compositing.scene import Scene
from bgswap.errors import PictureError, UsageError

HARMONIZE, SHADOW, BLEND = (f"bgswap.compositing.{part}" for part in ("harmonize", "shadow", "blend"))
COVERED = 1024  # ours: longer side of a place that has to be cropped to the frame's shape to be looked at
LEARNED = "learned"
HALF = 0.5  # ours: in full, what is painted or copied from the place turns faces gray on snow and blue at night
UNDECIDED = Decisions(None, missing=PARTS)
NOBODY = "there is no person in the cut-out: the place is left as it is"


@dataclass(frozen=True)
class CompositeSettings:
    """What a user chooses. place, harmonize, shadow and blend name a file of the folder of that name."""

    place: str = "fit"  # or X,Y,H[,ROTATION[,flip]]; several, one for each person, with ; between
    candidate: int = 1  # of the places that were found, best first
    harmonize: str = "none"  # or a run
    strength: float | None = None  # of the color change, 0..1; None: all that a network decides, HALF of other ways
    paint: bool = False  # a network's picture as it is, instead of its change of color
    shadow: str = "cast"
    shadow_azimuth: float | None = None  # these five: as ShadowLayer has them; None: what the way finds
    shadow_length: float | None = None
    shadow_softness: float | None = None
    shadow_density: float | None = None
    shadow_contact: float | None = None
    blend: str = "over"  # or a run
    light: str = "srgb"  # or "linear": where edges mix
    feather: float | None = None  # pixels of the result over which the blend softens; None: the way's own share
    match_grain: bool = False  # the person gets the place's grain and sharpness
    defocus: float = 0.0  # radius of the lens's disc far behind the person, pixels of the result
    frame: str = "background"  # or "person": whose size the result has
    max_enlarge: float = 1.5  # enlarging the person beyond this warns
    model: str = ""  # a run for whatever is "learned"

    def __post_init__(self) -> None:
        if self.frame not in ("background", "person"):
            raise UsageError(f"frame is 'background' or 'person', not '{self.frame}'")
        for name, low, high in (
            ("strength", 0, 1),
            ("shadow_density", 0, 1),
            ("shadow_contact", 0, 1),
            ("shadow_length", 0, 20),
            ("shadow_softness", 0, 1),
            ("defocus", 0, 1000),
            ("candidate", 1, 1000),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UsageError(f"{name} is {low} to {high}, not {value:g}")


def decide(
    person: NDArray[Any],
    background: NDArray[Any],
    settings: CompositeSettings,
    networks: Networks | None = None,
    *,
    given: Decisions | None = None,
    person_frame: tuple[int, int] | None = None,
    place_frame: tuple[int, int] | None = None,
) -> Decisions:
    """All decisions for a person (H, W, 4), straight RGBA as big as its photo, and a place (h, w, 3), uint8 or uint16.

    Either may be a reduced copy: its true (height, width) is then told by person_frame and place_frame.
    Pixels are looked at small; only the matte's box is read at the size given, so that a person given at full
    size is placed to the pixel. given: a line of decisions; what it tells is kept, what is missing there is decided.
    """
    check_pictures(person, background)
    networks = networks or Networks()
    size = (person_frame or person.shape[:2]) if settings.frame == "person" else (place_frame or background.shape[:2])
    size = (int(size[0]), int(size[1]))
    told = given or UNDECIDED
    blend = _blend(settings, size[0]) if "blend" in told.missing else told.blend
    outline = trace(person)
    if outline is None or ("place" not in told.missing and told.place is None):
        return Decisions(None, blend=blend, size=size, warnings=(NOBODY,))
    background, found = _as_framed(settings, background, size), told.candidates
    if "place" in told.missing:
        way = ways_of(settings.place, 1)[0]
        places = find_places(way, person, outline, background, size, settings.model, networks, settings.max_enlarge)
        found = tuple(places)
    place = told.place or _chosen(settings, found)
    scene = Scene(person, outline, place, background, size)
    color, painting = told.harmonize, None
    if "harmonize" in told.missing:
        color, painting = _colors(settings, scene, networks)
    return Decisions(
        place,
        harmonize=color,
        shadow=_shadow(settings, scene, networks) if "shadow" in told.missing else told.shadow,
        blend=blend,
        lens=_lens(settings, scene) if "lens" in told.missing else told.lens,
        size=size,
        painting=painting,
        candidates=found,
        warnings=_warnings(scene),
    )


def decide_people(
    people: Sequence[NDArray[Any]],
    background: NDArray[Any],
    settings: CompositeSettings,
    networks: Networks | None = None,
    *,
    given: Sequence[Decisions] = (),
) -> list[Decisions]:
    """The decisions for each of several people on one place, in their order; as decide for each.

    Without places of their own they are kept apart. given: a line for each of them, or nothing.

    Raises:
        PictureError: there are lines, and not as many as people.
    """
    if given and len(given) != len(people):
        raise PictureError(f"there are {len(given)} lines of decisions for {len(people)} people: give as many")
    networks = networks or Networks()
    told = list(given) or [UNDECIDED] * len(people)
    outlines = [trace(person) for person in people]
    lost = [i for i, one in enumerate(told) if "place" in one.missing and outlines[i] is not None]
    frame = people[0].shape[:2] if settings.frame == "person" else background.shape[:2]
    size = int(frame[0]), int(frame[1])
    found = dict(zip(lost, _places(settings, people, outlines, lost, background, size, networks), strict=True))
    decided = []
    for i, (person, one) in enumerate(zip(people, told, strict=True)):
        known = one
        if i in found:
            place = _chosen(settings, found[i])
            known = replace(one, place=place, candidates=tuple(found[i]), missing=one.missing - {"place"})
        decided.append(decide(person, background, settings, networks, given=known))
    return decided


def _places(
    settings: CompositeSettings,
    people: Sequence[NDArray[Any]],
    outlines: Sequence[Outline | None],
    lost: Sequence[int],
    background: NDArray[Any],
    frame: tuple[int, int],
    networks: Networks,
) -> list[list[Place]]:
    """Places for the people whose numbers are `lost`, as they are kept apart, best first."""
    ways = ways_of(settings.place, len(people))
    who = [(people[i], outline) for i in lost if (outline := outlines[i]) is not None]
    shown = _as_framed(settings, background, frame)
    chosen = [ways[i] for i in lost]
    return find_all(chosen, who, shown, frame, settings.model, networks, settings.max_enlarge)


def _as_framed(settings: CompositeSettings, background: NDArray[Any], frame: tuple[int, int]) -> NDArray[Any]:
    """The place as far as the frame shows it: itself, or a small copy cropped to the frame's shape."""
    if settings.frame != "person":
        return background
    share = min(1.0, COVERED / max(frame))
    small = max(1, round(frame[0] * share)), max(1, round(frame[1] * share))
    return cover(shrink(background, 2 * COVERED), small)[0]


def check_pictures(person: NDArray[Any], place: NDArray[Any]) -> None:
    """Refuse what is no RGBA cut-out and no RGB place of 8 or 16 bits."""
    for name, picture, channels in (("person", person, 4), ("place", place, 3)):
        if picture.ndim != 3 or picture.shape[2] != channels or 0 in picture.shape:
            raise PictureError(f"the {name} is (height, width, {channels}), not {picture.shape}")
        if picture.dtype not in ("uint8", "uint16"):
            raise PictureError(f"the {name} has 8 or 16 bits a channel, not {picture.dtype}")


def _chosen(settings: CompositeSettings, found: Sequence[Place]) -> Place:
    if settings.candidate > len(found):
        only = "one place" if len(found) == 1 else f"{len(found)} places"
        raise PictureError(f"'{settings.place}' finds only {only} here: there is no candidate {settings.candidate}")
    return found[settings.candidate - 1]


def _colors(settings: CompositeSettings, scene: Scene, networks: Networks) -> tuple[ColorMap | None, Painting | None]:
    name = settings.harmonize
    if name != LEARNED and name in extensions.names(HARMONIZE):
        found: ColorMap | None = extensions.load(HARMONIZE, name).harmonize(scene)
        usual = HALF
    else:
        learned = extensions.load(HARMONIZE, LEARNED)
        network = networks.decider("harmonize", coloring(settings.model) if name == LEARNED else name)
        if settings.paint:
            return None, learned.paint(scene, network)
        found = learned.harmonize(scene, network)
        usual = 1.0 if learned.NUMBERS & set(network.card.gives) else HALF
    if settings.paint:
        raise UsageError(f"--harmonize {name} paints nothing: leave out --paint, or name a run that paints")
    strength = usual if settings.strength is None else settings.strength
    return found and replace(bounded(found, scene), way=name, strength=strength), None


def _shadow(settings: CompositeSettings, scene: Scene, networks: Networks) -> ShadowLayer | None:
    way = extensions.load(SHADOW, settings.shadow)
    learned = settings.shadow == LEARNED
    layer: ShadowLayer | None = (
        way.cast(scene, networks.decider("shadow", settings.model)) if learned else way.cast(scene)
    )
    names = ("azimuth", "length", "softness", "density", "contact")
    chosen = {name: value for name in names if (value := getattr(settings, f"shadow_{name}")) is not None}
    return replace(layer, **chosen) if layer else None


def _blend(settings: CompositeSettings, height: int) -> Blend:
    known = settings.blend in extensions.names(BLEND)
    way = extensions.load(BLEND, settings.blend if known else "multi-stream")
    width = way.WIDTH if settings.feather is None else settings.feather / height
    name = settings.blend if known else str(Path(settings.blend))
    return Blend(name, settings.light, float(width))


def _lens(settings: CompositeSettings, scene: Scene) -> Lens | None:
    found = match(scene) if settings.match_grain else Lens()
    found = replace(found, defocus=settings.defocus / scene.frame[0])
    return None if found == Lens() else found


def _warnings(scene: Scene) -> tuple[str, ...]:
    if scene.seen is None:
        where = f"{scene.place.x:g},{scene.place.y:g}"
        return (f"the person lies outside the frame at {where}: nothing of it shows",)
    cuts = showing_cuts(scene.matrix, scene.outline, scene.frame)
    told = [f"the photo's {side} border cuts the person, and that straight cut shows in the result" for side in cuts]
    return (*told, *missing_ground(scene))
