"""Where training's samples come from: a folder of samples as `bgswap augment` writes it, or photos, on the fly."""

import hashlib
import re
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from bgswap.augmentation import samples
from bgswap.augmentation.fly import OnTheFly
from bgswap.augmentation.samples import SampleSettings
from bgswap.augmentation.sources import Choice
from bgswap.augmentation.stage import AugmentStage
from bgswap.errors import PictureError, UsageError
from bgswap.folders import records
from bgswap.folders.picture import Picture, ReadOptions
from bgswap.folders.records import Record, show
from bgswap.folders.task import Task, read_inputs
from bgswap.training.recipe import Recipe
from bgswap.training.settings import Settings, Size
from bgswap.training.stored import Pixels, box_within, crop_of, fitted, open_stored, planes
from bgswap.zoo.choice import ModelOptions

FIRST = "first"  # the role that a metadata.jsonl calls file_name
BOX = "box_true"  # a number field that a crop changes: x, y, height, rotation, flip
KEEP_BYTES = 2 << 30  # ours: pixels that stay in memory
COPY = re.compile(r"_\d{3}(/\d{3})?$")  # what augment adds to a photo's key


class Source(Protocol):
    """Samples by number. `sample` may be called from several threads.

    photos: keys of what is split. fingerprint: changes with the files' names and sizes, not with where they stand or
    when they were written. notes: what the user should be told; it grows. endless: another copy is another sample.
    """

    photos: Sequence[str]
    fingerprint: str
    notes: list[str]
    endless: bool

    def __len__(self) -> int:
        """How many samples there are, copies not counted."""

    def photo_of(self, index: int) -> int:
        """The photo that a sample was made from, of `photos`."""

    def sample(self, index: int, copy: int, size: Size) -> dict[str, Tensor]:
        """By role float32 (C, *size) 0..1, flow_true in pixels; numbers such as box_true (5,).

        Raises:
            PictureError: this one cannot be made; others may.
        """


@dataclass(frozen=True)
class SourceOptions:
    """What is named beside photos: folders joined by key, places to draw from, methods (none: the recipe's), a run."""

    foreground: Path | str | None = None
    alpha: Path | str | None = None
    plate: Path | str | None = None
    background: Path | str | None = None
    methods: tuple[str, ...] = ()
    run: str | None = None


def open_source(
    folder: Path, recipe: Recipe[Any], settings: Settings, options: SourceOptions, model: ModelOptions
) -> Source:
    """The samples of a folder that has a metadata.jsonl; else samples made of its photos.

    Raises:
        UsageError: what is there lacks what the recipe takes; the sentence says how it is made.
        NotReady: a network that samples are made with is not to be had.
    """
    if not folder.exists():
        raise UsageError(f"{show(folder)}: no such folder")
    if not any(folder.glob("metadata*.jsonl")):
        return Photos(folder, recipe, settings, options, model)
    if named := [name for name, value in vars(options).items() if value]:
        words = " and ".join(f"--{name.removesuffix('s')}" for name in named)
        raise UsageError(f"{words} are for photos, and {show(folder)} holds samples, as its metadata.jsonl says")
    return SampleFolder(folder, recipe, settings)


