"""Which Places: of one of the ways in place/, or the user's own numbers as X,Y,H[,ROTATION[,flip]].

One person, or several on one place; how they are told in a line of metadata.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from numpy.typing import NDArray

from bgswap import extensions
from bgswap.compositing.decider import Networks
from bgswap.compositing.decisions import Place
from bgswap.compositing.outline import Outline
from bgswap.compositing.place._borders import GROUND, NEAREST, SLOPE, cuts, settled, shape
from bgswap.errors import UsageError

WAYS = "bgswap.compositing.place"
LEARNED = "learned"
GROUP = (NEAREST - GROUND) / SLOPE  # ours: up to this height a whole person's size and feet fit those of others
GAP = 0.02  # ours: between two people's boxes, share of the frame's width
LEAST = 0.35  # ours: people are made no smaller than this share of their size to stand apart; else they overlap


def find_places(
    way: str,
    person: NDArray[Any],
    outline: Outline,
    background: NDArray[Any],
    frame: tuple[int, int],
    model: str,
    networks: Networks,
    max_enlarge: float = 1.5,
) -> list[Place]:
    """The Places, best first, that `way` (a name, or numbers) gives a person in a frame of (height, width) pixels.

    person: (H, W, 4); background: of the frame's shape, at any size. model: for "learned", a run or "". max_enlarge: a
    bound for "learned".
    """
    if "," in way:
        return [parse_place(way)]
    found = extensions.load(WAYS, way)
    if way == LEARNED:
        network = networks.decider("place", model)
        places: list[Place] = found.find_places(person, outline, background, frame, network, max_enlarge)
        return places
    return [found.find_place(outline, background, frame)]


def find_all(
    ways: Sequence[str],
    people: Sequence[tuple[NDArray[Any], Outline]],
    background: NDArray[Any],
    frame: tuple[int, int],
    model: str,
    networks: Networks,
    max_enlarge: float = 1.5,
) -> list[list[Place]]:
    """The Places of several people on one place: for each person as many, the k-th of all belong together.

    ways: one for each person, as find_places takes it. Those whose place is looked for are kept apart (`arrange`);
    numbers and "keep" stay.
    """
    found = [
        find_places(way, person, outline, background, frame, model, networks, max_enlarge)
        for way, (person, outline) in zip(ways, people, strict=True)
    ]
    if len(found) < 2:
        return found
    count = max(len(places) for places in found)
    outlines, fixed = [outline for _, outline in people], ["," in way or way == "keep" for way in ways]
    together = [
        arrange(outlines, [places[min(k, len(places) - 1)] for places in found], frame, fixed) for k in range(count)
    ]
    return [list(places) for places in zip(*together, strict=True)]


def arrange(
    outlines: Sequence[Outline],
    places: Sequence[Place],
    frame: tuple[int, int],
    fixed: Sequence[bool] | None = None,
) -> list[Place]:
    """Places of people who share a frame, kept apart: nobody on another's spot, from left to right as given.

    fixed: who stays as they are (they may be covered). The others share the width, smaller where it is too narrow;
    whoever a side border cuts stays on it. Whole people get at most GROUP of the frame's height, so that size and feet
    of all tell of one ground.
    """
    moving = [i for i in range(len(places)) if not (fixed and fixed[i])]
    if len(places) < 2 or not moving:
        return list(places)
    # From left to right as given; only those whom a border cuts have a side of their own.
    order = sorted(moving, key=lambda i: _side(outlines[i], places[i].flip))
    heights = [places[i].height if outlines[i].cut else min(places[i].height, GROUP) for i in order]
    widths = [height * shape(outlines[i], frame) for i, height in zip(order, heights, strict=True)]
    room = 1 - GAP * (len(order) - 1)
    less = max(LEAST, min(1.0, room / sum(widths)))
    widths = [width * less for width in widths]
    between = (1 - sum(widths)) / len(order)  # negative: they overlap by so much
    arranged, left = list(places), between / 2
    for i, height, width in zip(order, heights, widths, strict=True):
        place = places[i]
        y = None if less < 1 or height < place.height else place.y
        smallest = min(less * height, place.height)
        made = settled(outlines[i], frame, left + width / 2, less * height, y=y, flip=place.flip, smallest=smallest)
        arranged[i] = replace(made, rotation=place.rotation, score=place.score)
        left += width + between
    return arranged


def _side(outline: Outline, flip: bool) -> int:
    """-1 for who belongs to the left border, 1 to the right one, 0 to neither."""
    cut = cuts(outline, flip)
    return ("right" in cut) - ("left" in cut)


def farthest_first(places: Sequence[Place | None]) -> list[int]:
    """The order in which people are painted, as numbers: whoever stands lower in the picture covers the others.

    Equal ones stay in order; who has no place comes first.
    """
    return sorted(range(len(places)), key=lambda i: _lower(places[i]))


def _lower(place: Place | None) -> float:
    return float("-inf") if place is None else place.y


def candidates(places: Sequence[Place]) -> list[list[float | bool | None]]:
    """Places as a line of metadata tells them under "candidates": [x, y, height, rotation, flip, score] each."""
    return [
        [
            *(round(float(number), 5) for number in (place.x, place.y, place.height, place.rotation)),
            bool(place.flip),
            None if place.score is None else round(float(place.score), 5),
        ]
        for place in places
    ]


def ways_of(text: str, count: int) -> list[str]:
    """What --place tells of `count` people: ways with ; between, of which the last one counts for all beyond.

    >>> ways_of("fit; 0.5,0.95,0.6", 3)
    ['fit', '0.5,0.95,0.6', '0.5,0.95,0.6']

    Raises:
        UsageError: an empty way, or more ways than people.
    """
    ways = [way.strip() for way in text.split(";")]
    if not all(ways):
        raise UsageError(f"'{text}' has an empty place: name one for each person, with ; between")
    if len(ways) > max(1, count):
        raise UsageError(f"'{text}' has {len(ways)} places for {count} people: leave out those beyond")
    return [ways[min(i, len(ways) - 1)] for i in range(count)]


def parse_place(text: str) -> Place:
    """Read X,Y,H[,ROTATION[,flip]]: shares of the frame and degrees.

    >>> parse_place("0.5,0.95,0.6")
    Place(x=0.5, y=0.95, height=0.6, rotation=0.0, flip=False, score=None)
    """
    parts = [part.strip() for part in text.split(",")]
    try:
        if not 3 <= len(parts) <= 5 or (len(parts) == 5 and parts[4] != "flip"):
            raise ValueError
        x, y, height = (float(part) for part in parts[:3])
        rotation = float(parts[3]) if len(parts) > 3 else 0.0
        if not all(isfinite(number) for number in (x, y, height, rotation)):
            raise ValueError
    except ValueError:
        raise UsageError(
            f"'{text}' is not X,Y,H[,ROTATION[,flip]], such as 0.5,0.95,0.6 or 0.3,0.9,0.5,10,flip"
        ) from None
    if height <= 0:
        raise UsageError(f"'{text}': the height must be more than 0")
    return Place(x, y, height, rotation, flip=len(parts) == 5)
