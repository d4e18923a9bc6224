"""Where results go: standard output, a line a picture, a page; and a seed system's tables with ours beside."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from bgswap import extensions
from bgswap.errors import UsageError, missing_extra
from bgswap.evaluation import published, table
from bgswap.evaluation.published import Line, Table
from bgswap.evaluation.results import Results
from bgswap.evaluation.statistics import Summary, summaries
from bgswap.folders.journal import printable
from bgswap.folders.records import show

TABLES = "bgswap.evaluation.tables"
PAPER_SIDE = 512  # pixels of the pictures that HPBNet's speed is told for


@dataclass(frozen=True)
class Output:
    """What was asked for. format: "table", "csv", "json", or None for what suits standard output."""

    format: str | None = None
    per_image: tuple[Path, ...] = ()
    html: Path | None = None
    table: str | None = None

    def check(self) -> None:
        """UsageError for names that could not be written, NotReady without what writes pages: before the work."""
        if self.html and not find_spec("jinja2"):
            raise missing_extra("eval", "--html")
        for path in self.per_image:
            table.check_suffix(path)
        for path in (*self.per_image, *([self.html] if self.html else [])):
            if not path.absolute().parent.is_dir():
                raise UsageError(f"{show(path)}: there is no folder {show(path.parent)}: make it first")

    @property
    def shown(self) -> str:
        """The format on standard output."""
        return self.format or ("table" if sys.stdout.isatty() else "csv")

    @property
    def tables(self) -> tuple[Table, ...]:
        """The seed system's tables."""
        return tuple(extensions.load(TABLES, self.table).TABLES) if self.table else ()

    def write(self, results: Results, by: str | None) -> tuple[str, ...]:
        """Write everything; files first, so that a closed pipe loses none of them. Returns notes still to be told."""
        for path in self.per_image:
            table.write_pictures(results, path)
        if self.html:
            from bgswap.evaluation import page
            from bgswap.evaluation.report.report import page as report

            page.write(self.html, report(results, by))
        if self.table:
            self.write_tables(results)
        elif self.shown == "table":
            table.print_table(results, by)
        else:
            _put((table.as_json if self.shown == "json" else table.as_csv)(results, by))
        told = self.shown == "table" or (self.shown == "json" and not self.table)
        return () if told else results.notes

    def write_tables(self, results: Results | None) -> None:
        """A seed's tables: published rows, and those of `results` beside them."""
        made = summaries(results) if results else []
        times = _seconds(results)
        lines = [(one, self._rows(one, made, times)) for one in self.tables]
        if self.shown == "table":
            for one, rows in lines:
                _print(one, rows)
            for note in results.notes if results else ():
                _say(note)
            return
        if self.shown == "csv":
            head = ["table", "system", "origin", "column", "value"]
            cells = [
                [one.title, row.system, row.origin, column.name, cell]
                for one, rows in lines
                for row in rows
                for column, cell in zip(one.columns, row.cells, strict=True)
            ]
            _put(table.csv_text([head, *cells]))
            return
        for one, rows in lines:
            told = {"table": one.title, "source": one.source, "differs": one.differs, "note": one.note}
            for row in rows:
                values = dict(zip((column.name for column in one.columns), row.cells, strict=True))
                _put(printable({**told, "system": row.system, "origin": row.origin, "values": values}))

    def _rows(self, one: Table, made: Sequence[Summary], times: Mapping[str, float]) -> list[Line]:
        """A table's rows, without the baselines that stand beside the seed's other tables alone."""
        elsewhere = {name for other in self.tables for name in other.baselines} - set(one.baselines)
        mine = [summary for summary in made if one.metrics and summary.system not in elsewhere]
        return published.rows(one, mine, times if one.timed else {})


def _put(text: str) -> None:
    """Text on standard output; names that are not UTF-8 as the bytes that they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def _seconds(results: Results | None) -> dict[str, float]:
    """Seconds that a system made here took for a picture, where pictures were as large as the paper's."""
    if results is None or not results.rows or any(row.size != (PAPER_SIDE, PAPER_SIDE) for row in results.rows):
        return {}
    made = [system for system in results.systems if system in results.rows[0].seconds]
    return {system: median(row.seconds[system] for row in results.rows) for system in made}


def _print(one: Table, rows: list[Line]) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(highlight=False)
    shown = RichTable(title=Text(one.title), title_justify="left", box=None, padding=(0, 2, 0, 0))
    shown.add_column("system", overflow="fold")
    shown.add_column("origin", no_wrap=True)
    for column in one.columns:
        shown.add_column(Text(column.heading), justify="right")
    for row in rows:
        shown.add_row(Text(row.system), row.origin, *row.cells)
    console.print(shown)
    for text in (f"Source: {one.source}.", one.differs, one.note, "\n"):
        _say(text)


def _say(text: str) -> None:
    """A sentence, wrapped to the terminal."""
    from rich.console import Console
    from rich.text import Text

    if text:
        Console(highlight=False).print(Text(text.rstrip()))
