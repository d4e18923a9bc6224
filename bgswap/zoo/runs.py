"""A run folder, as `bgswap train` leaves it, is a model: run.json tells of it, best.safetensors has weights.

run.json has the keys of a catalog row (task, network, license, commercial, about, takes, gives, input, output); others
are the trainer's and ignored here. Without "input" it needs what the catalog's model of that network needs.
"""

import json
from dataclasses import replace
from pathlib import Path

from bgswap.errors import BgswapError
from bgswap.zoo.card import Card, card_from_table
from bgswap.zoo.catalog import by_network

RUN, BEST = "run.json", "best.safetensors"
KEYS = ("task", "network", "license", "commercial", "about", "takes", "gives", "input", "output")


def is_run(path: Path) -> bool:
    """Whether a folder is a training run."""
    return (path / RUN).is_file()


def card_of(path: Path) -> Card:
    """The card of a run folder. BgswapError says what is missing or cannot be read."""
    path = path.absolute()
    if not (path / BEST).is_file():
        raise BgswapError(
            f"{path} has no {BEST} yet. Let the training go on: it writes one after its first validation."
        )
    try:
        told = json.loads((path / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BgswapError(f"{path / RUN} cannot be read: {error}") from None
    if not isinstance(told, dict):
        raise BgswapError(f"{path / RUN} is no table of settings.")
    row = {key: told[key] for key in KEYS if key in told}
    known = by_network(str(told.get("network") or "-"))
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in path.name).strip("._-") or "run"
    row |= {"file": str(path / BEST), "verified": "trained here"}
    card = card_from_table(name, row, str(path / RUN))
    if known and "gives" not in row:
        card = replace(card, gives=known.gives)
    return card if "input" in row or not known else replace(card, input=known.input, output=known.output)
