"""A softened edge: inward by the given pixels, or outward when they are negative; then plain compositing."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.blend import over
from bgswap.compositing.edges import edge_tiles, extend_colors
from bgswap.compositing.light import to_levels, to_unit

WIDTH = 0.002  # ours: 2 pixels at 1000 rows hides the step of a hard mask and no more


def reach(width_px: float) -> int:
    """Pixels beyond a pixel that decide about it: the blur's, and outward that of the colors carried along."""
    return 2 * int(np.ceil(2 * abs(width_px))) + 2


def blend(
    foreground: NDArray[Any], alpha: NDArray[Any], background: NDArray[Any], *, light: str, width_px: float
) -> NDArray[Any]:
    """As `over`, with an alpha that takes about |width_px| pixels more to fall: inward (> 0) or outward (< 0).

    Inward no pixel gains alpha, so that nothing of the old surroundings appears; outward none loses any, and
    colors are carried out from the edge. Shapes and light as in `over`.
    """
    softened, colors = alpha, foreground
    if abs(width_px) >= 0.01:
        softened, colors = alpha.copy(), foreground.copy()
        for tile, around, inner in edge_tiles(alpha, reach(width_px)):
            softened[tile] = _soften(alpha[around], width_px)[inner]
            if width_px < 0:
                distance = int(np.ceil(2 * abs(width_px)))
                colors[tile] = extend_colors(foreground[around], alpha[around], distance)[inner]
    return over.blend(colors, softened, background, light=light, width_px=0)


def _soften(alpha: NDArray[Any], width_px: float) -> NDArray[Any]:
    unit = to_unit(alpha)
    size = 2 * int(np.ceil(2 * abs(width_px))) + 1
    blurred = cv2.GaussianBlur(unit, (size, size), abs(width_px) / 2, borderType=cv2.BORDER_REPLICATE)
    # A hard edge blurs to one half on the edge itself: the half on the wanted side is stretched to the full fall.
    if width_px < 0:
        return to_levels(np.maximum(unit, np.minimum(1, 2 * blurred)), alpha.dtype)
    return to_levels(np.minimum(unit, np.maximum(0, 2 * blurred - 1)), alpha.dtype)
