"""Independent implementations of all metrics, one plain function each, in float64 on arrays, not on our tensors.

REFERENCES holds them by the metric's name; what a sibling's test has already is taken from there. A function takes what
its metric takes, in the same order: pictures (H, W, 3), mattes, masks and regions (H, W), all 0..1; boxes (4,),
candidates (K, 4), scores (1,) and (K,); a metric of sets, lists of these. `weights=` are its networks' numbers.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from bgswap import extensions
from tests.evaluation.metrics import test_halo, test_mattes, test_pictures, test_sets
from tests.evaluation.network_references import Weights, dists, lpips, perceptual, squeezenet_taps

METRICS = "bgswap.evaluation.metrics"
Array = NDArray[np.float64]


def every() -> list[str]:
    """The names of all metrics of evaluation/metrics/ in all variants; the default variant by the bare name."""
    found = []
    for name in extensions.names(METRICS):
        variants = getattr(extensions.load(METRICS, name), "VARIANTS", ())
        found += [name, *(f"{name}:{variant}" for variant in variants[1:])]
    return found


# --- pictures -------------------------------------------------------------------------------------------------------


def levels(array: Array) -> NDArray[np.uint8]:
    return np.rint(array * 255).astype(np.uint8)


@lru_cache(maxsize=8)
def _pictures(size: tuple[int, int], *files: bytes) -> dict[str, float]:
    predicted, true, mask = (np.frombuffer(file, np.uint8).reshape(*size, -1) for file in files)
    return test_pictures.references(predicted, true, mask)


def picture(name: str, predicted: Array, true: Array, mask: Array | None = None) -> float:
    """By NumPy, SciPy and scikit-image on levels of 0..255; see test_pictures.py."""
    given = [levels(one) for one in (predicted, true, np.ones(true.shape[:2]) if mask is None else mask)]
    return _pictures(given[0].shape[:2], *(one.tobytes() for one in given))[name]


def shadow_rmse(predicted: Array, true: Array, mask: Array | None = None) -> float:
    from skimage.metrics import mean_squared_error

    inside = np.full(true.shape[:2], True) if mask is None else mask * 255 >= 127.5
    return math.sqrt(mean_squared_error(predicted[inside] * 255, true[inside] * 255))


def temporal(predicted: Array, true: Array, previous: Array, true_previous: Array) -> float:
    change, true_change = ((now - before) * 255 for now, before in ((predicted, previous), (true, true_previous)))
    return float(np.abs(change - true_change).mean())


def dtssd(predicted: Array, true: Array, previous: Array, true_previous: Array) -> float:
    change, true_change = ((now - before) * 255 for now, before in ((predicted, previous), (true, true_previous)))
    return float(np.linalg.norm(change - true_change) / math.sqrt(true.size))


# --- mattes; the others stand in test_mattes.py ---------------------------------------------------------------------


def shadow_ber(predicted: Array, true: Array, region: Array) -> float:
    from sklearn.metrics import balanced_accuracy_score

    return float(1 - balanced_accuracy_score(*_marked(true, predicted, region)))


def shadow_missed(predicted: Array, true: Array, region: Array) -> float:
    from sklearn.metrics import recall_score

    return float(1 - recall_score(*_marked(true, predicted, region)))


def _marked(true: Array, predicted: Array, region: Array) -> list[NDArray[np.bool_]]:
    return [matte[region >= 0.5] >= 0.5 for matte in (true, predicted)]


def halo(predicted: Array, predicted_alpha: Array, photo: Array, true_alpha: Array) -> float:
    """Its docstring's formula; the photo's longer side must be 640 pixels at most, as the metric's grid is."""
    scene = test_halo.Scene(photo, true_alpha, photo, photo)  # the person and background of it are not looked at
    return test_halo.plain(scene, predicted, predicted_alpha)


# --- placement ------------------------------------------------------------------------------------------------------


def box_iou(predicted: Iterable[float], true: Iterable[float]) -> float:
    (left, top, right, bottom), (a, b, c, d) = _corners(predicted), _corners(true)
    shared = max(0.0, min(right, c) - max(left, a)) * max(0.0, min(bottom, d) - max(top, b))
    return shared / ((right - left) * (bottom - top) + (c - a) * (d - b) - shared)


def _corners(box: Iterable[float]) -> tuple[float, float, float, float]:
    x, y, width, height = map(float, box)
    return x - width / 2, y - height, x + width / 2, y


