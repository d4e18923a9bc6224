"""Which Place: one of the ways in place/, or the user's own numbers as X,Y,H[,ROTATION[,flip]]."""

from math import isfinite
from typing import Any

from numpy.typing import NDArray

from bgswap import extensions
from bgswap.compositing.decisions import Place
from bgswap.compositing.outline import Outline
from bgswap.errors import UsageError

WAYS = "bgswap.compositing.place"


def find_place(way: str, outline: Outline, place: NDArray[Any], frame: tuple[int, int]) -> Place:
    """The Place that `way` (a name, or numbers) gives a person in a frame of (height, width) pixels."""
    if "," in way:
        return parse_place(way)
    found: Place = extensions.load(WAYS, way).find_place(outline, place, frame)
    return found


def parse_place(text: str) -> Place:
    """Read X,Y,H[,ROTATION[,flip]]: shares of the frame and degrees.

    >>> parse_place("0.5,0.95,0.6")
    Place(x=0.5, y=0.95, height=0.6, rotation=0.0, flip=False, score=None)
    """
    parts = [part.strip() for part in text.split(",")]
    try:
        if not 3 <= len(parts) <= 5 or (len(parts) == 5 and parts[4] != "flip"):
            raise ValueError
        x, y, height = (float(part) for part in parts[:3])
        rotation = float(parts[3]) if len(parts) > 3 else 0.0
        if not all(isfinite(number) for number in (x, y, height, rotation)):
            raise ValueError
    except ValueError:
        raise UsageError(
            f"'{text}' is not X,Y,H[,ROTATION[,flip]], such as 0.5,0.95,0.6 or 0.3,0.9,0.5,10,flip"
        ) from None
    if height <= 0:
        raise UsageError(f"'{text}': the height must be more than 0")
    return Place(x, y, height, rotation, flip=len(parts) == 5)
