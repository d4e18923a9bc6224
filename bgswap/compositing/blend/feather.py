"""A softened edge: inward by the given pixels, or outward when they are negative; then plain compositing."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.blend import over
from bgswap.compositing.edges import extend_colors
from bgswap.compositing.light import to_levels, to_unit

WIDTH = 0.002  # ours: 2 pixels at 1000 rows hides the step of a hard mask and no more


def reach(width_px: float) -> int:
    """Pixels beyond a pixel that decide about it: the blur's, and outward that of the colors carried along."""
    return 2 * int(np.ceil(2 * abs(width_px))) + 2


def blend(
    foreground: NDArray[Any], alpha: NDArray[Any], background: NDArray[Any], *, light: str, width_px: float
) -> NDArray[Any]:
    """As `over`, with an alpha that takes about |width_px| pixels more to fall: inward (> 0) or outward (< 0).

    Inward no pixel gains alpha, so that nothing of the old surroundings appears; outward none loses any, and colors are
    carried out from the edge. Shapes and light as in `over`.
    """
    if abs(width_px) < 0.01 or not alpha.any() or alpha.min() == np.iinfo(alpha.dtype).max:
        return over.blend(foreground, alpha, background, light=light, width_px=0)
    unit = to_unit(alpha)
    outward = width_px < 0
    size = 2 * int(np.ceil(2 * abs(width_px))) + 1
    blurred = cv2.GaussianBlur(unit, (size, size), abs(width_px) / 2, borderType=cv2.BORDER_REPLICATE)
    # A hard edge blurs to one half on the edge itself: the half on the wanted side is stretched to the full fall.
    if outward:
        soft = np.maximum(unit, np.minimum(1, 2 * blurred))
        foreground = extend_colors(foreground, alpha, int(np.ceil(2 * abs(width_px))))
    else:
        soft = np.minimum(unit, np.maximum(0, 2 * blurred - 1))
    return over.blend(foreground, to_levels(soft, alpha.dtype), background, light=light, width_px=0)
