"""Places that are no photo: a plain color, or the photo's own background, blurred."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

WORKING = 256  # ours: longer side that the blur is made at; it holds nothing finer
SIGMA = 0.025  # ours: blur, share of the longer side


def plain(color: tuple[int, int, int], size: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A picture (H, W, 3) of one sRGB color, 0..255 each, in the depth asked for."""
    levels = np.array(color, np.uint16) * (257 if dtype == np.uint16 else 1)
    return np.broadcast_to(levels.astype(dtype), (*size, 3)).copy()


def blurred(photo: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """The photo's background, blurred as if far away; the person's own colors do not bleed into it.

    photo: (H, W, 3), alpha: (H, W), uint8 or uint16; the result is as the photo. Blur of background pixels alone
    (normalized convolution): Knutsson and Westin, CVPR 1993, 10.1109/CVPR.1993.341081.
    """
    height, width = alpha.shape
    share = min(1.0, WORKING / max(height, width))
    small = (max(1, round(width * share)), max(1, round(height * share)))
    full = float(np.iinfo(photo.dtype).max)
    colors = cv2.resize(photo, small, interpolation=cv2.INTER_AREA).astype(np.float32) / full
    cover = cv2.resize(alpha, small, interpolation=cv2.INTER_AREA).astype(np.float32) / full
    # the rim of the person is soft and a little off: what is near it does not count as background
    weight = 1 - cv2.dilate(cover, np.ones((5, 5), np.uint8))
    sigma = SIGMA * max(small)
    total = cv2.GaussianBlur(weight, (0, 0), sigma)
    mixed = cv2.GaussianBlur(colors * weight[..., None], (0, 0), sigma) / np.maximum(total, 1e-6)[..., None]
    # deep inside the person no background reaches: wider blurs fill what nobody will see
    wide = cv2.GaussianBlur(weight, (0, 0), 8 * sigma)
    far = cv2.GaussianBlur(colors * weight[..., None], (0, 0), 8 * sigma) / np.maximum(wide, 1e-6)[..., None]
    trust = np.clip(total / 0.05, 0, 1)[..., None]
    levels = np.clip((mixed * trust + far * (1 - trust)) * full + 0.5, 0, full)
    # enlarged in 8 bits a blur would show steps: 16 bits, then back with half a level of ordered noise
    fine = cv2.resize((levels * (65535 / full)).astype(np.uint16), (width, height), interpolation=cv2.INTER_CUBIC)
    return fine if photo.dtype == np.uint16 else _narrow(fine)


def _narrow(fine: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """16 to 8 bits with a 4 x 4 ordered dither, in strips: without it a smooth sky bands."""
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.uint32) * 16
    out = np.empty(fine.shape, np.uint8)
    tile = np.tile(bayer, (64, -(-fine.shape[1] // 4)))[:, : fine.shape[1], None]
    for top in range(0, fine.shape[0], 256):
        rows = fine[top : top + 256].astype(np.uint32)
        out[top : top + 256] = np.minimum((rows * 255 // 256 + tile[: len(rows)]) >> 8, 255)
    return out
