"""The inpaint stage: a photo and the matte of its person in; the empty place, the plate, out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from bgswap.errors import PictureError
from bgswap.folders.picture import Picture
from bgswap.folders.records import Record
from bgswap.folders.task import Made, Work
from bgswap.inpainting.fill import Filler, InpaintSettings
from bgswap.zoo.choice import ModelOptions

NETWORKS = {"lama": "lama", "simple-lama": "lama"}  # way -> the model of the catalog that it runs


@dataclass(frozen=True)
class InpaintStage:
    """What `bgswap inpaint` does to a photo. roles: the outputs that are wanted."""

    settings: InpaintSettings
    model: ModelOptions
    roles: tuple[str, ...] = ("plate",)
    invert: bool = False
    command: ClassVar[str] = "inpaint"

    def inputs(self) -> Mapping[str, str]:
        """A photo, and its mask where that is not the photo's own transparency."""
        return {"photo": "picture", "mask": "mask"}

    def enough(self, _role: str, _read: Mapping[str, Picture]) -> tuple[int, int] | None:
        """None: all but the hole comes out as it went in."""
        return None

    def models(self) -> Sequence[Mapping[str, str]]:
        """The weights of ways that run a network."""
        return self.model.weights(NETWORKS[self.settings.model]) if self.settings.model in NETWORKS else ()

    def prepare(self, threads: int) -> tuple[Work, Sequence[str]]:
        """Load the way's network, if it has one."""
        network = NETWORKS.get(self.settings.model)
        model = self.model.load(network, threads) if network else None
        filler = Filler(self.settings, model)

        def work(pictures: Mapping[str, Picture], _record: Record) -> Made:
            photo = pictures["photo"]
            mask = pictures["mask"].pixels if "mask" in pictures else None
            if mask is None:
                if photo.alpha is None:
                    raise PictureError("no mask: give one with --mask (bgswap matte IN CUT --alpha MATTES makes them)")
                mask = ~photo.alpha  # the photo's own hole, as bgswap matte --hole writes it
            filled = filler.fill(photo.rgb, ~mask if self.invert else mask)
            outputs = {"plate": filled.pixels, "filled": filled.hole}
            made = {role: replace(photo, pixels=outputs[role]) for role in self.roles}
            return Made(made, filled.warnings)

        return work, model.notes if model else ()
