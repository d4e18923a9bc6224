"""Means with intervals, paired comparisons, worst pictures: what tables and reports say of scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bgswap.evaluation.metric import Metric
from bgswap.evaluation.results import Results, Row

RESAMPLES = 2000  # ours: of the bootstrap; its ends then wander by about 2 % of the interval
SEED = 0  # so that the same scores give the same interval


@dataclass(frozen=True)
class Summary:
    """One system, one metric, one group of pictures. count: pictures with a value; low, high: 95 % of the mean."""

    system: str
    metric: str
    group: str
    count: int
    mean: float
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Duel:
    """Two systems on the same pictures: how often each is better, and the mean difference first - second."""

    metric: str
    first: str
    second: str
    wins: int
    losses: int
    ties: int
    difference: float
    low: float
    high: float


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean over pictures (Efron, Annals of Statistics 1979); (n,) -> ends.

    NaN for fewer than two values: one picture tells nothing of the spread.
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    random = np.random.default_rng(SEED)
    means = np.empty(RESAMPLES)
    step = max(1, 4_000_000 // len(values))  # bounded memory for large sets
    for start in range(0, RESAMPLES, step):
        drawn = random.integers(0, len(values), (min(step, RESAMPLES - start), len(values)))
        means[start : start + step] = values[drawn].mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def groups(results: Results, by: str | None) -> dict[str, list[Row]]:
    """All rows under "", and with `by` those of every value of that field; "folder" is the key's first folder."""
    found: dict[str, list[Row]] = {"": results.rows}
    if by is not None:
        for row in sorted(results.rows, key=lambda row: str(value_of(row, by))):
            found.setdefault(str(value_of(row, by)), []).append(row)
    return found


def value_of(row: Row, name: str) -> object:
    """A row's field; "none" where it has none of that name."""
    if name in row.fields:
        return row.fields[name]
    return (row.key.partition("/")[0] if "/" in row.key else ".") if name == "folder" else "none"


def summaries(results: Results, by: str | None = None) -> list[Summary]:
    """Every group, system and metric; metrics of whole sets stand in the first group alone, without an interval."""
    made = []
    for group, rows in groups(results, by).items():
        for system in results.systems:
            for metric in results.metrics:
                if metric.of_set:
                    if not group and metric.name in results.sets.get(system, {}):
                        value = results.sets[system][metric.name]
                        made.append(Summary(system, metric.name, group, len(rows), value, *[float("nan")] * 3))
                    continue
                made.append(summary(system, metric, group, rows))
    return made


def summary(system: str, metric: Metric, group: str, rows: Sequence[Row]) -> Summary:
    """One system's values of one metric on some pictures."""
    values = np.array([row.scores.get(system, {}).get(metric.name, np.nan) for row in rows], np.float64)
    values = values[~np.isnan(values)]
    if not len(values):
        return Summary(system, metric.name, group, 0, *[float("nan")] * 4)
    return Summary(
        system, metric.name, group, len(values), float(values.mean()), float(np.median(values)), *interval(values)
    )


def duel(results: Results, metric: Metric, first: str, second: str) -> Duel:
    """Compare two systems picture by picture, where both have a value."""
    pairs = np.array([results.column(first, metric.name), results.column(second, metric.name)], np.float64)
    difference = (pairs[0] - pairs[1])[~np.isnan(pairs).any(0)]
    better = -difference if metric.lower_is_better else difference
    mean = float(difference.mean()) if len(difference) else float("nan")
    wins, losses = int((better > 0).sum()), int((better < 0).sum())
    return Duel(metric.name, first, second, wins, losses, len(difference) - wins - losses, mean, *interval(difference))


def duels(results: Results) -> list[Duel]:
    """Every pair of systems, baselines too, by every metric of pictures, where some picture has both values."""
    pairs = [(later, earlier) for n, later in enumerate(results.systems) for earlier in results.systems[:n]]
    found = [duel(results, m, *pair) for m in results.metrics if not m.of_set for pair in pairs]
    return [one for one in found if one.wins + one.losses + one.ties]


def worst(results: Results, metric: Metric, system: str, count: int = 10) -> list[tuple[Row, float]]:
    """The pictures on which a system does worst, worst first."""
    scored = [(row, value) for row, value in zip(results.rows, results.column(system, metric.name), strict=True)]
    known = [pair for pair in scored if not np.isnan(pair[1])]
    return sorted(known, key=lambda pair: (pair[1] if not metric.lower_is_better else -pair[1], pair[0].key))[:count]
