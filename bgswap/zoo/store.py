"""Where weights lie: in the package, in our cache, and in other programs' caches, which are only read."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import platformdirs

from bgswap.zoo import checksum
from bgswap.zoo.card import Card, WeightFile

SHIPS = "ships with bgswap"
SHIPPED = Path(__file__).resolve().parent.parent / "weights"


@dataclass(frozen=True)
class Place:
    """A path where a file may lie. `kind`: SHIPS, "fetched", or whose file it is."""

    path: Path
    kind: str
    ours: bool = False  # in our own cache: only there is a bad file replaced


@dataclass(frozen=True)
class Found:
    """A file that is the right one, as far as can be known."""

    path: Path
    kind: str
    digests: checksum.Digests


class PassedOver(NamedTuple):
    """A copy that was not taken."""

    kind: str  # of its place
    why: str


def config_folder() -> Path:
    """$XDG_CONFIG_HOME/bgswap."""
    return _xdg("XDG_CONFIG_HOME", ".config", platformdirs.user_config_path("bgswap", appauthor=False))


def models_folder() -> Path:
    """BGSWAP_MODELS, else models/ in $XDG_CACHE_HOME/bgswap."""
    if named := os.environ.get("BGSWAP_MODELS"):
        return Path(named).expanduser().absolute()
    return _xdg("XDG_CACHE_HOME", ".cache", platformdirs.user_cache_path("bgswap", appauthor=False)) / "models"


def _xdg(variable: str, fallback: str, usual: Path) -> Path:
    # The standard calls a relative value invalid; platformdirs has not always ignored it.
    value = os.environ.get(variable, "")
    return Path.home() / fallback / "bgswap" if value and not Path(value).is_absolute() else usual


def own_path(card: Card, file: WeightFile) -> Path:
    """Where our cache keeps a file."""
    return models_folder() / card.name / file.file


def places(card: Card, file: WeightFile) -> Iterator[Place]:
    """Every path where a file may lie, best first."""
    if Path(file.file).is_absolute():
        yield Place(Path(file.file), "your own file")
        return
    if file.env and (named := os.environ.get(file.env)):
        yield Place(Path(named).expanduser(), file.env)
    if card.origin == "bgswap":
        yield Place(SHIPPED / file.file, SHIPS)
    yield Place(own_path(card, file), "fetched", ours=True)
    for folder in _rembg_folders(card.name):
        yield Place(folder / file.file, "rembg's file")
    yield Place(_torch_hub() / "checkpoints" / file.file, "torch hub's file")
    if torchmetrics := find_spec("torchmetrics"):  # brings small files of LPIPS and DISTS
        for package in torchmetrics.submodule_search_locations or ():
            image = Path(package, "functional", "image")
            for kind in ("lpips_models", "dists_models"):
                yield Place(image / kind / file.file, "torchmetrics' file")


def _absolute(variable: str) -> Path | None:
    value = os.environ.get(variable, "")
    path = Path(value).expanduser()
    return path if value and path.is_absolute() else None


def _rembg_folders(name: str) -> Iterator[Path]:
    """rembg 2.0.86: models/NAME in its home, then a flat folder of older versions."""
    home, data = _absolute("U2NET_HOME"), _absolute("XDG_DATA_HOME")
    homes = [home, _absolute("REMBG_HOME"), data and data / "rembg", Path.home() / ".rembg"]
    yield from (folder / "models" / name for folder in homes if folder)
    yield from (folder for folder in (home, data and data / ".u2net", Path.home() / ".u2net") if folder)


def _torch_hub() -> Path:
    cache = _absolute("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (_absolute("TORCH_HOME") or cache / "torch") / "hub"


def present(card: Card, file: WeightFile) -> Place | None:
    """The first place where the file, or another of its name, lies; unchecked."""
    return next((place for place in places(card, file) if place.path.is_file()), None)


def locate(card: Card, file: WeightFile, unchecked: tuple[str, ...] = ()) -> tuple[Found | None, list[PassedOver]]:
    """The first right copy of a file, its checksum read in full; and what was wrong with those passed over.

    What ships with the package, and a user's own file without a checksum, is taken as it is. Another
    program's file counts only with a published checksum that it meets. `unchecked` names kinds that the user
    vouches for.
    """
    problems = []
    for place in places(card, file):
        if not place.path.is_file():
            if place.kind == file.env:
                problems.append(PassedOver(place.kind, f"{file.env} names {place.path}: no such file"))
            continue
        trusted = place.ours or place.kind in (SHIPS, "your own file", *unchecked)
        if not trusted and not checksum.published(file):
            continue
        try:
            digests = checksum.digests(place.path)
        except OSError as error:
            problems.append(PassedOver(place.kind, f"{place.path} cannot be read: {error.strerror}"))
            continue
        seen = checksum.first_seen(place.path) if place.ours else ""
        wrong = "" if place.kind in unchecked else checksum.mismatch(digests, file, seen)
        if not wrong:
            return Found(place.path, place.kind, digests), problems
        problems.append(PassedOver(place.kind, f"{place.path} is not the right {Path(file.file).name}: {wrong}"))
    return None, problems
