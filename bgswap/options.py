"""The options that commands share, and how they are handed out to settings. Names on a command line: operands.py."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bgswap import extensions
from bgswap.errors import UsageError

if TYPE_CHECKING:
    pass

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


class Span(click.ParamType[tuple[float, float]]):
    """LOW,HIGH with LOW <= HIGH; one number is both."""

    name = "LOW,HIGH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """Parse "0.75,1.3" as (0.75, 1.3)."""
        if isinstance(value, tuple):
            return value
        text = str(value)
        try:
            low, high = map(float, text.split(",") if "," in text else (text, text))
        except ValueError:
            low, high = 1.0, 0.0
        if not low <= high or not isfinite(high - low):
            self.fail(f"'{value}' is not LOW,HIGH with LOW <= HIGH, such as 0.75,1.3", param, ctx)
        return low, high


class Frame(click.ParamType[tuple[int, int] | None]):
    """N, WxH or "native" as (height, width) or None."""

    name = "N|WxH|native"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int] | None:
        """Parse "256" as (256, 256), "240x320" as (320, 240) and "native" as None."""
        if isinstance(value, tuple):
            return value
        if value == "native":
            return None
        width, _, height = str(value).partition("x")
        height = height or width
        if not (width.isdigit() and height.isdigit() and 1 <= int(width) <= 8192 and 1 <= int(height) <= 8192):
            self.fail(f"'{value}' is not a side such as 256, a size such as 240x320, or native", param, ctx)
        return int(height), int(width)


class WayOrRun(click.ParamType[str]):
    """A file of an extension folder, or a network that does the same: a trained run, or a name of the catalog."""

    name = "WAY|RUN"

    def __init__(self, package: str) -> None:
        self.package = package

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word as it is, once something stands behind it."""
        known, name = extensions.names(self.package), str(value)
        if name not in known and not Path(name).expanduser().exists():
            from bgswap.zoo.catalog import catalog

            if name not in catalog():
                self.fail(f"'{name}' is none of {', '.join(known)}, no run folder and no model's name", param, ctx)
        return name

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, incomplete: str) -> Any:
        """The names; runs complete as files do."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in extensions.names(self.package) if name.startswith(incomplete)]


PATH = click.Path(path_type=Path)
FORMATS = click.Choice(["png", "jpg", "webp", "tiff", "avif", "bmp", "pam"])


def _color(ctx: click.Context, _option: click.Parameter, value: str) -> str:
    on, off = os.environ.get("FORCE_COLOR"), os.environ.get("NO_COLOR")
    forced = on or os.environ.get("CLICOLOR_FORCE", "0") != "0"
    auto = False if off else True if forced else None
    plain = os.environ.get("CLICOLOR") == "0" or os.environ.get("TERM") == "dumb"
    ctx.color = {"always": True, "never": False, "auto": False if auto is None and plain else auto}[value]
    return value


_RECORDS_FROM = click.option(
    "--records-from", metavar="FILE", help="Read JSON lines of --records from FILE, or -, as they come."
)
_WHICH = [
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
]
_CLUSTER = click.option("--cluster", metavar="ADDRESS", help="Work on a Dask cluster that sees the same files.")
_FAIL_FAST = click.option("--fail-fast", is_flag=True, help="Stop at the first failure.")
_RUN = [
    click.option("-t", "--target-directory", metavar="DIR", help="Write into DIR; all operands are sources."),
    click.option("--files0-from", metavar="FILE", help="Read NUL-separated names from FILE, or - for standard input."),
    _RECORDS_FROM,
    click.option("--records", is_flag=True, help="Print a metadata.jsonl line for every finished record."),
    *_WHICH,
    click.option("--shard", type=Shard(), default="1/1", help="Only share I of N, chosen by key."),
    _CLUSTER,
    click.option("--dry-run", is_flag=True, help="Print SOURCE, OUTPUT and ACTION; write nothing."),
    click.option("-u", "--update", is_flag=True, help="Skip what is done and unchanged; redo what changed or failed."),
    click.option("-n", "--no-clobber", is_flag=True, help="Leave outputs that exist."),
    _FAIL_FAST,
    click.option("--report", type=PATH, metavar="FILE", help="Write a JSON line a record."),
    click.option("--depfile", type=PATH, metavar="FILE", help="Write make rules that name inputs and weights."),
]

_WRITE = [
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
]

_TALK = [
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

_READ = [
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
    *_TALK,
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


def _adding(options: Sequence[Callable[[Command], Command]]) -> Callable[[Command], Command]:
    def add(function: Command) -> Command:
        for option in reversed(options):
            function = option(function)
        return function

    return add


run_options = _adding(_RUN + _WRITE + _READ)  # of a command that goes through the pipeline
sample_options = _adding(_RUN + _READ)  # where outputs have one form: nothing to say of formats and names
measure_options = _adding([_RECORDS_FROM, *_WHICH, _CLUSTER, _FAIL_FAST, *_READ])  # where no picture is written
read_options = _adding(_READ)  # of a command that reads pictures in its own way
talk_options = _adding(_TALK)  # of one that reads none: color, and how much is said
model_options = _adding(_MODEL)  # of a command that runs networks


@dataclass(frozen=True)
class Naming:
    """The shared options that say what is read and what outputs are called."""

    target_directory: str | None
    files0_from: str | None
    records_from: str | None
    format_: str | None = None
    to: str | None = None
    name: str = "{stem}.{format}"
    in_place: bool = False  # results go into the working directory, which is no folder of ours to keep a journal in


def colors_option(text: str) -> Callable[[Command], Command]:
    """--colors of a matte's soft edges."""
    kinds = click.Choice(["own", "photo"])
    return click.option("--colors", "--colours", type=kinds, default="own", show_default=True, help=text)


