"""Results as text: a table on a terminal, CSV or JSON lines elsewhere; a CSV or JSON line a picture."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgswap.errors import UsageError
from bgswap.evaluation.metric import Metric
from bgswap.evaluation.results import NOTHING_DONE, PLAIN, Results, finite
from bgswap.evaluation.statistics import Summary, duels, summaries, worst
from bgswap.folders.journal import printable
from bgswap.folders.records import show

if TYPE_CHECKING:
    from rich.console import Console

WORST = 10


def number(value: float) -> str:
    """Four digits that count, or a dash for what has no value."""
    if isnan(value):
        return "-"
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"


def as_csv(results: Results, by: str | None) -> str:
    """One line a group, system and metric."""
    head = ["group", "system", "metric", "unit", "better", "pictures", "mean", "low", "high", "median"]
    known = {metric.name: metric for metric in results.metrics}
    lines = [
        [one.group, one.system, one.metric, known[one.metric].unit, _better(known[one.metric]), one.count]
        + [_plain(value) for value in (one.mean, one.low, one.high, one.median)]
        for one in summaries(results, by)
    ]
    return csv_text([head, *lines])


def as_json(results: Results, by: str | None) -> str:
    """JSON lines that say what they are: "note", "failed", "summary", "duel", "worst"."""
    lines: list[dict[str, Any]] = [{"kind": "note", "text": note} for note in results.notes]
    lines += [{"kind": "failed", "text": text} for text in results.failed]
    lines += [{"kind": "summary", **asdict(one)} for one in summaries(results, by)]
    lines += [{"kind": "duel", **asdict(one)} for one in duels(results)]
    for metric, system, found in worst_of_all(results):
        keys = [{"key": key, "value": value} for key, value in found]
        lines.append({"kind": "worst", "metric": metric.name, "system": system, "pictures": keys})
    return "".join(printable(finite(line)) for line in lines)


def worst_of_all(results: Results) -> list[tuple[Metric, str, list[tuple[str, float]]]]:
    """The worst pictures of every system that is no baseline, by every metric."""
    mine = [system for system in results.systems if system not in results.baselines]
    return [
        (metric, system, [(row.key, value) for row, value in worst(results, metric, system, WORST)])
        for metric in results.metrics
        if not metric.of_set
        for system in mine
    ]


def print_table(results: Results, by: str | None) -> None:
    """The tables of a terminal, on standard output: a block a metric, a line a system; * is the best."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    made = summaries(results, by)
    for group in dict.fromkeys(one.group for one in made):
        table = Table(title=Text(f"{by} = {show(group)}") if group else None, title_justify="left", box=None)
        for head in ("metric", "system"):
            table.add_column(head, overflow="fold")
        for head in ("mean", "95 %", "median", "pictures"):
            table.add_column(head, justify="right", no_wrap=True)
        for metric in results.metrics:
            mine = {one.system: one for one in made if (one.group, one.metric) == (group, metric.name)}
            for system, cells in zip(results.systems, _cells(results.systems, mine, metric), strict=True):
                named = _heading(metric) if system == results.systems[0] else ""
                table.add_row(Text(named), Text(show(system)), *cells, end_section=system == results.systems[-1])
        console.print(table)
    _print_duels(console, results)
    found_worst = worst_of_all(results)
    for metric, system, found in found_worst:
        if metric == found_worst[0][0]:  # the others would fill screens; JSON and the page tell them
            names = ", ".join(f"{show(key)} {number(value)}" for key, value in found)
            console.print(Text(f"worst {metric.name} of {show(system)}: {names}"))
    for note in results.notes:
        console.print(Text(note))


def _heading(metric: Metric) -> str:
    unit = f", {metric.unit}" if metric.unit else ""
    return f"{metric.name}{unit} {'↓' if metric.lower_is_better else '↑'}"


def _cells(systems: Sequence[str], mine: Mapping[str, Summary], metric: Metric) -> Iterator[list[str]]:
    """Mean, interval, median and pictures of every system."""
    means = [one.mean for one in mine.values() if not isnan(one.mean)]
    best = (min if metric.lower_is_better else max)(means) if len(means) > 1 else None
    for system in systems:
        one = mine.get(system)
        if one is None or isnan(one.mean):
            yield ["no input given" if system == NOTHING_DONE else "-", "", "", "0"]
            continue
        spread = "" if isnan(one.low) else f"{number(one.low)} to {number(one.high)}"
        mark = "*" if one.mean == best else " "
        yield [f"{number(one.mean)}{mark}", spread, "" if isnan(one.median) else number(one.median), str(one.count)]


def _print_duels(console: "Console", results: Results) -> None:
    """Who is better than whom, picture by picture."""
    from rich.table import Table
    from rich.text import Text

    found = duels(results)
    if not found:
        return
    title = Text("picture by picture: won, lost, equal")
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("metric", no_wrap=True)
    for head in ("system", "against"):
        table.add_column(head, overflow="fold")
    for head in ("w l =", "mean difference", "95 %"):
        table.add_column(head, justify="right", no_wrap=True)
    for one in found:
        spread = "" if isnan(one.low) else f"{number(one.low)} to {number(one.high)}"
        names = [Text(show(name)) for name in (one.first, one.second)]
        table.add_row(one.metric, *names, f"{one.wins} {one.losses} {one.ties}", number(one.difference), spread)
    console.print(table)


def write_pictures(results: Results, path: Path) -> None:
    """One line a picture and system, with all its scores and fields: .csv or .jsonl, whole or not at all."""
    from bgswap.folders.files import write_whole

    check_suffix(path)
    names = [metric.name for metric in results.metrics if not metric.of_set]
    text = _picture_lines(results, names) if path.suffix.lower() == ".jsonl" else _picture_csv(results, names)
    write_whole(path, text.encode("utf-8", "surrogateescape"))


def check_suffix(path: Path) -> None:
    """UsageError where a name does not tell which form is meant."""
    if path.suffix.lower() not in (".csv", ".jsonl"):
        raise UsageError(f"--per-image {show(path)}: end the name in .csv or .jsonl")


def _picture_lines(results: Results, names: Sequence[str]) -> str:
    made = []
    for row in results.rows:
        for system in results.systems:
            scores = {name: row.scores.get(system, {}).get(name, float("nan")) for name in names}
            line = {"key": row.key, "system": system, "size": list(row.size), "scores": scores, "fields": row.fields}
            made.append(printable(finite(line)))
    return "".join(made)


def _picture_csv(results: Results, names: Sequence[str]) -> str:
    fields = sorted({name for row in results.rows for name, value in row.fields.items() if isinstance(value, PLAIN)})
    lines: list[list[Any]] = [["key", "system", *names, *(f"field:{name}" for name in fields)]]
    for row in results.rows:
        told = [value if isinstance(value := row.fields.get(name, ""), PLAIN) else "" for name in fields]
        for system in results.systems:
            scores = [row.scores.get(system, {}).get(name, float("nan")) for name in names]
            lines.append([row.key, system, *map(_plain, scores), *told])
    return csv_text(lines)


def _better(metric: Metric) -> str:
    return "lower" if metric.lower_is_better else "higher"


def _plain(value: float) -> str:
    return "" if isnan(value) else f"{value:.7g}"  # float32 knows no more


def csv_text(lines: Sequence[Sequence[Any]]) -> str:
    """Lines of cells as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
