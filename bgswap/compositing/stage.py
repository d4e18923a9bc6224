"""The composite stage: people (photos or cut-outs) and a place in; the finished picture out."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bgswap import extensions
from bgswap.compositing.backdrop import blurred, plain
from bgswap.compositing.compose import compose_people
from bgswap.compositing.cutter import Cutter, is_cut_out
from bgswap.compositing.decide import BLEND, HARMONIZE, LEARNED, CompositeSettings, decide_people
from bgswap.compositing.decider import USUAL, Networks, coloring, network_for
from bgswap.compositing.decisions import Decisions
from bgswap.compositing.placement import candidates, farthest_first
from bgswap.compositing.saved import SavedDecisions, to_line
from bgswap.errors import PictureError, UsageError
from bgswap.folders.picture import Picture
from bgswap.folders.records import Record
from bgswap.folders.task import Made, Work
from bgswap.matting.predict import REFINE, MatteSettings
from bgswap.zoo.choice import ModelOptions
from bgswap.zoo.loader import describe

MULTI_STREAM = "multi-stream"
CANDIDATE = "candidate"  # a record's field: which of the places that were found, from 1


@dataclass(frozen=True)
class CompositeStage:
    """What `bgswap composite` does to people and a place.

    backdrop: None for a place of the record's own, a color (sRGB 0..255), or "blur" for the photo's background.
    people: how many each picture gets; the first one's role is "person", the second one's "person2", ...
    roles: the outputs that are wanted, "composite" and "alpha". decisions: a file whose lines are applied; read by its
    SHA-256, too, so that -u sees a change. save: whether lines of decisions are to be given.
    """

    settings: CompositeSettings
    matte: MatteSettings
    model: ModelOptions
    backdrop: tuple[int, int, int] | str | None = None
    people: int = 1
    roles: tuple[str, ...] = ("composite",)
    decisions: tuple[Path, str] | None = None
    save: bool = False
    command: ClassVar[str] = "composite"

    def inputs(self) -> Mapping[str, str]:
        """The people, a place, and for "blur" the photo that a cut-out came from."""
        people = {person_role(number): "picture" for number in range(self.people)}
        more = {"photo": "picture"} if self.backdrop == "blur" else {}
        return people | {"background": "picture"} | more

    def enough(self, role: str, read: Mapping[str, Picture]) -> tuple[int, int] | None:
        """A place that only has to cover the photo's frame need not be decoded any larger."""
        covers = role == "background" and self.settings.frame == "person" and "person" in read
        return read["person"].size if covers else None

    def models(self) -> Sequence[Mapping[str, str]]:
        """The weights of all networks that may be asked; they are loaded when they are."""
        names = [self.matte.model]
        names += {self.matte.refine} - set(extensions.names(REFINE))
        return [row for name in [*names, *networks_of(self.settings)] for row in self.model.weights(name)]

    def prepare(self, threads: int) -> tuple[Work, Sequence[str]]:
        """Nothing is loaded yet: people who come cut out, and ways without networks, need none."""
        cutter, networks = Cutter(self.matte, self.model, threads), Networks(self.model, threads)
        saved = SavedDecisions(self.decisions[0]) if self.decisions else None

        def work(pictures: Mapping[str, Picture], record: Record) -> Made:
            people, warnings = [], []
            for role in (role for role in map(person_role, range(self.people)) if role in pictures):
                cut, more = cutter.cut(pictures[role])
                people.append(cut)
                warnings += more
            background, owned = self._background(pictures, people[0])
            settings = replace(self.settings, candidate=record.fields.get(CANDIDATE, self.settings.candidate))
            given = saved.of(record.key) if saved else []
            decided = decide_people(people, background, settings, networks, given=given)
            decided = [_named(one, record, number) for number, one in enumerate(decided)]
            out = background if owned or background.flags.writeable else None
            order = farthest_first([one.place for one in decided])
            mask = self._mask(settings, people[0], background)
            done, more = compose_people(
                [(people[number], decided[number]) for number in order],
                background,
                settings,
                out=out,
                mask=mask,
                networks=networks,
            )
            told = [*warnings, *(text for one in decided for text in one.warnings), *more]
            source = pictures.get("background", pictures["person"])
            made = {"composite": replace(source, pixels=done)}
            if mask is not None:
                made["alpha"] = replace(source, pixels=mask)
            lines = [to_line(one) for one in decided] if self.save else []
            notes = (*cutter.notes, *networks.notes)
            return Made(made, told, _where(decided), notes, _remarks(decided[0], settings), lines)

        return work, ()

    def _mask(
        self, settings: CompositeSettings, person: NDArray[Any], background: NDArray[Any]
    ) -> NDArray[np.uint8] | None:
        if "alpha" not in self.roles:
            return None
        return np.zeros((person if settings.frame == "person" else background).shape[:2], np.uint8)

    def _background(self, pictures: Mapping[str, Picture], person: NDArray[Any]) -> tuple[NDArray[Any], bool]:
        if isinstance(self.backdrop, tuple):
            return plain(self.backdrop, person.shape[:2], person.dtype), True
        if self.backdrop == "blur":
            photo = pictures.get("photo", pictures["person"])
            if is_cut_out(photo):
                raise PictureError("--bg blur needs the photo itself, and this is a cut-out")
            if photo.size != person.shape[:2]:
                raise PictureError(f"photo {photo.size} and cut-out {person.shape[:2]} differ in size: matte it again")
            return blurred(photo.rgb, person[..., 3]), True
        if "background" not in pictures:
            raise PictureError("no place for this person: name one with --bg")
        place = pictures["background"].rgb
        return (place, False) if place.flags.c_contiguous else (np.ascontiguousarray(place), True)


