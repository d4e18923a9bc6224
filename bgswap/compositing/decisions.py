"""What a composite decides: numbers and small grids, made on small pictures, applied full size; saved.py writes them.

All lengths are shares of the result's frame and all angles degrees, so that one decision fits every
resolution.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.errors import UsageError

PARTS = frozenset(("place", "harmonize", "shadow", "blend", "lens"))


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


@dataclass(frozen=True)
class Globals:
    """One change for the whole person, 0 each for none.

    exposure: stops. temperature: stops by which red rises over blue; tint: stops by which green rises over the mean of
    red and blue; both keep the mean of the three gains' logarithms. These act on linear light. saturation: -1 is gray,
    1 doubles the distance from it, on sRGB.
    """

    exposure: float = 0.0
    temperature: float = 0.0
    tint: float = 0.0
    saturation: float = 0.0


@dataclass(frozen=True, eq=False)
class ColorMap:
    """The person's color change, applied in the order globals, grid, shading; None of each is identity.

    grid: 3x4 affines on sRGB 0..1, chosen by luminance and by position in the frame: (rows, columns, bins, 12) float32,
    the 12 numbers row by row as `out = A @ (r, g, b, 1)`. shading: (rows, columns) float32, natural logarithms of gains
    on linear light by position in the frame. Both are held at half precision from the start, so that a saved and a
    fresh decision give the same pixels.
    strength: 0 leaves the person alone, 1 applies all in full; between, globals and shading are scaled, and the grid
    is mixed with identity.
    """

    way: str = "none"
    strength: float = 1.0
    globals: Globals | None = None
    grid: NDArray[np.float32] | None = None
    shading: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        for name, sides, form in (("grid", 4, "(rows, columns, bins, 12)"), ("shading", 2, "(rows, columns)")):
            given = getattr(self, name)
            if given is None:
                continue
            numbers = np.asarray(given, np.float32).astype(np.float16).astype(np.float32)
            wrong = numbers.ndim != sides or 0 in numbers.shape or not np.isfinite(numbers).all()
            if wrong or (name == "grid" and numbers.shape[3] != 12):
                raise UsageError(f"a color {name} is {form} finite numbers of half precision, not {numbers.shape}")
            object.__setattr__(self, name, numbers)

    @property
    def is_identity(self) -> bool:
        """Whether pixels come out as they went in."""
        nothing = self.globals in (None, Globals()) and self.grid is None and self.shading is None
        return nothing or self.strength == 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ColorMap) and self._known() == other._known()

    def __hash__(self) -> int:
        return hash(self._known())

    def _known(self) -> tuple[Any, ...]:
        arrays = [None if one is None else (one.shape, one.tobytes()) for one in (self.grid, self.shading)]
        return (self.way, self.strength, self.globals, *arrays)


@dataclass(frozen=True)
class ShadowLayer:
    """What darkens the background. A shadow's pixel loses a share of its light, in linear light.

    azimuth: degrees clockwise as seen from above, towards which the shadow falls: 0 away from the camera (up in the
    picture), 90 to the right, 180 towards the camera. length: of the shadow over the person's height, as it would be
    measured on the ground. softness: blur at the person's height away from the feet, share of the frame's height.
    density: light lost in the cast shadow, 0..1; 0 is none. contact: 0..1, how dark it gets right under the feet.
    tint: what is left of red, green and blue relative to their mean, where the shadow is full: a blue sky lights it.
    """

    azimuth: float = 0.0
    length: float = 0.0
    softness: float = 0.0
    density: float = 0.0
    contact: float = 0.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
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
class Lens:
    """What the place's camera did and the person's did not.

    grain: standard deviation of noise that the person gets, in levels of 0..255. blur: of the person, sigma as share
    of the frame's height. defocus: radius of the disc that a far background point becomes, share of the frame's height.
    """

    grain: float = 0.0
    blur: float = 0.0
    defocus: float = 0.0


@dataclass(frozen=True, eq=False)
class Painting:
    """What a network painted, for --paint: it is enlarged as it is, and no decision can hold it.

    pixels: (h, w, 3) float32 sRGB 0..1 of the window (top, left, bottom, right), shares of the frame. whole: the
    network painted person and place; else only the person is taken from it.
    """

    pixels: NDArray[np.float32]
    window: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    whole: bool = False


@dataclass(frozen=True)
class Decisions:
    """All decisions for one person in one composite of `size` (height, width).

    None leaves a step out; no place: nobody to place. missing: parts that a line of a file said nothing of, neither
    null nor numbers: they are decided when the line is used. candidates: the places that were found, best first.
    """

    place: Place | None
    harmonize: ColorMap | None = None
    shadow: ShadowLayer | None = None
    blend: Blend = field(default_factory=Blend)
    lens: Lens | None = None
    size: tuple[int, int] | None = None
    key: str = ""
    person: str = ""
    background: str = ""
    painting: Painting | None = field(default=None, compare=False)
    candidates: tuple[Place, ...] = field(default=(), compare=False)
    missing: frozenset[str] = field(default=frozenset(), compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
