"""What is known of a model, one row of a catalog.toml: its files, what they need and give, their terms."""

import dataclasses
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from bgswap.errors import UsageError

Three = tuple[float, float, float]
T = TypeVar("T")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # a card's name is also a folder's name
CHECKSUM = {"sha256": 64, "md5": 32}  # hexadecimal digits


@dataclass(frozen=True)
class InputSpec:
    """How a photo becomes the network's input, (1, 3, H, W) float32 RGB.

    Resize, divide by 255 or by the resized picture's own largest value, then (x - mean) / std. The defaults
    are those of rembg's U2Net family.
    """

    side: int = 320  # pixels
    fit: Literal["stretch", "longest"] = "stretch"  # side x side; or the longest side = side, aspect kept
    multiple: int = 1  # "longest": both sides are rounded to a multiple of it
    filter: Literal["lanczos", "area"] = "lanczos"
    divide: Literal["255", "max"] = "max"
    mean: Three = (0.485, 0.456, 0.406)  # ImageNet
    std: Three = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class OutputSpec:
    """How the first output, (1, C, H, W), becomes a matte 0..1."""

    activation: Literal["none", "sigmoid"] = "none"
    channel: int = 0


@dataclass(frozen=True)
class WeightFile:
    """One file of weights: where it comes from and how it is known to be the right one."""

    file: str  # name in our store; a user's own catalog may give a path
    urls: tuple[str, ...] = ()  # tried in turn
    size: int = 0  # bytes, as published or about; 0 = not known. A download may exceed it by a tenth
    sha256: str = ""
    md5: str = ""
    sha256_prefix: str = ""  # as torch hub writes it into file names; weak, used only where nothing else is known
    source: str = ""  # who publishes the checksum
    verified: str = "unverified here"  # or when and how the file was at hand
    part: str = "model"  # several parts make one model (sam: encoder, decoder)
    device: Literal["any", "cpu", "cuda"] = "any"  # the same network in two formats: which is for which
    env: str = ""  # an environment variable that other programs use to name this file

    @property
    def checksum(self) -> str:
        """The strongest published checksum, for people: "md5 60024c5c..."; "none published" without one."""
        known = (f"{kind} {getattr(self, kind)}" for kind in ("sha256", "md5", "sha256_prefix") if getattr(self, kind))
        return next(known, "none published")


@dataclass(frozen=True)
class Card:
    """A model: name, files, terms, what it needs and gives. `file`, `urls`, ... speak of its first file."""

    name: str
    # features: for metrics; those from refine on: what trained runs do; transform decides for composite
    task: Literal[
        "matte",
        "inpaint",
        "segment",
        "parse",
        "features",
        "refine",
        "fuse",
        "harmonize",
        "place",
        "transform",
        "generate",
    ] = "matte"
    license: str = "unknown"
    commercial: bool = True  # False: only with --accept-license
    about: str = ""
    network: str = ""  # for state dicts: the file of bgswap/networks that fits
    files: tuple[WeightFile, ...] = ()
    takes: tuple[str, ...] = ("photo",)  # pictures that the input stacks, by role: "photo", "alpha", "background"
    gives: tuple[str, ...] = ("picture",)  # the outputs in order; those that composite reads are told in its decider.py
    input: InputSpec = field(default_factory=InputSpec)
    output: OutputSpec = field(default_factory=OutputSpec)
    origin: str = "bgswap"  # or the catalog file, run folder or weights that it was read from

    @property
    def file(self) -> str:
        """Its name in the store, or a path."""
        return self.files[0].file

    @property
    def urls(self) -> tuple[str, ...]:
        """Where it can be had, in turn."""
        return self.files[0].urls

    @property
    def size(self) -> int:
        """Bytes of all files together; 0 = not known."""
        return sum(file.size for file in self.files)

    @property
    def sha256(self) -> str:
        """Published SHA-256, or none."""
        return self.files[0].sha256

    @property
    def md5(self) -> str:
        """Published MD5, or none."""
        return self.files[0].md5

    @property
    def source(self) -> str:
        """Who publishes the checksum."""
        return self.files[0].source

    @property
    def verified(self) -> str:
        """How the file was at hand, or "unverified here"."""
        return self.files[0].verified

    def parts(self, device: str) -> dict[str, WeightFile]:
        """The files that a device needs ("cpu", "cuda:0"), by part."""
        kind = device.partition(":")[0]
        return {file.part: file for file in self.files if file.device in ("any", kind)}


def card_from_table(name: str, table: Mapping[str, Any], where: str) -> Card:
    """A card from a TOML or JSON table. UsageError names a key that is unknown or wrong, and `where`."""
    here = f"{where}, [{name}]"
    if not NAME.fullmatch(name):
        raise UsageError(f"{here}: a model's name has letters, digits, '.', '_' and '-' only.")
    row = dict(table)
    own = {key: row.pop(key) for key in _keys(WeightFile) if key in row}
    files = row.pop("files", None)
    if bool(own) == bool(files):
        raise UsageError(f"{here}: give either 'file' with its urls and checksums, or a list of [[{name}.files]].")
    cards = [_make(WeightFile, one, f"{here} files") for one in (files or [own])]
    for card in cards:
        _check_checksums(card, here)
    specs: dict[str, Any] = {key: _make(kind, row.pop(key, {}), f"{here} {key}") for key, kind in _SPECS.items()}
    unfilled = {"name": name, "origin": where, "files": tuple(cards), **specs}
    return _make(Card, row, here, **unfilled)


_SPECS: dict[str, type] = {"input": InputSpec, "output": OutputSpec}


def _keys(cls: type) -> list[str]:
    return [one.name for one in dataclasses.fields(cls)]


def _make(cls: type[T], table: Any, where: str, **given: Any) -> T:
    """Fill a dataclass from a table; what is `given` may not stand in the table."""
    if not isinstance(table, Mapping):
        raise UsageError(f"{where}: expected a table, found {table!r}.")
    allowed = [key for key in _keys(cls) if key not in given]
    hints = get_type_hints(cls)
    values = dict(given)
    for key, value in table.items():
        if key not in allowed:
            near = difflib.get_close_matches(key, allowed, 1)
            hint = f" Did you mean '{near[0]}'?" if near else f" Known keys: {', '.join(allowed)}."
            raise UsageError(f"{where}: unknown key '{key}'.{hint}")
        values[key] = _fit(value, hints[key], f"{where}: '{key}'")
    try:
        return cls(**values)
    except TypeError as error:  # a required key is missing
        raise UsageError(f"{where}: {str(error).rpartition('argument')[2].strip(': ')} is missing.") from None


def _fit(value: Any, hint: Any, where: str) -> Any:
    """A TOML value as the type of its field."""
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise UsageError(f"{where} is {value!r}: choose one of {', '.join(get_args(hint))}.")
        return value
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        size = None if Ellipsis in kinds else len(kinds)
        if not isinstance(value, list) or (size and len(value) != size):
            raise UsageError(f"{where} must be a list" + (f" of {size} numbers." if size else "."))
        return tuple(_fit(one, kinds[0], where) for one in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise UsageError(f"{where} is {value!r}: expected {hint.__name__}.")
    return value


def _check_checksums(file: WeightFile, where: str) -> None:
    for kind, digits in CHECKSUM.items():
        value = getattr(file, kind)
        if value and not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
            raise UsageError(f"{where}: '{kind}' is not {digits} lower-case hexadecimal digits: {value!r}.")
