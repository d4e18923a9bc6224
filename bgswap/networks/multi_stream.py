"""MultiStreamNet: fuses a person's photo and a new background at every scale, by masks and corrections of its own.

The two-encoder fusion network of Zhang et al., Deep Image Compositing, WACV 2021, arXiv 2011.02146, section 3.1: one
encoder sees the photo and its mask, one the background and the inverted mask; one decoder fuses both at every scale,
densely connected, in the spirit of Laplacian-pyramid blending. Depth and widths are not told there: all of them are
ours. So are group norm instead of batch norm (a picture's result must not depend on its neighbors in the batch), and
the form of a level: the pyramid of alpha compositing, whose mask and colors the network changes, so that it starts
there. Adobe holds US patents 11,158,055 and 11,568,544 on such networks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PLANES = 7  # photo 3, alpha 1, background 3
STRETCH = 1.5  # ours: one encoder so much wider has, with its decoder, as many parameters as two, within 1.5 %
GROUPS = 8  # ours: of group norm, where they divide the channels
FIRST = 0.001  # ours: spread of the heads' first weights: all but plain compositing, yet gradients pass
GAIN = 0.3  # ours: factor on the heads' colors, so that Adam's first steps do not go far from there either


@dataclass(frozen=True)
class MultiStreamConfig:
    """Sizes of the network; defaults ours, as its paper tells none.

    widths: channels of each encoder and of the decoder at full size, 1/2, 1/4, ...; at least three scales.
    streams: 2, or 1 for the paper's ablation (section 5.2): all pictures stacked into one encoder, equal parameters.
    dense: a decoder level sees all coarser ones; else only the next.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256, 256)
    streams: int = 2
    dense: bool = True

    def __post_init__(self) -> None:
        if len(self.widths) < 3 or min(self.widths) < 1:
            raise ValueError(f"widths {self.widths}: give channels at three scales or more")
        if self.streams not in (1, 2):
            raise ValueError(f"streams {self.streams}: it is 1 or 2")

    @property
    def encoder(self) -> tuple[int, ...]:
        """Channels of an encoder."""
        return self.widths if self.streams == 2 else tuple(round(width * STRETCH) for width in self.widths)

    @property
    def multiple(self) -> int:
        """What both sides of the pictures must divide by: 16 at five scales."""
        return 2 ** (len(self.widths) - 1)


def norm(channels: int) -> nn.Module:
    """Group norm, then ReLU."""
    return nn.Sequential(nn.GroupNorm(gcd(channels, GROUPS), channels), nn.ReLU())


def convolution(channels_in: int, channels: int, stride: int = 1) -> nn.Module:
    """3x3, group norm, ReLU."""
    return nn.Sequential(nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False), norm(channels))


