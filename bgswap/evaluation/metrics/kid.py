"""Kernel Inception distance of two sets of pictures: a pure number, lower is better, about 0 is best."""

import math
import warnings

import torch
from torch import Tensor

from bgswap.errors import missing_extra
from bgswap.evaluation.metrics.fid import AGAINST_TRUE, BEST, BETTER, ROLES, UNIT, Given, features, make_trunk, models

__all__ = ["AGAINST_TRUE", "BEST", "BETTER", "ROLES", "UNIT", "features", "make_trunk", "models", "of_set"]

MINIMUM = 2  # pictures a set, below which the unbiased estimate has no pair
SUBSETS, SUBSET_SIZE = 100, 1000  # the defaults of torchmetrics and torch-fidelity
SEED = 0  # so that the same features give the same value


def of_set(predicted: Tensor, true: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy, kernel (x·y / K + 1)³. Bińkowski et al., ICLR 2018, arXiv 1801.01401.

    predicted, true: (N, K) features, N may differ; the arithmetic is torchmetrics'. Mean over 100 seeded draws of
    min(1000, N) pictures from each set, in float32 as there (error about 1e-7, a fifth of the time); where a draw is
    always the whole of both sets, it is computed once, in float64. Unbiased, so already fair for a hundred pictures,
    and a little below 0 now and then. Not times 1000, as some tables have it. NaN for fewer than two in a set.
    """
    try:
        from torchmetrics.image.kid import KernelInceptionDistance
    except ImportError as cause:
        raise missing_extra("eval", "--metric kid") from cause
    fewest = min(len(predicted), len(true))
    if fewest < MINIMUM:
        return math.nan
    size = min(SUBSET_SIZE, fewest)
    once = size == len(predicted) == len(true)
    kind = torch.float64 if once else torch.float32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it keeps all features: they are here already
        distance = KernelInceptionDistance(Given(predicted.shape[1]), subsets=1 if once else SUBSETS, subset_size=size)
    distance.update(true.to("cpu", kind), real=True)
    distance.update(predicted.to("cpu", kind), real=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        mean, _spread = distance.compute()
    return float(mean)
