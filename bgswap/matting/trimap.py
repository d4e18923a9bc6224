"""Trimaps: 0 surely background, 128 unknown, 255 surely foreground; uint8, (H, W), the size of the photo."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.errors import PictureError
from bgswap.matting.bands import SURE, disk
from bgswap.matting.look import Rough, full, shrink

UNKNOWN = 128
BAND = 0.005  # ours: half-width of the unknown band beyond soft pixels, as a share of the longest side


def trimap_from_alpha(alpha: NDArray[Any], band_px: int | None = None, sure: float = SURE) -> NDArray[np.uint8]:
    """Mark the soft pixels of a matte, and those within `band_px` of them or of an edge, as unknown.

    Args:
        alpha: (H, W) uint8 or uint16.
        band_px: pixels; without it 0.5 % of the longest side, at least 2.
        sure: alpha within this of 0 or 1 counts as sure.

    Returns:
        (H, W) uint8: 0, 128 or 255.
    """
    reach = max(2, round(BAND * max(alpha.shape))) if band_px is None else band_px
    low, high = sure * full(alpha), (1 - sure) * full(alpha)
    around = np.ones((3, 3), np.uint8)
    # erosion and dilation by one pixel first, so that a hard edge between two sure pixels is found as well
    soft = ((cv2.dilate(alpha, around) > low) & (cv2.erode(alpha, around) < high)).astype(np.uint8)
    trimap = np.where(alpha > full(alpha) // 2, np.uint8(255), np.uint8(0))
    trimap[_widen(soft, reach) > 0] = UNKNOWN
    return trimap


def _widen(mask: NDArray[np.uint8], reach: int) -> NDArray[np.uint8]:
    """Dilate by a disk of `reach` pixels; wide ones by the distance transform, whose time does not grow with them."""
    if reach <= 3:
        return np.asarray(cv2.dilate(mask, disk(reach))) if reach else mask
    distance = cv2.distanceTransform((mask == 0).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray((distance <= reach).astype(np.uint8))


def read_trimap(picture: NDArray[Any], height: int, width: int) -> NDArray[np.uint8]:
    """A user's trimap (H, W) of any depth as 0, 128, 255: black, white, and all grays between.

    Raises:
        PictureError: its size is not the photo's.
    """
    if picture.shape != (height, width):
        wrong = "x".join(str(side) for side in picture.shape[1::-1])
        raise PictureError(f"the trimap is {wrong}, its photo is {width}x{height}: they must be the same size")
    top = full(picture)
    trimap = np.full(picture.shape, UNKNOWN, np.uint8)
    trimap[picture <= 0.02 * top] = 0
    trimap[picture >= 0.98 * top] = 255
    return trimap


def impose(rough: Rough, trimap: NDArray[np.uint8]) -> Rough:
    """The rough matte with what a trimap (H, W) is sure of put in; inside its unknown part it stays as it was."""
    size = rough.alpha.shape
    solid, empty = (shrink((trimap == value).astype(np.uint8) * 255, *size) / 255.0 for value in (255, 0))
    alpha = rough.alpha * (1 - solid - empty).clip(0, 1) + solid
    return Rough(alpha.astype(np.float32), rough.photo)


def enforce(alpha: NDArray[Any], trimap: NDArray[np.uint8]) -> NDArray[Any]:
    """A matte (H, W) that is 0 and full wherever the trimap (H, W) is sure."""
    kept = alpha.copy()
    kept[trimap == 0] = 0
    kept[trimap == 255] = full(alpha)
    return kept
