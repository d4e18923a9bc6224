"""SqueezeNet 1.1 as the encoder of other networks: four maps whose sides halve, and the colors it was trained on."""

from typing import cast

import torch
from torch import Tensor, nn

from bgswap.networks._trunk import MEAN, STD
from bgswap.networks.squeezenet import SqueezeNet

WIDTHS = (64, 128, 256, 512)  # channels of the maps at 1/2, 1/4, 1/8, 1/16
ENDS = ("relu1", "relu2", "relu3", "relu7")


class SqueezeEncoder(nn.Module):
    """SqueezeNet 1.1 up to its last fire module; its stem is padded, so that sides halve exactly."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        trunk = SqueezeNet()
        self.features, self.ends = trunk.features, [trunk.taps[name] for name in ENDS]
        cast(nn.Conv2d, self.features[0]).padding = (1, 1)

    def forward(self, photo: Tensor) -> list[Tensor]:
        """(B, 3, H, W) sRGB 0..1, sides multiples of 16 -> (B, 64, H/2, W/2) ... (B, 512, H/16, W/16)."""
        x, maps = (photo - self.mean) / self.std, []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.ends:
                maps.append(x)
        return maps
