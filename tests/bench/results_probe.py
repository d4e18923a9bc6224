"""Part of results.py: what a network finds out of plates alone, by tests/bench/plate_leak.py."""

import re
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import Any

import plate_leak
from results_samples import Source

PROBE = (80, 40, 300)  # people trained on, tried on, steps: plate_leak's own


def probe_size(source: Source) -> str:
    """What the probe is trained and tried on."""
    train, tried, steps = sizes(source)
    return f"the probe: {train} training people, {tried} validation people, {steps} steps"


def sizes(source: Source) -> list[int]:
    """People that the probe is trained on and tried on, and steps."""
    return [min(number, source.limit or number) for number in PROBE]


def probe(source: Source) -> list[list[Any]]:
    """Rows of a network that sees nothing but plates, and of position alone, as plate_leak.py measures them."""
    train, tried, steps = sizes(source)
    cache = source.cache / "probe"
    cache.mkdir(parents=True, exist_ok=True)
    chosen = SimpleNamespace(data=source.data, cache=cache, steps=steps, heat=None, decoys=None, decoy=None, crop=None)
    parts = [part[:count] for part, count in zip(plate_leak.people(source.data), (train, tried), strict=True)]
    with ProcessPoolExecutor(source.jobs) as pool:
        make = partial(plate_leak.make_plate, data=source.data, cache=cache, ranges=plate_leak.ranges_of(chosen))
        list(pool.map(make, parts[0] + parts[1]))
    case = next(name for name in plate_leak.CASES if name.startswith("after"))
    lines = plate_leak.measure(case, chosen, *parts).split("\n")
    rows: list[list[Any]] = []
    for name, line in zip(("plate_leak.py: plates alone", "plate_leak.py: position alone"), lines, strict=False):
        place, _, hole = re.findall(r"([\d.]+|nan) \(", line)
        rows.append([name, None, None, float(place), float(hole)])
    return rows
