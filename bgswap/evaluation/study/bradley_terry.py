"""Bradley-Terry: how strong each system is, from who was chosen over whom."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bgswap.errors import missing_extra
from bgswap.folders.records import show

Matrix = NDArray[np.float64]
PRIOR = 0.1  # ours: choix's alpha; ten wins to none then come out as 51 to 1 in place of infinity


def strengths(wins: Matrix, start: Matrix | None = None) -> Matrix:
    """Centered log strengths (S,) of wins (S, S), row over column, by choix's I-LSR: the maximum of likelihood.

    Wins may be halves. Where that maximum is at infinity (see `connectivity`), choix's alpha = PRIOR holds it. Wins
    [[0, 7, 9], [3, 0, 6], [1, 4, 0]] give 0.943606, -0.160161, -0.783445. Source: Maystre and Grossglauser, NIPS 2015.
    start: strengths to begin at, for speed.
    """
    try:
        from choix import ilsr_pairwise_dense
    except ImportError as cause:
        raise missing_extra("eval", "fitting a study") from cause
    alpha = 0.0 if len(_groups(wins)) == 1 else PRIOR
    found: Matrix = ilsr_pairwise_dense(wins, alpha=alpha, initial_params=start, max_iter=10_000)
    return found - found.mean()


def connectivity(wins: Matrix, names: Sequence[str]) -> tuple[str, ...]:
    """What keeps wins (S, S) from having finite strengths, in sentences; none where all is well.

    They are finite when every system beats every other at least in a roundabout way (Ford, 1957, 10.2307/2308513).
    """
    apart = _groups(wins + wins.T)
    if len(apart) > 1:
        listed = "; ".join(_listed(group, names) for group in apart)
        return (f"never compared with each other, not even by way of others: {listed}. Their order says nothing",)
    groups = _groups(wins)
    if len(groups) == 1:
        return ()
    notes = []
    for group in groups:
        rest = [n for n in range(len(names)) if n not in group]
        if not wins[np.ix_(rest, group)].any():
            notes.append(f"{_listed(group, names)} never lost to any other")
        if not wins[np.ix_(group, rest)].any():
            notes.append(f"{_listed(group, names)} never won against any other")
    reason = "; ".join(notes)
    held = f"strengths are held finite by a small prior (alpha {PRIOR}): trust the order, not the distance"
    return (f"{reason}; {held}",)


def _groups(wins: Matrix) -> list[list[int]]:
    """Strongly connected parts of the graph of who beat whom."""
    reach = (wins > 0) | np.eye(len(wins), dtype=bool)
    for _ in range(max(1, math.ceil(math.log2(len(wins) + 1)))):
        reach = reach @ reach
    mutual = reach & reach.T
    return [np.flatnonzero(mutual[n]).tolist() for n in range(len(wins)) if not mutual[n, :n].any()]


def _listed(group: Sequence[int], names: Sequence[str]) -> str:
    return ", ".join(show(names[n]) for n in group)