def box_center(predicted: Sequence[float], true: Sequence[float]) -> float:
    middles = [
        ((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom in map(_corners, (predicted, true))
    ]
    return math.dist(*middles)


def box_scale(predicted: Sequence[float], true: Sequence[float]) -> float:
    return abs(math.log(float(predicted[3])) - math.log(float(true[3])))


def box_topk(count: int, candidates: Iterable[Sequence[float]], true: Sequence[float]) -> float:
    return float(any(box_iou(one, true) >= 0.5 for one in list(candidates)[:count]))


def box_auc(true_score: Array, moved_scores: Array) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score([1] + [0] * len(moved_scores), [*true_score, *moved_scores]))


# --- sets -----------------------------------------------------------------------------------------------------------


def fid(predicted: Sequence[Array], true: Sequence[Array], *, weights: Sequence[Weights]) -> float:
    """tr((C1 C2)^½) is the sum of the singular values of A Bᵀ, with C1 = Aᵀ A and C2 = Bᵀ B: no matrix root."""
    a, b = (_features(pictures, weights[0]) for pictures in (predicted, true))
    first, second = ((x - x.mean(0)) / math.sqrt(len(x) - 1) for x in (a, b))
    spread = (first**2).sum() + (second**2).sum() - 2 * np.linalg.svd(first @ second.T, compute_uv=False).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + spread)


def kid(predicted: Sequence[Array], true: Sequence[Array], *, weights: Sequence[Weights]) -> float:
    return float(test_sets.mmd(*(_features(pictures, weights[0]) for pictures in (predicted, true))))


def _features(pictures: Sequence[Array], weights: Weights) -> Array:
    """Means of SqueezeNet's last tap, as cases.Means takes them: (N, 512)."""
    return np.stack([squeezenet_taps(pixels, weights)[-1].mean((1, 2)) for pixels in pictures])


def spectra(predicted: Sequence[Array], mask: Sequence[Array]) -> Array:
    """|FFT| / N of mean brightness under a Hann window, person and place, above frequency 0: (2, N // 2)."""
    luma = [pixels @ [0.2126, 0.7152, 0.0722] for pixels in predicted]
    series = np.array([[np.average(y, weights=w) for w in (m, 1 - m)] for y, m in zip(luma, mask, strict=True)]).T
    changes = signal.detrend(series, type="constant") * signal.get_window("hann", len(luma))
    return np.maximum(np.abs(np.fft.fft(changes))[:, 1 : len(luma) // 2 + 1] / len(luma), 1e-5)


def spectrum(predicted: Sequence[Array], mask: Sequence[Array]) -> float:
    person, place = spectra(predicted, mask)
    return float(np.abs(np.log(person / place)).sum())


def high_band(predicted: Sequence[Array], mask: Sequence[Array]) -> float:
    both = spectra(predicted, mask)
    above = np.arange(1, both.shape[1] + 1) / len(predicted) > 1 / 8
    person, place = (both[:, above] ** 2).sum(1)
    return abs(math.log(person / place))


REFERENCES: dict[str, Callable[..., float]] = {
    **{name: partial(picture, name) for name in test_pictures.NAMES},
    **test_mattes.PLAIN,
    "halo": halo,
    "shadow-rmse": shadow_rmse,
    "shadow-rmse:local": shadow_rmse,
    "shadow-ber": shadow_ber,
    "shadow-ber:s-ber": shadow_missed,
    "temporal": temporal,
    "temporal:dtssd-alpha": dtssd,
    "box-iou": box_iou,
    "box-center": box_center,
    "box-scale": box_scale,
    "box-topk": partial(box_topk, 1),
    "box-topk:5": partial(box_topk, 5),
    "box-topk:10": partial(box_topk, 10),
    "box-auc": box_auc,
    "lpips": partial(lpips, "alexnet"),
    "lpips:vgg": partial(lpips, "vgg16"),
    "lpips:squeeze": partial(lpips, "squeezenet"),
    "perceptual": partial(perceptual, "vgg16"),
    **{f"perceptual:{name}": partial(perceptual, name) for name in ("vgg19", "alexnet", "squeezenet")},
    "dists": dists,
    "fid": fid,
    "kid": kid,
    "spectrum": spectrum,
    "spectrum:high-band": high_band,
}
