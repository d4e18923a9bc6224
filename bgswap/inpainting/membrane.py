"""A membrane stretched over a hole: the smoothest surface that meets the known values around it.

Push-pull pyramid for the start (Gortler et al., SIGGRAPH 1996, 10.1145/237170.237200), then relaxation
towards the harmonic surface on every level, coarse to fine. It fills plain backdrops, and carries color
differences into a hole.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

ROUNDS, MOST = 12, 200  # ours: relaxation rounds at full size, twice as many a halving, up to MOST
CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4


def stretch(values: NDArray[np.float32], known: NDArray[np.bool_], rounds: int = ROUNDS) -> NDArray[np.float32]:
    """Replace unknown values by the membrane. values (h, w, c) float32, known (h, w) -> (h, w, c) float32.

    Known values come back as they are; where nothing is known the answer is 0 everywhere.
    """
    values = np.where(known[..., None], values, np.float32(0)).astype(np.float32)
    if known.all() or not known.any() or min(known.shape) < 2:
        start = values if known.all() else np.broadcast_to(_mean(values, known), values.shape)
    else:
        smaller, weight = _halve(values, known)
        start = cv2.resize(
            stretch(smaller, weight, min(2 * rounds, MOST)), known.shape[::-1], interpolation=cv2.INTER_LINEAR
        )
        start = start.reshape(values.shape)
    surface = np.where(known[..., None], values, start)
    for _ in range(rounds if not known.all() and known.any() else 0):
        mean = cv2.filter2D(surface, -1, CROSS, borderType=cv2.BORDER_REPLICATE).reshape(values.shape)
        surface = np.where(known[..., None], values, mean)
    answer: NDArray[np.float32] = surface.astype(np.float32)
    return answer


def _mean(values: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    if not known.any():
        return np.zeros(values.shape[2], np.float32)
    mean: NDArray[np.float32] = values[known].mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def _halve(values: NDArray[np.float32], known: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Half the size; each pixel the mean of the known ones among its four."""
    size = tuple((side + 1) // 2 for side in known.shape[::-1])
    weight = cv2.resize(known.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
    total = cv2.resize(values, size, interpolation=cv2.INTER_AREA).reshape(*weight.shape[:2], -1)
    halved: NDArray[np.float32] = total / np.maximum(weight, 1e-6)
    return halved, weight[..., 0] > 0
