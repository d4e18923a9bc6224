"""Structure and texture distance (DISTS), on pictures of 256 pixels: no unit, lower is better, 0 is best."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._trunk import Trunk
from bgswap.networks.dists_weights import DistsWeights

ROLES = ("predicted", "true")
BETTER, BEST, UNIT = "lower", 0.0, ""

TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")  # Ding et al., section 3.1; the picture comes first
SIDE = 256  # the authors' code brings the shorter side to it
STEADY = 1e-6  # c1 and c2 of the authors
ROOT = 1e-12  # under the root of L2 pooling, as the authors have it


def models(variant: str) -> tuple[str, ...]:  # noqa: ARG001 - there is one
    """The catalog's names of the trunk and of the weights of its channels."""
    return "vgg16", "dists"


def make_trunk(networks: Sequence[nn.Module], variant: str) -> nn.Module:  # noqa: ARG001 - there is one
    """Trunk and weights as one."""
    network, weights = networks
    assert isinstance(network, Trunk)
    assert isinstance(weights, DistsWeights)
    return DistsTrunk(network, weights)


class DistsTrunk(nn.Module):
    """VGG-16 with L2 pooling, and what texture and structure of each channel weigh."""

    window: Tensor

    def __init__(self, network: Trunk, weights: DistsWeights):
        super().__init__()
        self.network, self.weights = network, weights
        hanning = torch.hann_window(5, periodic=False)[1:4]  # without its ends, which are 0
        self.register_buffer("window", torch.outer(hanning, hanning) / hanning.sum() ** 2, persistent=False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """(B, 3, H, W) sRGB 0..1 -> the picture and five stages, (B, C, h, w) each."""
        return [pictures, *self.network(pictures, TAPS, pool=self.pool).values()]

    def pool(self, x: Tensor) -> Tensor:
        """Root of the blurred squares at every second place (Hénaff and Simoncelli, ICLR 2016): half the size."""
        channels = x.shape[1]
        window = self.window.expand(channels, 1, 3, 3)
        return F.conv2d(x.square(), window, stride=2, padding=1, groups=channels).add_(ROOT).sqrt_()


@torch.no_grad()
def dists(predicted: Tensor, true: Tensor, *, trunk: nn.Module) -> Tensor:
    """1 - sum over channels of alpha texture + beta structure; alpha and beta together sum to 1.

    Ding et al., TPAMI 2022, arXiv 2004.07728, equations 5 to 8: texture (2 m n + c) / (m² + n² + c) of the channel's
    means m and n, structure (2 cov + c) / (var + var + c), c = 1e-6, over the picture and five stages of VGG-16.

    Where the shorter side is over 256 pixels, both pictures are first made smaller, to 256 pixels there and the same
    shape, by a triangle (bilinear) filter as wide as the step: so the authors' code reads files, except that it then
    rounds to 8 bits. Smaller pictures are measured as they are.

    predicted, true: (B, 3, H, W) sRGB 0..1; trunk: from `make_trunk`. Returns (B,) float64, 0 up to about 1.
    Symmetric. Every size is allowed, though pictures of a few pixels tell little.
    """
    both = torch.cat([_small(predicted), _small(true)]).contiguous(memory_format=torch.channels_last)
    texture, structure = zip(*(_alike(*stage.chunk(2)) for stage in trunk(both)), strict=True)
    assert isinstance(trunk, DistsTrunk)
    alpha, beta = (weight.flatten().double() for weight in trunk.weights())
    whole = alpha.sum() + beta.sum()  # 1 up to the last digits of float32
    return 1 - (torch.cat(texture, 1) @ alpha + torch.cat(structure, 1) @ beta) / whole


def _small(pictures: Tensor) -> Tensor:
    height, width = pictures.shape[-2:]
    shorter = min(height, width)
    if shorter <= SIDE:
        return pictures
    size = [SIDE * side // shorter for side in (height, width)]
    return F.interpolate(pictures, size, mode="bilinear", antialias=True)


def _alike(predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Texture and structure of every channel, (B, C, h, w) twice -> (B, C) float64 twice."""
    one, two = predicted.flatten(2), true.flatten(2)
    m, n = one.mean(2, keepdim=True), two.mean(2, keepdim=True)
    one, two = one - m, two - n
    places = one.shape[2]
    var, other, cov = (torch.linalg.vecdot(a, b).double() / places for a, b in ((one, one), (two, two), (one, two)))
    m, n = m[..., 0].double(), n[..., 0].double()
    return (2 * m * n + STEADY) / (m**2 + n**2 + STEADY), (2 * cov + STEADY) / (var + other + STEADY)
