"""run.json: what made a run, and whether the command at hand would make the same one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from bgswap.errors import BgswapError, UsageError
from bgswap.training.checkpoint import NEW
from bgswap.zoo.runs import KEYS as CARD_KEYS
from bgswap.zoo.runs import RUN

LOCK = ".lock"
FREE = {"versions", *CARD_KEYS}  # what may differ when a run goes on; all else that run.json tells may not
LONGEST = 60  # letters of a value in a message, ours


def refuse_others(path: Path) -> None:
    """Where there are things, there is a run.json, or they are those that come before it."""
    try:
        names = [one.name for one in path.iterdir()]
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{path} is no folder for a run: {error.strerror}") from None
    others = sorted(name for name in names if name not in (LOCK, RUN + NEW))
    if others and not (path / RUN).exists():
        raise UsageError(f"{path} holds {others[0]} and no {RUN}: it is no run. Name a new folder as RUN")


def read_told(path: Path) -> dict[str, Any]:
    """run.json, empty where there is none."""
    try:
        told = json.loads((path / RUN).read_text(encoding="utf-8", errors="surrogateescape"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BgswapError(f"{path / RUN} cannot be read ({error}): name another RUN") from None
    if not isinstance(told, dict):
        raise BgswapError(f"{path / RUN} is no table of settings: name another RUN")
    return told


def locked(path: Path) -> IO[bytes]:
    """The folder, made where it is missing, and its lock; this is free again when the process ends, however it ends.

    Raises:
        UsageError: another process has it.
        BgswapError: the folder cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        file = (path / LOCK).open("ab")
    except OSError as error:
        raise BgswapError(f"{path} cannot be written: {error.strerror}") from None
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UsageError(f"another process is training in {path}: wait for it, or name another RUN") from None
    except (ImportError, OSError):
        pass  # a system or a disk without locks
    return file


def compared(path: Path, before: Mapping[str, Any], told: Mapping[str, Any]) -> list[str]:
    """Notes on what may differ. UsageError names everything that may not."""
    old, new = _flat(before), _flat(told)
    changes, notes = [], []
    for name in dict.fromkeys((*new, *old)):
        was, now = old.get(name), new.get(name)
        if was == now and (name in old) == (name in new):
            continue
        if name == "steps" and isinstance(was, int) and isinstance(now, int):
            if now > was:
                notes.append(f"steps are raised from {was} to {now}")
            else:
                changes.append(f"steps was {was} and is now {now}, and may only be raised")
        else:
            changes.append(f"{name} was {_shown(old, name)} and is now {_shown(new, name)}")
    if changes:
        raise UsageError(
            f"{path} was begun otherwise: {'; '.join(changes)}. Say it as before (only steps may be raised), or name "
            f"another RUN, with --init {path} to start it from these weights"
        )
    versions = before.get("versions", {}), told.get("versions", {})
    for name in sorted({*versions[0], *versions[1]}):
        was, now = (one.get(name, "none") for one in versions)
        if was != now:
            notes.append(f"{name} was {was} when this run was begun or last went on and is now {now}")
    return notes


def _flat(told: Mapping[str, Any]) -> dict[str, Any]:
    """What may not differ, by the name that a user knows it by: settings by their own, others as data.samples."""
    flat: dict[str, Any] = {}
    for key, value in told.items():
        if key in FREE:
            continue
        if isinstance(value, Mapping):
            flat |= {name if key == "settings" else f"{key}.{name}": one for name, one in value.items()}
        else:
            flat[key] = value
    return flat


def _shown(flat: Mapping[str, Any], name: str) -> str:
    if name not in flat:
        return "not told"
    value = flat[name]
    if name == "size":
        value = [f"{w}x{h}" if w != h else w for h, w in value]
    words = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    words = words.lower() if isinstance(value, bool) else words or "none"
    return words if len(words) <= LONGEST else words[: LONGEST - 3] + "..."