class SampleFolder:
    """Samples that are files. A copy is the same again."""

    endless = False

    def __init__(self, folder: Path, recipe: Recipe[Any], settings: Settings):
        """Read the metadata.jsonl. UsageError where a sample lacks a role or number of the recipe."""
        self.records = [_first_named(one, recipe.roles) for one in records.from_folder(folder, FIRST)]
        if not self.records:
            raise UsageError(f"{show(folder)} holds no samples: its metadata.jsonl is empty")
        self._roles, self._numbers = recipe.roles, recipe.fields
        lacking = [(one.key, role) for role in recipe.roles for one in self.records if role not in one.paths]
        lacking += [(one.key, name) for name in recipe.fields for one in self.records if name not in one.fields]
        if lacking:
            (key, name), methods = lacking[0], recipe.samples(settings, settings.size[0]).methods
            how = "bgswap augment PHOTOS SAMPLES" + "".join(f" --method {method}" for method in methods)
            raise UsageError(
                f"sample '{show(key)}' has no {name}, which this recipe takes. Make samples that have: {how}"
            )
        numbers: dict[str, int] = {}
        self._photos = [numbers.setdefault(_photo_key(one), len(numbers)) for one in self.records]
        self.photos: Sequence[str] = list(numbers)
        lines = [file.read_bytes() for file in sorted(folder.glob("metadata*.jsonl"))]
        self.fingerprint = _fingerprint(self.records, *lines)
        self.notes: list[str] = []
        self._kept, self._telling = _Kept(KEEP_BYTES), threading.Lock()

    def __len__(self) -> int:
        """Samples."""
        return len(self.records)

    def photo_of(self, index: int) -> int:
        """See Source."""
        return self._photos[index]

    def sample(self, index: int, copy: int, size: Size) -> dict[str, Tensor]:  # noqa: ARG002
        """See Source. Planes lie channels last. Other sizes than the stored one are cropped to shape, then resized."""
        pixels, numbers = self._kept.get(size, index, partial(self._read, index, size))
        made = {role: planes(role, one) for role, one in pixels.items()}
        return made | {name: torch.tensor(values) for name, values in numbers.items()}

    def _read(self, index: int, size: Size) -> "tuple[_Stored, int]":
        record = self.records[index]
        pixels = {role: open_stored(record.paths[role], role) for role in self._roles}
        numbers = {name: [float(value) for value in np.ravel(record.fields[name])] for name in self._numbers}
        stored = pixels[self._roles[0]].shape[:2]
        for role, one in pixels.items():
            if one.shape[:2] != stored:
                (high, wide), first = one.shape[:2], self._roles[0]
                raise PictureError(f"its {role} is {wide}x{high}, its {first} {stored[1]}x{stored[0]}")
        if stored != size:
            self._tell(stored, size)
            if BOX in numbers:
                numbers[BOX] = box_within(numbers[BOX], stored, crop_of(stored, size))
            pixels = {role: fitted(role, one, size) for role, one in pixels.items()}
        return (pixels, numbers), sum(one.nbytes for one in pixels.values())

    def _tell(self, stored: Size, size: Size) -> None:
        was, becomes = (f"{wide}x{high}" for high, wide in (stored, size))
        with self._telling:
            if not self.notes:
                self.notes.append(f"samples are stored at {was}: for {becomes} they are cropped to shape and resized")


class Photos:
    """Samples made of photos when they are asked for, as `bgswap augment` makes them. Every copy is another one."""

    endless = True

    def __init__(
        self, folder: Path, recipe: Recipe[Any], settings: Settings, options: SourceOptions, model: ModelOptions
    ):
        """Find the photos and what belongs to them. Raises as `open_source` does."""
        if options.foreground and options.alpha:
            raise UsageError("--foreground and --alpha exclude each other: a cut-out has its matte")
        found = iter(records.from_files([folder], "photo"))
        for role in ("foreground", "alpha", "plate"):
            if source := getattr(options, role):
                found = records.join(found, role, Path(source))
        self.records = list(found)
        if not self.records:
            raise UsageError(f"{show(folder)} holds no pictures")
        self.places = _places(options.background)
        self.photos: Sequence[str] = [one.key for one in self.records]
        self.fingerprint = _fingerprint([*self.records, *self.places])
        self.notes: list[str] = []
        self._recipe, self._settings, self._options, self._model = recipe, settings, options, model
        self._flies: dict[Size, OnTheFly] = {}
        self._kept, self._making = _Kept(KEEP_BYTES), threading.Lock()
        self._at(settings.size[0])  # what is missing is said now

    def __len__(self) -> int:
        """Photos."""
        return len(self.records)

    def photo_of(self, index: int) -> int:
        """See Source."""
        return index

    def sample(self, index: int, copy: int, size: Size) -> dict[str, Tensor]:
        """See Source. Where samples are steps of a motion, copies are its steps in turn."""
        if self.records[index].error:
            raise PictureError(self.records[index].error)
        fly = self._flies.get(size) or self._at(size)
        number, step = divmod(copy, fly.pool.steps)
        record = fly.pool.sample(fly.pool.photos[index], number, step + 1)
        made = fly.stage.sample(self._pictures(fly.stage, record, size), record, fly.tools)
        told = {name: [float(value) for value in np.ravel(made.fields[name])] for name in self._recipe.fields}
        return {role: made.pictures[role] for role in self._recipe.roles} | {
            name: torch.tensor(values) for name, values in told.items()
        }

    def _pictures(self, stage: AugmentStage, record: Record, size: Size) -> dict[str, Picture]:
        """What OnTheFly reads for a sample, but kept: reading takes a third of the time of a sample for matting."""

        def read(role: str) -> tuple[Picture, int]:
            alone = replace(record, paths={role: record.paths[role]})
            opened = read_inputs(stage, Task(alone, {}, {}, {}), ReadOptions())[role]
            opened.pixels.flags.writeable = False
            return opened, opened.pixels.nbytes

        return {
            role: self._kept.get(size, (record.paths[role], kind, stage.enough(role, {})), partial(read, role))
            for role, kind in stage.inputs().items()
            if role in record.paths
        }

    def _at(self, size: Size) -> OnTheFly:
        with self._making:
            if size not in self._flies:
                stage = AugmentStage(self._sample_settings(size), self._model, run=self._options.run)
                with threads_kept():
                    self._flies[size] = OnTheFly(self.records, self.places, Choice(seed=stage.settings.seed), stage)
                self.notes += [note for note in self._flies[size].notes if note not in self.notes]
            return self._flies[size]

    def _sample_settings(self, size: Size) -> SampleSettings:
        made = replace(self._recipe.samples(self._settings, size), size=size)
        made = replace(made, methods=self._options.methods or made.methods)
        given = samples.outputs(made)
        if lacking := [role for role in self._recipe.roles if role not in given]:
            raise UsageError(f"--method {made.name} makes {', '.join(given)}, and this is trained with {lacking[0]}")
        return made if self._options.run else made.easy()


