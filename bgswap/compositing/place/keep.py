"""The same box as in the photo, in shares of the frame; nothing is clamped."""

from typing import Any

from numpy.typing import NDArray

from bgswap.compositing.decisions import Place
from bgswap.compositing.outline import Outline


def find_place(outline: Outline, _place: NDArray[Any], _frame: tuple[int, int]) -> Place:
    """The person's box in the photo, as shares, is its box in the frame: in one of the photo's size nothing moves."""
    top, left, bottom, right = outline.box
    height, width = outline.size
    return Place((left + right) / 2 / width, bottom / height, (bottom - top) / height)
