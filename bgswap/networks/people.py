"""PeopleNet: a small residual U-Net that finds people; the network behind weights/people.safetensors.

U-Net (Ronneberger et al., MICCAI 2015, 10.1007/978-3-319-24574-4_28) with the residual blocks of He et al. (CVPR 2016,
10.1109/CVPR.2016.90). Two departures, both ours: a vector read off the whole picture is added at the bottom, and the
head sees the photo's own pixels, so that edges come at full input size without a full-size convolution stage.
Down to 1/16 its encoder is plain, or SqueezeNet 1.1's, which has seen ImageNet's thousand kinds of things.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._squeeze_encoder import WIDTHS as SQUEEZED
from bgswap.networks._squeeze_encoder import SqueezeEncoder

MULTIPLE = 32  # five halvings: both sides of the input must divide by it
PLAIN, SQUEEZENET = ENCODERS = ("plain", "squeezenet")


@dataclass(frozen=True)
class PeopleConfig:
    """Sizes of the network; the defaults (ours) are those of weights/people.safetensors, 3.2 M parameters."""

    widths: tuple[int, ...] = (16, 32, 64, 128, 192)  # channels at 1/2, 1/4, 1/8, 1/16, 1/32
    depths: tuple[int, ...] = (0, 1, 2, 3, 2)  # residual blocks after each halving; the stem has none
    encoder: str = "plain"  # or "squeezenet": then the first four of `widths` are the decoder's alone, and of `depths`
    # only the last counts


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


class Down(nn.Module):
    """Half the size, more channels, then residual blocks."""

    def __init__(self, channels_in: int, channels: int, depth: int):
        super().__init__()
        self.down = ConvNorm(channels_in, channels, stride=2)
        self.body = nn.Sequential(*(Residual(channels) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H/2, W/2)."""
        return self.body(F.relu(self.down(x)))


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
        self.squeezes = config.encoder == SQUEEZENET
        # Not in the state dict: constants of the design, the same for all three colors.
        self.register_buffer("mean", torch.tensor(0.45), persistent=False)
        self.register_buffer("std", torch.tensor(0.25), persistent=False)
        if self.squeezes:
            skips: tuple[int, ...] = SQUEEZED
            self.encoder = SqueezeEncoder()
            self.narrow = nn.Sequential(ConvNorm(skips[-1], w[-1], size=1), nn.ReLU())
            self.downs = nn.ModuleList([Down(w[-1], w[-1], config.depths[-1])])
        else:
            skips = w
            self.stem = nn.Sequential(ConvNorm(3, w[0], stride=2), nn.ReLU(), ConvNorm(w[0], w[0]), nn.ReLU())
            self.downs = nn.ModuleList(Down(*step) for step in zip(w, w[1:], config.depths[1:], strict=False))
        self.context = nn.Sequential(nn.Linear(w[-1], w[-1]), nn.ReLU(), nn.Linear(w[-1], w[-1]))
        self.ups = nn.ModuleList(Up(w[i + 1], skips[i], w[i]) for i in reversed(range(len(w) - 1)))
        self.head = nn.Conv2d(w[0] + 12, 4, 3, padding=1)

    def forward(self, photo: Tensor) -> Tensor:  # (B, 3, H, W) sRGB 0..1; H, W multiples of 32
        """Logits of alpha, (B, 1, H, W)."""
        return self.forward_coarse(photo)[0]

    def encode(self, photo: Tensor) -> list[Tensor]:
        """The contracting path's maps, (B, 16, H/2, W/2) ... (B, 192, H/32, W/32)."""
        if self.squeezes:
            maps = self.encoder(photo)
            return [*maps, self.downs[0](self.narrow(maps[-1]))]
        maps = [self.stem((photo - self.mean) / self.std)]
        for down in self.downs:
            maps.append(down(maps[-1]))
        return maps

    def forward_coarse(self, photo: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits, and those of the coarse mattes (B, 1, H/16, W/16) ... (B, 1, H/2, W/2) for training."""
        skips = self.encode(photo)
        x = skips.pop()
        x = x + self.context(x.mean((2, 3)))[:, :, None, None]  # what the whole picture shows, told to every place
        coarse = []
        for up in cast(Iterable[Up], self.ups):  # expanding path
            x = up(x, skips.pop())  # ends at (B, 16, H/2, W/2)
            coarse.append(up.side(x))
        pixels = F.pixel_unshuffle((photo - self.mean) / self.std, 2)  # (B, 12, H/2, W/2): each 2x2 square's own colors
        return F.pixel_shuffle(self.head(torch.cat([x, pixels], dim=1)), 2), coarse


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> PeopleConfig | None:
    """The settings of a PeopleNet read off its state dict's names and shapes; None for any other network."""
    squeezes = "encoder.features.0.weight" in shapes
    if squeezes and "narrow.0.0.weight" in shapes and "head.weight" in shapes:
        ups = sum(name.endswith(".squeeze.0.weight") and name.startswith("ups.") for name in shapes)
        wide = [shapes[f"ups.{i}.squeeze.0.weight"][0] for i in reversed(range(ups))]
        deep = sum(name.startswith("downs.0.body.") and name.endswith(".a.0.weight") for name in shapes)
        return PeopleConfig((*wide, shapes["narrow.0.0.weight"][0]), (0,) * ups + (deep,), SQUEEZENET)
    steps = sum(name.startswith("downs.") and name.endswith(".down.0.weight") for name in shapes)
    needed = ["stem.0.0.weight", "context.0.weight", "ups.0.squeeze.0.weight", "head.weight"]
    if not steps or any(name not in shapes for name in needed):
        return None
    widths = [shapes["stem.0.0.weight"][0]] + [shapes[f"downs.{i}.down.0.weight"][0] for i in range(steps)]
    blocks = [sum(f"downs.{i}.body.{j}.a.0.weight" in shapes for j in range(len(shapes))) for i in range(steps)]
    return PeopleConfig(widths=tuple(widths), depths=(0, *blocks))


def build(config: PeopleConfig) -> PeopleNet:
    """An untrained PeopleNet of these sizes."""
    return PeopleNet(config)
