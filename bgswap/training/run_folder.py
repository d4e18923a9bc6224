"""The run folder: what made a run, its states, its best weights, its log and pictures; zoo/runs.py reads it as a model.

Everything in it belongs to the step of last.pt or to an earlier one: what went further before a kill is cut off when
the run goes on, so that it ends as a run that was never stopped.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from torch import Tensor, nn

from bgswap.errors import BgswapError
from bgswap.folders.files import PREFIX, SUFFIX, write_whole
from bgswap.training import curve, sheet
from bgswap.training.board import Board
from bgswap.training.checkpoint import NEW, Checkpoints, beside, replace_durably, sync_folder
from bgswap.training.told import compared, locked, read_told, refuse_others
from bgswap.zoo.runs import BEST, RUN

LOG, CURVE, SAMPLES, BOARD = "log.jsonl", "curve.png", "samples", "tensorboard"
NEXT = "best.next.safetensors"  # the best of a step whose state is not saved yet
TEMPORARY = f"{PREFIX}*{SUFFIX}"
SPLIT = ("train_keys.txt", "validation_keys.txt")


class RunFolder:
    """One run on the disk. Without `writes` (all processes but the first) it is only read.

    First `load`; then in a step `log`, `best` and `show`, and its `save` last.
    """

    def __init__(self, path: Path, told: Mapping[str, Any], notes: Sequence[str], lock: IO[bytes] | None, writes: bool):
        self.path, self.told, self.notes, self.writes = path, told, list(notes), writes
        self._lock = lock
        self._checkpoints = Checkpoints(path)
        self._log: IO[bytes] | None = None
        self._lines: list[dict[str, Any]] = []
        self._board: Board | None = None
        self._step = 0  # of the last state

    @classmethod
    def open(cls, path: Path, told: Mapping[str, Any], *, writes: bool = True) -> Self:
        """Begin a run, or go on with the one that stands there.

        Args:
            path: the folder; it is made where it is missing.
            told: run.json: "recipe", "settings" and all else that made the run, "versions", a catalog row's keys.
            writes: whether this process is the one that writes.

        Raises:
            UsageError: another run or other things stand there, or another process trains there.
            BgswapError: run.json cannot be read, or the folder not written.
        """
        told = json.loads(json.dumps(told, allow_nan=False))  # as it will be read: tuples are lists
        refuse_others(path)
        lock = locked(path) if writes else None
        try:
            before = read_told(path)
            notes = compared(path, before, told) if before else []
            both = {**before, **told}
            if writes and both != before:
                replace_durably(path / RUN, (json.dumps(both, indent=2) + "\n").encode())
        except BaseException:
            if lock:
                lock.close()
            raise
        return cls(path, both, notes, lock, writes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others train here."""
        for one in (self._board, self._log, self._lock):
            if one is not None:
                one.close()
        self._board = self._log = self._lock = None

    def split(self, train: Sequence[str], validation: Sequence[str]) -> None:
        """Keep the keys of both halves, one a line."""
        for name, keys in zip(SPLIT, (train, validation), strict=True):
            if self.writes:
                write_whole(self.path / name, "".join(f"{key}\n" for key in keys).encode("utf-8", "surrogateescape"))

    def load(self) -> dict[str, Any] | None:
        """The last whole state, None for a new run; what went beyond it is cut off. `notes` grows.

        Raises:
            BgswapError: there are best weights and no whole state: starting anew would cost them.
        """
        state, notes = self._checkpoints.load()
        if state is None and (self.path / BEST).exists():
            raise BgswapError(
                f"{self.path} has {BEST} but no whole last.pt or previous.pt, so this run cannot go on. "
                f"To train from its weights: name another RUN and add --init {self.path}"
            )
        self.notes += notes
        self._step = state["step"] if state else 0
        if self.writes:
            for left in (*self.path.glob(f"*{NEW}"), *self.path.glob(TEMPORARY), *self.path.glob(f"*/{TEMPORARY}")):
                left.unlink(missing_ok=True)  # of a kill in the middle of a write
            self._settle_best(self._step if state else -1)
            self._close_log()
            self._lines = cut_log(self.path / LOG, self._step if state else -1)
        return state

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep all that the next step depends on, and with it the best that came before. Raises as Checkpoints.save."""
        if not self.writes:
            return
        if self._log is not None:
            with suppress(OSError):  # its lines belong to this state
                os.fsync(self._log.fileno())
        self._checkpoints.save(state)
        self._step = state["step"]
        self._settle_best(self._step)

    def best(self, network: nn.Module, step: int, metrics: Mapping[str, float]) -> None:
        """Keep a network's weights as the best; they become best.safetensors once the step's state is saved."""
        if not self.writes:
            return
        from safetensors.torch import save

        tensors = {key: _kept(value) for key, value in network.state_dict().items()}
        told = {"recipe": self.told.get("recipe", ""), "step": step, "metric": _finite(metrics)}
        # one key: safetensors writes several in a random order, and equal weights shall be equal bytes
        content = save(tensors, {"bgswap": json.dumps(told, sort_keys=True)})
        beside(self.path / NEXT, lambda file: file.write(content)).replace(self.path / NEXT)

    def log(self, line: Mapping[str, Any]) -> None:
        """Add a line; it has "step" and no times. What is no finite number is null."""
        if not self.writes:
            return
        if self._log is None:
            self._log = (self.path / LOG).open("ab", buffering=0)
        kept = _finite(line)
        self._log.write(json.dumps(kept, allow_nan=False).encode() + b"\n")
        self._lines.append(kept)
        for group in ("losses", "validation"):
            if group in kept:
                self._open_board().scalars(kept["step"], kept[group], group)

    def show(self, step: int, columns: Sequence[Tensor]) -> None:
        """Draw samples/<step>.png, columns of (B, 3 or 1, H, W) 0..1 side by side, and the curves so far."""
        if not self.writes:
            return
        (self.path / SAMPLES).mkdir(exist_ok=True)
        drawn = sheet.sheet(columns, self.path / SAMPLES / f"{step}.png")
        self._open_board().picture(step, drawn)
        curve.draw(self._lines, self.path / CURVE)

    def _open_board(self) -> Board:
        if self._board is None:
            self._board = Board(self.path / BOARD, self._step)
        return self._board

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None

    def _settle_best(self, step: int) -> None:
        """The best of a saved step becomes best.safetensors; of one that never was, nothing."""
        path = self.path / NEXT
        if not path.exists():
            return
        if 0 <= _step_of(path) <= step:
            path.replace(self.path / BEST)
            sync_folder(self.path)
        else:
            path.unlink()


def read_log(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a log.jsonl, or of a run folder's; none where there is no such file."""
    file = path / LOG if path.is_dir() else path
    return [line for _, line in _log_lines(file)]


