"""A whole measurement: records through the stage, scores into results, features into values of whole sets."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bgswap.errors import Exit
from bgswap.evaluation.metric import Metric
from bgswap.evaluation.results import Results, Row
from bgswap.evaluation.stage import ScoreStage
from bgswap.evaluation.systems import TRUTH, fields_of, video_of
from bgswap.folders import pipeline
from bgswap.folders.layout import Layout
from bgswap.folders.plan import RunOptions
from bgswap.folders.records import Record, show
from bgswap.folders.task import Outcome

Features = Mapping[str, Mapping[str, list[float]]]


def measure(
    stage: ScoreStage, records: Sequence[Record], options: RunOptions, notes: Sequence[str] = ()
) -> tuple[Results, Exit]:
    """Measure every record; results stand in the order of their keys. notes: what a reader of them must know.

    Raises NotReady where a trunk's weights are not to be had: no metric is ever computed with others.
    """
    outcomes: list[Outcome] = []
    code = pipeline.run(stage, records, Layout({}), options, collect=outcomes.append)
    done = [outcome for outcome in outcomes if outcome.status == "ok"]
    systems = stage.settings.systems
    results = Results(
        tuple(system.name for system in systems),
        stage.settings.metrics,
        [_row(outcome) for outcome in done],
        baselines=tuple(system.name for system in systems if system.number < 0 and not system.run),
        notes=(*notes, *_notes(stage.settings.metrics, len(done))),
        failed=tuple(f"{show(one.record.key)}: {show(one.error)}" for one in outcomes if one.status == "failed"),
    )
    features: list[tuple[str, Features]] = [(one.record.key, one.fields["features"]) for one in done]
    results.sets, results.curves = of_sets(results.systems, results.metrics, features)
    return results, code


def _notes(metrics: Sequence[Metric], count: int) -> list[str]:
    told = [metric.module.note(count) for metric in metrics if hasattr(metric.module, "note")]
    return [note for note in told if note]


def _row(outcome: Outcome) -> Row:
    made = outcome.fields
    return Row(
        outcome.record.key,
        made["scores"],
        fields_of(outcome.record),
        made.get("pictures", {}),
        tuple(made["size"]),
        made.get("outline", ()),
        made["seconds"],
    )


def of_sets(
    systems: Sequence[str], metrics: Sequence[Metric], features: Sequence[tuple[str, Features]]
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, Any]]]:
    """Values of whole sets, system -> metric -> value, and the curves that some have.

    features: (key, system -> metric -> numbers) in the order of keys. Of videos a value is the mean over videos.
    """
    values: dict[str, dict[str, float]] = {}
    curves: dict[str, dict[str, Any]] = {}
    for metric in (one for one in metrics if one.of_set):
        parts = _parts(metric, features)
        for system in systems:
            found = [_value(metric, system, part) for part in parts]
            known = [value for value in found if not np.isnan(value)]
            values.setdefault(system, {})[metric.name] = float(np.mean(known)) if known else float("nan")
            if hasattr(metric.module, "curves"):
                first = _of(system, metric, parts[0])
                if len(first) > 1:
                    x, *drawn = (axis.tolist() for axis in metric.module.curves(first))
                    named = zip(metric.module.CURVES, drawn, strict=True)
                    curves.setdefault(system, {}).update({name: (x, y) for name, y in named})
    return values, curves


def _parts(metric: Metric, features: Sequence[tuple[str, Features]]) -> list[list[Features]]:
    if not metric.sequence:
        return [[found for _, found in features]]
    videos = groupby(features, key=lambda pair: video_of(pair[0]))
    return [[found for _, found in frames] for _, frames in videos] or [[]]


def _of(system: str, metric: Metric, part: Sequence[Features]) -> Tensor:
    rows = [found[system][metric.name] for found in part if metric.name in found.get(system, {})]
    return torch.tensor(rows, dtype=torch.float64)


def _value(metric: Metric, system: str, part: Sequence[Features]) -> float:
    mine = _of(system, metric, part)
    true = _of(TRUTH.name, metric, part) if metric.against_true else None
    if not len(mine) or (true is not None and not len(true)):
        return float("nan")
    return metric.of_features(mine, true)
