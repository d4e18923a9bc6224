"""How far raters agree: with one another, and with themselves where a pair was asked twice."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from bgswap.evaluation.study.answers import Answer


def agreement(answers: Sequence[Answer]) -> tuple[float, float, int]:
    """(share, kappa, questions) over the questions that two raters or more answered.

    share: of two raters' choices, how many are the same, 0..1. kappa: the same beyond what chance gives, 1 is best, 0
    is chance; Fleiss, Psychological Bulletin 1971, 10.1037/h0031619, with as many raters a question as there are. Of
    pairs a choice is left, right or tie; of top threes it is the first pick. NaN, NaN, 0 where no two raters met.
    """
    asked: dict[str, list[str]] = defaultdict(list)
    for answer in answers:
        place = str(answer.shown.index(answer.picked[0])) if answer.picked else "tie"
        asked[answer.question].append(place if len(answer.picked) < 2 else answer.picked[0])
    met = [Counter(choices) for choices in asked.values() if len(choices) > 1]
    if not met:
        return float("nan"), float("nan"), 0
    same = sum(sum(n * (n - 1) for n in choices.values()) / _ordered(choices.total()) for choices in met) / len(met)
    everything = sum(met, Counter[str]())
    chance = sum((n / everything.total()) ** 2 for n in everything.values())
    return same, (same - chance) / (1 - chance) if chance < 1 else float("nan"), len(met)


def constancy(answers: Sequence[Answer]) -> dict[str, tuple[int, int]]:
    """rater -> how many of the pairs that were asked twice got the same answer, and how many were asked twice."""
    first = {(answer.rater, answer.question): answer for answer in answers if not answer.repeats}
    counts: dict[str, tuple[int, int]] = {}
    for answer in answers:
        before = first.get((answer.rater, answer.repeats))
        if answer.repeats and before:
            same, all_ = counts.get(answer.rater, (0, 0))
            counts[answer.rater] = same + (answer.picked == before.picked), all_ + 1
    return counts


def _ordered(count: int) -> int:
    return count * (count - 1)