def cut_log(file: Path, step: int) -> list[dict[str, Any]]:
    """Cut lines off that lie beyond `step`, and half ones; what is left. The file changes in one step."""
    kept = [(raw, line) for raw, line in _log_lines(file) if line["step"] <= step]
    content = b"".join(raw for raw, _ in kept)
    if file.exists() and content != file.read_bytes():
        replace_durably(file, content)
    return [line for _, line in kept]


def _log_lines(file: Path) -> list[tuple[bytes, dict[str, Any]]]:
    found = []
    for raw in file.read_bytes().splitlines(keepends=True) if file.exists() else ():
        with suppress(ValueError):
            line = json.loads(raw)
            if raw.endswith(b"\n") and isinstance(line, dict) and isinstance(line.get("step"), int):
                found.append((raw, line))
    return found


def _finite(value: Any) -> Any:
    """The same with None for what is no finite number, which JSON cannot say."""
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _kept(tensor: Tensor) -> Tensor:
    """A copy as weights are kept: float32, contiguous, on the CPU; counters stay integers."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() else tensor).clone().contiguous()


def _step_of(path: Path) -> int:
    """The step of best weights; -1 where the file is not whole."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            return int(json.loads((file.metadata() or {})["bgswap"])["step"])
    except (SafetensorError, OSError, KeyError, ValueError, TypeError):
        return -1