class Stream(nn.Module):
    """An encoder: two 3x3 convolutions a scale, the first of which halves the size."""

    def __init__(self, planes: int, widths: tuple[int, ...]):
        super().__init__()
        self.scales = nn.ModuleList(
            nn.Sequential(convolution(before, width, 2 if number else 1), convolution(width, width))
            for number, (before, width) in enumerate(pairwise((planes, *widths)))
        )

    def forward(self, planes: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> features (B, widths[k], H / 2^k, W / 2^k), from fine to coarse."""
        features = [planes]
        for scale in self.scales:
            features.append(scale(features[-1]))
        return features[1:]


class Fuse(nn.Module):
    """A level of the decoder: streams and composite of this scale, and levels of coarser scales, become features."""

    def __init__(self, beside: int, coarser: tuple[int, ...], width: int):
        super().__init__()
        self.beside = nn.Conv2d(beside, width, 3, padding=1, bias=False)
        # 1x1 before the upsampling: the same as after it on all of them joined, and a fraction of its cost.
        self.below = nn.ModuleList(nn.Conv2d(channels, width, 1, bias=False) for channels in coarser)
        self.norm = norm(width)
        self.mix = convolution(width, width)
        self.head = nn.Conv2d(width, 4, 1)  # change of mask 1, colors 3

    def forward(self, beside: Tensor, coarser: list[Tensor]) -> Tensor:
        """(B, C, h, w) and the levels below, from fine to coarse, (B, C', h/2, w/2), ... -> (B, width, h, w)."""
        x = self.beside(beside)
        if len(self.below):
            joined = [to(level) for to, level in zip(self.below, coarser, strict=False)]
            total = joined.pop()
            while joined:
                total = double(total) + joined.pop()
            x = x + double(total)
        return self.mix(self.norm(x))


class MultiStreamNet(nn.Module):
    """Photo, alpha, background in; the finished composite out."""

    def __init__(self, config: MultiStreamConfig = MultiStreamConfig()):
        super().__init__()
        self.config = config
        widths, encoder = config.widths, config.encoder
        if config.streams == 2:
            self.foreground_stream = Stream(4, encoder)
            self.background_stream = Stream(4, encoder)
        else:
            self.joint_stream = Stream(PLANES, encoder)
        reach = len(widths) if config.dense else 1
        self.fusion = nn.ModuleList(
            Fuse(config.streams * encoder[k] + 3, widths[k + 1 :][:reach], widths[k]) for k in range(len(widths))
        )
        for level in self.fusion:
            head = cast(Fuse, level).head
            nn.init.normal_(head.weight, 0.0, FIRST / head.in_channels**0.5)
            nn.init.constant_(cast(Tensor, head.bias), 0.0)

    def forward(self, planes: Tensor) -> Tensor:  # (B, 7, H, W) 0..1; H, W multiples of config.multiple
        """The composite, (B, 3, H, W) sRGB 0..1. ValueError where the sizes do not divide."""
        return self.fuse(planes).clamp(0, 1)

    def fuse(self, planes: Tensor) -> Tensor:
        """The composite, (B, 3, H, W), not yet cut at 0 and 1: gradients of every pixel pass, for training.

        Level k of the result is that of alpha compositing's Laplacian pyramid + change of mask x (photo's level -
        background's level) + colors. Plain compositing's levels sum up to itself, so only the rest is summed here.
        """
        height, width = planes.shape[-2:]
        if height % self.config.multiple or width % self.config.multiple:
            raise ValueError(f"{width} x {height} pixels: both sides must be multiples of {self.config.multiple}")
        photo, alpha, background = planes.float().split((3, 1, 3), dim=1)
        composite = torch.lerp(background, photo, alpha)
        levels = self._decode(planes, composite)  # from fine to coarse
        bands = laplacian(photo - background, len(levels))
        change: Tensor | None = None
        for fuse, level, band in zip(reversed(self.fusion), reversed(levels), reversed(bands), strict=True):
            mask, colors = cast(Fuse, fuse).head(level).float().split((1, 3), dim=1)
            here = mask.tanh() * band + GAIN * colors  # (B, 3, H / 2^k, W / 2^k)
            change = here if change is None else double(change) + here
        return composite + cast(Tensor, change)

    def _decode(self, planes: Tensor, composite: Tensor) -> list[Tensor]:
        """The decoder's features (B, widths[k], H / 2^k, W / 2^k), from fine to coarse."""
        levels: list[Tensor] = []
        pictures = [composite]
        for _ in self.fusion[1:]:
            pictures.append(F.avg_pool2d(pictures[-1], 2))
        for fuse, picture, *beside in zip(
            reversed(self.fusion), reversed(pictures), *map(reversed, self._encode(planes)), strict=True
        ):
            levels.insert(0, fuse(torch.cat([*beside, picture], dim=1), levels))
        return levels

    def _encode(self, planes: Tensor) -> list[list[Tensor]]:
        """The features of each stream."""
        if self.config.streams == 1:
            return [self.joint_stream(planes)]
        photo, alpha, background = planes.split((3, 1, 3), dim=1)
        inverted = torch.cat([background, 1 - alpha], dim=1)
        return [self.foreground_stream(torch.cat([photo, alpha], dim=1)), self.background_stream(inverted)]


def double(x: Tensor) -> Tensor:
    """(B, C, h, w) -> (B, C, 2h, 2w)."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def laplacian(picture: Tensor, scales: int) -> list[Tensor]:
    """Differences of neighboring scales, from fine to coarse, the coarsest whole: doubled and added up, `picture`."""
    bands = []
    for _ in range(scales - 1):
        smaller = F.avg_pool2d(picture, 2)
        bands.append(picture - double(smaller))
        picture = smaller
    return [*bands, picture]


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> MultiStreamConfig | None:
    """The settings of a MultiStreamNet read off its state dict's names and shapes; None for any other network."""
    two, one = "foreground_stream.scales.0.0.0.weight", "joint_stream.scales.0.0.0.weight"
    heads = [f"fusion.{number}.head.weight" for number in range(len(shapes))]
    widths = [shapes[name][1] for name in heads if name in shapes]
    if (two in shapes) == (one in shapes) or len(widths) < 3:
        return None
    return MultiStreamConfig(tuple(widths), 2 if two in shapes else 1, "fusion.0.below.1.weight" in shapes)


def build(config: MultiStreamConfig) -> MultiStreamNet:
    """An untrained MultiStreamNet of these sizes."""
    return MultiStreamNet(config)
