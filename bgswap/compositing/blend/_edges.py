"""What blend ways share: colors beyond the person's edge, tiles along it, and small changes added at full size."""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.blend import over
from bgswap.compositing.jit import compiled
from bgswap.compositing.light import Float, to_levels, to_unit

TRUSTED = 0.1  # ours: from this alpha on, a cut-out's own color is kept
FINE = 256  # ours: a small change is kept in 256ths of a level of 255
PARTS = 128  # ours: and read between its pixels in 128ths of their distance; all in whole numbers
Tile = tuple[slice, slice]


def extend_colors(foreground: NDArray[Any], alpha: NDArray[Any], distance: int) -> NDArray[Any]:
    """Carry the person's colors `distance` pixels beyond its edge, or more; solid pixels stay as they are.

    foreground (h, w, 3), alpha (h, w), both uint8 or both uint16. Push-pull: means weighted by alpha on ever
    smaller copies fill what finer ones leave open (after Gortler et al., SIGGRAPH 1996, 10.1145/237170.237200).
    """
    levels = levels_for(distance)
    return to_levels(push_pull(to_unit(foreground), to_unit(alpha), levels), foreground.dtype)


def levels_for(distance: int) -> int:
    """How many halvings carry colors so many pixels."""
    return 1 + int(np.ceil(np.log2(max(2, distance))))


def pyramid_reach(levels: int) -> int:
    """Pixels beyond a pixel that decide about it after so many halvings and as many doublings; a multiple of 2^levels.

    Tiles of a frame agree only where they begin at multiples of 2^levels: the filters are two pixels wide on every
    level, down and up.
    """
    return int(4 << levels)


def edge_tiles(alpha: NDArray[Any], margin: int, tile: int = 512) -> Iterator[tuple[Tile, Tile, Tile]]:
    """Tiles of a matte (h, w) with an edge within `margin` pixels: (tile, surroundings, tile in these).

    alpha: levels, or float 0..1.
    """
    height, width = alpha.shape
    top = 1 if alpha.dtype.kind == "f" else np.iinfo(alpha.dtype).max
    for y in range(0, height, tile):
        for x in range(0, width, tile):
            y0, x0 = max(0, y - margin), max(0, x - margin)
            y1, x1 = min(height, y + tile), min(width, x + tile)
            around = slice(y0, min(height, y1 + margin)), slice(x0, min(width, x1 + margin))
            if alpha[around].max() > 0 and alpha[around].min() < top:
                yield (slice(y, y1), slice(x, x1)), around, (slice(y - y0, y1 - y0), slice(x - x0, x1 - x0))


def push_pull(colors: Float, weight: Float, levels: int) -> Float:
    """colors (h, w, 3), weight (h, w), 0..1: colors where weight is 1, and neighbors' means the more the less it is."""
    if levels == 0 or min(weight.shape) < 2:
        return colors
    summed, cover = cv2.pyrDown(colors * weight[..., None]), cv2.pyrDown(weight)
    means = np.divide(summed, cover[..., None], out=np.zeros_like(summed), where=cover[..., None] > 1e-4)
    coarse = push_pull(means, cover, levels - 1)
    filled = cv2.pyrUp(coarse, dstsize=(colors.shape[1], colors.shape[0]))
    # A color under a little alpha is a color all the same (a hair's): only below TRUSTED do neighbors take over.
    pulled: Float = filled + (colors - filled) * np.minimum(1, weight / TRUSTED)[..., None]
    return pulled


class SmallChange:
    """A change of colors, known on a small copy of a frame (height, width), added to pieces of the frame.

    change: (h, w, 3) float, differences of sRGB 0..1. It is read by bilinear interpolation in whole numbers, so that a
    pixel does not depend on the piece that it is made in.
    """

    def __init__(self, change: Float, frame: tuple[int, int]) -> None:
        self.frame, self.size = frame, change.shape[:2]
        self._fine = np.rint(np.clip(change, -1, 1) * (255 * FINE)).astype(np.int32)
        moved = np.pad(self._fine.any(axis=2), ((0, 1), (0, 1)), mode="edge")
        self._any = moved[:-1, :-1] | moved[1:, :-1] | moved[:-1, 1:] | moved[1:, 1:]

    def add(self, pixels: NDArray[Any], at: tuple[int, int], within: NDArray[Any] | None = None) -> NDArray[Any]:
        """A new picture: the piece (h, w, 3), uint8 or uint16, that begins at row and column `at`, changed.

        within: (h, w), whose zeros leave pixels alone.
        """
        changed = np.array(pixels, order="C")
        rows = _between(at[0], changed.shape[0], self.frame[0], self.size[0])
        columns = _between(at[1], changed.shape[1], self.frame[1], self.size[1])
        inside = np.ones((1, 1), changed.dtype) if within is None else np.ascontiguousarray(within)
        top = int(np.iinfo(changed.dtype).max)
        compiled(_add)(changed, inside, self._fine, self._any, rows, columns, top)
        return changed


class Repainted:
    """What a way made ready for one frame: `over` of a person whose colors change."""

    def __init__(self, change: SmallChange) -> None:
        self._change = change

    def blend(
        self,
        foreground: NDArray[Any],
        alpha: NDArray[Any],
        background: NDArray[Any],
        *,
        light: str,
        at: tuple[int, int],
    ) -> NDArray[Any]:
        """A piece of the frame that begins at row and column `at`; shapes as in `over`."""
        changed = self._change.add(foreground, at, within=alpha)
        return over.blend(changed, alpha, background, light=light, width_px=0)


def _between(first: int, count: int, long: int, short: int) -> NDArray[np.int64]:
    """(2, count): the small pixel (of `short`) before each of the pixels from `first` on, of `long`; 128ths beyond."""
    places = np.clip((np.arange(first, first + count) + 0.5) * (short / long) - 0.5, 0, short - 1)
    parts = np.rint(places * PARTS).astype(np.int64)
    return np.stack(np.divmod(parts, PARTS))


def _add(pixels: Any, inside: Any, fine: Any, moved: Any, rows: Any, columns: Any, top: int) -> None:
    """A loop for `compiled`: adds `fine` to pixels (h, w, 3), in place."""
    depth = top // 255
    unit, half = 256 * 128 * 128, 128 * 128 * 128  # FINE and PARTS twice
    everywhere = inside.size == 1
    for y in range(pixels.shape[0]):
        r, v = rows[0, y], rows[1, y]
        s = min(r + 1, fine.shape[0] - 1)
        for x in range(pixels.shape[1]):
            k, w = columns[0, x], columns[1, x]
            if not moved[r, k] or not (everywhere or inside[y, x]):
                continue
            m = min(k + 1, fine.shape[1] - 1)
            for c in range(3):
                upper = fine[r, k, c] * (128 - w) + fine[r, m, c] * w
                lower = fine[s, k, c] * (128 - w) + fine[s, m, c] * w
                change = ((upper * (128 - v) + lower * v) * depth + half) // unit
                pixels[y, x, c] = min(top, max(0, int(pixels[y, x, c]) + change))
