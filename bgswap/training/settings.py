"""A recipe's settings: dataclasses whose fields are the names of `--set`, each with its help and its source.

No torch here: `bgswap train --list` and `--dry-run` read these before anything heavy is loaded.
"""

import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar, get_type_hints

from bgswap.errors import UsageError

Size = tuple[int, int]  # (height, width)
S = TypeVar("S", bound="Settings")


def setting(default: Any, meaning: str, source: str, choices: Sequence[str] = ()) -> Any:
    """A field of a recipe's settings. choices: the words it may be; an integer may stand beside them in its type."""
    return field(default=default, metadata={"help": meaning, "source": source, "choices": tuple(choices)})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every recipe has; a recipe's own dataclass gives other defaults and adds fields.

    Everything that these say, the steps apart, is fixed for the life of a run.
    """

    size: tuple[Size, ...] = setting(((256, 256),), "Sides in pixels, N or WxH; several are trained in turn.", "ours")
    batch: tuple[int, ...] = setting((16,), "Samples a step over all devices, one number or one a size.", "ours")
    steps: int = setting(0, "Steps in all; 0: as many as `epochs` say.", "ours")
    epochs: float = setting(10.0, "Passes over the training photos, where steps is 0.", "ours")
    shares: tuple[float, ...] = setting((), "Share of the steps at each size; none: equal ones.", "ours")
    seed: int = setting(0, "Of the first weights, the order of the samples and all chance.", "ours")
    accumulate: int = setting(1, "Parts that a batch is worked through in, to save memory.", "ours")
    clip: float = setting(0.0, "Longest gradient, its L2 norm; 0: any.", "ours")
    ema: float = setting(0.998, "Decay a step of the moving average of the weights, which is what is kept.", "ours")
    held_out: float = setting(0.2, "Share of the photos that validation has.", "ours")
    block: int = setting(10, "Neighboring keys that are held out together.", "ours: photos of one shoot stand together")
    validation: int = setting(64, "Samples that validation measures.", "ours")
    validate_every: int = setting(500, "Steps between validations.", "ours")

    def __post_init__(self) -> None:
        many = len(self.size)
        if len(self.batch) not in (1, many):
            raise UsageError(f"batch has {len(self.batch)} numbers and size {many}: give one, or one a size")
        if self.shares and len(self.shares) != many:
            raise UsageError(f"shares has {len(self.shares)} numbers and size {many}: give one a size, or none")
        if not 0 < self.held_out < 1:
            raise UsageError(f"held_out={self.held_out:g}: a share of the photos is needed, between 0 and 1")
        if min(*self.batch, self.accumulate, self.validate_every, self.validation, self.block) < 1:
            raise UsageError("batch, accumulate, block, validation and validate_every must be at least 1")


def changed(settings: S, words: Sequence[str]) -> S:
    """The settings with NAME=VALUE words put in, each typed as its field. UsageError says what fits."""
    hints = get_type_hints(type(settings))
    values = {}
    for word in words:
        name, equals, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise UsageError(f"--set {word}: write NAME=VALUE")
        if name not in hints:
            import difflib

            near = difflib.get_close_matches(name, hints, 1)
            raise UsageError(
                f"--set {word}: there is no '{name}'."
                + (f" Did you mean '{near[0]}'?" if near else f" There are {', '.join(sorted(hints))}.")
            )
        values[name] = typed(value.strip(), hints[name], f"--set {word}")
    if "size" in values and len(values["size"]) != len(settings.size):  # what stood a size belongs to other sizes
        fewer = len(settings.batch) not in (1, len(values["size"]))
        values = {"shares": ()} | ({"batch": settings.batch[-1:]} if fewer else {}) | values
    made = replace(settings, **values)
    _check_choices(made)
    return made


def _check_choices(settings: Settings) -> None:
    for one in fields(settings):
        choices, value = one.metadata["choices"], getattr(settings, one.name)
        if choices and isinstance(value, str) and value not in choices:
            raise UsageError(f"{one.name}={value}: choose one of {', '.join(choices)}")


def typed(text: str, hint: Any, where: str) -> Any:
    """A word as the type of its field: bool, int, float, str, unions and tuples of these, commas between."""
    kinds = typing.get_args(hint)
    if hint == Size:
        return _size(text, where)
    if typing.get_origin(hint) is tuple:
        return tuple(typed(part.strip(), kinds[0], where) for part in text.split(",")) if text else ()
    for kind in kinds or (hint,):  # of a union in their order: `int | str` tries the number first
        try:
            return READERS[kind](text)
        except ValueError:
            continue
    told = " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds or (hint,))
    raise UsageError(f"{where}: '{text}' is no {told}")


def _bool(text: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


READERS: dict[Any, Callable[[str], Any]] = {bool: _bool, int: int, float: float, str: str}


def _size(text: str, where: str) -> Size:
    width, _, height = text.partition("x")
    height = height or width
    if not (width.isdigit() and height.isdigit() and 8 <= int(width) <= 8192 and 8 <= int(height) <= 8192):
        raise UsageError(f"{where}: '{text}' is no size such as 256, or 240x320 (wide x high)")
    return int(height), int(width)
