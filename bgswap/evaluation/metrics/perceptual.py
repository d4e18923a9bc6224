"""Mean absolute difference of a network's features ("perceptual loss"): no unit, lower is better, 0 is best."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bgswap.evaluation.rows import tap_means
from bgswap.networks._trunk import Trunk

ROLES = ("predicted", "true")
BETTER, BEST, UNIT = "lower", 0.0, ""
VARIANTS = ("vgg16", "vgg19", "alexnet", "squeezenet")

TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")  # of VGG: Johnson et al. and field practice; others: all they have


def models(variant: str) -> tuple[str, ...]:
    """The backbone's name in the catalog."""
    return ("squeezenet1_1",) if variant == "squeezenet" else (variant,)


def make_trunk(networks: Sequence[nn.Module], variant: str) -> nn.Module:  # noqa: ARG001 - every variant is one network
    """The backbone itself."""
    return networks[0]


@torch.no_grad()
def perceptual(predicted: Tensor, true: Tensor, *, trunk: nn.Module) -> Tensor:
    """Mean over taps of mean |f(predicted) - f(true)|, f a network trained on ImageNet.

    A perceptual loss in the sense of Johnson et al. (ECCV 2016, 10.1007/978-3-319-46475-6_43), here with absolute
    differences and equal weights: of VGG the taps relu1_2, relu2_2, relu3_3 and relu4_3, of AlexNet and SqueezeNet
    all that LPIPS takes. Features are as the network gives them, neither scaled nor weighted: this is not LPIPS, and
    values of two backbones cannot be compared.

    predicted, true: (B, 3, H, W) sRGB 0..1; trunk: from `make_trunk`. Returns (B,) float64, 0 and above.
    PictureError where a side is shorter than the last tap needs (VGG 8, SqueezeNet 17, AlexNet 31 pixels).
    """
    assert isinstance(trunk, Trunk)
    taps = [tap for tap in TAPS if tap in trunk.taps] or list(trunk.taps)
    return tap_means(predicted, true, trunk, taps, _mean_over_channels).mean(1)


def _mean_over_channels(_: int, predicted: Tensor, true: Tensor) -> Tensor:
    return (predicted - true).abs_().mean(1)
