"""The inpaint stage: a photo and the matte of its person in; the empty place, the plate, out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from bgswap import extensions
from bgswap.errors import PictureError, UsageError
from bgswap.folders.picture import Picture
from bgswap.folders.records import Record
from bgswap.folders.task import Made, Work
from bgswap.inpainting.fill import WAYS, Filler, InpaintSettings
from bgswap.zoo.card import Card
from bgswap.zoo.catalog import catalog
from bgswap.zoo.choice import ModelOptions
from bgswap.zoo.loader import A_FILE, describe

NETWORKS = {"lama": "lama", "simple-lama": "lama"}  # way -> the model of the catalog that it runs
OWN, NETWORK = "ffc", "ffc-inpaint"  # the way of runs, which come from the user, and the network of their weights


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
        network = network_of(self.settings.model)
        return self.model.weights(network) if network else ()

    def prepare(self, threads: int) -> tuple[Work, Sequence[str]]:
        """Load the way's network, if it has one."""
        filler, notes = load_filler(self.settings, self.model, threads)

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

        return work, notes


def load_filler(settings: InpaintSettings, options: ModelOptions, threads: int = 1) -> tuple[Filler, tuple[str, ...]]:
    """A Filler with its network, where it needs one, and what the user should be told of it.

    Raises:
        UsageError: as `network_of`, and weights of another network.
        NotReady, BgswapError: as `Filler` and `bgswap.zoo.loader.load` do.
    """
    network = network_of(settings.model)
    if not network:
        return Filler(settings), ()
    model = options.load(network, threads)
    if settings.model not in extensions.names(WAYS):
        _refuse_others(settings.model, model.card)
        settings = replace(settings, model=OWN)
    return Filler(settings, model), model.notes


def network_of(model: str) -> str:
    """What fills by a network: its name in the catalog, or the run or weights that `model` names; "" for other ways.

    Raises:
        UsageError: nothing has that name, a run is missing, or is one of another network.
    """
    if model == OWN:
        raise UsageError(f"{OWN} comes without weights: name a run of bgswap train {NETWORK} in its stead")
    if model in extensions.names(WAYS):
        return NETWORKS.get(model, "")
    if model not in catalog() and not Path(model).expanduser().exists():
        extensions.load(WAYS, model)  # the error that lists the ways
    card, _ = describe(model)
    if card.origin != A_FILE:
        _refuse_others(model, card)  # before anything is fetched
    return model


def _refuse_others(name: str, card: Card) -> None:
    if card.network != NETWORK:
        told = f"it holds the network '{card.network}'" if card.network else f"it is for the task '{card.task}'"
        raise UsageError(f"{name} is no run of bgswap train {NETWORK}, and no weights of one: {told}")
