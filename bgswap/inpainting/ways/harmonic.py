"""The smoothest surface that meets the rim; no download. For studio backdrops and clear sky."""

import numpy as np
from numpy.typing import NDArray

from bgswap.inpainting.membrane import stretch


def fill(photo: NDArray[np.uint8], hole: NDArray[np.bool_], *, seed: int = 0) -> NDArray[np.uint8]:  # noqa: ARG001
    """Fill a small picture's hole. photo (h, w, 3) uint8 RGB, hole (h, w) True = fill -> (h, w, 3) uint8.

    seed: not used, nothing here is random.
    """
    surface = stretch(photo.astype(np.float32), ~hole)
    return np.where(hole[..., None], surface.round().clip(0, 255), photo).astype(np.uint8)
