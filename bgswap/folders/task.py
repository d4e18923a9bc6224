"""One record from files to files: read its pictures, let the stage work, write what comes back.

This is what runs in a thread here or in a worker elsewhere. Nothing here prints; an `Outcome` carries
everything.
"""

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

import cv2

from bgswap.errors import BgswapError, NotReady, PictureError
from bgswap.folders import files, picture
from bgswap.folders.encode import encode
from bgswap.folders.layout import make_parent
from bgswap.folders.picture import Picture, ReadOptions
from bgswap.folders.records import STREAM, Record, file_of, show
from bgswap.folders.shared import Shared

Work = Callable[[Mapping[str, Picture], Record], "Made"]
CACHE_BYTES = 256 << 20  # ours: pictures that several records share are kept decoded up to this much


@dataclass
class Made:
    """What a stage made of one record: pictures by role, warnings, free fields for the record's line.

    notes: what is true of the whole run, such as the device of a model that was loaded late; told once.
    remarks: what one would like to hear of a single picture and not of thousands; told for one, or with -v.
    """

    pictures: Mapping[str, Picture]
    warnings: Sequence[str] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    remarks: Sequence[str] = ()
    lines: Sequence[str] = ()  # of a file beside the pictures, such as --save-decisions; whoever runs collects them


class Stage(Protocol):
    """What a command does to one record. A frozen dataclass: it is hashed, compared and sent elsewhere."""

    command: ClassVar[str]

    def inputs(self) -> Mapping[str, str]:
        """Role -> "picture" or "mask": what is read for every record, where the record has it."""
        ...

    def enough(self, role: str, read: Mapping[str, Picture]) -> tuple[int, int] | None:
        """The (height, width) down to which this role's picture may be decoded smaller; None: its full size.

        read: what the roles before it gave.
        """
        ...

    def models(self) -> Sequence[Mapping[str, str]]:
        """name, sha256 and path of the weights used, known without loading them."""
        ...

    def prepare(self, threads: int) -> tuple[Work, Sequence[str]]:
        """Load what is needed, once a process; `threads` are its own to use. Also notes for the user."""
        ...


@dataclass(frozen=True)
class Coding:
    """How pictures are read and written."""

    read: ReadOptions = field(default_factory=ReadOptions)
    quality: int | None = None
    metadata: str = "safe"
    run: str = ""  # names the run's temporary files


@dataclass(frozen=True)
class Task:
    """One record with the files that it makes. data: what standard input held, for the role that reads it."""

    record: Record
    outputs: Mapping[str, Path]
    formats: Mapping[str, str]
    roots: Mapping[str, Path]
    shared: frozenset[Path] = frozenset()  # inputs that other tasks read too
    data: bytes | None = None


@dataclass
class Outcome:
    """How one record went."""

    record: Record
    outputs: dict[str, Path]
    status: str = "ok"  # ok, skipped, failed
    error: str = ""
    trace: str = ""
    warnings: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    sizes: dict[str, int] = field(default_factory=dict)  # bytes of each output
    stream: bytes | None = None  # an output meant for standard output
    notes: Sequence[str] = ()
    remarks: Sequence[str] = ()
    lines: Sequence[str] = ()


def carry_out(stage: Stage, coding: Coding, threads: int, tasks: Sequence[Task]) -> list[Outcome]:
    """Work on a chunk of records. Only NotReady is raised: everything else is one record's failure."""
    work, notes = prepared(stage, threads)
    outcomes = [_carry_out_one(stage, work, coding, task) for task in tasks]
    outcomes[0].notes = [*notes, *outcomes[0].notes]
    return outcomes


