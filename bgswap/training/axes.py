"""Axes of a plot, and fewer points where there are more than a plot can show."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

DECADES = 2.0  # ours: beyond it an axis is logarithmic
Points = list[tuple[float, float]]  # step and value; NaN is a gap


@dataclass(frozen=True)
class Axis:
    """Values low..high over pixels begin..end."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value."""
        low, high, value = map(math.log10, (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return self.begin + (value - low) / (high - low) * (self.end - self.begin)

    def ticks(self, most: int) -> list[float]:
        """Round values, at most about `most`: multiples of 1, 2 or 5 times a power of ten."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            every = max(1, math.ceil((last - first + 1) / most))
            steps = (1, 2, 5) if (last - first + 1) * 3 <= most else (1,)
            all_ = [10.0**power * step for power in range(first - 1, last + 1, every) for step in steps]
            return [value for value in all_ if self.low * 0.999 <= value <= self.high * 1.001]
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-6)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-6) + 1)]


def value_axis(values: Sequence[float], top: float, bottom: float) -> Axis:
    """Upwards; a little room at both ends; logarithmic where the values ask for it."""
    low, high = min(values), max(values)
    if low > 0 and math.log10(high / low) > DECADES:
        room = (high / low) ** 0.04
        return Axis(low / room, high * room, bottom, top, log=True)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return Axis(low - room, high + room, bottom, top)


def means(points: Points, most: int) -> Points:
    """At most about `most` points: means of equally many neighbors each, of their finite values."""
    every = math.ceil(len(points) / most)
    found = []
    for start in range(0, len(points), every):
        part = points[start : start + every]
        finite = [value for _, value in part if math.isfinite(value)]
        found.append((sum(step for step, _ in part) / len(part), sum(finite) / len(finite) if finite else math.nan))
    return found


def extremes(points: Points, most: int) -> Points:
    """At most about 2 * `most` points: the least and the largest of equally many neighbors each."""
    every = math.ceil(len(points) / most)
    found = []
    for start in range(0, len(points), every):
        part = [point for point in points[start : start + every] if math.isfinite(point[1])]
        if part:
            found += sorted({min(part, key=itemgetter(1)), max(part, key=itemgetter(1))})
        else:
            found.append((points[start][0], math.nan))
    return found


def short(value: float) -> str:
    """A tick's number: 0.005, 20, 15k, 2M, 1e-07."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if size <= abs(value) < 1000 * size and (abs(value) >= 10 * size or value % size == 0):
            return f"{value / size:.4g}{letter}"
    return f"{value:.6g}" if value == 0 or abs(value) >= 1e-5 else f"{value:.3g}"