def person_role(number: int) -> str:
    """The role of a picture's first, second, ... person, counted from 0."""
    return f"person{number + 1}" if number else "person"


def networks_of(settings: CompositeSettings) -> list[str]:
    """Names of the networks that composite itself may ask: all but the matting ones.

    Raises:
        UsageError: one of them is for something else.
    """
    names = []
    for part, way in (("place", settings.place), ("shadow", settings.shadow)):
        if LEARNED in way.split(";"):
            names.append(network_for(part, settings.model))
    if settings.harmonize == LEARNED:
        names.append(network_for("harmonize", coloring(settings.model)))
    elif settings.harmonize not in extensions.names(HARMONIZE):
        names.append(network_for("harmonize", settings.harmonize))
    if settings.blend == MULTI_STREAM or settings.blend not in extensions.names(BLEND):
        names.append(USUAL["blend"] if settings.blend == MULTI_STREAM else settings.blend)
        card, _ = describe(names[-1])
        if card.task != "fuse":
            raise UsageError(f"--blend {names[-1]} is for the task '{card.task}', not for 'fuse'")
    return list(dict.fromkeys(names))


def fingerprint(path: Path) -> str:
    """SHA-256 of a file of decisions."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _named(decided: Decisions, record: Record, number: int) -> Decisions:
    person, place = (str(record.paths.get(role, "")) for role in (person_role(number), "background"))
    return replace(decided, key=record.key, person=person, background=place)


def _where(decided: Sequence[Decisions]) -> dict[str, Any]:
    places = [one.place for one in decided]
    rounded = [[round(v, 4) for v in (place.x, place.y, place.height)] for place in places if place is not None]
    if not rounded:
        return {}
    told: dict[str, Any] = {"place": rounded[0]}
    if len(decided) > 1:
        told["places"] = rounded
    elif len(decided[0].candidates) > 1:
        told["candidates"] = candidates(decided[0].candidates)
    return told


def _remarks(decisions: Decisions, settings: CompositeSettings) -> list[str]:
    if decisions.place is None or decisions.size is None:
        return []
    place, (height, width) = decisions.place, decisions.size
    where = f"{place.x:.3g},{place.y:.3g},{place.height:.3g}"
    size = f"{round(place.height * height)} of {height} rows high in a frame of {width}x{height}"
    return [
        f"placed by '{settings.place}' at {where}, {size}; --place X,Y,H puts them elsewhere, --frame sizes the frame"
    ]
