"""The options that commands share: operands become records, outputs a layout, the rest RunOptions."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bgswap import extensions
from bgswap.errors import UsageError

if TYPE_CHECKING:
    from bgswap.folders.layout import Layout
    from bgswap.folders.plan import RunOptions
    from bgswap.folders.records import Record

T = TypeVar("T")
Command = Callable[..., Any]
STREAM_FORMATS = ("png", "jpg", "pam")


class Shard(click.ParamType[tuple[int, int]]):
    """I/N with 1 <= I <= N."""

    name = "I/N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Parse "2/8" as (2, 8)."""
        if isinstance(value, tuple):
            return value
        index, _, count = str(value).partition("/")
        if not (index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count)):
            self.fail(f"'{value}' is not I/N with 1 <= I <= N, such as 2/8", param, ctx)
        return int(index), int(count)


PATH = click.Path(path_type=Path)
FORMATS = click.Choice(["png", "jpg", "webp", "tiff", "avif", "bmp", "pam"])


def _color(ctx: click.Context, _option: click.Parameter, value: str) -> str:
    on, off = os.environ.get("FORCE_COLOR"), os.environ.get("NO_COLOR")
    forced = on or os.environ.get("CLICOLOR_FORCE", "0") != "0"
    auto = False if off else True if forced else None
    plain = os.environ.get("CLICOLOR") == "0" or os.environ.get("TERM") == "dumb"
    ctx.color = {"always": True, "never": False, "auto": False if auto is None and plain else auto}[value]
    return value


_RUN = [
    click.option("-t", "--target-directory", metavar="DIR", help="Write into DIR; all operands are sources."),
    click.option("--files0-from", metavar="FILE", help="Read NUL-separated names from FILE, or - for standard input."),
    click.option("--records-from", metavar="FILE", help="Read JSON lines of --records from FILE, or -, as they come."),
    click.option("--records", is_flag=True, help="Print a metadata.jsonl line for every finished record."),
    click.option("--keys", type=PATH, metavar="FILE", help="Only these keys, one a line."),
    click.option("--exclude", type=PATH, metavar="FILE", help="Not these keys, one a line."),
    click.option(
        "-j",
        "--jobs",
        default=0,
        type=click.IntRange(0),
        metavar="N",
        help="Pictures at a time; 0: one a usable processor.  [default: 0]",
    ),
    click.option("--shard", type=Shard(), default="1/1", help="Only share I of N, chosen by key."),
    click.option("--cluster", metavar="ADDRESS", help="Work on a Dask cluster that sees the same files."),
    click.option("--dry-run", is_flag=True, help="Print SOURCE, OUTPUT and ACTION; write nothing."),
    click.option("-u", "--update", is_flag=True, help="Skip what is done and unchanged; redo what changed or failed."),
    click.option("-n", "--no-clobber", is_flag=True, help="Leave outputs that exist."),
    click.option("--fail-fast", is_flag=True, help="Stop at the first failure."),
    click.option("--report", type=PATH, metavar="FILE", help="Write a JSON line a record."),
    click.option("--depfile", type=PATH, metavar="FILE", help="Write make rules that name inputs and weights."),
    click.option("--format", "format_", type=FORMATS, help="Format of the main output."),
    click.option("--to", type=click.Choice(STREAM_FORMATS), help="Format on standard output."),
    click.option(
        "--quality",
        type=click.IntRange(1, 100),
        metavar="1-100",
        help="Of JPEG, WebP and AVIF.  [default: 95]",
    ),
    click.option(
        "--name",
        default="{stem}.{format}",
        show_default=True,
        metavar="TEMPLATE",
        help="Names in a folder, of {stem} {key} {ext} {format}.",
    ),
    click.option(
        "--metadata",
        type=click.Choice(["strip", "safe"]),
        default="safe",
        show_default=True,
        help="Keep nothing, or resolution and copyright.",
    ),
    click.option(
        "--depth",
        type=click.Choice(["8", "16"]),
        default="8",
        show_default=True,
        help="Bits a channel that 16-bit pictures keep.",
    ),
    click.option(
        "--formats",
        type=click.Choice(["usual", "wide"]),
        default="usual",
        show_default=True,
        help="Formats that are read.",
    ),
    click.option(
        "--max-pixels",
        type=click.IntRange(1),
        default=150_000_000,
        show_default=True,
        metavar="N",
        help="Refuse larger pictures before decoding.",
    ),
    click.option(
        "--color",
        "--colour",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        help="Color on terminals.",
        expose_value=False,
        callback=_color,
    ),
    click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong."),
    click.option("-v", "--verbose", count=True, help="Say more; twice for most."),
    click.option("--debug", is_flag=True, help="Show tracebacks."),
]

_MODEL = [
    click.option(
        "--device",
        metavar="auto|cpu|cuda|cuda:N",
        envvar="BGSWAP_DEVICE",
        default="auto",
        show_default=True,
        help="Where networks run.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "fp32", "fp16", "bf16"]),
        default="auto",
        show_default=True,
        help="Of networks; auto is half precision on CUDA.",
    ),
    click.option("--offline", is_flag=True, envvar="BGSWAP_OFFLINE", help="Never download."),
    click.option(
        "--accept-license",
        multiple=True,
        metavar="MODEL",
        help="Accept the license of a non-commercial model.",
    ),
    click.option("--trust-model", is_flag=True, help="Run a TorchScript file that no catalog knows."),
]


