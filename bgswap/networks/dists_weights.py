"""The weights of DISTS: alpha for texture and beta for structure, one a channel. Ding et al., TPAMI 2022, 2004.07728.

Keys are named as in the authors' file.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class DistsWeightsConfig:
    """Channels of all stages together: the picture's 3 and 64 + 128 + 256 + 512 + 512 of VGG-16."""

    channels: int = 1475


class DistsWeights(nn.Module):
    """alpha and beta, (1, channels, 1, 1) each, stage after stage. Their joint sum stands for 1."""

    def __init__(self, config: DistsWeightsConfig = DistsWeightsConfig()):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, config.channels, 1, 1))
        self.beta = nn.Parameter(torch.ones(1, config.channels, 1, 1))

    def forward(self) -> tuple[Tensor, Tensor]:
        """alpha and beta divided by their joint sum, (1, channels, 1, 1) each."""
        total = self.alpha.sum() + self.beta.sum()
        return self.alpha / total, self.beta / total


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> DistsWeightsConfig | None:
    """The channels read off a state dict's names and shapes; None for anything else."""
    if set(shapes) != {"alpha", "beta"} or shapes["alpha"] != shapes["beta"] or len(shapes["alpha"]) != 4:
        return None
    return DistsWeightsConfig(shapes["alpha"][1])


def build(config: DistsWeightsConfig) -> DistsWeights:
    """Weights that favor no channel."""
    return DistsWeights(config)
