"""Lay a ShadowLayer over the place: its darkness is drawn small, about the feet, and applied to full-size strips."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap import extensions
from bgswap.compositing.decisions import ShadowLayer
from bgswap.compositing.geometry import Matrix, bounds
from bgswap.compositing.light import Float, to_levels, to_linear, to_srgb, to_unit
from bgswap.compositing.outline import Outline
from bgswap.compositing.resample import shrink

WAYS = "bgswap.compositing.shadow"
DRAWN = 384  # ours: the person's height in pixels where its shadow is drawn; the shadow is softer than these pixels
VISIBLE = 1 / 512  # less than half a level even on white


class Shading:
    """The darkness that one layer lays on one frame."""

    def __init__(
        self,
        layer: ShadowLayer,
        alpha: NDArray[Any],
        matrix: Matrix,
        outline: Outline,
        frame: tuple[int, int],
    ) -> None:
        way = extensions.load(WAYS, layer.way)
        _, left, bottom, right = bounds(matrix, outline.box)
        tall = outline.height * float(np.hypot(matrix[0, 1], matrix[1, 1]))  # the person's height in frame pixels
        room = way.REACH * tall
        self.scale = min(1.0, DRAWN / tall)
        self.origin = np.array([left - room, bottom - room])  # x, y in the frame
        size = np.ceil(np.array([right - left + 2 * room, 2 * room]) * self.scale).astype(int)
        small = to_unit(shrink(alpha, max(8, round(max(outline.size) * DRAWN / outline.height))))
        # small pixels -> photo -> frame -> drawn pixels, in coordinates that count from pixel corners
        to_photo = np.diag([alpha.shape[1] / small.shape[1], alpha.shape[0] / small.shape[0]])
        linear = self.scale * matrix[:, :2] @ to_photo
        shift = self.scale * (matrix[:, 2] - self.origin) + linear @ [0.5, 0.5] - 0.5
        placed: Float = cv2.warpAffine(small, np.column_stack([linear, shift]), tuple(size.tolist()))
        self.dark: Float = way.shade(layer, placed, frame_px=frame[0] * self.scale, person_px=tall * self.scale)
        # Whatever is left at the drawing's own border fades out, so that no straight line shows.
        self.dark *= _fade(self.dark.shape[0])[:, None] * _fade(self.dark.shape[1])[None]

    @property
    def rows(self) -> tuple[int, int]:
        """Frame rows that may be darkened (first, past the last); they may lie outside the frame."""
        top = int(np.floor(self.origin[1]))
        return top, int(np.ceil(self.origin[1] + self.dark.shape[0] / self.scale))

    @property
    def columns(self) -> tuple[int, int]:
        """Frame columns that may be darkened."""
        left = int(np.floor(self.origin[0]))
        return left, int(np.ceil(self.origin[0] + self.dark.shape[1] / self.scale))

    def apply(self, background: NDArray[Any], top: int, left: int) -> NDArray[Any]:
        """Darken background (h, w, 3) uint8 or uint16 that lies at (top, left) of the frame, in linear light."""
        first, past = self.rows
        if top >= past or top + background.shape[0] <= first:
            return background
        back = np.array([[self.scale, 0, 0], [0, self.scale, 0]])
        back[:, 2] = self.scale * (np.array([left, top]) + 0.5 - self.origin) - 0.5
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        dark = cv2.warpAffine(self.dark, back, background.shape[1::-1], flags=flags)
        where = np.flatnonzero(dark > VISIBLE)
        if not where.size:
            return background
        shaded = background.copy()
        flat = shaded.reshape(-1, 3)
        light = to_linear(to_unit(flat[where])) * (1 - dark.reshape(-1)[where])[:, None]
        flat[where] = to_levels(to_srgb(light), background.dtype)
        return shaded


def _fade(length: int) -> Float:
    ends = np.minimum(np.arange(length), np.arange(length)[::-1]) / max(1.0, 0.1 * length)
    return np.clip(ends, 0, 1).astype(np.float32)
