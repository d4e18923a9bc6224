"""Pix2pix's U-Net: a picture, or a composite with its mask, in; a picture out.

Isola et al., CVPR 2017, arXiv 1611.07004, sections 3.2.1 and 6.1.1, in the layer order of the authors' PyTorch code.
Departures, all ours: fewer halvings where the size has no eight; instance norm as a choice; what lies outside the mask
may be kept; without its noise (dropout) in use, so that a picture comes out the same twice. From iDIH (Sofiiuk et al.,
WACV 2021, arXiv 2006.00809) comes, as a choice, that the picture is mixed with the input by a share for every pixel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._initialize import norm_in, norm_of

DEEPEST = 8  # halvings: 256 pixels to one, section 6.1.1
WIDEST = 8  # channels stop growing at 8 times the first ones, section 6.1.1
SLOPE = 0.2  # leaky ReLUs of the encoder, section 6.1
NOISY = 5  # halvings at which decoder blocks begin to have dropout, the innermost one not, as in the authors' code


@dataclass(frozen=True)
class Pix2PixConfig:
    """Sizes of the U-Net; the defaults are pix2pix's for 256 pixels, over a composite and its mask.

    channels: of the input's planes. depth: halvings, 2 to 8. keep: plane 3 is a mask, outside of which planes 0 to 2
    are given back. fused: a fourth map of the head is how much of the picture is new; the rest is planes 0 to 2. norm:
    "instance" keeps the pictures of a batch apart.
    """

    channels: int = 4
    width: int = 64
    depth: int = DEEPEST
    norm: Literal["batch", "instance"] = "batch"
    keep: bool = False
    fused: bool = False


class Down(nn.Module):
    """Half the size: leaky ReLU (not on the picture itself), 4x4 convolution, norm (neither first nor last)."""

    def __init__(self, channels_in: int, channels: int, norm: Literal["batch", "instance", "none"], first: bool):
        super().__init__()
        self.slope = 1.0 if first else SLOPE
        self.conv = nn.Conv2d(channels_in, channels, 4, 2, 1, bias=False)
        self.norm = norm_of(norm, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H/2, W/2)."""
        return self.norm(self.conv(F.leaky_relu(x, self.slope) if self.slope < 1 else x))


class Up(nn.Module):
    """Twice the size: ReLU, 4x4 transposed convolution, norm, dropout."""

    def __init__(self, channels_in: int, channels: int, norm: Literal["batch", "instance"], dropout: float):
        super().__init__()
        self.conv = nn.ConvTranspose2d(channels_in, channels, 4, 2, 1, bias=False)
        self.norm = norm_of(norm, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, 2H, 2W)."""
        return self.dropout(self.norm(self.conv(F.relu(x))))


class Pix2Pix(nn.Module):
    """Planes in, a picture out. dropout: of the three blocks in training, section 6.1.1; evaluation mode has none."""

    def __init__(self, config: Pix2PixConfig = Pix2PixConfig(), dropout: float = 0.5):
        super().__init__()
        if not 2 <= config.depth <= DEEPEST:
            raise ValueError(f"a U-Net of pix2pix has 2 to {DEEPEST} halvings, not {config.depth}")
        if config.keep and config.channels < 4:
            raise ValueError("to keep what is outside the mask, the input needs a mask as plane 3")
        depth, norm = config.depth, config.norm
        w = [config.width * min(2**i, WIDEST) for i in range(depth)]
        self.channels, self.keep, self.fused = config.channels, config.keep, config.fused
        self.pix_downs = nn.ModuleList(
            Down(a, b, "none" if i in (0, depth - 1) else norm, first=i == 0)
            for i, (a, b) in enumerate(pairwise([config.channels, *w]))
        )
        self.pix_ups = nn.ModuleList(
            Up(w[i] * (1 if i == depth - 1 else 2), w[i - 1], norm, dropout if NOISY <= i + 1 < depth else 0.0)
            for i in reversed(range(1, depth))
        )
        self.pix_head = nn.ConvTranspose2d(w[0] * 2, 4 if config.fused else 3, 4, 2, 1)
        if config.keep:  # no shape tells it: the name of an empty buffer does
            self.register_buffer("pix_keeps_outside", torch.empty(0))

    def forward(self, planes: Tensor) -> Tensor:  # (B, 4, H, W) 0..1; H, W multiples of 2^depth
        """The picture, (B, 3, H, W) sRGB 0..1.

        Raises:
            ValueError: other planes than it was built for, or sides that do not divide.
        """
        self._check(planes)
        x = planes * 2 - 1
        skips = []
        for down in self.pix_downs:
            x = down(x)  # (B, 64, H/2, W/2) ... (B, 512, H/256, W/256)
            skips.append(x)
        skips.pop()
        for up in self.pix_ups:
            x = torch.cat([skips.pop(), up(x)], dim=1)  # (B, 1024, H/128, W/128) ... (B, 128, H/2, W/2)
        x = self.pix_head(F.relu(x)).float()  # (B, 3 or 4, H, W); in float, as bfloat16 has too few levels
        made, given = (torch.tanh(x[:, :3]) + 1) / 2, planes[:, :3].float()
        if self.fused:
            made = torch.lerp(given, made, torch.sigmoid(x[:, 3:]))
        return torch.lerp(given, made, planes[:, 3:4].float()) if self.keep else made

    def _check(self, planes: Tensor) -> None:
        if planes.shape[1] != self.channels:
            raise ValueError(f"this U-Net takes {self.channels} planes, not {planes.shape[1]}")
        multiple = 2 ** len(self.pix_downs)
        if planes.shape[-2] % multiple or planes.shape[-1] % multiple:
            raise ValueError(f"both sides must divide by {multiple}, not {planes.shape[-1]}x{planes.shape[-2]}")


def deepest(*sides: int) -> int:
    """Most halvings, up to 8, that all of these sides allow; 0 where one is odd."""
    return next(depth for depth in range(DEEPEST, -1, -1) if all(side % 2**depth == 0 for side in sides))


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> Pix2PixConfig | None:
    """The settings of a U-Net read off its state dict's names and shapes; None for any other network."""
    first = shapes.get("pix_downs.0.conv.weight")
    if first is None or "pix_head.weight" not in shapes:
        return None
    names = set(shapes)
    depth = sum(name.startswith("pix_downs.") and name.endswith(".conv.weight") for name in names)
    norm: Literal["batch", "instance"] = "instance" if norm_in(names, "pix_ups.0.norm.") == "instance" else "batch"
    return Pix2PixConfig(
        first[1], first[0], depth, norm, "pix_keeps_outside" in names, shapes["pix_head.weight"][1] == 4
    )


def build(config: Pix2PixConfig) -> Pix2Pix:
    """An untrained U-Net of these sizes."""
    return Pix2Pix(config)
