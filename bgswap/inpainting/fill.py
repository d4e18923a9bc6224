"""Fill the hole that a person leaves: crop, fill at a bounded size, bring back at full size without a seam.

A way (`ways/`) sees only small pictures. Around it, here: the hole's pieces are taken out with room around
them and shrunk by a whole number; the way is given a hole two pixels too large, so that on this ring the
photo is known too; the ring's color error is stretched over the hole as a membrane and added (Perez et al.,
SIGGRAPH 2003, 10.1145/1201775.882269, with the fill's own gradients as guide); and lost detail is carried
over from known blocks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap import extensions
from bgswap.errors import PictureError, UsageError
from bgswap.inpainting import detail
from bgswap.inpainting.hole import Box, growth, hole_of, islands, share_of_fill
from bgswap.inpainting.membrane import stretch

WAYS = "bgswap.inpainting.ways"
RING = 2  # small pixels by which the way's hole is larger than the one that is pasted back
FADE = 0.4  # ours: share of the growth, from the rim inward, in which the photo passes into the fill
LIMIT = 32  # ours: levels of color error on the ring that are believed; more is another object, not another light

Way = Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]


@dataclass(frozen=True)
class InpaintSettings:
    """How holes are made and filled."""

    model: str = "patchmatch"  # a file of ways/; the best without a download (tests/bench/inpaint_ways.py)
    dilate: float = 0.02  # growth of the mask: pixels from 1 on, below 1 a share of the photo's short side
    below: float = 0.04  # how far feet are stretched to the ground and sideways, share of the person's height
    side: int = 512  # pixels: longest side of a hole when it is filled; a way may hold to less
    threshold: float = 0.05  # coverage, 0..1, above which a pixel is taken out
    seed: int = 0  # of ways that draw


@dataclass(frozen=True)
class Filled:
    """What came of one photo."""

    pixels: NDArray[Any]  # the photo's shape and dtype; outside of the hole its very bytes
    hole: NDArray[np.uint8]  # (H, W), 255 where pixels were filled, else 0
    warnings: list[str] = field(default_factory=list)


class Filler:
    """Fills photos with one way and one set of settings; may be called from several threads."""

    def __init__(self, settings: InpaintSettings | None = None, model: Any = None) -> None:
        """Choose the way. model: what zoo.loader.load gave, for ways that run a network.

        Raises:
            UsageError: an unknown way, a setting out of range, or a missing model.
            NotReady: the way's package or weights are not installed.
        """
        self.settings = settings or InpaintSettings()
        _check_settings(self.settings)
        way = extensions.load(WAYS, self.settings.model)
        if hasattr(way, "check"):
            way.check()
        extra: dict[str, Any] = {"seed": self.settings.seed}
        if "model" in signature(way.fill).parameters:
            if model is None:
                raise UsageError(f"{self.settings.model} needs its network: pass model=zoo.loader.load(...)")
            extra["model"] = way.load(model) if hasattr(way, "load") else model
        self._side = min(self.settings.side, getattr(way, "SIDE", self.settings.side))
        self._way: Way = lambda photo, hole: way.fill(photo, hole, **extra)

    def fill(self, photo: NDArray[Any], matte: NDArray[Any]) -> Filled:
        """Take out what the matte shows and fill the hole from its surroundings.

        photo: (H, W, 3 or 4) uint8 or uint16 sRGB, straight alpha; matte: (H, W) uint8 or uint16, white =
        take out. A mask of nothing gives the photo back with a warning.

        Raises:
            PictureError: the two differ in size, or the hole leaves nothing to fill from.
        """
        if photo.shape[:2] != matte.shape:
            (height, width), (high, wide) = photo.shape[:2], matte.shape
            raise PictureError(
                f"the mask is {wide}x{high}, the photo {width}x{height}: give a mask of the photo's size"
            )
        chosen = self.settings
        hole = hole_of(matte, threshold=chosen.threshold, dilate=chosen.dilate, below=chosen.below)
        pixels = photo.copy()
        warnings = [] if hole.any() else ["the mask is empty: nothing was filled"]
        fade = FADE * growth(chosen.dilate, matte.shape)
        for box, room in islands(hole):
            pixels[room.slices] = self._crop(photo[room.slices], hole[room.slices], box, fade)
        return Filled(pixels, hole.astype(np.uint8) * 255, warnings)

    def _crop(self, photo: NDArray[Any], hole: NDArray[np.bool_], box: Box, fade: float) -> NDArray[Any]:
        """Fill all of a crop's hole; photo (H, W, C), hole (H, W) -> (H, W, C)."""
        factor = -(-box.longest // self._side)
        whole, wide_hole = _padded(photo, hole, factor)
        small = cv2.resize(whole, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
        gone = _blocks_any(wide_hole, factor)
        if gone.all():
            raise PictureError("the mask leaves too little of the photo to fill the hole from")
        scale = np.float32(np.iinfo(photo.dtype).max / 255)
        seed = self.settings.seed
        filled = self._small(small / scale, gone) * scale
        carried = _carried(whole, filled, gone, factor, seed) if factor > 1 else None
        return _pasted(whole, filled, wide_hole, carried, fade)[: hole.shape[0], : hole.shape[1]]

    def _small(self, small: NDArray[Any], gone: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Fill a small crop and take the step of color at the rim out. small (h, w, C) 0..255 -> float32."""
        small = small.astype(np.float32)
        levels = small[..., :3].round().astype(np.uint8)
        wide = cv2.dilate(gone.astype(np.uint8), np.ones((2 * RING + 1,) * 2, np.uint8)).astype(bool)
        if wide.all():
            wide = gone
        filled = small.copy()
        filled[..., :3] = np.where(wide[..., None], self._way(levels, wide), small[..., :3])
        ring = wide & ~gone
        if ring.any():
            step = np.clip(small[..., :3] - filled[..., :3], -LIMIT, LIMIT)
            filled[..., :3] += stretch(step, ring)
        if small.shape[2] == 4:
            filled[..., 3:] = stretch(small[..., 3:], ~gone)
        return np.where(gone[..., None], filled, small).clip(0, 255)


def _carried(
    whole: NDArray[Any], filled: NDArray[np.float32], gone: NDArray[np.bool_], factor: int, seed: int
) -> Iterator[NDArray[np.float32]]:
    """The detail that known blocks lend to the fill, a strip of detail.STEP small rows after another."""
    photo = whole[..., :3]
    small = cv2.resize(photo, gone.shape[::-1], interpolation=cv2.INTER_AREA)
    base = cv2.resize(small, photo.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    levels = filled[..., :3] / np.float32(np.iinfo(whole.dtype).max / 255)
    copies = detail.match(levels, gone, seed)
    high = detail.STEP * factor
    ahead = np.zeros(((detail.BLOCK - detail.STEP) * factor, photo.shape[1], 3), np.float32)
    for row in range(0, len(gone), detail.STEP):
        lent = detail.strip(copies, row, photo, base, factor)
        lent[: len(ahead)] += ahead
        ahead = lent[high:]
        yield lent[:high]


def _pasted(
    whole: NDArray[Any],
    filled: NDArray[np.float32],
    hole: NDArray[np.bool_],
    carried: Iterator[NDArray[np.float32]] | None,
    fade: float,
) -> NDArray[Any]:
    """The photo with its hole filled, strip by strip; known pixels stay. (H, W, C) as `whole`."""
    out, most = whole.copy(), np.iinfo(whole.dtype).max
    factor = len(whole) // len(filled)
    for row in range(0, len(filled), detail.STEP):
        last = min(len(filled), row + detail.STEP)
        here = slice(row * factor, last * factor)
        lent = next(carried) if carried else np.zeros(1, np.float32)
        if not hole[here].any():
            continue
        level = detail.enlarge(filled, row, last, factor) if factor > 1 else filled[here].copy()
        level[..., :3] += lent[: len(level)]
        share = share_of_fill(hole, here, fade)[..., None]
        level = whole[here] * (1 - share) + level * share
        np.copyto(out[here], level.round().clip(0, most).astype(out.dtype), where=hole[here][..., None])
    return out


def _padded(photo: NDArray[Any], hole: NDArray[np.bool_], factor: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Mirror the lower and right sides outward until whole blocks of whole small pixels cover the crop."""
    if factor == 1:
        return photo, hole
    low, right = ((-(-side // factor) + detail.padding(-(-side // factor))) * factor - side for side in hole.shape)
    wide = np.pad(photo, ((0, low), (0, right), (0, 0)), mode="symmetric")
    return wide, np.pad(hole, ((0, low), (0, right)), mode="symmetric")


def _blocks_any(mask: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """True where any pixel of a factor x factor block is."""
    height, width = (side // factor for side in mask.shape)
    blocks: NDArray[np.bool_] = np.asarray(mask.reshape(height, factor, width, factor).any(axis=(1, 3)))
    return blocks


def _check_settings(settings: InpaintSettings) -> None:
    if settings.dilate < 0 or settings.below < 0:
        raise UsageError("dilate and below are 0 or more: the hole can only grow")
    if settings.side < 16:
        raise UsageError(f"side is {settings.side}: a hole is filled at 16 pixels or more")
    if not 0 <= settings.threshold < 1:
        raise UsageError(f"threshold is {settings.threshold}: it is a share of full coverage, from 0 to below 1")
