"""Learned perceptual distance (LPIPS v0.1), by the trunk alex, vgg or squeeze: no unit, lower is better, 0 is best."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bgswap.evaluation.rows import tap_means
from bgswap.networks._trunk import Trunk
from bgswap.networks.lpips_heads import LpipsHeads

ROLES = ("predicted", "true")
BETTER, BEST, UNIT = "lower", 0.0, ""
VARIANTS = ("alex", "vgg", "squeeze")

BACKBONES = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}
VGG_TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")  # Zhang et al., appendix; others: all they have
EPS = 1e-10  # added to the length of a feature vector, as the authors do


def models(variant: str) -> tuple[str, ...]:
    """The catalog's names of the trunk and of its heads."""
    return BACKBONES[variant], f"lpips-{variant}"


def make_trunk(networks: Sequence[nn.Module], variant: str) -> nn.Module:
    """Trunk and heads as one."""
    network, heads = networks
    assert isinstance(network, Trunk)
    assert isinstance(heads, LpipsHeads)
    return LpipsTrunk(network, heads, VGG_TAPS if variant == "vgg" else tuple(network.taps))


class LpipsTrunk(nn.Module):
    """A network, its taps in order, and the weights of their channels."""

    def __init__(self, network: Trunk, heads: LpipsHeads, taps: Sequence[str]):
        super().__init__()
        self.network, self.heads, self.taps = network, heads, tuple(taps)
        if len(self.taps) != len(heads.channels):
            raise ValueError(f"{len(heads.channels)} heads do not fit {len(self.taps)} taps")

    def weights(self) -> list[Tensor]:
        """(C,) of each tap, not negative."""
        return [weight.flatten() for weight in self.heads.parameters()]


@torch.no_grad()
def lpips(predicted: Tensor, true: Tensor, *, trunk: nn.Module) -> Tensor:
    """sum over taps of mean over places of w . (f / |f| - g / |g|)², f and g the features of the two pictures.

    Zhang et al., CVPR 2018, arXiv 1801.03924, equation 1, with the weights of version 0.1. Their input, -1..1 shifted
    by (-.030, -.088, -.188) and divided by (.458, .448, .450), is what the trunk makes of 0..1 by ImageNet's mean and
    deviation. Which trunk is part of the metric's name: papers report alex unless they say otherwise.

    predicted, true: (B, 3, H, W) sRGB 0..1; trunk: from `make_trunk`. Returns (B,) float64, 0 and above, hardly over
    1. Symmetric. Big pictures go through the network in strips; the result is that of the whole picture. PictureError
    where a side is shorter than the trunk needs (vgg 16, squeeze 17, alex 31 pixels).
    """
    assert isinstance(trunk, LpipsTrunk)
    weights = trunk.weights()

    def difference(number: int, predicted: Tensor, true: Tensor) -> Tensor:
        # Both products are rounded alike, so that identical pictures are at 0 exactly; addcmul would round one of them.
        apart = predicted * _inverse_length(predicted)
        apart.sub_(true * _inverse_length(true)).square_()
        return apart.permute(0, 2, 3, 1) @ weights[number]

    return tap_means(predicted, true, trunk.network, trunk.taps, difference).sum(1)


def _inverse_length(features: Tensor) -> Tensor:
    return torch.linalg.vector_norm(features, dim=1, keepdim=True).add_(EPS).reciprocal_()
