"""Plain compositing: alpha F + (1 - alpha) B. Porter and Duff, SIGGRAPH 1984, 10.1145/800031.808606"""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.jit import compiled
from bgswap.compositing.light import to_linear, to_srgb

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 0.0  # share of the frame's height that the way reaches to by default
STEPS = 4096  # ours: of the way back to sRGB, over the root of linear light; off by 3e-7 at most
NONE = np.zeros(1, np.float64)


def reach(_width_px: float) -> int:
    """Pixels beyond a pixel that decide about it."""
    return 0


def blend(
    foreground: NDArray[Any], alpha: NDArray[Any], background: NDArray[Any], *, light: str, width_px: float
) -> NDArray[Any]:
    """foreground, background (h, w, 3) and alpha (h, w), all uint8 or all uint16, straight -> (h, w, 3), a new picture.

    Every way of this folder has this form. It is given a piece of the frame with reach(width_px) pixels around what is
    kept of it, so that pieces join; pixels beyond reach of any edge come out as foreground or background.

    Exact: full alpha gives the foreground's very values and empty alpha the background's; partial pixels are the
    nearest level. light "linear" mixes those in linear light. width_px has no meaning here.
    """
    del width_px
    mixed = np.array(background, order="C")
    near, cover = np.ascontiguousarray(foreground).reshape(-1, 3), np.ascontiguousarray(alpha).reshape(-1)
    to_light, back = _tables(mixed.dtype.itemsize) if light == "linear" else (NONE, NONE)
    compiled(_mix)(near, cover, mixed.reshape(-1, 3), int(np.iinfo(mixed.dtype).max), to_light, back)
    return mixed


def blend_tensors(foreground: "Tensor", alpha: "Tensor", background: "Tensor", light: str = "srgb") -> "Tensor":
    """The same in torch: (B, 3, H, W), (B, 1, H, W), (B, 3, H, W), sRGB 0..1 -> (B, 3, H, W). Differentiable."""
    if light == "srgb":
        return background + alpha * (foreground - background)
    near, far = light_of(foreground), light_of(background)
    return srgb_of(far + alpha * (near - far))


def light_of(srgb: "Tensor") -> "Tensor":
    """sRGB 0..1 -> linear light 0..1 (IEC 61966-2-1), any shape."""
    import torch

    high = ((srgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(srgb <= 0.04045, srgb / 12.92, high)


def srgb_of(linear: "Tensor") -> "Tensor":
    """Linear light 0..1 -> sRGB 0..1, any shape."""
    import torch

    # Clamped before the power: where the other branch is chosen, its gradient would be infinite times 0.
    high = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, linear * 12.92, high)


def _mix(near: Any, cover: Any, mixed: Any, top: int, to_light: Any, back: Any) -> None:
    """A loop for `compiled`: `mixed` holds the background (n, 3) and gets the composite; back of one number: sRGB."""
    half, last = top // 2, back.size - 2
    for i in range(cover.size):
        a = int(cover[i])
        if a == 0:
            continue
        if a == top:
            for c in range(3):
                mixed[i, c] = near[i, c]
        elif last < 0:
            for c in range(3):  # in whole numbers: rounded right, and alike wherever a piece begins
                mixed[i, c] = (a * int(near[i, c]) + (top - a) * int(mixed[i, c]) + half) // top
        else:
            for c in range(3):
                lit = (a * to_light[near[i, c]] + (top - a) * to_light[mixed[i, c]]) / top
                at = np.sqrt(lit) * (last + 1)
                k = min(int(at), last)
                mixed[i, c] = int(top * (back[k] + (at - k) * (back[k + 1] - back[k])) + 0.5)


@cache
def _tables(depth: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Linear light of every level of so many bytes, and sRGB at equal steps of linear light's root."""
    levels = np.linspace(0, 1, 256**depth, dtype=np.float32)
    roots = np.linspace(0, 1, STEPS + 1, dtype=np.float32)
    return to_linear(levels).astype(np.float64), to_srgb(roots**2).astype(np.float64)
