"""The person's colors stay as they are."""

from bgswap.compositing.decisions import ColorMap
from bgswap.compositing.scene import Scene


def harmonize(_scene: Scene) -> ColorMap | None:
    """No change."""
    return None
