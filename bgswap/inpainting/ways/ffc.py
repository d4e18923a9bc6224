"""Our fast Fourier convolutions: name a run of ffc-inpaint in its stead. After Suvorov et al., WACV 2022.

Theirs is LaMa, 10.1109/WACV51458.2022.00323. `bgswap train ffc-inpaint` learns it from places with holes in them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SIDE = 192  # longest side of a hole in pixels: with room around it about the size of the training's pictures

Network = Callable[..., tuple[NDArray[np.float32], ...]]  # a loader Model: float32 arrays in, float32 arrays out


def fill(
    photo: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    *,
    seed: int = 0,  # noqa: ARG001
    model: Network,
) -> NDArray[np.uint8]:
    """Fill a small picture's hole. photo (h, w, 3) uint8 RGB, hole (h, w) True = fill -> (h, w, 3) uint8.

    model: called with photo and hole stacked, (1, 4, h, w) float32, 0..1 and 1 = fill, of any size; answers
    (1, 3, h, w) 0..1. seed: not used. What the network says outside of the hole is dropped.
    """
    planes = np.concatenate([photo.astype(np.float32) / 255, hole[..., None].astype(np.float32)], axis=2)
    answer = model(np.ascontiguousarray(planes.transpose(2, 0, 1)[None]))[0][0]
    levels = np.rint(np.clip(answer.transpose(1, 2, 0), 0, 1) * 255).astype(np.uint8)
    return np.where(hole[..., None], levels, photo)
