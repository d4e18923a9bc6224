"""The composite stage: a person (photo or cut-out) and a place in; the finished picture out."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.backdrop import blurred, plain
from bgswap.compositing.compose import compose
from bgswap.compositing.decide import CompositeSettings, decide
from bgswap.compositing.decisions import Decisions
from bgswap.errors import PictureError
from bgswap.folders.picture import Picture
from bgswap.folders.records import Record
from bgswap.folders.task import Made, Work
from bgswap.matting.colors import cut_out
from bgswap.matting.predict import Matter, MatteSettings
from bgswap.zoo.choice import ModelOptions

KEPT = 2  # ours: cut-outs of people that come again with other places are kept, this many


@dataclass(frozen=True)
class CompositeStage:
    """What `bgswap composite` does to a person and a place.

    backdrop: None for a place of the record's own, a color (sRGB 0..255), or "blur" for the photo's background.
    """

    settings: CompositeSettings
    matte: MatteSettings
    model: ModelOptions
    backdrop: tuple[int, int, int] | str | None = None
    command: ClassVar[str] = "composite"

    def inputs(self) -> Mapping[str, str]:
        """A person, a place, and for "blur" the photo that a cut-out came from."""
        return {"person": "picture", "background": "picture"} | (
            {"photo": "picture"} if self.backdrop == "blur" else {}
        )

    def enough(self, role: str, read: Mapping[str, Picture]) -> tuple[int, int] | None:
        """A place that only has to cover the photo's frame need not be decoded any larger."""
        covers = role == "background" and self.settings.frame == "person" and "person" in read
        return read["person"].size if covers else None

    def models(self) -> Sequence[Mapping[str, str]]:
        """The weights of the matting network, which is loaded only when a person is not cut out yet."""
        return self.model.weights(self.matte.model)

    def prepare(self, threads: int) -> tuple[Work, Sequence[str]]:
        """Nothing is loaded yet: people who come cut out need no network."""
        cutter = _Cutter(self.matte, self.model, threads)

        def work(pictures: Mapping[str, Picture], record: Record) -> Made:
            person, warnings = cutter.cut(pictures["person"])
            background, owned = self._background(pictures, person)
            settings = self.settings
            decisions = replace(decide(person, background, settings), key=record.key)
            out = background if owned or background.flags.writeable else None
            done, more = compose(person, background, decisions, settings, out=out)
            source = pictures.get("background", pictures["person"])
            told = [*warnings, *decisions.warnings, *more]
            made = {"composite": replace(source, pixels=done)}
            return Made(made, told, _where(decisions), cutter.notes, _remarks(decisions, settings))

        return work, ()

    def _background(self, pictures: Mapping[str, Picture], person: NDArray[Any]) -> tuple[NDArray[Any], bool]:
        if isinstance(self.backdrop, tuple):
            return plain(self.backdrop, person.shape[:2], person.dtype), True
        if self.backdrop == "blur":
            photo = pictures.get("photo", pictures["person"])
            if _is_cut_out(photo):
                raise PictureError("--bg blur needs the photo itself, and this is a cut-out")
            if photo.size != person.shape[:2]:
                raise PictureError(f"photo {photo.size} and cut-out {person.shape[:2]} differ in size: matte it again")
            return blurred(photo.rgb, person[..., 3]), True
        if "background" not in pictures:
            raise PictureError("no place for this person: name one with --bg")
        place = pictures["background"].rgb
        return (place, False) if place.flags.c_contiguous else (np.ascontiguousarray(place), True)


def _where(decisions: Decisions) -> dict[str, Any]:
    place = decisions.place
    return {} if place is None else {"place": [round(v, 4) for v in (place.x, place.y, place.height)]}


def _remarks(decisions: Decisions, settings: CompositeSettings) -> list[str]:
    if decisions.place is None or decisions.size is None:
        return []
    place, (height, width) = decisions.place, decisions.size
    where = f"{place.x:.3g},{place.y:.3g},{place.height:.3g}"
    size = f"{round(place.height * height)} of {height} rows high in a frame of {width}x{height}"
    return [
        f"placed by '{settings.place}' at {where}, {size}; --place X,Y,H puts them elsewhere, --frame sizes the frame"
    ]


def _is_cut_out(picture: Picture) -> bool:
    return picture.alpha is not None and bool((picture.alpha < np.iinfo(picture.pixels.dtype).max).any())


class _Cutter:
    """People as cut-outs: who comes as a photo is matted on the way, by a network loaded for the first of them."""

    def __init__(self, settings: MatteSettings, model: ModelOptions, threads: int) -> None:
        self.settings, self.model, self.threads = settings, model, threads
        self._lock = threading.Lock()
        self._matter: Matter | None = None
        self.notes: tuple[str, ...] = ()  # of the network, once it is loaded
        self._kept: OrderedDict[int, tuple[Picture, NDArray[Any], list[str]]] = OrderedDict()

    def cut(self, person: Picture) -> tuple[NDArray[Any], list[str]]:
        """The person's cut-out (H, W, 4) and what to tell the user."""
        if _is_cut_out(person):
            return person.pixels, []
        with self._lock:
            kept = self._kept.get(id(person))
            if kept and kept[0] is person:
                return kept[1], kept[2]
        matter = self._load()
        matte = matter.estimate(person.rgb)
        cut = cut_out(person.rgb, matte.alpha, self.settings.colors)
        if not person.pixels.flags.writeable:  # a picture that other records read too: it will come again
            with self._lock:
                self._kept[id(person)] = (person, cut, matte.warnings)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return cut, matte.warnings

    def _load(self) -> Matter:
        with self._lock:
            if self._matter is None:
                model = self.model.load(self.settings.model, self.threads)
                self.notes = model.notes
                self._matter = Matter(model, self.settings)
            return self._matter
