"""What a run is asked to do, and what it will do for each record: make it, or leave it and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bgswap.errors import BgswapError
from bgswap.folders import journal
from bgswap.folders.journal import Journal
from bgswap.folders.layout import Layout, refuse_clashes
from bgswap.folders.records import STREAM, Record, file_of, show


@dataclass(frozen=True)
class RunOptions:
    """The options that every command shares, as plain values."""

    jobs: int = 0  # 0: the usable processors
    shard: tuple[int, int] = (1, 1)
    cluster: str | None = None
    keys: Path | None = None
    exclude: Path | None = None
    dry_run: bool = False
    update: bool = False
    no_clobber: bool = False
    fail_fast: bool = False
    records: bool = False
    report: Path | None = None
    depfile: Path | None = None
    quality: int | None = None
    metadata: str = "safe"
    max_pixels: int = 150_000_000
    formats: str = "usual"
    depth: int = 8
    verbose: int = 0
    debug: bool = False


@dataclass
class Plan:
    """What is to be done for one record: "make" its outputs, or leave them, "unchanged" or "exists"."""

    record: Record
    outputs: dict[str, Path]
    action: str = "make"
    inputs: str = ""  # fingerprint of the files it reads


@dataclass
class Planner:
    """Decides about records one by one, from the layout, the options and the journal of earlier runs."""

    layout: Layout
    options: RunOptions
    journal: Journal | None
    settings: str  # digest of everything but the inputs that changes the outputs

    def plan(self, record: Record) -> Plan:
        """Decide about one record."""
        plan = Plan(record, self.layout.outputs(record))
        if self.journal:
            plan.inputs = journal.fingerprint_of_files(record.paths)
        known = self.options.update and not record.error
        if known and self.journal and self.journal.done(record.key, plan.inputs, self.settings, plan.outputs):
            plan.action = "unchanged"
        elif self.options.no_clobber and all(path.exists() for path in plan.outputs.values()):
            plan.action = "exists"
        return plan

    def plan_live(self, records: Iterable[Record]) -> Iterator[Plan]:
        """Decide about records as they come. A second one for one output fails: the first stays."""
        seen: dict[Path, str] = {}
        for record in records:
            plan = self.plan(record)
            try:
                refuse_clashes([(record, plan.outputs)])
                taken = [path for path in plan.outputs.values() if seen.setdefault(path, record.key) != record.key]
                if taken:
                    raise BgswapError(f"{seen[taken[0]]} has already written {show(taken[0])}")
            except BgswapError as cause:
                plan.record = Record(record.key, record.paths, record.fields, record.error or str(cause))
            yield plan


def lines_of_dry_run(plans: Iterable[Plan]) -> Iterator[tuple[str, bool]]:
    """SRC, DST and ACTION of every output, separated by tabs, and whether it would fail."""
    for plan in plans:
        record = plan.record
        missing = [path for path in record.paths.values() if path != STREAM and not file_of(path).exists()]
        problem = record.error or (f"{show(missing[0])}: No such file or directory" if missing else "")
        action = plan.action if plan.action == "make" else f"skip ({plan.action})"
        for path in plan.outputs.values():
            yield (
                f"{show(record.source)}\t{show(path)}\t{f'fail ({problem})' if problem else action}\n",
                bool(problem),
            )
