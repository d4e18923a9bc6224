"""The page of `--html`: results as the scripts beside this file take them."""

from collections.abc import Sequence
from typing import Any

from bgswap.evaluation import page as pages
from bgswap.evaluation.metric import Metric
from bgswap.evaluation.results import NOTHING_DONE, PLAIN, Results, Row
from bgswap.evaluation.statistics import Duel, Summary, duels, groups, summaries, worst

DIGITS = 7  # of every number: more than any plot or table shows, fewer bytes than all
SCRIPTS = "elements", "tables", "plots", "overview", "viewer"  # in this order, then page.js


def page(results: Results, by: str | None = None, title: str = "bgswap eval") -> str:
    """One self-contained HTML page of tables, plots and pictures, from disk and without a network.

    by: a field of the records, whose values split the tables. Keys and fields are text on it, never markup. NotReady
    without jinja2. Its size is that of the rows' small pictures (thumbnails.side_for) and some 2 kB a row.
    """
    return pages.render("bgswap.evaluation.report", "page", contents(results, by), scripts=SCRIPTS, title=title)


def contents(results: Results, by: str | None = None) -> dict[str, Any]:
    """All that the page shows, as JSON has it. Systems, metrics, rows, images are told by their place in the lists.

    A picture that occurs twice, such as the input as the do-nothing row, is held once.
    """
    columns = ("input", *results.systems, "true")
    images: dict[bytes, int] = {}
    rows = [_row(row, results, columns, images) for row in results.rows]
    found = groups(results, by)
    return {
        "by": by,
        "systems": [{"name": name, "baseline": name in results.baselines} for name in results.systems],
        "metrics": [_metric(metric) for metric in results.metrics],
        "rows": rows,
        "images": [pages.data_address(picture) for picture in images],
        "groups": [{"name": name, "count": len(members)} for name, members in found.items()],
        "summaries": [_summary(one, results) for one in summaries(results, by)],
        "duels": [_duel(one, results) for one in duels(results)],
        "worst": _worst(results),
        "curves": _curves(results),
        "colors": any("predicted" in metric.roles for metric in results.metrics),  # or mattes alone
        "notes": list(results.notes),
        "failed": list(results.failed),
    }


def _row(row: Row, results: Results, columns: Sequence[str], images: dict[bytes, int]) -> dict[str, Any]:
    shown = dict(row.pictures)
    if "input" in shown:
        shown.setdefault(NOTHING_DONE, shown["input"])
    places = [images.setdefault(shown[name], len(images)) if shown.get(name) else None for name in columns]
    scores = [
        [_number(row.scores.get(system, {}).get(metric.name)) for metric in results.metrics]
        for system in results.systems
    ]
    return {
        "key": row.key,
        "fields": {name: str(value) for name, value in row.fields.items() if isinstance(value, PLAIN)},
        "scores": scores,
        "pictures": places,
        "size": [int(side) for side in row.size],
        "outline": [[round(share * 1000) for point in contour for share in point] for contour in row.outline],
    }


def _metric(metric: Metric) -> dict[str, Any]:
    about = (metric.module.__doc__ or "").strip().partition("\n")[0]
    facts = {"name": metric.name, "unit": metric.unit, "lower": metric.lower_is_better, "best": _number(metric.best)}
    return facts | {"ofSet": metric.of_set, "about": about}


def _places(results: Results) -> tuple[dict[str, int], dict[str, int]]:
    systems = {name: n for n, name in enumerate(results.systems)}
    return systems, {metric.name: n for n, metric in enumerate(results.metrics)}


def _summary(one: Summary, results: Results) -> dict[str, Any]:
    systems, metrics = _places(results)
    numbers = {name: _number(getattr(one, name)) for name in ("mean", "median", "low", "high")}
    return numbers | {
        "system": systems[one.system],
        "metric": metrics[one.metric],
        "group": one.group,
        "count": one.count,
    }


def _duel(one: Duel, results: Results) -> dict[str, Any]:
    systems, metrics = _places(results)
    numbers = {name: _number(getattr(one, name)) for name in ("difference", "low", "high")}
    counts = {"wins": one.wins, "losses": one.losses, "ties": one.ties}
    return (
        numbers | counts | {"metric": metrics[one.metric], "first": systems[one.first], "second": systems[one.second]}
    )


def _worst(results: Results) -> list[list[list[int]]]:
    """metric -> system -> places of rows, worst first."""
    places = {row.key: n for n, row in enumerate(results.rows)}
    return [
        [
            [] if metric.of_set else [places[row.key] for row, _ in worst(results, metric, system)]
            for system in results.systems
        ]
        for metric in results.metrics
    ]


def _curves(results: Results) -> list[dict[str, Any]]:
    """One entry a name, with every system's line."""
    lines: dict[str, list[dict[str, Any]]] = {}
    for system, named in results.curves.items():
        for name, (x, y) in named.items():
            lines.setdefault(name, []).append({"system": system, "x": _numbers(x), "y": _numbers(y)})
    return [{"name": name, "lines": found} for name, found in lines.items()]


def _numbers(values: Sequence[float]) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: float | None) -> float | None:
    """A plain float of DIGITS digits; None for NaN, infinities and what is missing."""
    if value is None or not float("-inf") < float(value) < float("inf"):
        return None
    return float(f"{float(value):.{DIGITS}g}")
