"""Operands become records, outputs a layout: what every command does with the names that it is given."""

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgswap.errors import UsageError
from bgswap.options import Naming

if TYPE_CHECKING:
    from bgswap.folders.layout import Layout
    from bgswap.folders.plan import RunOptions
    from bgswap.folders.records import Record


@dataclass
class Operands:
    """What a command reads and where it writes, resolved from its operands and shared options."""

    records: "Iterable[Record]"
    sources: Sequence[Path]  # what was named, for the check that outputs lie elsewhere
    out: str
    several: bool
    live: bool = False
    whole: bool = False  # the records are a folder's, all of them

    def join(self, role: str, name: str) -> None:
        """Give every record its companion of a role, from a folder by key or from one file."""
        from bgswap.folders import records

        source = records.named(name)
        self.records = records.join(self.records, role, source)
        self.sources = [*self.sources, source]


def resolve(operands: Sequence[str], naming: Naming, role: str, *, out: str | None = None) -> Operands:
    """Operands as `cp` reads them (SOURCE OUT, SOURCE... DIR, -t DIR SOURCE...), or a list, or piped records.

    out: where the output is an option of its own (composite); all operands are then sources.
    """
    from bgswap.folders import records

    listed = naming.files0_from or naming.records_from
    if naming.files0_from and naming.records_from:
        raise UsageError("--files0-from and --records-from exclude each other")
    names = list(operands)
    if naming.target_directory is not None:
        out = naming.target_directory.rstrip("/") + "/"
    elif out is None:
        out = _last_operand(names, 1 if listed else 2)
    if listed:
        if names:
            raise UsageError("a list of names and sources on the command line exclude each other")
        source = stream(listed)
        if naming.files0_from:
            return Operands(records.from_list0(source, role), (), out, True)
        return Operands(records.from_lines(iter(source.readline, b""), role), (), out, True, live=True)
    if not names:
        raise UsageError("name what to read: a photo, a folder, or - for standard input")
    paths = [records.named(name) for name in names]
    if records.STREAM in paths and sys.stdin.isatty():
        sys.stderr.write("bgswap: reading a picture from standard input (end with Ctrl-D)\n")
    several, folder = len(paths) > 1, paths[0].is_dir()
    return Operands(records.from_files(paths, role), paths, out, several or folder, whole=folder and not several)


def resolve_layout(
    operands: Sequence[str], naming: Naming, layouts: str, layout: str | None, category: str | None
) -> Operands:
    """Photos as `resolve` reads them, or where `layout` is named, one data set as that file of `layouts` reads it."""
    if layout is None:
        if category:
            raise UsageError("--category needs a --layout that has classes, such as coco")
        found = resolve(operands, naming, "photo")
        found.out, found.several, found.live = found.out.rstrip("/") + "/", True, False
        return found
    from inspect import signature

    from bgswap import extensions

    names = list(operands)
    out = naming.target_directory or _last_operand(names, 2)
    if len(names) != 1 or naming.files0_from or naming.records_from or not Path(names[0]).is_dir():
        raise UsageError(f"--layout {layout} reads one data set: name its folder")
    reader = extensions.load(layouts, layout).read
    if category and "category" not in signature(reader).parameters:
        raise UsageError(f"--layout {layout} has no classes to choose with --category")
    chosen = {"category": category} if category else {}
    return Operands(list(reader(Path(names[0]), **chosen)), [Path(names[0])], f"{out.rstrip('/')}/", True, whole=True)


def pictures(name: str, found: Operands, role: str = "background") -> "list[Record]":
    """The pictures of a file or folder that records draw from; UsageError where there are none."""
    from bgswap.folders import records

    source = records.named(name)
    if not source.exists():
        raise UsageError(f"{records.show(source)}: no such file or folder")
    found.sources = [*found.sources, source]
    drawn = records.from_files([source], role)
    if not drawn:
        raise UsageError(f"{records.show(source)} holds no pictures")
    return drawn


def sample_layout(found: Operands, roles: Sequence[str]) -> "Layout":
    """OUT/<role>/ for every role, all PNG, with OUT/metadata.jsonl over them."""
    from bgswap.folders.layout import Layout, Target, refuse_overlap
    from bgswap.folders.records import STREAM, named

    out = named(found.out.rstrip("/") or "/")
    if out == STREAM or out.is_file():
        raise UsageError("samples are many pictures: name a folder for them")
    refuse_overlap(found.sources, [out])
    return Layout({role: Target(out / role, "png", True) for role in roles}, listed=out)