def run_options(function: Command) -> Command:
    """The options of a command that goes through the pipeline."""
    for option in reversed(_RUN):
        function = option(function)
    return function


def model_options(function: Command) -> Command:
    """The options of a command that runs networks."""
    for option in reversed(_MODEL):
        function = option(function)
    return function


@dataclass(frozen=True)
class Naming:
    """The shared options that say what is read and what outputs are called."""

    target_directory: str | None
    files0_from: str | None
    records_from: str | None
    format_: str | None
    to: str | None
    name: str
    in_place: bool = False  # results go into the working directory, which is no folder of ours to keep a journal in


def way_option(name: str, package: str, default: str, intro: str, also: str = "") -> Callable[[Command], Command]:
    """An option whose values are the files of an extension folder, each with its line in the help."""
    choices = extensions.names(package)
    lines = "\n\n".join(f"{choice}: {extensions.summary(package, choice)}" for choice in choices)
    spellings = (name, also) if also else (name,)
    return click.option(
        *spellings, type=click.Choice(choices), default=default, show_default=True, help=f"{intro}\n\n{lines}\n\n"
    )


def model_names(_context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """What TAB offers for a model: the names of the catalog."""
    from bgswap.zoo.catalog import catalog

    return [name for name, card in catalog().items() if name.startswith(begun) and card.task == "matte"]


def split(options: dict[str, Any], *kinds: type[Any]) -> list[Any]:
    """Hand a command's options out to dataclasses by field name; none may be left over."""
    if "verbose" in options:
        options["verbose"] = -1 if options.pop("quiet") else options["verbose"]
        options["depth"] = int(options["depth"])
    made = []
    for kind in kinds:
        made.append(kind(**{f.name: options.pop(f.name) for f in fields(kind) if f.name in options}))
    if options:
        raise TypeError(f"no settings take the options {sorted(options)}")
    return made


@dataclass
class Operands:
    """What a command reads and where it writes, resolved from its operands and shared options."""

    records: "Iterable[Record]"
    sources: Sequence[Path]  # what was named, for the check that outputs lie elsewhere
    out: str
    several: bool
    live: bool = False
    whole: bool = False  # the records are a folder's, all of them


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
        stream = _stream(listed)
        if naming.files0_from:
            return Operands(records.from_list0(stream, role), (), out, True)
        return Operands(records.from_lines(iter(stream.readline, b""), role), (), out, True, live=True)
    if not names:
        raise UsageError("name what to read: a photo, a folder, or - for standard input")
    paths = [records.named(name) for name in names]
    if records.STREAM in paths and sys.stdin.isatty():
        click.echo("bgswap: reading a picture from standard input (end with Ctrl-D)", err=True)
    several, folder = len(paths) > 1, paths[0].is_dir()
    return Operands(records.from_files(paths, role), paths, out, several or folder, whole=folder and not several)


def _last_operand(names: list[str], least: int) -> str:
    if len(names) < least:
        raise UsageError("name a source and where to write: SOURCE OUT, or -t DIR SOURCE")
    out = names.pop()
    if len(names) > 1 and not (Path(out).is_dir() or out.endswith("/")):
        raise UsageError(f"with several sources the last operand must be a folder: end '{out}' in /")
    return out


def _stream(name: str) -> Any:
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


def go(stage: Any, found: Operands, where: "Layout", options: "RunOptions", shared: Iterable[Path] = ()) -> int:
    """Run the stage through the pipeline; the command's exit code."""
    import logging

    from bgswap.folders import pipeline

    logging.getLogger("PIL").addHandler(logging.NullHandler())  # what is wrong with a file is ours to tell
    if found.live and options.dry_run:
        raise UsageError("--dry-run cannot look ahead into piped records")
    if options.records and where.main.path == Path("-"):
        raise UsageError("--records and a picture cannot both go to standard output")
    reused = list(shared) if found.live else None
    return int(pipeline.run(stage, found.records, where, options, live=reused, whole=found.whole))


def backdrop(text: str | None) -> "tuple[int, int, int] | str | None":
    """A place that is no picture: "blur", or a color as (red, green, blue) 0..255; None where `text` names files."""
    if text is None or text == "-" or Path(text).exists():
        return None
    if text == "blur":
        return text
    from PIL import ImageColor

    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError:
        if text.startswith("#") or not Path(text).suffix:
            raise UsageError(f"'{text}' is no file, no color (#rrggbb or a CSS name) and not 'blur'") from None
        return None


def color(text: str | None) -> tuple[int, int, int] | None:
    """--background COLOR as (red, green, blue) 0..255."""
    if text is None:
        return None
    from PIL import ImageColor

    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError:
        raise UsageError(f"'{text}' is no color: use #rrggbb or a CSS name") from None


def unless_given(ctx: click.Context, **values: Any) -> dict[str, Any]:
    """Those of `values` whose options were left at their defaults."""
    given = click.core.ParameterSource.COMMANDLINE
    return {name: value for name, value in values.items() if ctx.get_parameter_source(name) != given}


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
