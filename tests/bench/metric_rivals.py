"""What each metric is timed against: torchmetrics where it has the metric, else the tests' reference implementation."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics import functional as tm
from torchmetrics.functional import classification, image
from torchmetrics.functional.image import dists as tm_dists
from torchmetrics.functional.image import lpips as tm_lpips
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from bgswap.evaluation.metric import Metric
from bgswap.evaluation.metrics.fid import Given
from bgswap.networks._trunk import Trunk
from bgswap.networks.alexnet import AlexNet
from bgswap.networks.dists_weights import DistsWeights
from bgswap.networks.lpips_heads import SQUEEZE, LpipsHeads, LpipsHeadsConfig
from bgswap.networks.lpips_heads import VGG as VGG_HEADS
from bgswap.networks.squeezenet import SqueezeNet
from bgswap.networks.vgg import VGG, VGG19, VGGConfig
from tests.evaluation.metrics.test_pictures import gradient_energy
from tests.evaluation.references import REFERENCES, levels
from tests.networks.trunks import seeded

Call = Callable[[], Any]

NETWORKS: dict[str, Callable[[], nn.Module]] = {  # of the published sizes, numbers seeded: time does not depend on them
    "alexnet": lambda: seeded(AlexNet()),
    "vgg16": lambda: seeded(VGG()),
    "vgg19": lambda: seeded(VGG(VGGConfig(VGG19))),
    "squeezenet1_1": lambda: seeded(SqueezeNet()),
    "lpips-alex": LpipsHeads,
    "lpips-vgg": lambda: LpipsHeads(LpipsHeadsConfig(VGG_HEADS)),
    "lpips-squeeze": lambda: LpipsHeads(LpipsHeadsConfig(SQUEEZE)),
    "dists": DistsWeights,
}


def _inside(predicted: Tensor, true: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    hard = (mask >= 0.5).expand_as(true)
    return predicted[hard], true[hard]


def _overlap(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda predicted, true, _: function(predicted, (true >= 0.5).int())


def _range(predicted: Tensor, true: Tensor) -> Tensor:
    return image.peak_signal_noise_ratio(predicted, true, data_range=float(predicted.max() - predicted.min()))


TORCHMETRICS: dict[str, Callable[..., Any]] = {
    "l1": tm.mean_absolute_error,
    "mse": tm.mean_squared_error,
    "mse01": tm.mean_squared_error,
    "psnr": lambda p, t: image.peak_signal_noise_ratio(p, t, data_range=1.0),
    "psnr:range": _range,
    "ssim": lambda p, t: image.structural_similarity_index_measure(p, t, data_range=1.0),
    "fmse": lambda p, t, m: tm.mean_squared_error(*_inside(p, t, m)),
    "fpsnr": lambda p, t, m: image.peak_signal_noise_ratio(*_inside(p, t, m), data_range=1.0),
    "shadow-rmse": lambda p, t: tm.mean_squared_error(p, t, squared=False),
    "shadow-rmse:local": lambda p, t, m: tm.mean_squared_error(*_inside(p, t, m), squared=False),
    "alpha-mad": lambda p, t, _: tm.mean_absolute_error(p, t),
    "alpha-mse": lambda p, t, _: tm.mean_squared_error(p, t),
    "sad": lambda p, t, _: tm.mean_absolute_error(p, t) * t.numel() / 1000,
    "dice:hard": _overlap(classification.binary_f1_score),
    "iou": _overlap(classification.binary_jaccard_index),
    "shadow-ber": _overlap(classification.binary_stat_scores),
    "shadow-ber:s-ber": _overlap(classification.binary_recall),
    "temporal": lambda p, t, a, b: tm.mean_absolute_error(p - a, t - b),
    "temporal:dtssd-alpha": lambda p, t, a, b: tm.mean_squared_error(p - a, t - b, squared=False),
}


def rival(metric: Metric, tensors: Sequence[Tensor], parts: Sequence[nn.Module]) -> tuple[str, Call]:
    """Its name, and what computes the metric of these tensors, batches of one; parts: the metric's networks."""
    if metric.name in TORCHMETRICS:
        return "torchmetrics", lambda: TORCHMETRICS[metric.name](*tensors)
    kind = metric.name.partition(":")[0]
    if kind in ("lpips", "dists"):
        network = (_lpips if kind == "lpips" else _dists)(metric, parts)
        return "torchmetrics", lambda: network(*tensors)
    if kind == "perceptual":
        return "plain torch", lambda: _perceptual(*tensors, parts[0])
    arrays = [_array(tensor) for tensor in tensors]
    if kind == "sharpness":
        first, other, mask = (levels(array) for array in arrays)
        return "SciPy", lambda: gradient_energy(first, mask[..., None]) / gradient_energy(other, mask[..., None])
    if kind == "spectrum":
        return "NumPy", lambda: [
            np.average(arrays[0] @ LUMA, weights=weights) for weights in (arrays[1], 1 - arrays[1])
        ]
    library = {"box-auc": "scikit-learn", "grad": "SciPy", "conn": "SciPy", "halo": "SciPy"}.get(kind, "NumPy")
    return "Python" if kind.startswith("box") and kind != "box-auc" else library, lambda: REFERENCES[metric.name](
        *arrays
    )


LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


def of_set(metric: Metric, predicted: Tensor, true: Tensor) -> Call:
    """torchmetrics' own classes, which get the same features."""

    def compute() -> Any:
        given = Given(predicted.shape[1])
        made = FrechetInceptionDistance(given) if metric.name == "fid" else _kid(given, len(true))
        made.update(true.double(), real=True)
        made.update(predicted.double(), real=False)
        return made.compute()

    def _kid(given: nn.Module, count: int) -> Any:
        return KernelInceptionDistance(given, subset_size=min(1000, count))

    return compute


def _lpips(metric: Metric, parts: Sequence[nn.Module]) -> nn.Module:
    """torchmetrics' network around the same trunk: its own needs torchvision."""
    tm_lpips._get_tv_model_features = lambda *_, **__: parts[0].features
    network = tm_lpips._NoTrainLpips(net=metric.variant).eval()
    return lambda predicted, true: tm_lpips._lpips_update(predicted, true, network, True)


def _dists(_: Metric, parts: Sequence[nn.Module]) -> Callable[..., Any]:
    """The same of DISTS; it leaves the authors' resizing to 256 pixels to the caller."""
    tm_dists._TORCHVISION_AVAILABLE = True
    tm_dists.VGG16_Weights = SimpleNamespace(DEFAULT=None)
    tm_dists.vgg16 = lambda weights: SimpleNamespace(features=parts[0].features)
    network = tm_dists.DISTSNetwork(load_weights=False).eval()

    def measure(predicted: Tensor, true: Tensor) -> Tensor:
        shorter = min(true.shape[2:])
        if shorter > 256:
            size = [256 * side // shorter for side in true.shape[2:]]
            predicted, true = (F.interpolate(x, size, mode="bilinear", antialias=True) for x in (predicted, true))
        return network(predicted, true)

    return measure


def _perceptual(predicted: Tensor, true: Tensor, trunk: nn.Module) -> Tensor:
    assert isinstance(trunk, Trunk)
    taps = [tap for tap in ("relu1_2", "relu2_2", "relu3_3", "relu4_3") if tap in trunk.taps] or None
    both = [trunk(pictures, taps) for pictures in (predicted, true)]
    return torch.stack([F.l1_loss(both[0][tap], both[1][tap]) for tap in both[0]]).mean()


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    """A batch of one: (H, W, 3), (H, W), or boxes as they are, float32 and side by side in memory."""
    array = tensor[0].numpy()
    if array.ndim == 3:
        array = array[0] if len(array) == 1 else np.moveaxis(array, 0, 2)
    return np.ascontiguousarray(array)
