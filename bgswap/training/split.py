"""Which photos are trained on and which are held out: whole blocks of neighboring keys, without any chance in it.

Photos of one shoot stand next to each other; a split photo by photo would measure what was learned by heart.
"""

import math
import os
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from bgswap.errors import UsageError
from bgswap.folders.records import show

SHOWN = 3  # ours: keys that a message names


def split(
    photos: Sequence[str],
    held_out: float,
    block: int,
    train_keys: Path | None = None,
    validation_keys: Path | None = None,
) -> tuple[list[int], list[int]]:
    """Indices of the photos to train on, and of those held out, both in natural order of their keys.

    Of the blocks of `block` neighbors every 1/held_out-th is held out, at least one; fewer photos than two blocks make
    smaller blocks. Photos of the same key stay together.

    Args:
        photos: their keys.
        held_out: share of the blocks, between 0 and 1.
        block: photos in one.
        train_keys: a file of the keys to train on, one a line, instead; without `validation_keys` the others are held
            out.
        validation_keys: a file of those to hold out; without `train_keys` the others are trained on.

    Raises:
        UsageError: a list names unknown keys, both name the same key, or a side would be empty.
    """
    keys = sorted(set(photos), key=natural)
    if len(keys) < 2:
        raise UsageError("training needs photos to learn from and others to validate on: name at least two")
    if train_keys or validation_keys:
        held, trained = _listed(keys, train_keys, validation_keys)
    else:
        held = _held_blocks(keys, held_out, block)
        trained = set(keys) - held
    where = sorted(range(len(photos)), key=lambda index: natural(photos[index]))
    return [i for i in where if photos[i] in trained], [i for i in where if photos[i] in held]


def natural(key: str) -> tuple[list[Any], str]:
    """What sorts keys as people do: shoot/9 before shoot/10."""
    parts = re.split(r"([0-9]+)", key)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], key


def _held_blocks(keys: Sequence[str], held_out: float, block: int) -> set[str]:
    share = Fraction(str(held_out))
    if len(keys) < 2 * block:
        block = max(1, len(keys) // max(2, round(1 / share)))
    blocks = [keys[first : first + block] for first in range(0, len(keys), block)]
    # where the sum of shares passes a whole number; never the first block, as a share is below 1
    held = [one for n, one in enumerate(blocks) if math.floor((n + 1) * share) > math.floor(n * share)]
    return {key for one in held or blocks[-1:] for key in one}


def _listed(keys: Sequence[str], train_keys: Path | None, validation_keys: Path | None) -> tuple[set[str], set[str]]:
    """The held-out keys and the trained ones."""
    known = set(keys)
    trained, held = (_read(file, known) if file else None for file in (train_keys, validation_keys))
    held = known - (trained or set()) if held is None else held
    trained = known - held if trained is None else trained
    if both := trained & held:
        raise UsageError(f"{_few(both)} would be both trained on and validated on: take it out of one of the key lists")
    if not trained or not held:
        raise UsageError(f"the key lists leave no photo to {'validate' if trained else 'train'} on")
    return held, trained


def _read(file: Path, known: set[str]) -> set[str]:
    try:
        text = os.fsdecode(file.read_bytes())
    except OSError as cause:
        raise UsageError(f"{show(file)}: {cause.strerror}") from cause
    found = {line.rstrip("\r") for line in text.split("\n") if line.strip()}
    if unknown := found - known:
        raise UsageError(f"{show(file)} names {_few(unknown)}, which is no key of these photos, such as {_few(known)}")
    return found


def _few(keys: set[str]) -> str:
    named = sorted(keys, key=natural)
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return ", ".join(f"'{show(key)}'" for key in named[:SHOWN]) + more
