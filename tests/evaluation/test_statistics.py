"""Means, intervals, comparisons and worst pictures, against SciPy and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bgswap.evaluation import statistics
from bgswap.evaluation.metric import find
from bgswap.evaluation.results import Results, Row

NAN = math.nan
MSE, PSNR = find(["mse", "psnr"])


def results(**columns: list[float]) -> Results:
    """Systems with their values of mse on pictures p0, p1, ...; psnr is its negative."""
    count = len(next(iter(columns.values())))
    rows = [
        Row(f"p{n}", {name: {"mse": values[n], "psnr": -values[n]} for name, values in columns.items()}, {"odd": n % 2})
        for n in range(count)
    ]
    return Results(tuple(columns), (MSE, PSNR), rows)


def test_the_interval_is_scipys_percentile_bootstrap_within_its_noise():
    values = np.random.default_rng(3).gamma(2, 5, 60)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", random_state=1)
    low, high = statistics.interval(values)
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.05 * width)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.05 * width)


def test_the_same_scores_give_the_same_interval_and_one_score_gives_none():
    values = np.arange(9.0)
    assert statistics.interval(values) == statistics.interval(values)
    assert all(map(math.isnan, statistics.interval(values[:1])))


def test_pictures_without_a_value_count_neither_in_means_nor_in_comparisons():
    found = statistics.summary("a", MSE, "", results(a=[1, NAN, 3], b=[2, 2, 2]).rows)
    assert (found.count, found.mean, found.median) == (2, 2, 2)
    duel = statistics.duel(results(a=[1, NAN, 3], b=[2, 2, 2]), MSE, "a", "b")
    assert (duel.wins, duel.losses, duel.ties, duel.difference) == (1, 1, 0, 0)


@pytest.mark.parametrize(("metric", "wins", "losses"), [(MSE, 2, 1), (PSNR, 1, 2)])
def test_who_wins_follows_the_metrics_direction(metric, wins, losses):
    columns = {"a": [1.0, 2.0, 9.0, 5.0], "b": [2.0, 3.0, 4.0, 5.0]}
    found = results(**columns)
    if metric is PSNR:  # the same numbers, higher being better
        found.rows = [Row(r.key, {s: {"psnr": v["mse"]} for s, v in r.scores.items()}) for r in found.rows]
    duel = statistics.duel(found, metric, "a", "b")
    assert (duel.wins, duel.losses, duel.ties) == (wins, losses, 1)
    assert duel.difference == pytest.approx(0.75)


def test_the_worst_pictures_come_worst_first_by_the_metrics_direction():
    found = results(a=[3, 1, NAN, 2])
    assert [row.key for row, _ in statistics.worst(found, MSE, "a", 2)] == ["p0", "p3"]
    assert [row.key for row, _ in statistics.worst(found, PSNR, "a", 9)] == ["p0", "p3", "p1"]


def test_groups_are_all_pictures_and_then_those_of_every_value():
    found = results(a=[1, 2, 3])
    assert {name: [row.key for row in rows] for name, rows in statistics.groups(found, "odd").items()} == {
        "": ["p0", "p1", "p2"],
        "0": ["p0", "p2"],
        "1": ["p1"],
    }
    by_group = {one.group: one.mean for one in statistics.summaries(found, "odd") if one.metric == "mse"}
    assert by_group == {"": 2, "0": 2, "1": 2}


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40), st.floats(-1e3, 1e3))
def test_the_interval_holds_the_mean_of_steady_values_and_moves_with_them(values, shift):
    array = np.array(values)
    low, high = statistics.interval(array)
    assert low <= high
    assert array.min() - 1e-9 <= low
    assert high <= array.max() + 1e-9
    moved = statistics.interval(array + shift)
    assert moved == pytest.approx((low + shift, high + shift), abs=1e-6)
