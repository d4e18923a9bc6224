"""U2Net and U2NetP: a U of small Us. Qin et al., Pattern Recognition 2020, 10.1016/j.patcog.2020.107404.

Blocks and state-dict keys are named as in the authors' published weights, so that these load.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# (in, mid, out) of En1 ... En6, De5 ... De1: the paper's table 1, "U2-Net" and its small version
FULL = (
    *((3, 32, 64), (64, 32, 128), (128, 64, 256), (256, 128, 512), (512, 256, 512), (512, 256, 512)),
    *((1024, 256, 512), (1024, 128, 256), (512, 64, 128), (256, 32, 64), (128, 16, 64)),
)
SMALL = ((3, 16, 64), *[(64, 16, 64)] * 5, *[(128, 16, 64)] * 5)
STAGES = (
    "stage1",
    "stage2",
    "stage3",
    "stage4",
    "stage5",
    "stage6",
    "stage5d",
    "stage4d",
    "stage3d",
    "stage2d",
    "stage1d",
)
HEIGHTS = (7, 6, 5, 4, 0, 0, 0, 4, 5, 6, 7)  # L of each stage's RSU-L; 0: RSU-4F, which never shrinks
SIDES = 6


@dataclass(frozen=True)
class U2NetConfig:
    """Channels of the eleven stages, (in, mid, out) each."""

    stages: tuple[tuple[int, int, int], ...] = FULL


class REBNCONV(nn.Module):
    """3x3 convolution, batch norm, ReLU; the size stays."""

    def __init__(self, channels_in: int, channels: int, dilation: int = 1):
        super().__init__()
        self.conv_s1 = nn.Conv2d(channels_in, channels, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H, W)."""
        return F.relu(self.bn_s1(self.conv_s1(x)))


class RSU(nn.Module):
    """RSU-L: a residual block whose branch is a U-Net of height L. RSU-4F (0) dilates, never shrinks."""

    def __init__(self, height: int, channels_in: int, middle: int, channels: int):
        super().__init__()
        self.flat = height == 0
        self.height = height or 4
        dilations = (1, 2, 4, 8) if self.flat else (*[1] * (self.height - 1), 2)
        self.rebnconvin = REBNCONV(channels_in, channels)
        for level, dilation in enumerate(dilations, 1):  # down, and across at the bottom
            self.add_module(f"rebnconv{level}", REBNCONV(channels if level == 1 else middle, middle, dilation))
        for level in range(self.height - 1, 0, -1):  # up
            dilation = dilations[level - 1] if self.flat else 1
            self.add_module(f"rebnconv{level}d", REBNCONV(middle * 2, channels if level == 1 else middle, dilation))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H, W)."""
        entry = x = self.rebnconvin(x)
        skips = []
        for level in range(1, self.height):
            x = self.get_submodule(f"rebnconv{level}")(x)
            skips.append(x)  # (B, mid, H / 2^(level-1), W / 2^(level-1))
            if not self.flat and level < self.height - 1:
                x = halve(x)
        x = self.get_submodule(f"rebnconv{self.height}")(x)
        for level in range(self.height - 1, 0, -1):
            skip = skips.pop()
            x = self.get_submodule(f"rebnconv{level}d")(torch.cat([enlarge(x, skip), skip], dim=1))
        return x + entry


class U2Net(nn.Module):
    """Photo in, seven mattes out: the fused one first, then those of the six sides, fine to coarse."""

    def __init__(self, config: U2NetConfig = U2NetConfig()):
        super().__init__()
        for name, height, channels in zip(STAGES, HEIGHTS, config.stages, strict=True):
            self.add_module(name, RSU(height, *channels))
        seen = [out for _in, _mid, out in config.stages[:4:-1]]  # De1 ... De5, En6
        for level, out in enumerate(seen, 1):
            self.add_module(f"side{level}", nn.Conv2d(out, 1, 3, padding=1))
        self.outconv = nn.Conv2d(SIDES, 1, 1)

    def forward(self, photo: Tensor) -> tuple[Tensor, ...]:  # (B, 3, H, W), standardized
        """Seven mattes 0..1, (B, 1, H, W) each."""
        return tuple(logits.sigmoid() for logits in self.forward_logits(photo))

    def forward_logits(self, photo: Tensor) -> tuple[Tensor, ...]:
        """What forward() gives before the sigmoid; training sums the loss over all seven."""
        x, skips = photo, []
        for level in range(1, 7):  # En1 ... En6
            x = self.get_submodule(f"stage{level}")(x if level == 1 else halve(x))
            skips.append(x)  # (B, C, H / 2^(level-1), W / 2^(level-1))
        sides = [self.get_submodule("side6")(skips.pop())]
        for level in range(5, 0, -1):  # De5 ... De1
            skip = skips.pop()
            x = self.get_submodule(f"stage{level}d")(torch.cat([enlarge(x, skip), skip], dim=1))
            sides.append(self.get_submodule(f"side{level}")(x))
        sides = [enlarge(side, sides[-1]) for side in reversed(sides)]  # (B, 1, H, W) each, side1 first
        return self.outconv(torch.cat(sides, dim=1)), *sides


def halve(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, ceil(H/2), ceil(W/2)), the largest of each 2x2."""
    return F.max_pool2d(x, 2, stride=2, ceil_mode=True)


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, H, W), bilinear to the size of `like`."""
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> U2NetConfig | None:
    """The channels of a U2Net read off its state dict's names and shapes; None for any other network."""
    entries = [shapes.get(f"{name}.rebnconvin.conv_s1.weight") for name in STAGES]
    middles = [shapes.get(f"{name}.rebnconv1.conv_s1.weight") for name in STAGES]
    if "outconv.weight" not in shapes or None in entries or None in middles:
        return None
    return U2NetConfig(tuple((e[1], m[0], e[0]) for e, m in zip(entries, middles, strict=True) if e and m))


def build(config: U2NetConfig) -> U2Net:
    """An untrained U2Net of these channels."""
    return U2Net(config)
