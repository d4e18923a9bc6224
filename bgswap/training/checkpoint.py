"""last.pt and previous.pt: at every moment one of the two is whole, whatever kills the process, or the machine.

A new state is written beside them and forced to the disk; then last.pt becomes previous.pt, and the new one last.pt.
"""

import os
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from sys import intern
from typing import IO, Any

import torch
from torch import Tensor

from bgswap.errors import BgswapError

LAST, PREVIOUS = "last.pt", "previous.pt"
NEW = ".new"  # behind the name of a file that is not whole yet


class Damaged(Exception):  # noqa: N818 - reads as the state it names
    """A checkpoint is not whole; says why."""


class Checkpoints:
    """The two states of a folder. Only one process may write them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._last_is_whole = False  # as far as is known: what is not known to be whole displaces nothing

    def save(self, state: Mapping[str, Any]) -> None:
        """Make `state` the folder's last.pt; it has "step".

        Raises:
            BgswapError: it cannot be written; the former states stand.
            TypeError: it holds something that is no tensor, number, string, list or table.
        """
        plain = _plain(state, "state")
        last = self.folder / LAST
        new = beside(last, lambda file: torch.save(plain, file))  # a file object, so that no name enters the bytes
        if self._last_is_whole:
            last.replace(self.folder / PREVIOUS)
        new.replace(last)
        sync_folder(self.folder)
        self._last_is_whole = True

    def load(self) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
        """The newest whole state on the CPU, None where there is none; and what should be said of it."""
        reasons = []
        for name in (LAST, PREVIOUS):
            path = self.folder / name
            if not path.exists():
                continue
            try:
                state = read(path)
            except Damaged as reason:
                reasons.append(f"{path} is not whole ({reason})")
                continue
            self._last_is_whole = name == LAST
            if name == PREVIOUS:
                reasons = reasons or [f"{self.folder / LAST} is missing"]
                reasons.append(f"going on from {PREVIOUS}, step {state['step']}")
            return state, ("; ".join(reasons),) if reasons else ()
        self._last_is_whole = False
        return None, ("; ".join([*reasons, "starting anew"]),) if reasons else ()


def read(path: Path) -> dict[str, Any]:
    """A checkpoint's state. No code of the file is run. Damaged says what is wrong with it."""
    try:
        with zipfile.ZipFile(path) as archive:  # torch's own reader checks no sums
            if name := archive.testzip():
                raise Damaged(f"{name} was changed")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Damaged:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged archive raises whatever its bytes happen to lead to
        line = " ".join(str(error).split())[:120]
        raise Damaged(line or type(error).__name__) from None
    if not isinstance(state, dict) or not isinstance(state.get("step"), int):
        raise Damaged("it has no step")
    return state


def beside(path: Path, fill: Callable[[IO[bytes]], Any]) -> Path:
    """Write `path`.new with all of it forced to the disk; to be renamed to `path`.

    Raises:
        BgswapError: the disk is full or the folder read-only; no file is left.
    """
    new = path.with_name(path.name + NEW)
    try:
        with new.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:  # torch's writer hides what the disk said in a RuntimeError
        _unlink(new)
        why = next((e.strerror for e in (error, error.__context__) if isinstance(e, OSError) and e.strerror), None)
        raise BgswapError(
            f"{path} cannot be written ({why or str(error).splitlines()[0][:160]}). What stood there still stands: "
            "make room on the disk and give the same command again"
        ) from error
    except BaseException:  # KeyboardInterrupt too
        _unlink(new)
        raise
    return new


def replace_durably(path: Path, content: bytes) -> None:
    """Make `content` the file `path` in one step, on the disk when this returns. BgswapError as `beside`."""
    beside(path, lambda file: file.write(content)).replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Force a folder's renames to the disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _unlink(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _plain(value: Any, where: str) -> Any:
    """The same in dictionaries and lists, tensors on the CPU without what a view leaves out.

    Equal words become one object, because pickle writes an object once: so equal states are equal bytes.
    """
    if isinstance(value, Tensor):
        tensor = value.detach().cpu()
        small = tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
        return tensor if small else tensor.clone()
    if isinstance(value, str):
        return intern(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        made = OrderedDict((_plain(key, where), _plain(one, f"{where}[{key!r}]")) for key, one in value.items())
        if hasattr(value, "_metadata"):  # versions of a state dict's modules
            made._metadata = value._metadata  # type: ignore[attr-defined]
            return made
        return dict(made)
    if isinstance(value, list | tuple):
        return type(value)(_plain(one, f"{where}[{n}]") for n, one in enumerate(value))
    raise TypeError(f"{where} is a {type(value).__name__}: a state holds tensors, numbers, strings, lists and tables")
