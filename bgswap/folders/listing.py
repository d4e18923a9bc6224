"""OUT/metadata.jsonl: a line for every result that stands, sorted by key, as the imagefolder convention has it.

It is written anew, whole, at the end of every run that keeps one, from what the run made and from the journal
for what it found done. Shares of a run write metadata-I-of-N.jsonl; readers take all of them together.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bgswap.errors import BgswapError
from bgswap.folders.files import write_whole
from bgswap.folders.journal import Journal
from bgswap.folders.plan import Plan
from bgswap.folders.records import show
from bgswap.folders.task import Outcome


class Listing:
    """The lines of one run's results."""

    def __init__(self, folder: Path, shard: tuple[int, int]) -> None:
        """Raises BgswapError where lists of another split stand: readers would take results twice."""
        index, count = shard
        self.folder = folder
        self.file = folder / ("metadata.jsonl" if count == 1 else f"metadata-{index}-of-{count}.jsonl")
        self._lines: dict[str, dict[str, Any]] = {}
        for other in sorted(folder.glob("metadata*.jsonl")):
            if other != self.file and (count == 1 or not other.name.endswith(f"-of-{count}.jsonl")):
                raise BgswapError(f"{show(other)} lists results of another split: remove it, or write elsewhere")

    def add(self, outcome: Outcome) -> None:
        """List what was made of a record."""
        if outcome.status == "ok":
            self._lines[outcome.record.key] = self._line(outcome.record.key, outcome.outputs, outcome.fields)

    def add_done(self, plans: Iterable[Plan], journal: Journal | None) -> None:
        """List what earlier runs made of the records that are left alone, as far as the journal knows how."""
        for plan in plans if journal else ():
            entry = journal.entries.get(plan.record.key) if journal and plan.action != "make" else None
            if entry and entry.get("status") == "ok":
                self._lines[plan.record.key] = self._line(plan.record.key, plan.outputs, entry.get("fields", {}))

    def _line(self, key: str, outputs: Mapping[str, Path], fields: Mapping[str, Any]) -> dict[str, Any]:
        names = {role: Path(os.path.relpath(path, self.folder)).as_posix() for role, path in outputs.items()}
        first, *others = names
        named = {f"{role}_file_name": names[role] for role in others}
        return {"file_name": names[first], "key": key, **named, **fields}

    def write(self) -> None:
        """Replace the file, whole."""
        ordered = sorted(self._lines.items(), key=lambda line: os.fsencode(line[0]))
        text = "".join(json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n" for _, line in ordered)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.file, text.encode())
