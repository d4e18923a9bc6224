"""The known models by name: ours (catalog.toml beside this file), then the user's own."""

import difflib
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path

from bgswap.errors import UsageError
from bgswap.zoo.card import Card, WeightFile, card_from_table
from bgswap.zoo.checksum import Digests
from bgswap.zoo.store import config_folder

OURS = Path(__file__).with_name("catalog.toml")


def catalog() -> dict[str, Card]:
    """Every known model by name. A row of the user's replaces ours of the same name."""
    own = config_folder() / "catalog.toml"
    return ours() | (read(own) if own.is_file() else {})


@cache
def ours() -> dict[str, Card]:
    """The rows of the catalog that ships with bgswap. Not to be changed."""
    return {name: replace(card, origin="bgswap") for name, card in read(OURS).items()}


def read(path: Path) -> dict[str, Card]:
    """The rows of one catalog file. UsageError says which key of which row is wrong."""
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    cards = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise UsageError(f"{path}: '{name}' stands outside a model's table. Rows begin with [name].")
        card = card_from_table(name, table, str(path))
        cards[name] = replace(card, files=tuple(_resolved(file, path) for file in card.files))
    return cards


def _resolved(file: WeightFile, catalog_file: Path) -> WeightFile:
    """A plain name lies in the store; anything with a folder in it is a path, relative to the catalog."""
    if file.file == Path(file.file).name:
        return file
    return replace(file, file=str(catalog_file.parent.resolve() / Path(file.file).expanduser()))


def by_name(name: str) -> Card:
    """One model. An unknown name is a UsageError that offers the nearest ones."""
    known = catalog()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    raise UsageError(f"No model is called '{name}'. {hint}All names: bgswap models list")


def by_checksum(found: Digests) -> Card | None:
    """The model of which a file with these checksums is the (first) file, whatever it is called."""
    for card in catalog().values():
        if card.sha256 == found.sha256 or (card.md5 == found.md5 and found.md5 and not card.sha256):
            return card
    return None


def by_network(network: str) -> Card | None:
    """The first model that runs a file of bgswap/networks: what it needs, other weights of it need too."""
    return next((card for card in catalog().values() if card.network == network), None)
