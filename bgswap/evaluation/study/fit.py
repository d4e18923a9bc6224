"""What a study's answers say: Bradley-Terry strengths of pairs, rank scores of top threes, with intervals."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bgswap.errors import UsageError
from bgswap.evaluation.statistics import RESAMPLES, SEED
from bgswap.evaluation.study.agreement import agreement, constancy
from bgswap.evaluation.study.answers import Answer, Answers
from bgswap.evaluation.study.bradley_terry import Matrix, connectivity, strengths
from bgswap.folders.records import show

FEW = 5  # ours: with fewer raters their bootstrap is told to be rough
POINTS = (1.0, 2.0, 3.0)  # seed 001: first, second, third
UNPICKED = 8.0  # seed 001: every other


@dataclass(frozen=True)
class Standing:
    """One system. score: centered log strength (pairs) or mean rank score (top3); low, high: 95 % of it.

    won, tied, lost: of its pairs; of top3, `won` are its sets, shared ones by halves or less, and the rest stays 0.
    """

    system: str
    rank: int
    score: float
    low: float
    high: float
    answers: int
    won: float
    tied: float = 0.0
    lost: float = 0.0


@dataclass(frozen=True)
class Fit:
    """standings: best first; wins: (S, S) in their order, how often the row's beat the column's, ties as halves.

    notes: what a reader of the figures must know.
    """

    kind: str
    standings: tuple[Standing, ...]
    wins: Matrix
    notes: tuple[str, ...]


def fit(answers: Answers) -> Fit:
    """Fit a study's answers. UsageError where there are none, NotReady without choix."""
    first = [answer for answer in answers.answers if not answer.repeats]
    if not first:
        raise UsageError("these files hold no answers")
    made = (fit_pairs if answers.kind == "pairs" else fit_top3)(first, answers.systems)
    return Fit(made.kind, made.standings, made.wins, (*made.notes, *answers.notes, *_raters(answers, first)))


def _raters(answers: Answers, first: Sequence[Answer]) -> list[str]:
    """What raters' agreement says, in sentences."""
    notes = []
    same, kappa, questions = agreement(first)
    if questions:
        what = "two raters choose alike" if answers.kind == "pairs" else "two raters pick the same first"
        notes.append(f"{what} in {same:.0%} of {questions} questions (kappa {kappa:.2f}: 1 always, 0 as by chance)")
    for rater, (alike, twice) in sorted(constancy(answers.answers).items()):
        notes.append(f"{show(rater)} answered {alike} of {twice} pairs alike when asked again")
    return notes


def fit_pairs(answers: Sequence[Answer], systems: Sequence[str]) -> Fit:
    """Bradley-Terry: P(i is chosen over j) = p_i / (p_i + p_j), Biometrika 1952, 10.1093/biomet/39.3-4.324.

    Scores are log p, centered on 0, higher is better; a tie is half a win for each.
    """
    names = list(systems)
    units, who = _units(answers, lambda chosen: np.sum([_won(one, names) for one in chosen], 0))
    wins = units.sum(0)
    scores = strengths(wins)
    low, high = intervals(units, partial(strengths, start=scores))
    ties = np.array([sum(not a.picked for a in answers if name in a.shown) for name in names], float)
    compared, order = (wins + wins.T).sum(1), np.argsort(-scores, kind="stable")
    standings = [
        Standing(
            system=names[n],
            rank=rank,
            score=float(scores[n]),
            low=float(low[n]),
            high=float(high[n]),
            answers=int(compared[n]),
            won=float(wins[n].sum() - ties[n] / 2),
            tied=float(ties[n]),
            lost=float(wins[:, n].sum() - ties[n] / 2),
        )
        for rank, n in enumerate(order, 1)
    ]
    notes = (
        *connectivity(wins, names),
        who,
        "strengths are natural logs, 0 in the mean: a difference of 1 is odds of 2.7 to 1. Published ones (seed 003, "
        "table 3: 1.94 to 8.29) stand on another scale: compare ranks",
    )
    return Fit("pairs", tuple(standings), wins[np.ix_(order, order)], notes)


