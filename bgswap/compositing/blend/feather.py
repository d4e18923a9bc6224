"""A softened edge: inward by the given pixels, or outward when they are negative; then plain compositing."""

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.blend import over
from bgswap.compositing.blend._edges import edge_tiles, extend_colors, levels_for, pyramid_reach
from bgswap.compositing.light import change_depth

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 0.002  # ours: 2 pixels at 1000 rows hides the step of a hard mask and no more
TOP = 65535
UNSEEN = 0.01  # ours: less of a pixel than this is none


def reach(width_px: float) -> int:
    """Pixels beyond a pixel that decide about it: the blur's, and outward that of the colors carried along."""
    distance = int(np.ceil(2 * abs(width_px)))
    return pyramid_reach(levels_for(distance)) if width_px <= -UNSEEN else distance + 1


def blend(
    foreground: NDArray[Any], alpha: NDArray[Any], background: NDArray[Any], *, light: str, width_px: float
) -> NDArray[Any]:
    """As `over`, with an alpha that takes about |width_px| pixels more to fall: inward (> 0) or outward (< 0).

    Inward no pixel gains alpha, so that nothing of the old surroundings appears; outward none loses any, and
    colors are carried out from the edge. Shapes and light as in `over`.
    """
    softened, colors = alpha, foreground
    if abs(width_px) >= UNSEEN:
        softened = alpha.copy()
        colors = foreground.copy() if width_px < 0 else foreground
        for tile, around, inner in edge_tiles(alpha, reach(width_px)):
            softened[tile] = _soften(alpha[around], width_px)[inner]
            if width_px < 0:
                distance = int(np.ceil(2 * abs(width_px)))
                colors[tile] = extend_colors(foreground[around], alpha[around], distance)[inner]
    return over.blend(colors, softened, background, light=light, width_px=0)


def soften_tensor(alpha: "Tensor", width_px: float) -> "Tensor":
    """The softened alpha in torch: (B, 1, H, W) 0..1 -> the same shape. Differentiable."""
    import torch.nn.functional as F

    if abs(width_px) < UNSEEN:
        return alpha
    size, sigma = _kernel(width_px)
    weights = alpha.new_tensor(cv2.getGaussianKernel(size, sigma)[:, 0])
    blurred = F.pad(alpha, [size // 2] * 4, mode="replicate")
    blurred = F.conv2d(F.conv2d(blurred, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))
    if width_px < 0:
        return alpha.maximum((2 * blurred).clamp(max=1))
    return alpha.minimum((2 * blurred - 1).clamp(min=0))


def _kernel(width_px: float) -> tuple[int, float]:
    """Side in pixels and sigma of the blur."""
    return 2 * int(np.ceil(2 * abs(width_px))) + 1, abs(width_px) / 2


def _soften(alpha: NDArray[Any], width_px: float) -> NDArray[Any]:
    size, sigma = _kernel(width_px)
    levels = change_depth(alpha, np.uint16)  # OpenCV blurs these in whole numbers: alike wherever a piece begins
    blurred = cv2.GaussianBlur(levels, (size, size), sigma, borderType=cv2.BORDER_REPLICATE)
    # A hard edge blurs to one half on the edge itself: the half on the wanted side is stretched to the full fall.
    if width_px < 0:
        softened = np.maximum(levels, cv2.add(blurred, blurred))  # saturates
    else:
        lost = TOP - blurred
        softened = np.minimum(levels, TOP - cv2.add(lost, lost))
    return change_depth(softened, alpha.dtype)
