"""What the baselines share: sizes that must agree, hard masks, and mattes solved from a trimap."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap import extensions
from bgswap.compositing.blend import over
from bgswap.errors import PictureError
from bgswap.matting.bands import to_float
from bgswap.matting.colors import cut_out
from bgswap.matting.look import Rough, shrink
from bgswap.matting.predict import REFINE
from bgswap.matting.trimap import UNKNOWN, enforce, trimap_from_alpha

HALF = 128  # a matte's levels from here on are the person
ROUGH = 512  # ours: longest side of the copy that the guided start is fitted on; networks' mattes are about as large


def check(picture: NDArray[Any], mask: NDArray[Any], background: NDArray[Any] | None = None) -> None:
    """Refuse pictures (H, W, 3) and a mask (H, W) of different sizes by a PictureError."""
    sizes = {"picture": picture.shape[:2], "mask": mask.shape}
    if background is not None:
        sizes["background"] = background.shape[:2]
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"the {name} is {'x'.join(map(str, shape[::-1]))}" for name, shape in sizes.items())
        raise PictureError(f"{told}: a baseline needs them in one size")


def hard(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A matte (H, W) cut at one half: 0 or 255."""
    return np.where(mask >= HALF, np.uint8(255), np.uint8(0))


def solved(
    way: str, photo: NDArray[np.uint8], mask: NDArray[np.uint8], background: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The person of a photo before a background, its matte found anew by a way of matting/refine: (H, W, 3).

    The mask's soft pixels, and those near its edge, are the trimap's unknown ones; what alpha is there is not told:
    the solver starts from the mask cut at one half. Soft pixels get the person's own colors, as in `matte`'s cut-outs.
    """
    check(photo, mask, background)
    alpha = matte(way, photo, mask)
    cut = cut_out(photo, alpha)
    return over.blend(np.ascontiguousarray(cut[..., :3]), alpha, background, light="srgb", width_px=0)


def matte(way: str, photo: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Alpha (H, W) of a photo (H, W, 3) inside the trimap that its mask (H, W) gives; see `solved`."""
    trimap = trimap_from_alpha(mask)
    unknown = (trimap == UNKNOWN).astype(np.uint8)
    if not unknown.any():
        return hard(mask)
    share = min(1.0, ROUGH / max(mask.shape))
    rows, columns = (max(1, round(side * share)) for side in mask.shape)
    rough = Rough(*(to_float(shrink(picture, rows, columns)) for picture in (hard(mask), photo)))
    alpha, _ = extensions.load(REFINE, way).refine(rough, photo, unknown)
    return enforce(alpha, trimap)
