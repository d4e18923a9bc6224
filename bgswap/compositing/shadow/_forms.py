"""One formula on NumPy arrays and on torch tensors: what the two name differently.

Arithmetic, indexing, `clip` and `@` read alike on both; what does not goes through a Form.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.jit import compiled

Array = Any  # an array of NumPy's, or a tensor


@dataclass(frozen=True)
class Form:
    """xp: the module with exp, sin, cos, sqrt, amax and broadcast_to.

    like(constant, x): a NumPy constant as x is. sample(planes, x, y): see bilinear. eroded(planes (B, H, W)): the least
    of each pixel's 3x3 surroundings inside the plane.
    """

    xp: Any
    like: Callable[[NDArray[Any], Array], Array]
    sample: Callable[[Array, Array, Array], Array]
    eroded: Callable[[Array], Array]


def arrays() -> Form:
    """On NumPy arrays; loads no torch."""
    import cv2

    def bilinear(planes: Array, x: Array, y: Array) -> Array:
        """(B, C, H, W) at columns x and rows y (B, ...), counted from pixel centers: (B, C, ...), 0 outside."""
        found = np.empty((planes.shape[0], planes.shape[1], *x.shape[1:]), np.float32)
        flat = found.reshape(*planes.shape[:2], -1)
        for index, plane in enumerate(np.ascontiguousarray(planes, np.float32)):
            at = (np.ascontiguousarray(one[index], np.float32).ravel() for one in (x, y))
            compiled(_bilinear)(plane, *at, flat[index])
        return found

    def eroded(planes: Array) -> Array:
        return np.stack([cv2.erode(plane, np.ones((3, 3), np.uint8)) for plane in planes])

    return Form(np, lambda constant, _: constant.astype(np.float32), bilinear, eroded)


def tensors() -> Form:
    """On torch tensors, differentiable."""
    import torch
    import torch.nn.functional as F

    def like(constant: NDArray[Any], x: Array) -> Array:
        return torch.from_numpy(np.ascontiguousarray(constant)).to(x)

    def sample(planes: Array, x: Array, y: Array) -> Array:
        height, width = planes.shape[2:]
        grid = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], -1)
        found = F.grid_sample(planes, grid.flatten(1, -2)[:, None], align_corners=True)
        return found.reshape(*planes.shape[:2], *x.shape[1:])

    return Form(torch, like, sample, lambda planes: -F.max_pool2d(-planes, 3, 1, 1))


def _bilinear(planes: NDArray[Any], x: NDArray[Any], y: NDArray[Any], found: NDArray[Any]) -> None:
    channels, height, width = planes.shape
    for index in range(x.size):
        column, row = x[index], y[index]
        if not (-1 < column < width and -1 < row < height):
            found[:, index] = 0
            continue
        left, top = int(np.floor(column)), int(np.floor(row))
        right_share, low_share = column - left, row - top
        for channel in range(channels):
            total = np.float32(0)
            for i in range(2):
                for j in range(2):
                    if 0 <= top + i < height and 0 <= left + j < width:
                        share = (low_share if i else 1 - low_share) * (right_share if j else 1 - right_share)
                        total += share * planes[channel, top + i, left + j]
            found[channel, index] = total
