"""What a recipe is. A recipe's file has SETTINGS and RECIPE; the loop that trains it is trainer.py's, for all of them.

A Method has networks and phases. In every step it computes its `outputs` once, and each phase in turn makes losses of
them and steps its own optimizer: one phase for a plain network, discriminator and generator for a GAN.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import torch
from torch import Tensor, nn

from bgswap.training.settings import Settings, Size

if TYPE_CHECKING:
    from bgswap.augmentation.samples import SampleSettings
    from bgswap.training.tools import Tools

S = TypeVar("S", bound=Settings)
Batch = Mapping[str, Tensor]  # by role: pictures (B, C, H, W) float32 0..1 sRGB; "box_true" (B, 5)
Outputs = Any  # what a method's phases share in a step
Losses = dict[str, Tensor]  # by name: scalars, means over the batch, without their weights


@dataclass(frozen=True)
class Schedule:
    """The learning rate as a share of the phase's own, a function of the step alone."""

    shape: Literal["flat", "cosine", "linear"] = "flat"
    final: float = 0.0  # share at the last step
    start: float = 0.0  # share of the steps before it begins to fall
    warmup: int = 0  # steps in which it rises from 0 to 1


@dataclass(frozen=True)
class Optimizer:
    """How a phase's networks are stepped. factors: learning rates of parameters by the prefix of their name."""

    lr: float
    kind: Literal["adam", "adamw"] = "adam"
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    eps: float = 1e-8
    factors: Mapping[str, float] = field(default_factory=dict)  # "network.encoder." -> 0.1
    schedule: Schedule = Schedule()


@dataclass(frozen=True)
class Step:
    """Where in the run a step is, and what it may draw."""

    index: int  # from 0
    steps: int  # in all
    size: Size
    device: torch.device
    seed: int
    share: tuple[int, int] = (0, 1)  # this part of the batch, of so many: over devices and accumulation
    counts: Mapping[str, Tensor] = field(default_factory=dict)  # Method.counts, means over all parts of the batch

    def noise(self, batch: int, *shape: int, name: str = "") -> Tensor:
        """Normal numbers (batch, *shape) that do not depend on how the whole batch is shared out."""
        part, parts = self.share
        whole = torch.randn(batch * parts, *shape, generator=self._generator(name))
        return whole[part * batch : (part + 1) * batch].to(self.device)

    def uniform(self, batch: int, *shape: int, name: str = "") -> Tensor:
        """Numbers in 0..1, likewise."""
        part, parts = self.share
        whole = torch.rand(batch * parts, *shape, generator=self._generator(name))
        return whole[part * batch : (part + 1) * batch].to(self.device)

    def _generator(self, name: str) -> torch.Generator:
        from zlib import crc32

        return torch.Generator().manual_seed(crc32(f"{self.seed} {self.index} {name}".encode()))


@dataclass(frozen=True)
class Phase:
    """Losses of some networks, and their optimizer.

    networks: names in Method.networks whose parameters this phase steps; gradients reach no other.
    losses: (batch, outputs, step) -> scalars by name; what is left out counts nothing in this step.
    weights: by name of the loss; 1 where none is given.
    graph: whether the losses need gradients through `outputs`; a discriminator takes them detached.
    """

    name: str
    networks: tuple[str, ...]
    losses: Callable[[Batch, Outputs, Step], Losses]
    optimizer: Optimizer
    weights: Mapping[str, float] = field(default_factory=dict)
    graph: bool = True


class Method(ABC):
    """Networks that are trained together, and how.

    networks: the trained ones by name; the first is the run's model: its moving average is best.safetensors.
    frozen: others that losses look through, moved to the device, in evaluation mode, never stepped nor saved.
    phases: stepped in this order.
    best: (metric of `evaluate` or `summarize`, whether lower is better).
    notes: what the user should be told once.
    """

    networks: dict[str, nn.Module]
    frozen: dict[str, nn.Module]
    phases: tuple[Phase, ...]
    best: tuple[str, Literal["lower", "higher"]]
    notes: tuple[str, ...] = ()

    @abstractmethod
    def outputs(self, batch: Batch, step: Step) -> Outputs:
        """What the phases share: computed once a step, with gradients, in training mode."""

    def counts(self, batch: Batch) -> dict[str, Tensor]:  # noqa: ARG002
        """Scalars that masked losses divide by, such as a mask's area; read back, as means, from Step.counts.

        A masked loss is sum / step.counts[...]: so it is a mean over the whole batch, however this is shared out.
        """
        return {}

    @abstractmethod
    def evaluate(self, network: nn.Module, batch: Batch, step: Step) -> dict[str, Tensor]:
        """Metrics of held-out samples by the averaged network in evaluation mode: (B,) or (B, D) by name."""

    def summarize(self, found: Mapping[str, Tensor]) -> dict[str, float]:
        """Numbers of the whole validation from what `evaluate` gave for all of it, (N,) or (N, D) by name."""
        return {name: float(values.mean()) for name, values in found.items()}

    @abstractmethod
    def show(self, network: nn.Module, batch: Batch, step: Step) -> Sequence[Tensor]:
        """Columns of samples/<step>.png: (B, 3, H, W) 0..1 or (B, 1, H, W) each: input, output, truth."""


@dataclass(frozen=True)
class Recipe(Generic[S]):
    """A system's training as a value.

    settings: with the paper's defaults. roles: a sample's pictures that it takes. of_settings: what of the
    recipe is otherwise under these settings, by name, such as roles.
    method: (settings, tools) -> its networks, phases and losses, under the seed of the run.
    samples: (settings, size) -> what augment makes on the fly. size None leaves the size to the trainer.
    task, network, takes: as a catalog row has them; takes: the planes that the network's input stacks.
    multiple: (settings) -> what both sides of the input must divide by; sizes are checked against it.
    activation: of the network's output, as a catalog row's [output] has it.
    needs: one sentence on the pictures and weights that it needs. makes: what its run is for.
    """

    settings: S
    roles: tuple[str, ...]
    method: "Callable[[S, Tools], Method]"
    samples: "Callable[[S, Size], SampleSettings]"
    task: str
    network: str
    takes: tuple[str, ...]
    needs: str
    makes: str
    multiple: Callable[[S], int] = lambda _: 32
    activation: Literal["none", "sigmoid"] = "none"
    gives: tuple[str, ...] = ("picture",)  # the network's outputs in order, as a catalog row has them
    fields: tuple[str, ...] = ()  # numbers of a sample that it takes, such as box_true
    of_settings: Callable[[S], Mapping[str, Any]] = lambda _: {}

    def settled(self, settings: S) -> "Recipe[S]":
        """The recipe under these settings."""
        return replace(self, **self.of_settings(settings))
