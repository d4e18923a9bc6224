"""What `bgswap models` does: which weights are here and whole, and how to have them or be rid of them."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bgswap.errors import NotReady, UsageError
from bgswap.zoo import checksum, store
from bgswap.zoo.card import Card
from bgswap.zoo.catalog import by_name, catalog
from bgswap.zoo.obtain import absent, check_license, obtain

SIMPLE_LAMA = "pip install --no-deps simple-lama-inpainting"  # its own pins clash with current rembg and NumPy
ABSENT = "-"


@dataclass(frozen=True)
class Row:
    """A line of `bgswap models list`."""

    name: str
    task: str
    state: str  # "ships with bgswap", "fetched", "rembg's file", ..., ABSENT
    bytes: int  # 0 = not known
    license: str
    about: str


@dataclass(frozen=True)
class Check:
    """A file that was read in full. `problem` is "" for a right one."""

    model: str
    path: Path
    sha256: str
    problem: str


def rows() -> list[Row]:
    """Every known model. Reads no file in full: `verify` does."""
    known = [_row(card) for card in catalog().values()]
    state = "installed" if find_spec("simple_lama_inpainting") else ABSENT
    about = f"LaMa by its own package: {SIMPLE_LAMA}"
    return [*known, Row("simple-lama", "inpaint", state, 0, "Apache-2.0", about)]


def _row(card: Card) -> Row:
    found = [store.present(card, file) for file in card.files]
    whole = all(found)
    here = sum(place.path.stat().st_size for place in found if place)
    kinds = dict.fromkeys(place.kind for place in found if place)
    about = card.about if card.commercial else f"{card.about}; not for commercial use"
    state = ", ".join(kinds) if whole else "in part" if kinds else ABSENT
    return Row(card.name, card.task, state, here if whole else card.size, card.license, about)


def fetch(name: str, accept_license: tuple[str, ...] = (), offline: bool = False) -> list[Path]:
    """The files of a model, downloaded where they are not here yet."""
    card = by_name(name)
    check_license(card, accept_license)
    return [obtain(card, file, offline).path for file in card.files]


def verify(names: tuple[str, ...] = ()) -> list[Check]:
    """Read every copy of these models (none named: of all in our own cache and package) in full.

    A right file that was put into our cache by hand is recorded, so that it is held to from now on. NotReady
    for a named model without any file.
    """
    checks = []
    for card in [by_name(name) for name in names] if names else catalog().values():
        mine = [check for file in card.files for check in _verify(card, file.file, bool(names))]
        if names and not mine:
            raise NotReady(absent(card, card.files[0]))
        checks += mine
    return checks


def _verify(card: Card, name: str, everywhere: bool) -> list[Check]:
    file = next(one for one in card.files if one.file == name)
    checks = []
    for place in store.places(card, file):
        if not place.path.is_file() or not (everywhere or place.ours or place.kind == store.SHIPS):
            continue
        digests = checksum.digests(place.path)
        problem = checksum.mismatch(digests, file, checksum.first_seen(place.path) if place.ours else "")
        if place.ours and not problem:
            checksum.remember(place.path, digests.sha256)
        checks.append(Check(card.name, place.path, digests.sha256, problem))
    return checks


def path(name: str) -> list[Path]:
    """Where the files of a model lie, checked in full. NotReady where one is missing."""
    card = by_name(name)
    found = []
    for file in card.files:
        right, problems = store.locate(card, file)
        if not right:
            raise NotReady(absent(card, file, problems))
        found.append(right.path)
    return found


def remove(name: str) -> list[Path]:
    """Delete a model's files from our cache, nowhere else; the recorded checksum stays. Returns what went."""
    card = by_name(name)
    gone = []
    for file in card.files:
        own = store.own_path(card, file)
        if own != store.models_folder() / card.name / Path(file.file).name:
            raise UsageError(f"{card.name} is your own file {file.file}: bgswap removes only what it fetched.")
        for one in (own, own.with_name(own.name + ".part"), own.with_name(own.name + ".lock")):
            if one.is_file():
                one.unlink()
                gone += [one] if one.suffix != ".lock" else []
    if not gone:
        place = next((place for file in card.files if (place := store.present(card, file))), None)
        where = f"; {place.path} ({place.kind}) is left alone" if place else ""
        raise UsageError(f"bgswap has fetched no file of {card.name}{where}.")
    return gone
