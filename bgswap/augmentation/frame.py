"""Which part of a photo a sample shows: a window drawn about the person, and every picture cut to it alike."""

from dataclasses import dataclass

Box = tuple[float, float, float, float]  # top, left, bottom, right


@dataclass(frozen=True)
class Scene:
    """What a method knows of its sample when it draws.

    size: (height, width) of the frame in pixels. box: of the whole person, (top, left, bottom, right) in the
    frame's pixels; it may reach outside. cut: of "top", "left", "bottom", "right", where the photo's or the
    frame's border cuts the person.
    """

    size: tuple[int, int]
    box: Box
    cut: frozenset[str] = frozenset()
