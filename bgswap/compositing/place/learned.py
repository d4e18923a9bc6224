"""Where a trained network would set the person: a run of --model, or one that comes with bgswap."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.decider import Decider
from bgswap.compositing.decisions import Place
from bgswap.compositing.outline import Outline
from bgswap.compositing.place import fit
from bgswap.compositing.place._borders import GROUND, NEAREST, SLOPE, SMALLEST, cuts, feet, settled, shape
from bgswap.compositing.place._footing import LEVEL, Footing, look
from bgswap.compositing.scene import FRAME, Scene
from bgswap.errors import PictureError

# All ours.
COUNT, FEW = 8, 5  # places at most, and at least where there are as many
CONSIDERED = 256  # of a network's places, the best ones
STEEPEST, LEAST_TURN = 15.0, 3.0  # degrees; beyond the first a turn is an error, below the second it is noise
SURE = 2.0  # logit from which a mirror is believed: text and partings show it
FARTHEST = 0.15  # height of the smallest whole person on a place that was looked at
TOLERANCE = {"x": 0.35, "y": 0.15, "height": 0.6}  # shares, shares, ln: standard deviations around a network's box
SHARES = (1.0, 0.85, 0.7, 0.55, 0.4)  # of its height, and x in shares of the frame, that are looked at beside it
ACROSS = (0.06, 0.14, 0.22, 0.3, 0.38, 0.46, 0.54, 0.62, 0.7, 0.78, 0.86, 0.94)
BEYOND = 0.25  # standard deviation in ln outside of that
CLOSE = 0.7  # of its share of the photo: who is cut is near the camera, and is made no smaller
KNOWN = 3.0  # what knowledge may take from a score at most, in logarithms of odds
ALIKE = 0.5  # shared area over joint area of boxes from which two places are one
APART = {"x": 0.2, "y": 0.15, "height": 0.3}  # in these (shares, shares, ln), places within 1 of each other are one


def find_places(
    person: NDArray[Any],
    outline: Outline,
    background: NDArray[Any],
    frame: tuple[int, int],
    network: Decider,
    max_enlarge: float = 1.5,
) -> list[Place]:
    """Places that suit, best first, at most COUNT, no two alike.

    person (H, W, 4), background (h, w, 3) of the frame's shape. The network sees the person where `fit` would put it.
    max_enlarge: a person is enlarged this many times at most, as long as that leaves SMALLEST of the frame's height.

    Score, 0..1: a logistic of the network's own (in logarithms of odds) less what knowledge takes from it; or, where
    the network has one box, how near a place is to that (1: there) times what knowledge leaves of it. Scores of
    different networks do not compare.

    Raises:
        PictureError: the network tells of no place that could be used.
    """
    scene = Scene(person, outline, fit.find_place(outline, background, frame), background, frame)
    told = network.outputs(network.look(scene, FRAME))
    knowledge = _Knowledge(outline, frame, look(background), max_enlarge)
    several = "places" in told
    scored = _of_places(told["places"], knowledge) if several else _of_box(told["box"], knowledge)
    if not scored:
        raise PictureError(f"{network.name} tells of no place that could be used; --place fit needs no network")
    return _distinct(scored, shape(outline, frame), held=not knowledge.whole)


class _Knowledge:
    """What is known of a person and a place without any training."""

    def __init__(self, outline: Outline, frame: tuple[int, int], ground: Footing, max_enlarge: float) -> None:
        self.outline, self.frame, self.ground = outline, frame, ground
        self.form = shape(outline, frame)
        self.whole = not outline.cut
        self.tallest = max(SMALLEST, max_enlarge * outline.height / frame[0])
        share = outline.height / outline.size[0]
        self.smallest = FARTHEST if self.whole else min(self.tallest, max(SMALLEST, CLOSE * share))

    def settle(self, place: Place) -> Place:
        """The nearest place that is possible: borders, size, never upside down."""
        flip = place.flip
        if not self.whole and cuts(self.outline, flip) != self.outline.cut:
            flip = False  # a side that is cut stays on its side of the picture
        height = min(place.height, self.tallest)
        y = place.y if height == place.height else None
        made = settled(self.outline, self.frame, place.x, height, y=y, flip=flip, smallest=self.smallest)
        turned = self.whole and LEAST_TURN <= abs(place.rotation) <= STEEPEST
        return replace(made, rotation=place.rotation if turned else 0.0, score=place.score)

    def suits(self, place: Place) -> float:
        """ln of how well it suits, -KNOWN..0."""
        if "bottom" in self.outline.cut:
            return 0.0  # feet and the whole height lie outside of the frame
        firm = self.ground.under(place.x, place.y, place.height * self.form)
        grounded = math.log(max(firm, 0.05))
        return max(-KNOWN, grounded + (self._sized(place) if self.whole else 0.0))

    def _sized(self, place: Place) -> float:
        """ln of how well the size fits where the feet are, 0 or less: bigger when lower."""
        below = place.y - self.ground.horizon
        if below <= 0.02:
            return -KNOWN
        ratio = place.height / below
        off = max(0.0, math.log(LEVEL[0] / ratio), math.log(ratio / LEVEL[1]))
        return -0.5 * (off / BEYOND) ** 2

    def standing(self, height: float) -> Iterable[float]:
        """Where somebody of that height might have its feet."""
        if not self.whole:
            return (feet(self.outline, height),)
        horizon = self.ground.horizon
        spots = (GROUND + SLOPE * height, *(horizon + height / ratio for ratio in LEVEL))
        return sorted({min(NEAREST, max(height + 0.02, y)) for y in spots})


def _of_places(rows: NDArray[np.float32], knowledge: _Knowledge) -> list[Place]:
    """From (N, 6): x, y, height, rotation, logit of the mirror, score."""
    usable = rows[np.isfinite(rows).all(axis=1) & (rows[:, 2] > 0)].astype(np.float64)
    best = usable[np.argsort(-usable[:, 5], kind="stable")[:CONSIDERED]]
    places = [knowledge.settle(_place(row)) for row in best]
    return [
        replace(place, score=_logistic(float(row[5]) + knowledge.suits(place)))
        for row, place in zip(best, places, strict=True)
    ]


def _of_box(box: NDArray[np.float32], knowledge: _Knowledge) -> list[Place]:
    """From (5,): places near the network's one, and on a coarse grid, by how near they are and how they suit."""
    if not np.isfinite(box).all() or box[2] <= 0:
        return []
    wanted = knowledge.settle(_place(box.astype(np.float64)))
    made = {wanted}
    for height, x in product([wanted.height * share for share in SHARES], [wanted.x, *ACROSS]):
        for y in knowledge.standing(height):
            made.add(knowledge.settle(replace(wanted, x=x, y=y, height=height)))
    return [
        replace(place, score=math.exp(knowledge.suits(place) - _away(place, wanted, TOLERANCE) / 2))
        for place in sorted(made, key=lambda place: (place.height, place.x, place.y))
    ]


