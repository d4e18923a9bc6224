"""The only loop: batches in, steps, a line in the log, a look at held-out samples, a state on the disk; then again.

What a step does is steps.py's; what stands on the disk is run_folder.py's; what a batch holds is batches.py's.
"""

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bgswap.errors import BgswapError
from bgswap.training.recipe import Batch, Method
from bgswap.training.steps import Stepper

if TYPE_CHECKING:
    from bgswap.training.batches import Batches, Plan
    from bgswap.training.progress import Progress
    from bgswap.training.run_folder import RunFolder

LOG_EVERY = 20  # steps, ours: losses are averaged over them, so that the log stays readable
SAVE_EVERY = 600.0  # seconds, ours: what a lost machine may cost; also saved at every validation
ROWS = 6  # of a sheet of samples


class Interrupted(BaseException):
    """A signal came and the state is saved; `signal` is to be died of."""

    def __init__(self, number: int):
        self.number = number


class Trainer:
    """One run on one process, from the step that its folder stands at to the last one."""

    def __init__(
        self,
        stepper: Stepper,
        plan: "Plan",
        run: "RunFolder",
        held: Sequence[Sequence[Batch]],
        progress: "Progress",
    ):
        """held: held-out batches, fixed for the life of the run, a list a size of the plan."""
        self.stepper, self.plan, self.run, self.held, self.progress = stepper, plan, run, held, progress
        self.home, self.method = stepper.home, stepper.method
        self.done = 0  # steps
        self.best: float | None = None
        self.best_size = plan.at(0)[0]  # a larger size is another task: there the best counts anew
        self.window: dict[str, Tensor] = {}  # sums of the losses since the last line of the log, and how many
        self.window_counts: dict[str, int] = {}

    def resume(self) -> None:
        """Go on from the folder's last whole state, where it has one."""
        state = self.run.load()
        if state is None:
            return
        self.stepper.load(state["stepper"])
        self.done, self.best, self.best_size = state["step"], state["best"], tuple(state["best_size"])
        self.window = {name: value.to(self.home.device) for name, value in state["window"].items()}
        self.window_counts = dict(state["window_counts"])

    def train(self, batches: "Batches") -> None:
        """All steps that are left.

        Raises:
            Diverged: a loss is no number; the last good state stays.
            BgswapError: out of memory, with what to lower.
            Interrupted: SIGINT or SIGTERM came; the state is saved.
        """
        saved = monotonic()
        with _until_signal() as stopped, _memory(self):
            for parts in batches:
                size, count = self.plan.at(self.done)
                losses = self.stepper.step([self._moved(part) for part in parts], self.done, self.plan.steps)
                self.done += 1
                self._gather(losses)
                self.progress.stepped(self.done, count, losses)
                ends = self.done == self.plan.steps
                look = self.done % self.stepper.settings.validate_every == 0 or ends or self._grows()
                if self.done % LOG_EVERY == 0 or look:
                    self._log()
                if look:
                    self._validate(size)
                if look or stopped or monotonic() - saved > SAVE_EVERY:
                    self.save()
                    saved = monotonic()
                if stopped:
                    raise Interrupted(stopped[0])

    def _grows(self) -> bool:
        """Whether the next step is of another size: the last state at this one is looked at."""
        return self.done < self.plan.steps and self.plan.at(self.done)[0] != self.plan.at(self.done - 1)[0]

    def _moved(self, part: Batch) -> Batch:
        def moved(tensor: Tensor) -> Tensor:
            there = tensor.to(self.home.device, non_blocking=True)
            return there.contiguous(memory_format=torch.channels_last) if there.ndim == 4 else there

        return {role: moved(tensor) for role, tensor in part.items()}

    def _gather(self, losses: Mapping[str, Tensor]) -> None:
        for name, value in losses.items():
            self.window[name] = self.window[name] + value if name in self.window else value
            self.window_counts[name] = self.window_counts.get(name, 0) + 1

    def _log(self) -> None:
        """A line of mean losses; what is not finite stops here on devices that are not waited for in every step."""
        means = {name: value / self.window_counts[name] for name, value in self.window.items()}
        self.home.average_(list(means.values()))
        self.stepper.check(means, self.done - 1)
        self.run.log({"step": self.done, "losses": {name: float(value) for name, value in means.items()}})
        self.window, self.window_counts = {}, {}

    def _validate(self, size: tuple[int, int]) -> None:
        """Metrics of held-out samples by the averaged network, on the first process; the best is kept."""
        if self.home.rank == 0:
            found = self.measure(size)
            name, way = self.method.best
            if name not in found:
                raise BgswapError(f"the recipe's metric '{name}' is none of {', '.join(found)}")
            better = self.best is None or (found[name] < self.best if way == "lower" else found[name] > self.best)
            if better or size != self.best_size:
                self.best, self.best_size = found[name], size
                self.run.best(self.stepper.average, self.done, {name: found[name]})
            self.run.log({"step": self.done, "size": list(size), "validation": found, "best": bool(better)})
            self.run.show(self.done, self._columns(size))
            self.progress.validated(self.done, found, better)
        self.home.barrier()

    @torch.no_grad()
    def measure(self, size: tuple[int, int]) -> dict[str, float]:
        """All metrics of the held-out samples at a size."""
        gathered: dict[str, list[Tensor]] = {}
        for number, batch in enumerate(self._held(size)):
            step = self.stepper.where(number, self.plan.steps, size, (0, 1))
            torch.manual_seed(number)
            with self.home.autocast():
                found = self.method.evaluate(self.stepper.average, self._moved(batch), step)
            for name, values in found.items():
                gathered.setdefault(name, []).append(values.float().cpu())
        return self.method.summarize({name: torch.cat(values) for name, values in gathered.items()})

    @torch.no_grad()
    def _columns(self, size: tuple[int, int]) -> list[Tensor]:
        batch = {role: tensor[:ROWS] for role, tensor in self._held(size)[0].items()}
        step = self.stepper.where(0, self.plan.steps, size, (0, 1))
        torch.manual_seed(0)
        with self.home.autocast():
            shown = self.method.show(self.stepper.average, self._moved(batch), step)
        return [column.float().cpu() for column in shown]

    def _held(self, size: tuple[int, int]) -> Sequence[Batch]:
        return self.held[self.plan.sizes.index(size)]

    def save(self) -> None:
        """Everything that the next step depends on, on the disk, whole."""
        if self.home.rank == 0:
            window = {name: value.cpu() for name, value in self.window.items()}
            state: dict[str, Any] = {"step": self.done, "best": self.best, "best_size": list(self.best_size)}
            state |= {"window": window, "window_counts": self.window_counts, "stepper": self.stepper.state()}
            self.run.save(state)
        self.home.barrier()


@contextmanager
def _until_signal() -> Iterator[list[int]]:
    """A list that gets the number of the first SIGINT or SIGTERM; a second one interrupts at once."""
    came: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _memory(trainer: Trainer) -> Iterator[None]:
    """Out of memory as a sentence that says what to lower."""
    try:
        yield
    except (RuntimeError, MemoryError) as cause:
        told = str(cause).lower()
        if not (isinstance(cause, MemoryError | torch.cuda.OutOfMemoryError) or "allocate" in told or "memory" in told):
            raise
        (height, width), batch = trainer.plan.at(trainer.done)
        twice = 2 * trainer.stepper.settings.accumulate
        raise BgswapError(
            f"out of memory at step {trainer.done}, {width}x{height} pixels, batch {batch}: work through each batch in "
            f"parts (--set accumulate={twice}, the same result), or lower --batch, --size or the recipe's width"
        ) from cause


def networks_of(method: Method) -> dict[str, int]:
    """Parameters of every network that is trained, by name."""
    return {name: sum(p.numel() for p in network.parameters()) for name, network in method.networks.items()}