def _last_operand(names: list[str], least: int) -> str:
    if len(names) < least:
        raise UsageError("name a source and where to write: SOURCE OUT, or -t DIR SOURCE")
    out = names.pop()
    if len(names) > 1 and not (Path(out).is_dir() or out.endswith("/")):
        raise UsageError(f"with several sources the last operand must be a folder: end '{out}' in /")
    return out


def stream(name: str) -> Any:
    """A list's bytes: a file, or "-" for standard input."""
    if name == "-":
        try:  # a reader of our own: Python aborts at its exit where a thread still waits in sys.stdin's
            return open(sys.stdin.fileno(), "rb", closefd=False)
        except (OSError, ValueError):  # standard input is no file: it was replaced by a program
            return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as cause:
        raise UsageError(f"{name}: {cause.strerror}") from cause


def layout(
    found: Operands,
    naming: Naming,
    default: str,
    role: str,
    extra: Sequence[tuple[str, str | None, str]] = (),
) -> "Layout":
    """Where everything goes. default: the main format; extra: (role, option's value, format) of others."""
    from bgswap.folders.encode import suffix_format
    from bgswap.folders.layout import Layout, Target, folder_or_file, refuse_overlap
    from bgswap.folders.records import STREAM

    path, is_folder = folder_or_file(found.out, found.several)
    chosen = naming.format_ or default
    if path == STREAM:
        if found.several:
            raise UsageError("several pictures cannot go to standard output: name a folder")
        chosen = naming.to or chosen
        if sys.stdout.isatty():
            raise UsageError("refusing to write a picture to a terminal: name a file, or pipe it on")
    elif not is_folder and not naming.format_:
        chosen = suffix_format(path.suffix) if path.suffix else _no_suffix(path)
    targets = {role: Target(path, chosen, is_folder)}
    for other, value, kind in extra:
        if value:
            where, folder = folder_or_file(value, found.several)
            if where == STREAM:
                raise UsageError(f"only one picture fits on standard output: name a file or folder for --{other}")
            folder = folder or not where.suffix
            targets[other] = Target(where, kind if folder else suffix_format(where.suffix), folder)
    refuse_overlap(found.sources, [t.path for t in targets.values() if t.is_folder])
    _refuse_same(found.sources, path)
    return Layout(targets, naming.name, journaled=is_folder and not naming.in_place)


def _no_suffix(path: Path) -> str:
    raise UsageError(f"'{path}' has no suffix to tell the format: add one, or --format, or end a folder in /")


def _refuse_same(sources: Sequence[Path], out: Path) -> None:
    for source in sources:
        if source.is_file() and out.is_file() and os.path.samefile(source, out):
            raise UsageError(f"{out} is the source itself, and an input is never replaced")


def go(
    stage: Any,
    found: Operands,
    where: "Layout",
    options: "RunOptions",
    shared: Iterable[Path] = (),
    collect: Any = None,
) -> int:
    """Run the stage through the pipeline; the command's exit code. collect: gets every outcome, in order."""
    import logging

    from bgswap.folders import pipeline

    logging.getLogger("PIL").addHandler(logging.NullHandler())  # what is wrong with a file is ours to tell
    if found.live and options.dry_run:
        raise UsageError("--dry-run cannot look ahead into piped records")
    if options.records and where.main.path == Path("-"):
        raise UsageError("--records and a picture cannot both go to standard output")
    reused = list(shared) if found.live else None
    return int(pipeline.run(stage, found.records, where, options, live=reused, whole=found.whole, collect=collect))


def piped_matte(record: "Record") -> "Record":
    """A record of another command with what it knows of the person as its mask."""
    for role in ("mask", "alpha", "foreground"):
        if role in record.paths:
            return replace(record, paths={**record.paths, "mask": record.paths[role]})
    return record


def refuse_opaque(layout: "Layout", message: str) -> None:
    """UsageError where the main output's format holds no alpha: known before the work, not after it."""
    from bgswap.folders.encode import FORMATS

    if not FORMATS[layout.main.format].alpha:
        raise UsageError(f"{layout.main.format} has no alpha, and {message}")
