"""Apply a ColorMap: to strips of full-size pixels for use, to tensors for training; one formula, written twice.

1. Globals: every channel's linear light times 2 to the power of its stops, then back to sRGB, then the distance from
   luminance times 1 + saturation.
2. Grid: the affine that lies at the pixel's position and at its luminance after step 1, between cells and between bins
   by linear interpolation (bilateral grid, Chen, Paris, Durand, SIGGRAPH 2007, 10.1145/1276377.1276506).
3. Shading: linear light times the gain at the pixel's position, between cells by linear interpolation of logarithms.

Values may leave 0..1 in between, so that a step can bring back what one before it overexposed; they are clipped last.
Cells are told by their middles, bins by their ends: bin 0 is black, the last one white.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.decisions import ColorMap, Globals
from bgswap.compositing.light import WEIGHTS, Float, to_linear, to_srgb

if TYPE_CHECKING:
    from torch import Tensor

IDENTITY = np.array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], np.float32)
STEEPEST = 12.0  # ours: a shading's logarithm counts as no more than this, either way
STOPS = 17.0  # ours: as much in stops, for what the globals do to a channel
RED_WEIGHT, GREEN_WEIGHT, BLUE_WEIGHT = (float(one) for one in WEIGHTS)
KNEE = 0.04045  # sRGB, IEC 61966-2-1: a line below, a power above


class Recolor:
    """A ColorMap made ready for a frame of (height, width) pixels, which need not be whole numbers."""

    def __init__(self, color: ColorMap, frame: tuple[float, float]) -> None:
        self.identity, self.frame = color.is_identity, frame
        self._color = color
        strength = np.float32(color.strength)
        self._stops, self._saturation = stops_of(color.globals or Globals(), color.strength)
        self._grid = np.zeros((0, 0, 0, 12), np.float32)
        if color.grid is not None:
            self._grid = IDENTITY + strength * (color.grid - IDENTITY)
        self._shading = np.zeros((0, 0, 1, 1), np.float32)
        if color.shading is not None:
            self._shading = np.clip(strength * color.shading, -STEEPEST, STEEPEST).astype(np.float32)[..., None, None]
        self._curves: dict[Any, Float] = {}

    def apply(self, foreground: NDArray[Any], alpha: NDArray[Any], top: float, left: float) -> NDArray[Any]:
        """foreground (h, w, 3) uint8 or uint16, at (top, left) of the frame: recolored where alpha is not 0.

        Returns a new array, or `foreground` itself where the map changes nothing.
        """
        if self.identity:
            return foreground
        from bgswap.compositing.colors import apply_loops as loops  # numba wakes up only where colors change

        # Copied where it must be, so that one compiled loop serves all: two might round a tie apart.
        levels, alpha = (np.require(given, requirements=("C", "W")) for given in (foreground, alpha))
        changed = np.empty_like(levels)
        place = np.array([top, left, *self.frame], np.float64)
        curves = self._curve(levels.dtype)
        loops.strip(changed, levels, alpha, curves, np.float32(self._saturation), self._grid, self._shading, place)
        return changed

    def _curve(self, dtype: Any) -> Float:
        """(3, levels) sRGB of every level of red, green and blue after exposure, temperature and tint."""
        if dtype not in self._curves:
            top = np.iinfo(dtype).max
            unit = np.arange(top + 1, dtype=np.float32) * np.float32(1 / top)
            curves = [unit if stops == 0 else to_srgb(to_linear(unit) * np.float32(2**stops)) for stops in self._stops]
            self._curves[dtype] = np.stack(curves)
        return self._curves[dtype]


def stops_of(told: Globals, strength: float = 1.0) -> tuple[tuple[float, float, float], float]:
    """Stops that red, green and blue gain, and the saturation."""
    exposure, temperature, tint = told.exposure, told.temperature, told.tint
    stops = exposure + temperature / 2 - tint / 3, exposure + 2 * tint / 3, exposure - temperature / 2 - tint / 3
    red, green, blue = (min(max(strength * one, -STOPS), STOPS) for one in stops)
    return (red, green, blue), strength * told.saturation


def recolor(
    picture: "Tensor",
    globals_: "Tensor | None" = None,
    grid: "Tensor | None" = None,
    shading: "Tensor | None" = None,
    strength: float = 1.0,
    window: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
) -> "Tensor":
    """The same for training: picture (B, 3, H, W) sRGB 0..1 -> (B, 3, H, W), 0..1, differentiable in all tensors.

    globals_ (B, 4): exposure, temperature, tint, saturation. grid (B, rows, columns, bins, 12). shading (B, rows,
    columns). All as ColorMap has them; None is identity. window: the part of the frame that the picture shows, (top,
    left, bottom, right) as shares.
    """
    import torch

    if globals_ is not None:
        exposure, temperature, tint, saturation = (strength * globals_).unbind(1)
        stops = torch.stack([temperature / 2 - tint / 3, 2 * tint / 3, -temperature / 2 - tint / 3], 1)
        gains = torch.exp2((stops + exposure[:, None]).clamp(-STOPS, STOPS))[..., None, None]
        picture = _srgb(gains * _linear(picture))
        gray = _luminance(picture)
        picture = gray + (1 + saturation[:, None, None, None]) * (picture - gray)
    if grid is not None:
        identity = torch.as_tensor(IDENTITY, dtype=grid.dtype, device=grid.device)
        affine = _sliced(identity + strength * (grid - identity), picture, window)  # (B, 3, 4, H, W)
        picture = (affine[:, :, :3] * picture[:, None]).sum(2) + affine[:, :, 3]
    if shading is not None:
        from torch.nn.functional import grid_sample

        at = _positions(picture, window)
        logs = (strength * shading).clamp(-STEEPEST, STEEPEST)[:, None]
        gain = grid_sample(logs, at, "bilinear", "border", align_corners=False).exp()  # (B, 1, H, W)
        picture = _srgb(gain * _linear(picture))
    return picture.clamp(0, 1)


def _positions(picture: "Tensor", window: tuple[float, float, float, float]) -> "Tensor":
    """Where pixels lie in the frame, (B, H, W, 2): x and y, -1..1."""
    import torch

    (batch, _, height, width), (top, left, bottom, right) = picture.shape, window
    y = top + (bottom - top) * (torch.arange(height, dtype=picture.dtype, device=picture.device) + 0.5) / height
    x = left + (right - left) * (torch.arange(width, dtype=picture.dtype, device=picture.device) + 0.5) / width
    both = torch.stack(torch.meshgrid(2 * y - 1, 2 * x - 1, indexing="ij")[::-1], 2)
    return both.expand(batch, height, width, 2)


def _sliced(grid: "Tensor", picture: "Tensor", window: tuple[float, float, float, float]) -> "Tensor":
    import torch
    from torch.nn.functional import grid_sample

    bins = grid.shape[3]
    bin_at = _luminance(picture).clamp(0, 1)[:, 0, ..., None] * (bins - 1)
    at = torch.cat([_positions(picture, window), (2 * bin_at + 1) / bins - 1], 3)[:, None]  # (B, 1, H, W, 3)
    sliced = grid_sample(grid.permute(0, 4, 3, 1, 2), at, "bilinear", "border", align_corners=False)
    return sliced.reshape(len(sliced), 3, 4, *picture.shape[2:])


def _luminance(picture: "Tensor") -> "Tensor":
    weights = picture.new_tensor((RED_WEIGHT, GREEN_WEIGHT, BLUE_WEIGHT)).view(1, 3, 1, 1)
    return (weights * picture).sum(1, keepdim=True)


def _linear(srgb: "Tensor") -> "Tensor":
    import torch

    # The power's argument is kept off 0 where the line is taken: a gradient of infinity times 0 is no number.
    return torch.where(srgb <= KNEE, srgb / 12.92, ((srgb.clamp_min(KNEE) + 0.055) / 1.055) ** 2.4)


def _srgb(linear: "Tensor") -> "Tensor":
    import torch

    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)
