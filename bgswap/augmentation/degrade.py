"""What cameras and files do to a picture: blur, noise, lost resolution, JPEG. Pure; a seed stands for all chance."""

import math

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bgswap.augmentation.tensors import resize, to_pixels, to_tensor


LEAST, WIDE = 0.05, 4.0  # ours, sigma in pixels: below the first nothing happens; above the other at half the size


def blur(picture: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (C, H, W) by `sigma` pixels, as out of focus; borders go on as they end. RGBA premultiplied.

    Summed tap by tap: torch's convolution of so few channels took 6 to 45 times as long (256 pixels, one thread).
    """
    if sigma <= LEAST:
        return picture
    if sigma > WIDE:
        height, width = picture.shape[1:]
        small = resize(picture, (max(1, height // 2), max(1, width // 2)))
        rest = math.sqrt(sigma**2 - 4 / 3) / 2  # to half the size and back is a blur of variance 2/3 each
        return resize(blur(small, rest), (height, width))
    reach = max(1, math.ceil(3 * sigma))
    taps = [math.exp(-0.5 * (step / sigma) ** 2) for step in range(reach + 1)]
    whole = taps[0] + 2 * sum(taps[1:])
    for axis, pad in ((1, (0, 0, reach, reach)), (2, (reach, reach, 0, 0))):
        length = picture.shape[axis]
        padded = F.pad(picture[None], pad, mode="replicate")[0]
        picture = padded.narrow(axis, reach, length) * (taps[0] / whole)
        for step in range(1, reach + 1):
            picture.add_(padded.narrow(axis, reach - step, length), alpha=taps[step] / whole)
            picture.add_(padded.narrow(axis, reach + step, length), alpha=taps[step] / whole)
    return picture


def noise(picture: Tensor, sigma: float | Tensor, seed: int) -> Tensor:
    """Gaussian noise on (C, H, W) 0..1 sRGB, clipped: sigma in units of 0..1, one or a map (1, H, W).

    The same seed gives the same noise on every device: it is drawn on the CPU.
    """
    if not isinstance(sigma, Tensor) and sigma <= 0:
        return picture
    chance = torch.Generator(device="cpu").manual_seed(seed)
    grain = torch.randn(picture.shape, generator=chance).to(picture)
    return (grain * sigma).add_(picture).clamp_(0, 1)


def coarsen(picture: Tensor, factor: float) -> Tensor:
    """Detail lost as in an enlarged small picture: (C, H, W) shrunk to `factor` of its sides, 0..1, and back."""
    height, width = picture.shape[1:]
    small = max(1, round(height * factor)), max(1, round(width * factor))
    return resize(resize(picture, small), (height, width))


def jpeg(picture: Tensor, quality: int) -> Tensor:
    """(3, H, W) 0..1 sRGB through a JPEG file of that quality, 1..100, its colors at half resolution.

    The one step that leaves the device: the codec is OpenCV's, the same bytes for the same pixels.
    """
    levels = cv2.cvtColor(to_pixels(picture), cv2.COLOR_RGB2BGR)
    _, coded = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB), np.uint8)
    return to_tensor(decoded).to(picture.device)
