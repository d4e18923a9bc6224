"""One training step of any method: outputs once; each phase's losses, gradients, clipping, optimizer; EMA last."""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import torch
from torch import Tensor, nn

from bgswap.errors import BgswapError
from bgswap.training.homes import Alone, Home
from bgswap.training.recipe import Batch, Method, Optimizer, Phase, Schedule, Step
from bgswap.training.settings import Settings, Size

EXPLODED = 1e6  # ours: no loss of these recipes is ever this large


class Diverged(BgswapError):  # noqa: N818 - reads as the state it names
    """A loss is no number any more, or no loss any more."""


class Stepper:
    """A method's networks, optimizers and moving average on a device. `step` trains on one batch."""

    def __init__(self, method: Method, settings: Settings, home: Home | None = None):
        self.method, self.settings, self.home = method, settings, home or Alone()
        for network in (*method.networks.values(), *method.frozen.values()):
            network.to(self.home.device)
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for network in method.frozen.values():
            network.eval().requires_grad_(False)
        self.trained = [_parameters(method, phase) for phase in method.phases]
        self.optimizers = [_optimizer(method, phase) for phase in method.phases]
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)

    @property
    def network(self) -> nn.Module:
        """The run's model as it is trained; `average` is what is kept."""
        return next(iter(self.method.networks.values()))

    def where(self, index: int, steps: int, size: Size, share: tuple[int, int] | None = None, **more: Any) -> Step:
        """A step's place in the run."""
        mine = share or (self.home.rank, self.home.world)
        return Step(index, steps, size, self.home.device, self.settings.seed, mine, **more)

    def step(self, parts: Sequence[Batch], index: int, steps: int) -> dict[str, Tensor]:
        """Train on a batch that came in parts of equal size, all on the device. Losses by name, detached.

        Raises:
            Diverged: a loss is not finite, or beyond EXPLODED; the networks are as they were before the phase.
        """
        torch.manual_seed(crc32(f"{self.settings.seed} {index} {self.home.rank}".encode()))  # dropout
        for network in self.method.networks.values():
            network.train()
        size = _size(parts[0])
        counts = self._counts(parts)
        where = [
            self.where(
                index, steps, size, (self.home.rank * len(parts) + n, self.home.world * len(parts)), counts=counts
            )
            for n in range(len(parts))
        ]
        shared = None
        told: dict[str, Tensor] = {}
        for number, phase in enumerate(self.method.phases):
            later = any(other.graph for other in self.method.phases[number + 1 :])
            for batch, step in zip(parts, where, strict=True):
                with self.home.autocast():
                    if len(parts) > 1:  # one part's graph at a time is the point of parts
                        with torch.set_grad_enabled(phase.graph):
                            shared = self.method.outputs(batch, step)
                    elif shared is None:
                        shared = self.method.outputs(batch, step)
                    losses = phase.losses(batch, shared, step)
                total = _total(losses, phase.weights) / len(parts)
                keep = phase.graph and later and len(parts) == 1
                torch.autograd.backward(total, inputs=self.trained[number], retain_graph=keep)
                for name, value in losses.items():
                    part = value.detach().float() / len(parts)
                    told[name] = told[name] + part if name in told else part
            self._update(number, index, steps, told)
        self._follow(index)
        return told

    def _counts(self, parts: Sequence[Batch]) -> dict[str, Tensor]:
        found = [self.method.counts(batch) for batch in parts]
        mean = {name: torch.stack([one[name].float() for one in found]).mean() for name in found[0]}
        self.home.average_(list(mean.values()))
        return mean

    def _update(self, number: int, index: int, steps: int, told: Mapping[str, Tensor]) -> None:
        phase, optimizer, parameters = self.method.phases[number], self.optimizers[number], self.trained[number]
        if self.home.world > 1:
            for one in parameters:
                if one.grad is None:
                    one.grad = torch.zeros_like(one)
            self.home.average_([one.grad for one in parameters if one.grad is not None])
        if self.home.device.type == "cpu":  # elsewhere looking would make the device wait: see `check`
            self.check(told, index)
        if self.settings.clip:
            nn.utils.clip_grad_norm_(parameters, self.settings.clip)
        factor = rate(phase.optimizer.schedule, index, steps)
        for group in optimizer.param_groups:
            group["lr"] = phase.optimizer.lr * group["factor"] * factor
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def check(self, told: Mapping[str, Tensor], index: int) -> None:
        """Raise Diverged where a loss is no finite number, or far beyond any."""
        for name, value in told.items():
            number = float(value)
            if not math.isfinite(number) or abs(number) > EXPLODED:
                raise Diverged(
                    f"the loss '{name}' is {number:g} at step {index}: training has diverged. The run keeps its last "
                    "good state; try a lower --set lr, a --set clip, or --precision fp32, in a new run with --init"
                )

    @torch.no_grad()
    def _follow(self, index: int) -> None:
        """The moving average; young ones follow faster."""
        decay = min(self.settings.ema, (1 + index) / (10 + index))
        kept, fresh = _floats(self.average), _floats(self.network)
        torch._foreach_lerp_(kept, fresh, 1 - decay)
        for mine, theirs in zip(self.average.buffers(), self.network.buffers(), strict=True):
            if not mine.is_floating_point():
                mine.copy_(theirs)

    def state(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "networks": {name: network.state_dict() for name, network in self.method.networks.items()},
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave."""
        for name, network in self.method.networks.items():
            network.load_state_dict(state["networks"][name])
        self.average.load_state_dict(state["average"])
        for optimizer, one in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(one)


def rate(schedule: Schedule, index: int, steps: int) -> float:
    """The share of the learning rate at step `index` of `steps`."""
    rise = min(1.0, (index + 1) / schedule.warmup) if schedule.warmup else 1.0
    if schedule.shape == "flat":
        return rise
    begin = schedule.start * steps
    along = min(max((index - begin) / max(steps - begin, 1), 0.0), 1.0)
    fallen = 0.5 * (1 + math.cos(math.pi * along)) if schedule.shape == "cosine" else 1 - along
    return rise * (schedule.final + (1 - schedule.final) * fallen)


def _total(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    terms = [value.float() * weights.get(name, 1.0) for name, value in losses.items()]
    return torch.stack([term.reshape(()) for term in terms]).sum()


def _size(batch: Batch) -> Size:
    height, width = next(value for value in batch.values() if value.ndim == 4).shape[-2:]
    return height, width


def _floats(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *(b for b in network.buffers() if b.is_floating_point() and b.numel())]


def _named(method: Method, phase: Phase) -> list[tuple[str, nn.Parameter]]:
    return [
        (f"{name}.{key}", parameter)
        for name in phase.networks
        for key, parameter in method.networks[name].named_parameters()
        if parameter.requires_grad
    ]


def _parameters(method: Method, phase: Phase) -> list[nn.Parameter]:
    return [parameter for _, parameter in _named(method, phase)]


def _optimizer(method: Method, phase: Phase) -> torch.optim.Optimizer:
    told: Optimizer = phase.optimizer
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in _named(method, phase):
        factor = next((value for prefix, value in told.factors.items() if name.startswith(prefix)), 1.0)
        groups.setdefault(factor, []).append(parameter)
    kind = torch.optim.AdamW if told.kind == "adamw" else torch.optim.Adam
    return kind(
        [{"params": parameters, "factor": factor} for factor, parameters in groups.items()],
        lr=told.lr,
        betas=told.betas,
        eps=told.eps,
        weight_decay=told.weight_decay,
        fused=True,
    )
