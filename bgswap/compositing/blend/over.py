"""Plain compositing: alpha F + (1 - alpha) B. Porter and Duff, SIGGRAPH 1984, 10.1145/800031.808606"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.light import to_levels, to_linear, to_srgb, to_unit

WIDTH = 0.0  # share of the frame's height that the way reaches to by default


def reach(_width_px: float) -> int:
    """Pixels beyond a pixel that decide about it."""
    return 0


def blend(
    foreground: NDArray[Any], alpha: NDArray[Any], background: NDArray[Any], *, light: str, width_px: float
) -> NDArray[Any]:
    """foreground, background (h, w, 3) and alpha (h, w), all uint8 or all uint16, straight -> (h, w, 3), a new picture.

    Every way of this folder has this form. It is given a piece of the frame with reach(width_px) pixels around what is
    kept of it, so that pieces join; pixels beyond reach of any edge come out as foreground or background.

    Exact: full alpha gives the foreground's very values and empty alpha the background's; only partial pixels
    go through float. light "linear" mixes those in linear light. width_px has no meaning here.
    """
    del width_px
    top = np.iinfo(alpha.dtype).max
    mixed = background.copy()
    cv2.copyTo(foreground, (alpha == top).view(np.uint8), mixed)
    partial = np.flatnonzero(alpha - alpha.dtype.type(1) < top - 1)  # 0 wraps round to the top
    if partial.size:
        near, far = (to_unit(np.take(picture.reshape(-1, 3), partial, axis=0)) for picture in (foreground, background))
        cover = to_unit(alpha.reshape(-1)[partial])[:, None]
        if light == "linear":
            edge = to_srgb(cover * to_linear(near) + (1 - cover) * to_linear(far))
        else:
            edge = cover * near + (1 - cover) * far
        mixed.reshape(-1, 3)[partial] = to_levels(edge, background.dtype)
    return mixed
