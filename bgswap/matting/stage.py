"""The matte stage: one photo in; its cut-out, and where asked its alpha, its hole and its trimap, out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from numpy.typing import NDArray

from bgswap import extensions
from bgswap.folders.picture import Picture
from bgswap.folders.records import Record
from bgswap.folders.task import Made, Work
from bgswap.matting.colors import cut_out, flatten, hole
from bgswap.matting.predict import REFINE, Matte, MatteSettings, load_matter
from bgswap.matting.trimap import trimap_from_alpha
from bgswap.zoo.choice import ModelOptions

Color = tuple[int, int, int]  # sRGB, 0..255


@dataclass(frozen=True)
class MatteStage:
    """What `bgswap matte` does to a photo. roles: the outputs that are wanted."""

    settings: MatteSettings
    model: ModelOptions
    roles: tuple[str, ...] = ("foreground",)
    background: Color | None = None
    command: ClassVar[str] = "matte"

    def inputs(self) -> Mapping[str, str]:
        """A photo, and where it has one a trimap."""
        return {"photo": "picture", "trimap": "mask"}

    def enough(self, _role: str, _read: Mapping[str, Picture]) -> tuple[int, int] | None:
        """None: edges and colors are worked out on every pixel."""
        return None

    def models(self) -> Sequence[Mapping[str, str]]:
        """The networks' weights."""
        names = [self.settings.model, *({self.settings.refine} - set(extensions.names(REFINE)))]
        return [row for name in names for row in self.model.weights(name)]

    def prepare(self, threads: int) -> tuple[Work, Sequence[str]]:
        """Load the network."""
        matter, notes = load_matter(self.settings, self.model, threads)

        def work(pictures: Mapping[str, Picture], _record: Record) -> Made:
            photo, trimap = pictures["photo"], pictures.get("trimap")
            matte = matter.estimate(photo.pixels, trimap.pixels if trimap else None)
            outputs = {role: replace(photo, pixels=self._make(role, photo.pixels, matte)) for role in self.roles}
            fields = {"confidence": round(matte.confidence, 4), "people": matte.people}
            return Made(outputs, matte.warnings, fields)

        return work, notes

    def _make(self, role: str, photo: NDArray[Any], matte: Matte) -> NDArray[Any]:
        makers: dict[str, Callable[[], NDArray[Any]]] = {
            "foreground": lambda: self._foreground(photo, matte),
            "alpha": lambda: matte.alpha,
            "hole": lambda: hole(photo, matte.alpha),
            "trimap": lambda: trimap_from_alpha(matte.alpha),
        }
        return makers[role]()

    def _foreground(self, photo: NDArray[Any], matte: Matte) -> NDArray[Any]:
        cut = cut_out(photo, matte.alpha, self.settings.colors)
        return cut if self.background is None else flatten(cut, self.background)
