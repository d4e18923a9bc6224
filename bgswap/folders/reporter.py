"""What a run says, all on stderr: progress on a terminal, failures and warnings, one line at the end."""

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bgswap.folders.journal import printable
from bgswap.folders.records import show
from bgswap.folders.task import Outcome

QUIET_SECONDS = 30  # without a terminal: one plain line at most this often


class Reporter:
    """Counts outcomes and tells about them. verbose: -1 quiet, 0, 1 notes too, 2 seconds of every record."""

    def __init__(self, command: str, total: int | None, verbose: int, *, debug: bool) -> None:
        self.command, self.total, self.verbose, self.debug = command, total, verbose, debug
        self.done = self.skipped = 0
        self.failed: list[str] = []
        self.began = self._told = time.monotonic()
        self._once: set[str] = set()
        self._bar: Any = None
        dumb = os.environ.get("TERM") == "dumb"
        if sys.stderr.isatty() and verbose >= 0 and not dumb and total != 1:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit="photo", file=sys.stderr, dynamic_ncols=True, leave=False)

    def say(self, text: str) -> None:
        """One line on stderr, above the bar where there is one."""
        line = f"bgswap {self.command}: {text}"
        if self._bar is not None:
            self._bar.write(line, file=sys.stderr)
        else:
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - this is the one place that talks

    def once(self, notes: Iterable[str], level: int = 0) -> None:
        """Notes about the whole run, each told once."""
        for note in notes:
            if note not in self._once and self.verbose >= level:
                self.say(note)
            self._once.add(note)

    def count(self, outcome: Outcome) -> None:
        """Take in one record's outcome."""
        name = show(outcome.record.source)
        if outcome.status == "failed":
            error = show(outcome.error)  # it may quote the file
            shown = error if name in error else f"{name}: {error}"
            self.failed.append(shown)
            self.once([shown], level=-1)  # several samples of one broken photo
            if self.debug and outcome.trace:
                self.say(outcome.trace)
        elif outcome.status == "skipped":
            self.skipped += 1
        else:
            self.done += 1
            if self.verbose >= 0:
                alone = self.total == 1 or self.verbose > 0
                told = [*outcome.warnings, *(outcome.remarks if alone else ())]
                self.once(f"{name}: {show(warning)}" for warning in told)
            if self.verbose > 0:
                self.say(f"{name} -> {', '.join(show(p) for p in outcome.outputs.values())} {outcome.seconds}")
        self.tick()

    def tick(self) -> None:
        """Move the bar on, or now and then say how far it is."""
        if self._bar is not None:
            self._bar.update()
        elif self.verbose >= 0 and time.monotonic() - self._told > QUIET_SECONDS:
            self._told = time.monotonic()
            of = f" of {self.total}" if self.total else ""
            self.say(f"{self.done + self.skipped + len(self.failed)}{of} after {self._told - self.began:.0f} s")

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def finish(self) -> None:
        """The last line: what was done, skipped and failed, and how long it took."""
        self.close()
        seconds = time.monotonic() - self.began
        if self.verbose < 0 or (self.total == 1 and self.failed):
            return  # the only picture's failure was the line before
        parts = [f"{self.done} done"]
        if self.skipped:
            parts.append(f"{self.skipped} skipped")
        if self.failed:
            reasons = list(dict.fromkeys(self.failed))
            named = "; ".join(reasons[:3])
            more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
            parts.append(f"{len(self.failed)} failed ({named}{more})")
        rate = f", {self.done / seconds:.1f} a second" if self.done > 1 else ""
        self.say(f"{', '.join(parts)} in {seconds:.1f} s{rate}")


class FrameReporter:
    """The same for the frames of one video: a bar, warnings, one line at the end."""

    def __init__(self, command: str, verbose: int, *, debug: bool) -> None:
        self._command, self._verbose, self._debug = command, verbose, debug
        self._reporter: Reporter | None = None
        self._began = time.monotonic()

    def progress(self, _done: int, total: int) -> None:
        """One more frame of so many."""
        if self._reporter is None:
            self._reporter = Reporter(self._command, total, self._verbose, debug=self._debug)
        self._reporter.done += 1
        self._reporter.tick()

    def close(self) -> None:
        """Take the bar away."""
        if self._reporter is not None:
            self._reporter.close()

    def finish(self, out: Path, frames: int, notes: Iterable[str], warnings: Iterable[str]) -> None:
        """What there is to know, and the last line."""
        reporter = self._reporter or Reporter(self._command, frames, self._verbose, debug=self._debug)
        reporter.once(notes)
        reporter.once(f"{show(out)}: {show(warning)}" for warning in warnings)
        seconds = time.monotonic() - self._began
        if self._verbose >= 0:
            reporter.say(f"{show(out)}: {frames} frames in {seconds:.1f} s, {frames / max(seconds, 1e-3):.1f} a second")


class ReportFile:
    """--report FILE: one JSON line for the run, then one a record, in input order."""

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        self._file = path.open("w", encoding="ascii")
        self.add({"schema": 1, **head})

    def add(self, line: dict[str, Any]) -> None:
        """Add one line and flush it, so that a run cut short leaves whole lines."""
        self._file.write(printable(line))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
