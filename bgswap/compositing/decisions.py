"""What a composite decides: numbers and small grids, made on small pictures, saved as JSON lines, applied full size.

All lengths are shares of the result's frame and all angles degrees, so that one decision fits every
resolution.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bgswap.errors import UsageError

VERSION = 1
Part = TypeVar("Part")


@dataclass(frozen=True)
class Place:
    """Where the person stands.

    x, y: middle of the lower edge of the person's box, shares of the frame's width and height.
    height: of the box, share of the frame's height.
    rotation: degrees counter-clockwise about (x, y). flip: mirrored left to right, before the turn.
    score: how well the place suits, higher is better; None where nobody scored.
    """

    x: float
    y: float
    height: float
    rotation: float = 0.0
    flip: bool = False
    score: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.height, float | int) and self.height <= 0:
            raise UsageError(f"a person's height is more than 0, not {self.height:g}")


@dataclass(frozen=True, eq=False)
class ColorMap:
    """The person's color change: 3x4 affines on sRGB 0..1, chosen by luminance and by position in the frame.

    grid: (rows, columns, bins, 12) float32, the 12 numbers row by row as `out = A @ (r, g, b, 1)`; None is
    identity. Held at half precision from the start, so that a saved and a fresh decision give the same pixels.
    strength: 0 leaves the person alone, 1 applies the grid in full.
    """

    way: str = "none"
    strength: float = 1.0
    grid: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.grid is not None:
            grid = np.asarray(self.grid, np.float32)
            if grid.ndim != 4 or grid.shape[3] != 12 or 0 in grid.shape or not np.isfinite(grid).all():
                raise UsageError(f"a color grid is (rows, columns, bins, 12) finite numbers, not {grid.shape}")
            object.__setattr__(self, "grid", grid.astype(np.float16).astype(np.float32))

    @property
    def is_identity(self) -> bool:
        return self.grid is None or self.strength == 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ColorMap) or (self.way, self.strength) != (other.way, other.strength):
            return False
        if self.grid is None or other.grid is None:
            return self.grid is other.grid
        return np.array_equal(self.grid, other.grid)

    def __hash__(self) -> int:
        return hash((self.way, self.strength, None if self.grid is None else self.grid.tobytes()))


@dataclass(frozen=True)
class ShadowLayer:
    """What darkens the background. contact: 0..1, how dark it gets right under the feet; softness: blur, share of the
    frame's height. azimuth (degrees), length and density (0..1) tell of the cast shadow and are 0 without
    one.
    """

    azimuth: float = 0.0
    length: float = 0.0
    softness: float = 0.0
    density: float = 0.0
    contact: float = 0.0
    way: str = "contact"


@dataclass(frozen=True)
class Blend:
    """How edges mix. light: "srgb" or "linear". width: reach of the way's softening, share of the frame's height."""

    way: str = "over"
    light: str = "srgb"
    width: float = 0.0

    def __post_init__(self) -> None:
        if self.light not in ("srgb", "linear"):
            raise UsageError(f"light is 'srgb' or 'linear', not '{self.light}'")


@dataclass(frozen=True)
class Decisions:
    """All decisions for one composite of `size` (height, width). None leaves a step out; no place: nobody to place."""

    place: Place | None
    harmonize: ColorMap | None = None
    shadow: ShadowLayer | None = None
    blend: Blend = field(default_factory=Blend)
    size: tuple[int, int] | None = None
    key: str = ""
    person: str = ""
    background: str = ""
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def to_json(self) -> str:
        """One JSON line (without the line end). Warnings are for the reader of this run and are not saved."""
        line: dict[str, Any] = {"version": VERSION, "key": self.key}
        line |= {"person": self.person, "background": self.background}
        if self.size is not None:
            line["size"] = list(self.size)
        if self.place is not None:
            line["place"] = asdict(self.place)
        if self.harmonize is not None:
            line["harmonize"] = _color_to_json(self.harmonize)
        if self.shadow is not None:
            line["shadow"] = asdict(self.shadow)
        line["blend"] = asdict(self.blend)
        return json.dumps(line, allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> "Decisions":
        """Read one line; any part may be missing. UsageError says what is wrong with it."""
        try:
            parts = json.loads(line)
        except json.JSONDecodeError as error:
            raise UsageError(f"not a JSON line of decisions: {error}") from error
        if not isinstance(parts, dict) or parts.get("version") != VERSION:
            raise UsageError(f'a line of decisions is an object with "version": {VERSION}')
        size = parts.get("size")
        if size is not None and (not isinstance(size, list) or [type(n) for n in size] != [int, int]):
            raise UsageError(f'"size" is [height, width] in pixels, not {size}')
        names = {name: parts.get(name, "") for name in ("key", "person", "background")}
        return cls(
            place=_part(Place, parts, "place"),
            harmonize=_color_from_json(parts["harmonize"]) if parts.get("harmonize") else None,
            shadow=_part(ShadowLayer, parts, "shadow"),
            blend=_part(Blend, parts, "blend") or Blend(),
            size=None if size is None else (size[0], size[1]),
            **names,
        )


def read_lines(lines: Iterable[str]) -> Iterator[Decisions]:
    """Decisions of a file's lines, one after another; empty lines are passed over, a bad one is named by its number."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield Decisions.from_json(line)
            except UsageError as error:
                raise UsageError(f"decisions, line {number}: {error}") from error


def _part(kind: type[Part], parts: Mapping[str, Any], name: str) -> Part | None:
    if parts.get(name) is None:
        return None
    try:
        made = kind(**parts[name])
    except TypeError as error:
        raise UsageError(f'"{name}": {str(error).split(".__init__() ")[-1]}') from error
    for key, value in vars(made).items():
        default = getattr(kind, key, 0.0)  # x, y and height have no default: they are numbers
        if isinstance(default, str | bool):
            right = isinstance(value, type(default))
        else:
            right = (isinstance(value, float | int) and np.isfinite(value)) or (value is None and default is None)
        if not right:
            raise UsageError(f'"{name}": {key} cannot be {value!r}')
    return made


def _color_to_json(color: ColorMap) -> dict[str, Any]:
    line: dict[str, Any] = {"way": color.way, "strength": color.strength}
    if color.grid is not None:
        packed = base64.b64encode(color.grid.astype("<f2").tobytes()).decode("ascii")
        line["grid"] = {"shape": list(color.grid.shape), "f16": packed}
    return line


def _color_from_json(line: Any) -> ColorMap:
    strength = line.get("strength", 1.0) if isinstance(line, dict) else None
    if not isinstance(strength, float | int) or not 0 <= strength <= 1:
        raise UsageError('"harmonize" is an object with a strength of 0 to 1')
    # A part that this version cannot apply is refused: passing over it would give other pixels than were decided.
    if unknown := set(line) - {"way", "strength", "grid"}:
        raise UsageError(f'"harmonize" cannot be applied: {", ".join(sorted(unknown))} is not known here')
    grid = None
    if line.get("grid"):
        try:
            flat = np.frombuffer(base64.b64decode(line["grid"]["f16"], validate=True), "<f2")
            grid = flat.reshape(line["grid"]["shape"]).astype(np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f'"harmonize": the grid cannot be read: {error}') from error
    return ColorMap(way=str(line.get("way", "none")), strength=float(strength), grid=grid)