def _away(place: Place, wanted: Place, unit: Mapping[str, float]) -> float:
    """Squared distance in units."""
    x, y = (place.x - wanted.x) / unit["x"], (place.y - wanted.y) / unit["y"]
    return x**2 + y**2 + (math.log(place.height / wanted.height) / unit["height"]) ** 2


def _place(row: NDArray[np.float64]) -> Place:
    return Place(float(row[0]), float(row[1]), float(row[2]), float(row[3]), bool(row[4] > SURE))


def _logistic(logit: float) -> float:
    return 1 / (1 + math.exp(-min(max(logit, -50.0), 50.0)))


def _distinct(places: Sequence[Place], form: float, held: bool) -> list[Place]:
    """The best ones by falling score, each unlike those before it (non-maximum suppression).

    Where that leaves fewer than FEW, places nearer to each other count as unlike, and those of people whom borders
    hold still nearer ones.
    """
    ranked = sorted(places, key=lambda place: -(place.score or 0.0))
    kept: list[Place] = []
    for near in (1.0, 0.5, 0.25, 0.1) if held else (1.0, 0.5):
        kept = []
        for place in ranked:
            if all(_unlike(place, other, form, near) for other in kept):
                kept.append(place)
        if len(kept) >= FEW:
            break
    return kept[:COUNT]


def _unlike(place: Place, other: Place, form: float, near: float) -> bool:
    return _shared(place, other, form) < 1 - near * (1 - ALIKE) and _away(place, other, APART) >= near**2


def _shared(one: Place, other: Place, form: float) -> float:
    """Area that two boxes share over what they cover together, turns left out."""
    wide = (
        min(one.x + one.height * form / 2, other.x + other.height * form / 2)
        - max(one.x - one.height * form / 2, other.x - other.height * form / 2)
    ) / form
    high = min(one.y, other.y) - max(one.y - one.height, other.y - other.height)
    both = max(0.0, wide) * max(0.0, high)
    return both / (one.height**2 + other.height**2 - both)
