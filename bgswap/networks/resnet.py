"""ResNet-18, -34 and -50 without their classifier. He et al., CVPR 2016, 10.1109/CVPR.2016.90, table 1.

Keys are named as in torchvision's resnet18, resnet34 and resnet50 files, so that these load. As there, a bottleneck
halves the size in its 3x3 convolution, not in its first 1x1 one as the paper has it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._trunk import MEAN, STD

DROPPED = ("fc.",)  # keys in published files that nothing here needs
BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}  # table 1
BOTTLENECKS = ("resnet50",)
WIDEN = 4  # a bottleneck's output over its inner channels


@dataclass(frozen=True)
class ResNetConfig:
    """Which of the table's networks, and the channels of its stem (64 there), which all others follow."""

    kind: str = "resnet50"
    base: int = 64

    @property
    def channels(self) -> tuple[int, ...]:
        """Of the maps at 1/2, 1/4, 1/8, 1/16, 1/32."""
        widen = WIDEN if self.kind in BOTTLENECKS else 1
        return (self.base, *(self.base * widen * 2**stage for stage in range(4)))


class Block(nn.Module):
    """Convolutions beside a straight way through, which is a 1x1 convolution where the shape changes."""

    def __init__(self, channels_in: int, channels: int, stride: int):
        super().__init__()
        self.downsample: nn.Module | None = None
        if stride > 1 or channels_in != channels:
            convolution = nn.Conv2d(channels_in, channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(channels))

    def straight(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, h, w)."""
        return x if self.downsample is None else self.downsample(x)


class Basic(Block):
    """Two 3x3 convolutions: figure 5, left."""

    def __init__(self, channels_in: int, inner: int, stride: int):
        super().__init__(channels_in, inner, stride)
        self.conv1 = nn.Conv2d(channels_in, inner, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, inner, H/stride, W/stride)."""
        inside = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(inside)) + self.straight(x))


class Bottleneck(Block):
    """1x1, 3x3, 1x1: figure 5, right."""

    def __init__(self, channels_in: int, inner: int, stride: int):
        super().__init__(channels_in, inner * WIDEN, stride)
        self.conv1 = nn.Conv2d(channels_in, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, inner * WIDEN, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(inner * WIDEN)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, 4 inner, H/stride, W/stride)."""
        inside = F.relu(self.bn1(self.conv1(x)))
        inside = F.relu(self.bn2(self.conv2(inside)))
        return F.relu(self.bn3(self.conv3(inside)) + self.straight(x))


class ResNet(nn.Module):
    """Photo in, maps of five sizes out."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: ResNetConfig = ResNetConfig()):
        super().__init__()
        kind = Bottleneck if config.kind in BOTTLENECKS else Basic
        # Not in the state dict, as published files lack them.
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        self.conv1 = nn.Conv2d(3, config.base, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(config.base)
        for stage, (many, channels_in) in enumerate(zip(BLOCKS[config.kind], config.channels, strict=False)):
            inner, channels = config.base * 2**stage, config.channels[stage + 1]
            first = kind(channels_in, inner, 2 if stage else 1)
            rest = (kind(channels, inner, 1) for _ in range(many - 1))
            setattr(self, f"layer{stage + 1}", nn.Sequential(first, *rest))

    def forward(self, photo: Tensor) -> list[Tensor]:  # (B, 3, H, W) sRGB 0..1
        """Maps of ResNet-50: (B, 64, H/2, W/2), 256 at 1/4, 512 at 1/8, 1024 at 1/16, (B, 2048, H/32, W/32)."""
        maps = [F.relu(self.bn1(self.conv1((photo - self.mean) / self.std)))]
        x = F.max_pool2d(maps[0], 3, 2, padding=1)
        for stage in cast(Iterable[nn.Sequential], (self.layer1, self.layer2, self.layer3, self.layer4)):
            x = stage(x)
            maps.append(x)
        return maps


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> ResNetConfig | None:
    """Which ResNet a state dict's names and shapes are, with or without its classifier; None for any other network."""
    own = {key: tuple(shape) for key, shape in shapes.items() if not key.startswith(DROPPED)}
    base = (own.get("conv1.weight") or (0,))[0]
    for kind in BLOCKS if base else ():
        config = ResNetConfig(kind, base)
        if weights(own) == shapes_of(config):
            return config
    return None


def shapes_of(config: ResNetConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of its weights, without memory for them."""
    with torch.device("meta"):
        return weights({key: tuple(value.shape) for key, value in build(config).state_dict().items()})


def weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """All but batch norm's counters, which old files lack."""
    return {key: tuple(shape) for key, shape in shapes.items() if not key.endswith("num_batches_tracked")}


def build(config: ResNetConfig) -> ResNet:
    """An untrained ResNet."""
    return ResNet(config)
