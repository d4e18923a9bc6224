"""Which questions a study asks: pairs or sets of pictures, drawn so that every key and system has its turn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.random import Generator

from bgswap.errors import UsageError

LIMIT = 200  # ours: questions on a page unless told: about 15 minutes at 4 to 5 seconds each
PICKS = 3  # seed 001: first, second and third
KINDS = {"pairs": "Which picture looks more real?", "top3": "Which three pictures look best?"}


@dataclass(frozen=True)
class StudySettings:
    """kind: "pairs" or "top3"; pairs: questions, None for all up to LIMIT; side: pixels of a picture's longer side.

    hardest: keep so many keys, those of the highest misfit; repeats: so many pairs are asked twice, sides swapped.
    """

    kind: str = "pairs"
    pairs: int | None = None
    seed: int = 0
    side: int = 640
    hardest: int | None = None
    repeats: int = 0
    title: str = "Picture study"
    question: str | None = None


@dataclass(frozen=True)
class Question:
    """A key and the systems in the order in which they are shown; `repeats` is the number of the one asked again."""

    key: str
    systems: tuple[str, ...]
    repeats: int | None = None


def draw(
    keys: Sequence[str], systems: Sequence[str], settings: StudySettings
) -> tuple[tuple[Question, ...], tuple[str, ...]]:
    """The questions, and what the user should hear of them.

    Of pairs, every key and two systems are a question; of top3, every key is one. Where fewer are asked than there
    are, every key and every two systems come equally often, give or take one. Sides are random; all by the seed.
    """
    random = np.random.default_rng(settings.seed)
    top3 = settings.kind == "top3"
    rows = [tuple(systems)] if top3 else list(combinations(systems, 2))
    there = len(keys) * len(rows)
    asked = min(there, LIMIT) if settings.pairs is None else settings.pairs
    if asked > there:
        what = "sets" if top3 else "pairs"
        raise UsageError(f"--pairs {asked}: {len(systems)} systems on {len(keys)} pictures make only {there} {what}")
    cells = balanced(len(keys), len(rows), asked, random)
    questions = [Question(keys[key], tuple(random.permutation(rows[row]).tolist())) for key, row in cells]
    if settings.repeats > asked:
        raise UsageError(f"--repeats {settings.repeats}: only {asked} pairs are asked")
    again = sorted(random.choice(asked, settings.repeats, replace=False).tolist())
    questions += [Question(questions[n].key, questions[n].systems[::-1], repeats=n) for n in again]
    notes = (f"{asked} of {there} questions are asked, drawn by the seed: --pairs {there} asks all",)
    return tuple(questions), notes if asked < there and settings.pairs is None else ()


def balanced(keys: int, rows: int, count: int, random: Generator) -> list[tuple[int, int]]:
    """`count` different cells (key, row) of a table; all keys come equally often, and all rows, give or take one.

    Both are walked round in a random order, each in its own circle. When the two circles end together, the rows' moves
    on by one, so that no cell is met again before all keys * rows have been.
    """
    order, lines = random.permutation(keys), random.permutation(rows)
    circle = math.lcm(keys, rows)
    return [(int(order[n % keys]), int(lines[(n + n // circle) % rows])) for n in range(count)]