def intervals(units: Matrix, statistic: Callable[[Matrix], Matrix]) -> tuple[Matrix, Matrix]:
    """95 % percentile bootstrap intervals (S,), (S,) of statistic(sum of units), units (U, ...) drawn with replacement.

    NaN where there is but one unit. Source: Efron, Annals of Statistics 1979.
    """
    count = len(units)
    if count < 2:
        none = np.full(len(statistic(units.sum(0))), np.nan)
        return none, none
    random = np.random.default_rng(SEED)
    drawn = random.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64)
    sums = np.tensordot(drawn, units, 1)
    known: dict[bytes, Matrix] = {}  # few raters make few different sums
    for total in sums:
        if total.tobytes() not in known:
            known[total.tobytes()] = statistic(total)
    low, high = np.percentile([known[total.tobytes()] for total in sums], [2.5, 97.5], axis=0)
    return low, high


def fit_top3(answers: Sequence[Answer], systems: Sequence[str]) -> Fit:
    """Seed 001's score (Zhang et al., WACV 2021): 1, 2, 3 points for the picks, 8 for all others.

    Scores are means over all answers, 1 to 8, lower is better; a set's winner is the one of its lowest mean, and
    several share it. `wins` counts how often one was placed before another; two left out are half each.
    """
    names = list(systems)
    units, who = _units(answers, lambda chosen: np.sum([_points(one, names) for one in chosen], 0))

    def means(total: Matrix) -> Matrix:
        return total[0] / total[1]

    scores = means(units.sum(0))
    low, high = intervals(units, means)
    sets: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        sets[answer.question].append(answer)
    won = np.zeros(len(names))
    for asked in sets.values():
        best = np.sum([_points(one, names)[0] for one in asked], 0)
        won += (best == best.min()) / (best == best.min()).sum()
    order = np.argsort(scores, kind="stable")
    standings = [
        Standing(names[n], rank, float(scores[n]), float(low[n]), float(high[n]), len(answers), float(won[n]))
        for rank, n in enumerate(order, 1)
    ]
    wins = np.sum([_before(one, names) for one in answers], 0)
    scale = (
        "scores are means of 1, 2, 3 points for the picks and 8 for all others, as seed 001 has them: lower is better"
    )
    return Fit("top3", tuple(standings), wins[np.ix_(order, order)], (who, scale, f"{len(sets)} sets"))


def _won(answer: Answer, names: Sequence[str]) -> Matrix:
    wins = np.zeros((len(names), len(names)))
    left, right = (names.index(name) for name in answer.shown)
    if not answer.picked:
        wins[left, right] = wins[right, left] = 0.5
    elif answer.picked[0] == answer.shown[0]:
        wins[left, right] = 1
    else:
        wins[right, left] = 1
    return wins


def _points(answer: Answer, names: Sequence[str]) -> Matrix:
    """(2, S): points, and 1 to count them by."""
    points = [POINTS[answer.picked.index(name)] if name in answer.picked else UNPICKED for name in names]
    return np.array([points, [1.0] * len(names)])


def _before(answer: Answer, names: Sequence[str]) -> Matrix:
    points = _points(answer, names)[0]
    wins = (points[:, None] < points) + 0.5 * (points[:, None] == points)
    np.fill_diagonal(wins, 0)
    return np.asarray(wins, np.float64)


def _units(answers: Sequence[Answer], table: Callable[[Sequence[Answer]], Matrix]) -> tuple[Matrix, str]:
    """What the bootstrap draws: a table for every rater, or where there is one, for every answer; and so in words."""
    raters: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        raters[answer.rater].append(answer)
    count = f"{len(answers)} answers of {len(raters)} rater{'s' if len(raters) > 1 else ''}"
    if len(raters) == 1:
        return np.array([table([one]) for one in answers]), f"{count}; intervals are over answers: one person's opinion"
    rough = f", rough with fewer than {FEW}" if len(raters) < FEW else ""
    return np.array([table(given) for given in raters.values()]), f"{count}; 95 % intervals are over raters{rough}"
