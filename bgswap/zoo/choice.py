"""What a user chose about models, as one value that a stage can carry to wherever it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bgswap.errors import UsageError
from bgswap.zoo import loader, store
from bgswap.zoo.card import Card
from bgswap.zoo.loader import LoadOptions, Model

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ModelOptions:
    """--device, --precision and what is allowed: fields are named as the options are."""

    device: str = "auto"
    precision: str = "auto"
    # not in the repr, by which the journal knows settings: what is allowed changes no pixel
    offline: bool = field(default=False, repr=False)
    accept_license: tuple[str, ...] = field(default=(), repr=False)
    trust_model: bool = field(default=False, repr=False)

    def load(self, name: str, threads: int = 1) -> Model:
        """The model, ready to be called; raises as `loader.load` does."""
        _refuse_features(loader.describe(name)[0])  # before anything is fetched
        model = loader.load(name, self.device, self.precision, options=self.allowed(threads))
        _refuse_features(model.card)  # a file without a row is known only now
        return model

    def network(self, name: str, threads: int = 1) -> "nn.Module":
        """A network that metrics look through; raises as `modules.load_network` does."""
        from bgswap.zoo.modules import load_network  # torch wakes up here

        return load_network(name, self.device, options=self.allowed(threads))[0]

    def allowed(self, threads: int) -> LoadOptions:
        """What the loader may do, and the threads of one call."""
        return LoadOptions(self.offline, self.accept_license, self.trust_model, threads)

    def weights(self, name: str) -> list[Mapping[str, str]]:
        """name, sha256 and path of every weight file of a model that is on this disk, without loading it.

        A file that still has to be fetched stands with its published checksum and no path.
        """
        card, _ = loader.describe(name)
        known: list[Mapping[str, str]] = []
        # of two formats of one network, the one for the device that was asked for tells which weights these are
        kind = "cuda" if self.device.startswith("cuda") else "cpu"
        for file in (card.parts(kind) or card.parts("cpu")).values():
            found, _ = store.locate(card, file, (file.env,) if self.trust_model and file.env else ())
            digest = found.digests.sha256 if found else file.checksum
            known.append({"name": card.name, "sha256": digest, "path": str(found.path) if found else ""})
        return known


def _refuse_features(card: Card) -> None:
    if card.task == "features":
        raise UsageError(
            f"{card.name} is for metrics (bgswap eval): it makes no picture. Models by name: bgswap models list"
        )
