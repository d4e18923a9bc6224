"""No shadow."""

from bgswap.compositing.decisions import ShadowLayer
from bgswap.compositing.scene import Scene


def cast(_scene: Scene) -> ShadowLayer | None:
    """Nothing falls on the place."""
    return None