def _carry_out_one(stage: Stage, work: Work, coding: Coding, task: Task) -> Outcome:
    outcome = Outcome(task.record, dict(task.outputs))
    try:
        if task.record.error:
            raise PictureError(task.record.error)
        began = time.perf_counter()
        pictures = read_inputs(stage, task, coding.read)
        outcome.warnings = [note for one in pictures.values() for note in one.notes]
        decoded = time.perf_counter()
        made = work(pictures, task.record)
        worked = time.perf_counter()
        outcome.warnings += made.warnings
        outcome.fields, outcome.notes, outcome.remarks = dict(made.fields), made.notes, made.remarks
        outcome.lines = made.lines
        _write_all(task, made, coding, outcome)
        ended = time.perf_counter()
        steps = {"decode": decoded - began, "model": worked - decoded, "encode": ended - worked}
        outcome.seconds = {name: round(value, 4) for name, value in steps.items()}
    except NotReady:
        raise
    except Exception as cause:  # noqa: BLE001 - whatever one picture does, the batch goes on and names it
        outcome.status, outcome.error, outcome.trace = "failed", _sentence(cause), traceback.format_exc()
    return outcome


def read_inputs(stage: Stage, task: Task, options: ReadOptions) -> dict[str, Picture]:
    """Every picture of a task's record that the stage reads, by role. PictureError names the file."""
    pictures: dict[str, Picture] = {}
    for role, kind in stage.inputs().items():
        if role in task.record.paths:
            pictures[role] = _read(task, role, kind, options, stage.enough(role, pictures))
    return pictures


def _read(task: Task, role: str, kind: str, options: ReadOptions, enough: tuple[int, int] | None) -> Picture:
    path = task.record.paths[role]
    if path == STREAM:
        read = picture.read if kind == "picture" else picture.read_mask
        return read(task.data or b"", options)
    if path in task.shared:
        what: _What = (path, kind, options, enough, _version(path))
        opened: Picture = _shared.get(what, lambda: _opened(what))
        return opened
    return _open(path, kind, options, enough)


def _version(path: Path) -> tuple[int, int] | None:
    """What tells a file from the one that stood there before: a cluster's worker lives on from run to run."""
    try:
        facts = file_of(path).stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size


def _open(path: Path, kind: str, options: ReadOptions, enough: tuple[int, int] | None = None) -> Picture:
    try:
        return picture.read(path, options, enough) if kind == "picture" else picture.read_mask(path, options)
    except PictureError as cause:
        raise type(cause)(f"{show(path)}: {cause}") from cause


def _write_all(task: Task, made: Made, coding: Coding, outcome: Outcome) -> None:
    # everything is encoded before anything is written: a picture that cannot be encoded leaves no half of a
    # record
    encoded = {}
    for role, path in task.outputs.items():
        result = made.pictures[role]
        outcome.size = outcome.size or result.size
        data = encode(result, task.formats[role], quality=coding.quality, metadata=coding.metadata)
        encoded[role] = (path, data)
    for role, (path, data) in encoded.items():
        outcome.sizes[role] = len(data)
        if path == STREAM:
            outcome.stream = data
            continue
        try:
            make_parent(path, task.roots[role])
            files.write_whole(path, data, coding.run)
        except OSError as cause:
            raise PictureError(f"cannot write {show(path)}: {cause.strerror or cause}") from cause


def _sentence(cause: BaseException) -> str:
    if isinstance(cause, BgswapError):
        return str(cause)
    if isinstance(cause, OSError) and cause.strerror:
        name = f"{show(cause.filename)}: " if cause.filename else ""
        return f"{name}{cause.strerror}"
    if isinstance(cause, MemoryError):
        return "not enough memory for this picture: use fewer --jobs or a smaller picture"
    return f"unexpected {type(cause).__name__}: {cause} (--debug shows where)"


_What = tuple[Path, str, ReadOptions, tuple[int, int] | None, tuple[int, int] | None]  # as _open takes it, and version
_loading = threading.Lock()
_loaded: dict[tuple[Stage, int], tuple[Work, Sequence[str]]] = {}


def prepared(stage: Stage, threads: int) -> tuple[Work, Sequence[str]]:
    """The stage's work, its models loaded once a process. The stage of the run before is let go."""
    with _loading:
        if (stage, threads) not in _loaded:
            _loaded.clear()
            cv2.setNumThreads(threads)
            _loaded[stage, threads] = stage.prepare(threads)
        return _loaded[stage, threads]


def _opened(what: _What) -> tuple[Picture, int]:
    opened = _open(*what[:4])
    opened.pixels.flags.writeable = False
    return opened, opened.pixels.nbytes


_shared = Shared(CACHE_BYTES)
