"""PeopleNet: a small U-Net on SqueezeNet 1.1 that finds people; the network behind weights/people.safetensors.

U-Net (Ronneberger et al., MICCAI 2015, 10.1007/978-3-319-24574-4_28) with the residual blocks of He et al. (CVPR 2016,
10.1109/CVPR.2016.90); its contracting path is SqueezeNet 1.1 (Iandola et al., arXiv 1602.07360), which has seen
ImageNet's thousand kinds of things. Two departures, both ours: a vector read off the whole picture is added at the
bottom, and the head sees the photo's own pixels, so that edges come at full input size without a full-size
convolution stage.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._squeeze_encoder import WIDTHS, SqueezeEncoder

MULTIPLE = 32  # five halvings: both sides of the input must divide by it


@dataclass(frozen=True)
class PeopleConfig:
    """Sizes of the network; the defaults (ours) are those of weights/people.safetensors, 2.7 M parameters."""

    widths: tuple[int, ...] = (24, 48, 96, 128, 160)  # channels of the expanding path at 1/2 to 1/16, and at the bottom
    depth: int = 2  # residual blocks at the bottom, 1/32


class ConvNorm(nn.Sequential):
    """A convolution that keeps the size (or divides it by `stride`), then batch norm."""

    def __init__(self, channels_in: int, channels: int, size: int = 3, stride: int = 1):
        convolution = nn.Conv2d(channels_in, channels, size, stride, padding=size // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(channels))


class Residual(nn.Module):
    """Two 3x3 convolutions beside a straight way through."""

    def __init__(self, channels: int):
        super().__init__()
        self.a = ConvNorm(channels, channels)
        self.b = ConvNorm(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> same shape."""
        return F.relu(x + self.b(F.relu(self.a(x))))


class Bottom(nn.Module):
    """Fewer channels, half the size, residual blocks, and what the whole picture shows, told to every place."""

    def __init__(self, channels_in: int, channels: int, depth: int):
        super().__init__()
        self.narrow = ConvNorm(channels_in, channels, size=1)
        self.down = ConvNorm(channels, channels, stride=2)
        self.body = nn.Sequential(*(Residual(channels) for _ in range(depth)))
        self.context = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H/2, W/2)."""
        x = self.body(F.relu(self.down(F.relu(self.narrow(x)))))
        return x + self.context(x.mean((2, 3)))[:, :, None, None]


class Up(nn.Module):
    """Twice the size, joined by the skip of that size, then one residual block."""

    def __init__(self, channels_in: int, skip: int, channels: int):
        super().__init__()
        self.squeeze = ConvNorm(channels_in + skip, channels, size=1)
        self.mix = Residual(channels)
        self.side = nn.Conv2d(channels, 1, 1)  # a coarse matte of this size, which only training looks at

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, C_in, H, W) and (B, C_skip, 2H, 2W) -> (B, C, 2H, 2W)."""
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.mix(F.relu(self.squeeze(torch.cat([x, skip], dim=1))))


class PeopleNet(nn.Module):
    """Photo in, logits of the matte out; their sigmoid is alpha."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: PeopleConfig = PeopleConfig()):
        super().__init__()
        w = config.widths
        # Not in the state dict: constants of the design, the same for all three colors.
        self.register_buffer("mean", torch.tensor(0.45), persistent=False)
        self.register_buffer("std", torch.tensor(0.25), persistent=False)
        self.encoder = SqueezeEncoder()
        self.bottom = Bottom(WIDTHS[-1], w[-1], config.depth)
        self.ups = nn.ModuleList(Up(w[i + 1], WIDTHS[i], w[i]) for i in reversed(range(len(w) - 1)))
        self.head = nn.Conv2d(w[0] + 12, 4, 3, padding=1)

    def forward(self, photo: Tensor) -> Tensor:  # (B, 3, H, W) sRGB 0..1; H, W multiples of 32
        """Logits of alpha, (B, 1, H, W)."""
        return self.forward_coarse(photo)[0]

    def encode(self, photo: Tensor) -> list[Tensor]:
        """The contracting path's maps, (B, 64, H/2, W/2) ... (B, 512, H/16, W/16)."""
        return cast(list[Tensor], self.encoder(photo))

    def forward_coarse(self, photo: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits, and those of the coarse mattes (B, 1, H/16, W/16) ... (B, 1, H/2, W/2) for training."""
        skips = self.encode(photo)
        x = self.bottom(skips[-1])
        coarse = []
        for up in cast(Iterable[Up], self.ups):  # expanding path
            x = up(x, skips.pop())  # ends at (B, 24, H/2, W/2)
            coarse.append(up.side(x))
        pixels = F.pixel_unshuffle((photo - self.mean) / self.std, 2)  # (B, 12, H/2, W/2): each 2x2 square's own colors
        return F.pixel_shuffle(self.head(torch.cat([x, pixels], dim=1)), 2), coarse


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> PeopleConfig | None:
    """The settings of a PeopleNet read off its state dict's names and shapes; None for any other network."""
    needed = ["encoder.features.0.weight", "bottom.down.0.weight", "ups.0.squeeze.0.weight", "head.weight"]
    if any(name not in shapes for name in needed):
        return None
    ups = [shapes[f"ups.{i}.squeeze.0.weight"][0] for i in reversed(range(len(WIDTHS)))]
    depth = sum(name.startswith("bottom.body.") and name.endswith(".a.0.weight") for name in shapes)
    return PeopleConfig((*ups, shapes["bottom.down.0.weight"][0]), depth)


def build(config: PeopleConfig) -> PeopleNet:
    """An untrained PeopleNet of these sizes."""
    return PeopleNet(config)
