"""Plain compositing: alpha F + (1 - alpha) B. Porter and Duff, SIGGRAPH 1984, 10.1145/800031.808606"""

from typing import Any

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
    """foreground, background (h, w, 3) and alpha (h, w), all uint8 or all uint16, straight -> (h, w, 3).

    Exact: full alpha gives the foreground's very values and empty alpha the background's; only partial pixels go through
    float. light "linear" mixes those in linear light. width_px has no meaning here.
    """
    del width_px
    top = np.iinfo(alpha.dtype).max
    mixed = background.copy()
    np.copyto(mixed, foreground, where=(alpha == top)[..., None])
    partial = np.flatnonzero((alpha > 0) & (alpha < top))
    if partial.size:
        near, far = (to_unit(picture.reshape(-1, 3)[partial]) for picture in (foreground, background))
        cover = to_unit(alpha.reshape(-1)[partial])[:, None]
        if light == "linear":
            edge = to_srgb(cover * to_linear(near) + (1 - cover) * to_linear(far))
        else:
            edge = cover * near + (1 - cover) * far
        mixed.reshape(-1, 3)[partial] = to_levels(edge, background.dtype)
    return mixed
