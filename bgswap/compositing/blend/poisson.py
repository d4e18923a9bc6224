"""The edge's color difference, at most 15 levels of it, spread inward. Perez et al., SIGGRAPH 2003"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from bgswap.compositing.blend._edges import Repainted, SmallChange
from bgswap.compositing.light import Float
from bgswap.compositing.scene import Layers
from bgswap.inpainting.membrane import stretch

WIDTH = 0.01  # ours: colors on both sides of the edge are means over 10 pixels at 1000 rows; a seam is no texture
MOST = 15 / 255  # ours: in full, a dark coat in snow turned white, and a person transparent
SOLVED = 384  # ours: longer side of the picture that the membrane is solved on; it is smooth
EDGE = 0.5  # alpha from which a pixel is inside


def reach(_width_px: float) -> int:
    """Pixels beyond a pixel that decide about it, of those given to `blend`: the rest was looked at beforehand."""
    return 0


def prepare(small: Callable[[], Layers], _model: Any, frame: tuple[int, int], width_px: float) -> Repainted:
    """Look at a frame (height, width) as a whole, small.

    Gradient-domain blending keeps the person's gradients and meets the place's colors on the edge: the person plus a
    membrane, harmonic inside, of the differences there (Perez, Gangnet, Blake, 10.1145/882262.882269; as a membrane:
    Georgiev, ECCV 2006, 10.1007/11744085_5). Not as there: a matte follows the person's outline, whose colors have
    nothing to do with the place's, so that a difference is cut to MOST, and is one of means over width_px. Where the
    frame cuts the person the membrane is free.
    """
    layers = _reduced(small())
    sigma = abs(width_px) * layers.alpha.shape[0] / frame[0]
    return Repainted(SmallChange(membrane(layers, sigma), frame))


def membrane(layers: Layers, sigma: float, most: float = MOST) -> Float:
    """What the person's colors change by, (h, w, 3), sRGB: harmonic, and on the rim the bounded difference.

    sigma: of the means on both sides, pixels of the layers.
    """
    inside = (layers.alpha >= EDGE).astype(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    rim = (inside > 0) & (cv2.erode(inside, cross) == 0)  # beyond the frame counts as inside: no rim there
    here, there = layers.alpha, 1 - layers.alpha
    difference = _mean(layers.background, there, sigma) - _mean(layers.foreground, here, sigma)
    largest = np.abs(difference).max(axis=2, keepdims=True)  # of the three channels, so that a tint keeps its hue
    bounded = difference * np.minimum(1, most / np.maximum(largest, 1e-6))
    return stretch(bounded.astype(np.float32), rim) if rim.any() else np.zeros_like(bounded)


def _mean(colors: Float, weight: Float, sigma: float) -> Float:
    """Mean colors around every pixel, of those that weigh something."""
    sigma = max(1.0, sigma)
    total = cv2.GaussianBlur(colors * weight[..., None], (0, 0), sigma)
    mean: Float = total / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-4)[..., None]
    return mean


def _reduced(layers: Layers) -> Layers:
    height, width = layers.alpha.shape
    share = min(1.0, SOLVED / max(height, width))
    size = max(1, round(width * share)), max(1, round(height * share))
    cover = cv2.resize(layers.alpha, size, interpolation=cv2.INTER_AREA)
    own = cv2.resize(layers.foreground * layers.alpha[..., None], size, interpolation=cv2.INTER_AREA)
    straight = own / np.maximum(cover, 1e-4)[..., None]
    return Layers(straight, cover, cv2.resize(layers.background, size, interpolation=cv2.INTER_AREA))
