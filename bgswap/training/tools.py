"""What recipes may ask for while their method is built: weights, runs, perceptual trunks. Never random ones."""

from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from bgswap.errors import BgswapError, UsageError
from bgswap.training.perceptual import NONE, Perceptual
from bgswap.zoo.choice import ModelOptions
from bgswap.zoo.modules import load_network


@dataclass
class Tools:
    """Loads networks for a recipe; `notes` gathers what the user should be told, `used` what run.json names."""

    model: ModelOptions = field(default_factory=ModelOptions)
    notes: list[str] = field(default_factory=list)
    used: dict[str, str] = field(default_factory=dict)  # what for -> name and SHA-256

    def network(self, name: str, use: str, wanted: str = "") -> nn.Module:
        """A network with its weights by catalog name, file or run folder, in evaluation mode, on the CPU, frozen.

        use: what for, as run.json says it. wanted: the file of bgswap/networks that it must be.

        Raises:
            UsageError: it is another network than `wanted`.
            NotReady, BgswapError: as `bgswap.zoo.loader.load` does; says what to type next.
        """
        network, model = load_network(name, "cpu", options=self.model.allowed(1))
        told = model.card.network
        if wanted and told and told != wanted:
            raise UsageError(f"{name} holds a '{told}' network; {use} needs '{wanted}'")
        self.notes += [note for note in model.notes if note not in self.notes]
        self.used[use] = f"{model.card.name} {model.sha256}"
        return network

    def perceptual(self, name: str) -> Perceptual | None:
        """The perceptual loss through the network `name`: "none", "self" (our people network), or of the catalog."""
        if name == NONE:
            return None
        try:
            trunk = self.network("people" if name == "self" else name, "perceptual loss")
        except BgswapError as cause:
            ways = "or --set perceptual=self (features of our own people network), or --set perceptual=none"
            raise type(cause)(f"{cause} Or choose another: --set perceptual=squeezenet1_1, {ways}") from None
        return Perceptual(trunk, name)


def path_or_name(name: str) -> str:
    """A file or run folder as an absolute path, a catalog's name as it is."""
    path = Path(name).expanduser()
    return str(path.absolute()) if path.exists() else name
