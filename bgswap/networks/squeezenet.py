"""SqueezeNet 1.1 without its classifier. Iandola et al., arXiv 1602.07360 (2016); 1.1 is the authors' later release.

Keys are named as in torchvision's squeezenet1_1 file, so that it loads.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bgswap.networks._trunk import CLASSIFIER as DROPPED
from bgswap.networks._trunk import Trunk

Fires = tuple[tuple[int, int], ...]
FIRES: Fires = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
PLACES = (3, 4, 6, 7, 9, 10, 11, 12)  # of the fire modules in `features`; 2, 5 and 8 are max pools
TAPS = (1, 4, 7, 9, 10, 11, 12)  # ends of the seven slices of LPIPS v0.1

__all__ = ["DROPPED", "Fire", "SqueezeNet", "SqueezeNetConfig", "build", "recognize"]


@dataclass(frozen=True)
class SqueezeNetConfig:
    """Channels of the stem, and of the eight fire modules: squeezed, and of each of the two expanded halves."""

    stem: int = 64
    fires: Fires = FIRES


class Fire(nn.Module):
    """1x1 convolution to few channels, then 1x1 and 3x3 side by side; the size stays."""

    kernel_size, stride, padding = 3, 1, 1  # of the whole, for Trunk.reach

    def __init__(self, channels_in: int, squeezed: int, expanded: int):
        super().__init__()
        self.squeeze = nn.Conv2d(channels_in, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, 2 expanded, H, W)."""
        x = self.squeeze(x).relu_()
        return torch.cat([self.expand1x1(x), self.expand3x3(x)], 1).relu_()


class SqueezeNet(Trunk):
    """Taps "relu1" ... "relu7": the stem's ReLU, then the fire modules 3, 5, 6, 7, 8, 9 (numbered from 2, as there).

    As LPIPS v0.1 takes them: the two pairs of fire modules between pools count once, at their end; a pool belongs to
    the slice behind it. Strides 2, 4, 8, 16, 16, 16, 16. The stem has no padding, so an output row sees 0, 8, 24, 40,
    56, 72, 88 input rows above its own place and 2, 14, 38, 70, 86, 102, 118 below it (`reach`). Pools round sizes
    up. Sides of 17 pixels are the least for relu4 and behind.
    """

    def __init__(self, config: SqueezeNetConfig = SqueezeNetConfig()):
        layers: list[nn.Module] = [nn.Conv2d(3, config.stem, 3, 2), nn.ReLU(inplace=True)]
        channels = config.stem
        for place, (squeezed, expanded) in zip(PLACES, config.fires, strict=True):
            if place > len(layers):
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            layers.append(Fire(channels, squeezed, expanded))
            channels = 2 * expanded
        super().__init__(layers, {f"relu{place}": index for place, index in enumerate(TAPS, 1)})


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> SqueezeNetConfig | None:
    """The channels of a SqueezeNet 1.1 read off its state dict's names and shapes; None for any other network."""
    squeezed = [shapes.get(f"features.{place}.squeeze.weight") for place in PLACES]
    expanded = [shapes.get(f"features.{place}.expand3x3.weight") for place in PLACES]
    stem = shapes.get("features.0.weight")
    if not stem or stem[1:] != (3, 3, 3) or None in squeezed or None in expanded:
        return None
    return SqueezeNetConfig(stem[0], tuple((s[0], e[0]) for s, e in zip(squeezed, expanded, strict=True) if s and e))


def build(config: SqueezeNetConfig) -> SqueezeNet:
    """An untrained SqueezeNet 1.1 of these channels."""
    return SqueezeNet(config)
