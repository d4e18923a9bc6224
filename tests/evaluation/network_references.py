"""LPIPS, perceptual distance and DISTS once more: NumPy and SciPy in float64, layer by layer after the papers.

Pictures are (H, W, 3) sRGB 0..1, taps (C, h, w); weights are a network's numbers under the key names of its file.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from tests.networks.test_squeezenet import by_hand, convolved

Array = NDArray[np.float64]
Weights = Mapping[str, Array]

LAYERS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # convolutions a block, Simonyan and Zisserman, table 1
LPIPS_TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")  # Zhang et al., appendix; DISTS has the same
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # of ImageNet, sRGB 0..1


def squeezenet_taps(pixels: Array, weights: Weights) -> list[Array]:
    """(H, W, 3) -> seven (C, h, w)."""
    return by_hand(pixels.transpose(2, 0, 1), weights)


def alexnet_taps(pixels: Array, weights: Weights) -> list[Array]:
    """Five (C, h, w); Krizhevsky, arXiv 1404.5997."""
    x, taps = ((pixels - MEAN) / STD).transpose(2, 0, 1), []
    for place, stride, padding in ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)):
        if place in (3, 6):
            x = ndimage.maximum_filter(x, (1, 3, 3))[:, 1:-1:2, 1:-1:2]
        x = _rectified(x, weights, place, stride=stride, padding=padding)
        taps.append(x)
    return taps


def vgg_taps(name: str, pixels: Array, weights: Weights, pool: Callable[[Array], Array] | None = None) -> list[Array]:
    """The five of LPIPS_TAPS, (C, h, w) each."""
    x, place, taps = ((pixels - MEAN) / STD).transpose(2, 0, 1), 0, []
    for block, count in enumerate(LAYERS[name], 1):
        for number in range(1, count + 1):
            x = _rectified(x, weights, place, padding=1)
            place += 2
            if f"relu{block}_{number}" in LPIPS_TAPS:
                taps.append(x)
        place += 1
        x = (pool or _halved)(x)
    return taps


def _rectified(x: Array, weights: Weights, place: int, **how: int) -> Array:
    return np.maximum(convolved(x, weights[f"features.{place}.weight"], weights[f"features.{place}.bias"], **how), 0)


def _halved(x: Array) -> Array:
    """Largest of 2 x 2; a last odd row or column falls away."""
    channels, height, width = x.shape
    return x[:, : height // 2 * 2, : width // 2 * 2].reshape(channels, height // 2, 2, width // 2, 2).max((2, 4))


def _l2_pooled(x: Array) -> Array:
    """Root of squares under a 3 x 3 Hanning window at every second place."""
    window = np.outer(np.hanning(5), np.hanning(5))[None, 1:4, 1:4]
    return np.sqrt(ndimage.convolve(x**2, window / window.sum(), mode="constant")[:, ::2, ::2] + 1e-12)


TAPS: dict[str, Callable[..., list[Array]]] = {
    "squeezenet": squeezenet_taps,
    "alexnet": alexnet_taps,
    **{name: partial(vgg_taps, name) for name in LAYERS},
}


def lpips(network: str, predicted: Array, true: Array, *, weights: Sequence[Weights]) -> float:
    """weights: of the trunk and of the heads."""
    both, total = [TAPS[network](pixels, weights[0]) for pixels in (predicted, true)], 0.0
    for one, other, head in zip(*both, weights[1].values(), strict=True):
        unit, second = (tap / (np.sqrt((tap**2).sum(0)) + 1e-10) for tap in (one, other))
        total += np.tensordot(head.ravel(), (unit - second) ** 2, 1).mean()
    return total


def perceptual(network: str, predicted: Array, true: Array, *, weights: Sequence[Weights]) -> float:
    both = [TAPS[network](pixels, weights[0]) for pixels in (predicted, true)]
    both = [taps[:4] if network in LAYERS else taps for taps in both]
    return float(np.mean([np.abs(one - other).mean() for one, other in zip(*both, strict=True)]))


def dists(predicted: Array, true: Array, *, weights: Sequence[Weights]) -> float:
    """weights: of the trunk, and alpha and beta."""
    small = [_shorter_256(pixels) for pixels in (predicted, true)]
    both = [[x.transpose(2, 0, 1), *vgg_taps("vgg16", x, weights[0], _l2_pooled)] for x in small]
    alpha, beta = (weights[1][name].ravel() / sum(w.sum() for w in weights[1].values()) for name in ("alpha", "beta"))
    alike, done = 0.0, 0
    for one, other in zip(*both, strict=True):
        for x, y in zip(one, other, strict=True):
            (var, cov), (_, var_y) = np.cov(x.ravel(), y.ravel(), bias=True)
            m, n = x.mean(), y.mean()
            alike += alpha[done] * (2 * m * n + 1e-6) / (m * m + n * n + 1e-6)
            alike += beta[done] * (2 * cov + 1e-6) / (var + var_y + 1e-6)
            done += 1
    assert done == len(alpha)
    return 1 - alike


def _shorter_256(pixels: Array) -> Array:
    """By Pillow's bilinear filter on floats, as the authors' code resizes files, but not rounded to 8 bits."""
    height, width = pixels.shape[:2]
    size = [256 * side // min(height, width) for side in (width, height)]
    planes = [Image.fromarray(pixels[..., c].astype(np.float32)) for c in range(3)]
    small = np.stack([plane.resize(size, Image.Resampling.BILINEAR) for plane in planes], 2).astype(np.float64)
    return small if min(height, width) > 256 else pixels
