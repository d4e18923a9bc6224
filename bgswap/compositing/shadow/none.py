"""No shadow."""

from bgswap.compositing.decisions import Place, ShadowLayer
from bgswap.compositing.outline import Outline


def cast(_outline: Outline, _place: Place) -> ShadowLayer | None:
    """Nothing falls on the place."""
    return None
