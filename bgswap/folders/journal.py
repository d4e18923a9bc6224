"""The journal: OUT/.bgswap/<command>[-I-of-N].jsonl, a line a record, and the only memory that bgswap keeps.

Lines are only ever added, each in one write, so that a run that is killed leaves whole lines and at most one
torn one, which readers pass over. The last line of a key counts.
"""

import base64
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bgswap.folders.records import file_of

FOLDER = ".bgswap"


def fingerprint_of_files(paths: Mapping[str, Path]) -> str:
    """Size and time of change of every file a record reads; a changed input changes it."""
    marks = []
    for role, path in sorted(paths.items()):
        try:
            facts = file_of(path).stat()
            marks.append(f"{role}:{facts.st_size}:{facts.st_mtime_ns}")
        except OSError:
            marks.append(f"{role}:none")
    return " ".join(marks)


def digest(value: object) -> str:
    """A short stable digest of plain values (settings, names of weights)."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def printable(entry: Mapping[str, Any]) -> str:
    """One JSON line, ASCII only. A name that is not UTF-8 also stands as `<field>_b64`, its raw bytes."""
    out = dict(entry)
    for name, value in entry.items():
        if isinstance(value, str) and any(0xD800 <= ord(c) < 0xE000 for c in value):
            out[f"{name}_b64"] = base64.b64encode(os.fsencode(value)).decode()
    return json.dumps(out, ensure_ascii=True, default=str) + "\n"


class Journal:
    """What earlier runs into `out` made, and the file where this run adds its lines."""

    def __init__(self, out: Path, command: str, shard: tuple[int, int] = (1, 1)) -> None:
        index, count = shard
        self.out = out
        self.folder = out / FOLDER
        self.file = self.folder / (f"{command}.jsonl" if count == 1 else f"{command}-{index}-of-{count}.jsonl")
        self.entries: dict[str, dict[str, Any]] = {}
        files = [*self.folder.glob(f"{command}.jsonl"), *self.folder.glob(f"{command}-*-of-*.jsonl")]
        for file in files:
            self._read(file)
        self._torn = self.file.exists() and self.file.read_bytes()[-1:] not in (b"\n", b"")

    def _read(self, file: Path) -> None:
        for line in file.read_bytes().splitlines():
            try:
                entry = json.loads(line)
                key, when = entry["key"], entry["time"]
            except (ValueError, KeyError, TypeError):
                continue  # torn by a kill in the middle of a write
            if key not in self.entries or self.entries[key]["time"] <= when:
                self.entries[key] = entry

    def done(self, key: str, inputs: str, settings: str, outputs: Mapping[str, Path]) -> bool:
        """Whether `key` was made from these inputs with these settings, and its outputs still stand."""
        entry = self.entries.get(key)
        if not entry or entry["status"] != "ok" or entry["inputs"] != inputs or entry["settings"] != settings:
            return False
        made = entry["outputs"]
        return set(made) == {self.name(path) for path in outputs.values()} and all(
            self.path(name).is_file() and self.path(name).stat().st_size == size for name, size in made.items()
        )

    def name(self, path: Path) -> str:
        """How the journal names an output: relative to OUT, so that OUT can be moved; else absolute."""
        relative = os.path.relpath(path, self.out)
        return os.path.abspath(path) if relative.startswith("..") else relative

    def path(self, name: str) -> Path:
        """The file of a name in the journal."""
        return self.out / name  # an absolute name replaces OUT

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add one record's line. OSError where the disk is full or OUT may not be written."""
        line = printable({**entry, "time": round(time.time(), 3)})
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            os.write(handle, ("\n" + line if self._torn else line).encode())
        finally:
            os.close(handle)
        self._torn = False
        self.entries[entry["key"]] = json.loads(line)

    def orphans(self, kept: set[Path], keys: set[str] | None = None) -> list[Path]:
        """Outputs of earlier runs, of these keys or of all, that stand although they are no longer made."""
        entries = [entry for key, entry in self.entries.items() if keys is None or key in keys]
        names = {name for entry in entries for name in entry.get("outputs", {})}
        stale = names - {self.name(path) for path in kept}
        return sorted(self.path(name) for name in stale if self.path(name).exists())
