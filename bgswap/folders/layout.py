"""Where outputs go: the one place that turns keys into file names and refuses dangerous plans."""

import os
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bgswap.errors import BgswapError, PictureError, UsageError
from bgswap.folders.records import STREAM, Record, named, show


@dataclass(frozen=True)
class Target:
    """One kind of output: a folder that keeps the keys' tree, one file, or standard output."""

    path: Path
    format: str  # "png", "jpg", ... : also the suffix of files in a folder
    is_folder: bool = True


@dataclass(frozen=True)
class Layout:
    """Role -> target. The first role is the command's main output; its folder holds the journal.

    name: template of a file's name in a folder, with {key} {stem} {ext} {format}; folders of the key are
    kept.
    """

    targets: Mapping[str, Target]
    name: str = "{stem}.{format}"
    journaled: bool = True  # whether the main folder is one to keep a journal in without being asked
    listed: Path | None = None  # the folder above the outputs' whose metadata.jsonl lists them; the journal lies there

    def __post_init__(self) -> None:
        fields = {field for _, field, _, _ in string.Formatter().parse(self.name) if field is not None}
        if not fields <= {"key", "stem", "ext", "format"} or not fields & {"key", "stem"}:
            raise UsageError("--name needs {stem} or {key}, and knows {ext} and {format} beside it")
        if "/" in self.name:
            raise UsageError("--name names files, not folders: the source's folders are kept as they are")

    @property
    def main(self) -> Target:
        """The target of the command's main output."""
        return next(iter(self.targets.values()))

    @property
    def home(self) -> Path | None:
        """The folder of the journal; None when the output is a stream, or nothing is written."""
        if self.listed or not self.targets or self.main.path == STREAM:
            return self.listed
        return self.main.path if self.main.is_folder else self.main.path.parent

    def outputs(self, record: Record) -> dict[str, Path]:
        """The files that this record makes, by role."""
        return {role: self._file(target, record) for role, target in self.targets.items()}

    def _file(self, target: Target, record: Record) -> Path:
        if not target.is_folder:
            return target.path
        folder, _, stem = record.key.rpartition("/")
        ext = record.source.suffix.lstrip(".")
        # a key that kept its suffix because of a clash: {stem} is still the name without it
        stem = stem.removesuffix(f".{ext}") if ext else stem
        name = self.name.format(key=record.key.replace("/", "-"), stem=stem, ext=ext, format=target.format)
        return target.path / folder / name


def folder_or_file(text: str, several: bool) -> tuple[Path, bool]:
    """An output as typed -> (path, is it a folder): it exists as one, ends in "/", or must hold several."""
    path = named(text)
    if path == STREAM:
        return path, False
    if several and path.exists() and not path.is_dir():
        raise UsageError(f"{show(path)} is a file, and there are several results: name a folder")
    return path, several or text.endswith("/") or path.is_dir()


def refuse_overlap(sources: Iterable[Path], folders: Iterable[Path]) -> None:
    """UsageError where an output folder is or lies in a source folder: a second run would eat its outputs."""
    for source in sources:
        if not source.is_dir():
            continue
        inside = source.resolve()
        for folder in folders:
            out = folder.resolve()
            if out == inside or inside in out.parents:
                raise UsageError(
                    f"the output folder {show(folder)} lies in the source {show(source)}: choose one outside"
                )


def refuse_clashes(plans: Sequence[tuple[Record, Mapping[str, Path]]]) -> None:
    """BgswapError (exit 1) where two inputs would write one output, or an output would replace an input.

    Names are compared as a disk that ignores case, or folds Unicode forms, would.
    """
    owners: dict[str, tuple[Record, str]] = {}
    clashes = []
    inputs = {_identity(path) for record, _ in plans for path in record.paths.values()} - {None}
    for record, outputs in plans:
        for role, path in outputs.items():
            name = unicodedata.normalize("NFC", os.path.abspath(path)).casefold()
            other, its_role = owners.setdefault(name, (record, role))
            if other is record and its_role != role:
                text = f"{its_role} and {role} of {show(record.source)} would both be {show(path)}"
                raise BgswapError(f"{text}: write one of them elsewhere")
            if path != STREAM and other is not record:
                clashes.append(f"{show(other.source)} and {show(record.source)} would both write {show(path)}")
            if _identity(path) in inputs:
                raise BgswapError(f"{show(path)} is an input and is never replaced: write elsewhere")
    if clashes:
        raise BgswapError("; ".join(clashes) + ". Tell them apart with --name '{stem}.{ext}.{format}'")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return (facts.st_dev, facts.st_ino) if os.path.isfile(path) else None


def make_parent(path: Path, root: Path) -> None:
    """Make the folders above an output, and PictureError where links below `root` would lead out of it."""
    root.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    inside, home = path.parent.resolve(), root.resolve()
    if inside != home and home not in inside.parents:
        raise PictureError(f"{show(path.parent)} leads out of {show(root)} through a link: nothing was written")
