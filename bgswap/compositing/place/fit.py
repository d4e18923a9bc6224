"""As in the photo, made to fit: on the border that cuts the person, else standing as big as the horizon has it."""

from typing import Any

from numpy.typing import NDArray

from bgswap.compositing.decisions import Place
from bgswap.compositing.outline import Outline
from bgswap.compositing.place._borders import NEAREST, SMALLEST, settled
from bgswap.compositing.place._footing import EYES, look


def find_place(outline: Outline, background: NDArray[Any], frame: tuple[int, int]) -> Place:
    """Where a person of this outline goes in a frame of (height, width) pixels; background: of its shape, any size.

    A border of the photo that cuts the person stays the border that cuts it, and its size is its share of the photo's
    height. A whole person is at most that big, and stands where a camera at the height of 1.5 m on level ground sees
    one of that size: nobody's head rises far over the horizon. That is estimated from where the sky ends.
    """
    x = (outline.box[1] + outline.box[3]) / 2 / outline.size[1]
    height = outline.height / outline.size[0]
    if outline.cut:
        return settled(outline, frame, x, height)
    horizon = look(background).horizon
    height = max(SMALLEST, min(height, EYES * (NEAREST - horizon)))
    return settled(outline, frame, x, height, y=min(NEAREST, horizon + height / EYES))
