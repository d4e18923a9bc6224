"""Finding one's way in other people's folders: the inner folder of a data set, its pictures, their partners."""

import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bgswap.errors import UsageError
from bgswap.folders.records import SUFFIXES, Record, show

SPLITS = {
    **dict.fromkeys(("train", "training", "train_set", "training_set"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "val_set", "validation_set", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "test_set", "testing_set"), "test"),
}
THRESHOLD = {"threshold": 128}  # half of 255: for masks that went through JPEG
DEPTH = 3  # ours: archives are unpacked into folders of their own, and some copies nest the same name twice


def folders(root: Path, depth: int = DEPTH) -> Iterator[Path]:
    """`root` and the folders below it, nearest first, then by name; hidden ones are passed over."""
    level = [root]
    yield root
    for _ in range(depth):
        level = [below for folder in level for below in inner(folder)]
        yield from level


def search(root: Path, fits: Callable[[Path], bool]) -> Path | None:
    """The nearest folder at or below `root` that fits, or None. Raises UsageError where `root` is no folder."""
    if not root.is_dir():
        raise UsageError(f"{show(root)}: no such folder")
    return next((folder for folder in folders(root) if fits(folder)), None)


def find(root: Path, fits: Callable[[Path], bool], wanted: str) -> Path:
    """The nearest folder at or below `root` that fits, or UsageError: `wanted` says what was looked for."""
    found = search(root, fits)
    if found is None:
        raise missing(root, wanted)
    return found


def missing(root: Path, wanted: str) -> UsageError:
    """The error of a folder that does not hold the data set: `wanted` says what was looked for."""
    return UsageError(f"{show(root)} and the folders in it hold no {wanted}")


def child(folder: Path, *names: str) -> Path | None:
    """The folder directly in `folder` that has the first of `names` that is there, upper or lower case alike."""
    there = {below.name.casefold(): below for below in reversed(inner(folder))}
    return next((there[name.casefold()] for name in names if name.casefold() in there), None)


def pictures(folder: Path | None, suffixes: Container[str] = SUFFIXES) -> dict[str, Path]:
    """Stem -> picture, of those directly in `folder`; without it, none. Of equal stems the first by name counts.

    Hidden names are passed over, with them the "._" files that macOS leaves in archives.
    """
    found: dict[str, Path] = {}
    for path in listed(folder, suffixes) if folder is not None else ():
        found.setdefault(path.stem, path)
    return found


def inner(folder: Path) -> list[Path]:
    """The folders right in a folder, by name; hidden ones are passed over."""
    return [Path(entry.path) for entry in _entries(folder) if entry.is_dir()]


def listed(folder: Path, suffixes: Container[str] = SUFFIXES) -> list[Path]:
    """The pictures right in a folder by name, also those of equal stems; hidden names are passed over."""
    paths = (Path(entry.path) for entry in _entries(folder) if not entry.is_dir())
    return [path for path in paths if path.suffix.lower() in suffixes]


def split_of(name: str) -> str | None:
    """What a folder's or list's name says of the split: "train", "validation", "test" or nothing."""
    return SPLITS.get(name.lower().replace(" ", "_").replace("-", "_"))


def lines(file: Path) -> list[str]:
    """The lines of a name list that are not empty, without a byte order mark."""
    text = os.fsdecode(file.read_bytes()).removeprefix("\ufeff")
    return [line.strip() for line in text.splitlines() if line.strip()]


def joined(
    pictures_by_role: Mapping[str, Mapping[str, Path]], needed: Iterable[str], prefix: str, fields: Mapping[str, Any]
) -> Iterator[Record]:
    """A record for every stem that any needed role has, its key `prefix` and stem; one that lacks a role has an error.

    pictures_by_role: role -> stem -> picture, in the order that the record's paths shall have.
    """
    needed = tuple(needed)
    for stem in dict.fromkeys(stem for role in needed for stem in pictures_by_role[role]):
        paths = {role: by_stem[stem] for role, by_stem in pictures_by_role.items() if stem in by_stem}
        lacking = [role for role in needed if role not in paths]
        error = f"it has no {' and no '.join(lacking)} of its name in the data set" if lacking else ""
        yield Record(prefix + stem, paths, dict(fields), error)


def in_order(records: Iterable[Record]) -> list[Record]:
    """Records in byte order of their keys, as all folders are read."""
    return sorted(records, key=lambda record: os.fsencode(record.key))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted((e for e in found if not e.name.startswith(".")), key=lambda e: os.fsencode(e.name))
    except OSError as cause:
        raise UsageError(f"{show(folder)}: {cause.strerror}") from cause
