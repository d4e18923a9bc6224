"""Fréchet Inception distance of two sets of pictures: a pure number, lower is better, 0 is best."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from bgswap.errors import missing_extra

ROLES = ("predicted",)
BETTER, BEST, UNIT = "lower", 0.0, ""
AGAINST_TRUE = True
MINIMUM = 2  # pictures a set, below which there is no covariance
ENOUGH = 2048  # pictures, as many as features: below, the covariance is not of full rank


class Given(nn.Module):
    """Stands where torchmetrics expects a network, and gives the features that it gets."""

    def __init__(self, count: int):
        super().__init__()
        self.num_features = count

    def forward(self, features: Tensor) -> Tensor:
        """(N, K) -> the same."""
        return features


def models(variant: str) -> tuple[str, ...]:  # noqa: ARG001 - there is one
    """The Inception of 2015."""
    return ("inception-fid",)


def make_trunk(networks: Sequence[nn.Module], variant: str) -> nn.Module:  # noqa: ARG001
    """That network as it is."""
    return networks[0]


def note(count: int) -> str:
    """What a reader must know of the value of so many pictures; "" where nothing."""
    if count >= ENOUGH:
        return ""
    return f"fid of {count} pictures is far too large: compare it only with values of as many, or measure kid"


def features(predicted: Tensor, *, trunk: nn.Module) -> Tensor:
    """(B, 3, H, W) sRGB 0..1, any size -> (B, 2048), where the trunk is. It resizes to 299 x 299 itself."""
    first = next(trunk.parameters(), predicted)
    given: Tensor = trunk(predicted.to(first.device))
    return given


def of_set(predicted: Tensor, true: Tensor) -> float:
    """|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½) of means and covariances. Heusel et al., NeurIPS 2017, arXiv 1706.08500.

    predicted, true: (N, K) features, N may differ; the arithmetic is torchmetrics', in float64. NaN for fewer than two
    pictures in a set. Few pictures give too large a value: the papers take 10,000 and more, and below K = 2048 the
    covariance is not even of full rank, so compare only values of equally many pictures. Normal distributions around
    (0, 0) and (1, 0) with covariances I and 4 I are 1 + 2 (1 + 4 - 2 · 2) = 3 apart.
    """
    try:
        from torchmetrics.image.fid import FrechetInceptionDistance
    except ImportError as cause:
        raise missing_extra("eval", "--metric fid") from cause
    if min(len(predicted), len(true)) < MINIMUM:
        return math.nan
    distance = FrechetInceptionDistance(Given(predicted.shape[1]))
    distance.update(true.double().cpu(), real=True)
    distance.update(predicted.double().cpu(), real=False)
    return float(distance.compute())
