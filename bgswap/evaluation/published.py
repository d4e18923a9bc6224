"""What papers printed, as values, and our own measurements set beside it.

A file of tables/ holds a seed system's tables, `TABLES`; every figure there stands as printed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import NamedTuple

from bgswap.evaluation.statistics import Summary

PUBLISHED, MEASURED, NAMED = "published", "measured here", "named, no figure"
DASH = "-"  # a cell of which no figure is known
SECONDS, FRAMES = "seconds a 512 picture", "frames a second"  # columns that are filled from measured times
SIGNIFICANT = 3  # digits that a measured figure shows at least: 0.01 beside 0.02 would not tell much


@dataclass(frozen=True)
class Column:
    """A table's column.

    name: as printed. metric: ours that measures it, by its name in metrics/, "" where none does. better: "lower",
    "higher" or "". unit: "" for pure numbers. digits: decimals that every figure is printed with, zeros as well.
    """

    name: str
    metric: str = ""
    better: str = ""
    unit: str = ""
    digits: int = 2

    @property
    def heading(self) -> str:
        """Name, unit and an arrow to where it is better: "MSE (levels²) ↓"."""
        arrow = {"lower": " ↓", "higher": " ↑"}.get(self.better, "")
        return f"{self.name} ({self.unit}){arrow}" if self.unit else f"{self.name}{arrow}"


@dataclass(frozen=True)
class Published:
    """A printed row: a figure for every column, None where the paper has none."""

    system: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Table:
    """One table of one source.

    source: paper, which table, doi or arXiv number. named: systems that the source compares and prints no figures of;
    they are filled when systems of these names are measured. baselines: files of baselines/ to measure beside it.
    differs: what differs between their pictures and ours. note: what else a reader must know.
    """

    title: str
    source: str
    columns: tuple[Column, ...]
    published: tuple[Published, ...] = ()
    named: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    differs: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.published:
            if len(row.values) != len(self.columns):
                raise ValueError(f"{self.title}: {row.system} has {len(row.values)} figures, not {len(self.columns)}")

    @property
    def metrics(self) -> tuple[str, ...]:
        """Our metrics that its columns need, each once, in the order of the columns."""
        return tuple(dict.fromkeys(column.metric for column in self.columns if column.metric))

    @property
    def timed(self) -> bool:
        """Whether it has a column that needs measured times."""
        return any(column.name in (SECONDS, FRAMES) for column in self.columns)


class Line(NamedTuple):
    """A row as it is shown. origin: PUBLISHED, MEASURED or NAMED; cells: one a column, DASH where none is known."""

    system: str
    origin: str
    cells: list[str]


def rows(
    table: Table, summaries: Sequence[Summary], seconds: Mapping[str, float] | None = None, group: str = ""
) -> list[Line]:
    """Printed rows, then ours in the order of `summaries`, then those that are named and were not measured.

    A measured system has its row even where no column is known of it. It answers for a named one when both names are
    the same up to capitals, spaces, "-" and "_".

    Args:
        table: what was printed.
        summaries: of all systems and metrics; those of other groups than `group` are passed over.
        seconds: system -> seconds a picture of 512 x 512, measured here; fills the columns SECONDS and FRAMES.
        group: "" for all pictures.
    """
    seconds = seconds or {}
    lines = [
        Line(row.system, PUBLISHED, [printed(*cell) for cell in zip(row.values, table.columns, strict=True)])
        for row in table.published
    ]
    means = {(some.system, some.metric): some.mean for some in summaries if some.group == group}
    systems = dict.fromkeys([*(system for system, _ in means), *seconds])
    for system in systems:
        lines.append(Line(system, MEASURED, list(_measured(system, table, means, seconds))))
    known = {_plain(system) for system in systems}
    missing = [name for name in table.named if _plain(name) not in known]
    return lines + [Line(name, NAMED, [DASH] * len(table.columns)) for name in missing]


def printed(value: float | None, column: Column) -> str:
    """A published figure: the decimals of its column, and more where it has more."""
    if value is None:
        return DASH
    own = len(f"{value:.6f}".rstrip("0").partition(".")[2])
    return f"{value:.{max(column.digits, own)}f}"


def measured(value: float | None, column: Column) -> str:
    """A figure of ours: decimals as printed, more where it would have fewer than SIGNIFICANT digits."""
    if value is None or not isfinite(value):
        return DASH
    needed = SIGNIFICANT - 1 - floor(log10(abs(value))) if value else 0
    return f"{value:.{max(column.digits, needed)}f}"


def _measured(
    system: str, table: Table, means: Mapping[tuple[str, str], float], seconds: Mapping[str, float]
) -> Iterator[str]:
    for column in table.columns:
        value = means.get((system, column.metric)) if column.metric else None
        if column.name in (SECONDS, FRAMES) and seconds.get(system, 0) > 0:
            value = seconds[system] if column.name == SECONDS else 1 / seconds[system]
        yield measured(value, column)


def _plain(name: str) -> str:
    return name.casefold().translate({ord(letter): None for letter in " -_"})