@contextmanager
def threads_kept() -> Iterator[None]:
    """What is done inside leaves this thread's number of torch's and OpenCV's threads as it was."""
    of_torch, of_opencv = torch.get_num_threads(), cv2.getNumThreads()
    try:
        yield
    finally:
        torch.set_num_threads(of_torch)
        cv2.setNumThreads(of_opencv)


_Stored = tuple[dict[str, Pixels], dict[str, list[float]]]  # pictures by role, numbers by name


class _Kept:
    """What was read stays, first come first kept: in shuffled epochs that finds more again than the latest would."""

    def __init__(self, limit: int) -> None:
        self._limit, self._bytes = limit, 0
        self._there: dict[tuple[Size, Hashable], tuple[Any, int]] = {}
        self._lock = threading.Lock()

    def get(self, size: Size, what: Hashable, make: Callable[[], tuple[Any, int]]) -> Any:
        """The value of `what` at a size; `make` gives it and its bytes."""
        if found := self._there.get((size, what)):
            return found[0]
        made, weight = make()
        with self._lock:
            if self._bytes + weight > self._limit:  # other sizes make room: they are trained one after the other
                for key in [key for key in self._there if key[0] != size]:
                    self._bytes -= self._there.pop(key)[1]
            if self._bytes + weight <= self._limit and (size, what) not in self._there:
                self._there[size, what] = made, weight
                self._bytes += weight
        return made


def _first_named(record: Record, roles: Sequence[str]) -> Record:
    """The record with its first picture under its own role: its method's first, else the one that the recipe lacks."""
    method = str(record.fields.get("method", "")).partition("+")[0]
    try:
        name = samples.method(method).OUTPUTS[0]
    except UsageError:  # samples made by other means
        name = next((role for role in roles if role not in record.paths), roles[0])
    paths = {role: path for role, path in record.paths.items() if role != FIRST}
    return replace(record, paths={name: record.paths[FIRST]} | paths)


def _photo_key(record: Record) -> str:
    named = record.fields.get("parameters", {}).get("sources", {}).get("photo")
    if named:
        return str(named)
    return COPY.sub("", record.key) if isinstance(record.fields.get("copy"), int) else record.key


def _places(source: Path | str | None) -> list[Record]:
    if source is None:
        return []
    source = Path(source)
    if not source.exists():
        raise UsageError(f"{show(source)}: no such file or folder")
    found = records.from_files([source], "background")
    if not found:
        raise UsageError(f"{show(source)} holds no pictures")
    return found


def _fingerprint(found: Sequence[Record], *more: bytes) -> str:
    """SHA-256 over `more`, and keys, roles, names and sizes of the files."""
    digest = hashlib.sha256(b"".join(hashlib.sha256(one).digest() for one in more))
    for record in found:
        for role, path in sorted(record.paths.items()):
            try:
                size = path.stat().st_size
            except OSError:
                size = -1
            digest.update(f"{record.key}\0{role}\0{path.name}\0{size}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
