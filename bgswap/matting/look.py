"""One look of a network at a photo: shrink it, run, and keep what was seen beside what was said."""

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

HALVE = 4  # ours: halve by exact 2 x 2 means while the photo is this many times too large; 4.5 times faster at 12 MP


class Runner(Protocol):
    """What a loaded model must be able to do here; zoo.loader's Model is one."""

    @property
    def card(self) -> Any:
        """Its catalog entry, with .input and .output."""

    def __call__(self, *arrays: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """The network's raw outputs, first one first."""


@dataclass(frozen=True)
class Rough:
    """A network's matte and the shrunken photo that it saw, on one small grid that covers the same picture."""

    alpha: NDArray[np.float32]  # (h, w) 0..1
    photo: NDArray[np.float32]  # (h, w, 3) sRGB 0..1


def full(pixels: NDArray[Any]) -> int:
    """The largest value of a picture's type: 255 or 65535."""
    return int(np.iinfo(pixels.dtype).max)


def shrink(photo: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """A picture (H, W, ...) of any type at (height, width): area means where it shrinks, cubic where it grows."""
    while photo.shape[0] >= HALVE * height and photo.shape[1] >= HALVE * width:
        rows, columns = (photo.shape[0] + 1) // 2, (photo.shape[1] + 1) // 2
        # area means are three times as fast as the linear filter, but only over whole 2 x 2 blocks
        whole = photo.shape[0] % 2 == photo.shape[1] % 2 == 0
        photo = cv2.resize(photo, (columns, rows), interpolation=cv2.INTER_AREA if whole else cv2.INTER_LINEAR)
    smaller = photo.shape[0] >= height and photo.shape[1] >= width
    way = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(photo, (width, height), interpolation=way))


def grid(photo: NDArray[Any], side: int, multiple: int) -> tuple[int, int]:
    """Height and width of the network's input: longest side `side`, aspect kept up to the rounding to `multiple`."""
    scale = side / max(photo.shape[:2])
    height, width = (max(multiple, round(length * scale / multiple) * multiple) for length in photo.shape[:2])
    return height, width


def look(model: Runner, photo: NDArray[Any]) -> Rough:
    """Run a matting network on a photo (H, W, 3) uint8 or uint16, as its card says."""
    spec = model.card.input
    small = _stretch(photo, spec.side) if spec.fit == "stretch" else _fit(photo, spec)
    top = 1.0 if spec.divide == "255" else max(float(small.max()), 1e-6)
    mean, std = np.float32(spec.mean), np.float32(spec.std)
    pixels = (small / np.float32(top) - mean) / std
    outputs = model(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32))
    alpha = outputs[0][0, model.card.output.channel]
    if model.card.output.activation == "sigmoid":
        alpha = 1 / (1 + np.exp(-alpha))
    if alpha.shape != small.shape[:2]:
        small = shrink(small, *alpha.shape)
    return Rough(np.clip(alpha, 0, 1).astype(np.float32), small)


def _fit(photo: NDArray[Any], spec: Any) -> NDArray[np.float32]:
    """The photo on the network's own grid, float32 0..1."""
    small = shrink(photo, *grid(photo, spec.side, spec.multiple))
    return np.multiply(small, 1 / full(photo), dtype=np.float32)


def _stretch(photo: NDArray[Any], side: int) -> NDArray[np.float32]:
    """The photo squeezed into a square by Pillow's Lanczos filter in 8 bits: what rembg's models are fed."""
    from PIL import Image

    if photo.dtype != np.uint8:
        photo = cv2.convertScaleAbs(photo, alpha=255 / full(photo))
    small = Image.fromarray(np.ascontiguousarray(photo)).resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(small, np.float32) / np.float32(255)
