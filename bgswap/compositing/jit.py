"""Loops over pixels, compiled by numba when they are first called; numba and its compiler load no earlier."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

Loop = TypeVar("Loop", bound=Callable[..., Any])


@cache
def compiled(loop: Loop) -> Loop:
    """The loop as machine code that lets other threads run; kept on disk where there is a folder to keep it in.

    The first call with arrays of some type takes about a second, once a machine.
    """
    from numba import njit

    how: dict[str, Any] = {"nogil": True, "fastmath": True, "error_model": "numpy"}
    try:
        made: Loop = njit(cache=True, **how)(loop)
    except RuntimeError:  # no folder to write to: compiled anew in every process
        made = njit(**how)(loop)
    return made
