"""Pixel values and light: levels to 0..1 and back, sRGB to linear light and back (IEC 61966-2-1)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709


def to_unit(levels: NDArray[Any]) -> Float:
    """uint8 or uint16 levels -> float32 0..1; float arrays are passed on as float32."""
    if levels.dtype.kind == "f":
        return levels.astype(np.float32)
    return levels.astype(np.float32) * np.float32(1 / np.iinfo(levels.dtype).max)


def to_levels(unit: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Float 0..1 -> nearest level of uint8 or uint16; values outside are clipped."""
    top = np.iinfo(dtype).max
    return np.rint(np.clip(unit, 0, 1) * np.float32(top)).astype(dtype)


def change_depth(levels: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """uint8 <-> uint16 so that black and white stay black and white; the same array when nothing changes."""
    if levels.dtype == dtype:
        return levels
    if np.dtype(dtype) == np.uint16:
        return levels.astype(np.uint16) * np.uint16(257)
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def to_linear(srgb: Float) -> Float:
    """sRGB 0..1 -> linear light 0..1."""
    high = np.power((np.maximum(srgb, 0) + np.float32(0.055)) / np.float32(1.055), np.float32(2.4))
    return np.where(srgb <= 0.04045, srgb / np.float32(12.92), high).astype(np.float32)


def to_srgb(linear: Float) -> Float:
    """Linear light 0..1 -> sRGB 0..1."""
    high = np.float32(1.055) * np.power(np.maximum(linear, 0), np.float32(1 / 2.4)) - np.float32(0.055)
    return np.where(linear <= 0.0031308, linear * np.float32(12.92), high).astype(np.float32)


def luminance(srgb: NDArray[Any]) -> NDArray[Any]:
    """(..., 3) -> (...): BT.709 weights on the sRGB values themselves, as cheap guide; not linear-light luminance."""
    weighted: NDArray[Any] = srgb @ WEIGHTS
    return weighted