def way_option(
    name: str, package: str, default: str | None, intro: str, also: str = "", *, or_run: bool = False
) -> Callable[[Command], Command]:
    """An option whose values are the files of an extension folder, each with its line in the help; or_run: or a run."""
    spellings = (name, also) if also else (name,)
    kind: Any = WayOrRun(package) if or_run else click.Choice(extensions.names(package))
    text = with_ways(intro, package)
    return click.option(*spellings, type=kind, default=default, show_default=True, help=text)


def ways_option(name: str, package: str, intro: str, **more: Any) -> Callable[[Command], Command]:
    """The same for an option that may be given several times. more: as click.option takes it."""
    kind = more.pop("type", None) or click.Choice(extensions.names(package))
    return click.option(name, multiple=True, type=kind, help=with_ways(intro, package, variants=True), **more)


def with_ways(intro: str, package: str, *, variants: bool = False) -> str:
    """A help text that lists an extension folder's files, each with its first line and, where asked, its variants."""
    lines = []
    for choice in extensions.names(package):
        known = extensions.variants(package, choice) if variants else ()
        lines.append(
            f"{choice}: {extensions.summary(package, choice)}" + (f" Variants: {', '.join(known)}." if known else "")
        )
    return "\n\n".join([intro, *lines, ""])


def model_names(_context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """What TAB offers for a model: the names of the catalog."""
    from bgswap.zoo.catalog import catalog

    return [name for name, card in catalog().items() if name.startswith(begun) and card.task == "matte"]


def split(options: dict[str, Any], *kinds: type[Any]) -> list[Any]:
    """Hand a command's options out to dataclasses by field name; none may be left over."""
    if "verbose" in options:
        options["verbose"] = -1 if options.pop("quiet") else options["verbose"]
    if "depth" in options:
        options["depth"] = int(options["depth"])
    made = []
    for kind in kinds:
        made.append(kind(**{f.name: options.pop(f.name) for f in fields(kind) if f.name in options}))
    if options:
        raise TypeError(f"no settings take the options {sorted(options)}")
    return made


def backdrop(text: str | None) -> "tuple[int, int, int] | str | None":
    """A place that is no picture: "blur", or a color as (red, green, blue) 0..255; None where `text` names files."""
    if text is None or text == "-" or Path(text).exists():
        return None
    if text == "blur":
        return text
    found = _rgb(text)
    if found is None and (text.startswith("#") or not Path(text).suffix):
        raise UsageError(f"'{text}' is no file, no color (#rrggbb or a CSS name) and not 'blur'")
    return found


def color(text: str | None) -> tuple[int, int, int] | None:
    """--background COLOR as (red, green, blue) 0..255."""
    found = None if text is None else _rgb(text)
    if text is not None and found is None:
        raise UsageError(f"'{text}' is no color: use #rrggbb or a CSS name")
    return found


def _rgb(text: str) -> tuple[int, int, int] | None:
    from PIL import ImageColor

    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError:
        return None


def unless_given(ctx: click.Context, **values: Any) -> dict[str, Any]:
    """Those of `values` whose options were left at their defaults."""
    given = click.core.ParameterSource.COMMANDLINE
    return {name: value for name, value in values.items() if ctx.get_parameter_source(name) != given}
