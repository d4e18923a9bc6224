"""What a measurement found: scores of every system on every picture, before anything is averaged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from bgswap.evaluation.metric import Metric

NOTHING_DONE = "do nothing"  # the row of the input as it was given
PLAIN = str, int, float, bool  # fields that a cell or a line can show; lists and tables would fill the screen


@dataclass
class Row:
    """One picture.

    scores: system -> metric's name -> value, NaN where no pixel counted. pictures: "input", each system and "true" ->
    a small WebP for the report, empty without one; size: (height, width) of what was measured; outline: the mask's
    contours as lists of (x, y), shares of the sides.
    """

    key: str
    scores: Mapping[str, Mapping[str, float]]
    fields: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    size: tuple[int, int] = (0, 0)
    outline: Sequence[Sequence[tuple[float, float]]] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)  # that systems made here took


@dataclass
class Results:
    """All pictures in the order of their keys.

    systems: names in the order of table rows, baselines first. sets: system -> metric's name -> value of the whole set
    (FID, spectra). curves: system -> name -> (x, y) numbers to plot, such as a video's spectrum. notes: what a reader
    of the figures must know (metric conventions, size, what was resized).
    """

    systems: tuple[str, ...]
    metrics: tuple[Metric, ...]
    rows: list[Row]
    baselines: tuple[str, ...] = ()
    sets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    curves: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()  # one sentence each

    def column(self, system: str, metric: str) -> list[float]:
        """A system's values of one metric, a picture each, in the order of rows; NaN where there is none."""
        return [row.scores.get(system, {}).get(metric, float("nan")) for row in self.rows]


def finite(value: Any) -> Any:
    """Numbers, lists and tables for JSON, which has no NaN: what has no value is None."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(one) for key, one in value.items()}
    return [finite(one) for one in value] if isinstance(value, list | tuple) else value
