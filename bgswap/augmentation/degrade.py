"""What cameras and files do to a picture: noise, lost resolution, JPEG. Pure; a seed stands for all chance."""

import cv2
import numpy as np
import torch
from torch import Tensor

from bgswap.augmentation.tensors import resize, to_pixels, to_tensor


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
