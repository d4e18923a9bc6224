"""Discriminators: pix2pix's PatchGAN and its 1x1 form, and a U-Net that judges every pixel of a composite.

PatchGAN: Isola et al., CVPR 2017, arXiv 1611.07004, section 3.2.2 and 6.1.2; every logit sees one patch. PixelWise: the
pixel-wise disharmony discriminator that seed 002 (Image Harmonization using GANs, "Future Work") takes from Huang et
al., IEEE TIP 29, 2020, arXiv 1809.01372; its layers are ours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._initialize import Norm, norm_in, norm_of

SLOPE = 0.2  # pix2pix, section 6.1: leaky ReLUs
WIDEST = 8  # pix2pix, section 6.1.2: channels stop growing at 8 times the first ones


@dataclass(frozen=True)
class PatchGANConfig:
    """Sizes of a PatchGAN; the defaults are pix2pix's, over a composite and a picture.

    channels: of all planes that it looks at. layers: halvings; the patch is 16, 34, 70, 142, 286 pixels wide for 1 to
    5, and 0 is the 1x1 discriminator ("PixelGAN"). norm: "instance" and "none" keep pictures of a batch apart.
    """

    channels: int = 6
    width: int = 64
    layers: int = 3
    norm: Norm = "batch"


@dataclass(frozen=True)
class PixelWiseConfig:
    """Sizes of a PixelWise discriminator (ours).

    channels: of all planes that it looks at. width: at full size; doubled at each of `depth` halvings, to 8 times.
    """

    channels: int = 6
    width: int = 32
    depth: int = 4
    norm: Norm = "batch"


class Block(nn.Module):
    """Convolution, norm, leaky ReLU; the convolution has a bias where no norm follows."""

    def __init__(self, channels_in: int, channels: int, norm: Norm, size: int = 4, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, size, stride, padding=(size - 1) // 2, bias=norm == "none")
        self.norm = norm_of(norm, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, h, w)."""
        return F.leaky_relu(self.norm(self.conv(x)), SLOPE)


class PatchGAN(nn.Module):
    """Planes in, a map of logits out: above 0 where a patch looks as it should."""

    def __init__(self, config: PatchGANConfig = PatchGANConfig()):
        super().__init__()
        self.layers = config.layers
        count = max(config.layers, 1)  # layers with a norm before the head
        widths = [config.width * min(2**i, WIDEST) for i in range(count + 1)]
        size = 4 if config.layers else 1
        steps = zip([config.channels, *widths], widths, strict=False)
        self.patch_blocks = nn.Sequential(
            *(
                Block(a, b, config.norm if i else "none", size, 2 if i < config.layers else 1)
                for i, (a, b) in enumerate(steps)
            )
        )
        self.patch_head = nn.Conv2d(widths[-1], 1, size, padding=(size - 1) // 2)

    def forward(self, planes: Tensor) -> Tensor:  # (B, C, H, W) 0..1
        """Logits (B, 1, H / 2^layers - 2, W / 2^layers - 2), and of full size where layers is 0.

        Raises:
            ValueError: a side is so short that no logit is left.
        """
        if self.layers and min(planes.shape[-2:]) >> self.layers < 3:
            least = 3 << self.layers
            raise ValueError(f"a PatchGAN of {self.layers} layers needs sides of at least {least} pixels")
        return self.patch_head(
            self.patch_blocks(planes * 2 - 1)
        )  # blocks: (B, 64, H/2, W/2) ... (B, 512, H/8-1, W/8-1)


class PixelWise(nn.Module):
    """Planes in, a logit for every pixel out: above 0 where a pixel belongs to its picture."""

    def __init__(self, config: PixelWiseConfig = PixelWiseConfig()):
        super().__init__()
        widths = [config.width * min(2**i, WIDEST) for i in range(config.depth + 1)]
        self.pixel_stem = Block(config.channels, widths[0], "none", 3)
        self.pixel_downs = nn.ModuleList(Block(a, b, config.norm, 4, 2) for a, b in pairwise(widths))
        self.pixel_ups = nn.ModuleList(
            Block(widths[i + 1] + widths[i], widths[i], config.norm, 3) for i in reversed(range(config.depth))
        )
        self.pixel_head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, planes: Tensor) -> Tensor:  # (B, C, H, W) 0..1
        """Logits (B, 1, H, W), at any size of at least 2^(depth + 1) pixels.

        Raises:
            ValueError: a side is shorter.
        """
        least = 2 << len(self.pixel_downs)
        if min(planes.shape[-2:]) < least:
            raise ValueError(f"a pixel-wise discriminator of this depth needs sides of at least {least} pixels")
        skips = [self.pixel_stem(planes * 2 - 1)]  # (B, 32, H, W)
        for down in self.pixel_downs:
            skips.append(down(skips[-1]))  # ends at (B, 256, H/16, W/16)
        x = skips.pop()
        for up in cast(Iterable[Block], self.pixel_ups):  # back to full size, odd sides too
            skip = skips.pop()
            x = up(torch.cat([F.interpolate(x, skip.shape[-2:], mode="nearest"), skip], dim=1))  # ends at (B, 32, H, W)
        return self.pixel_head(x)


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> PatchGANConfig | PixelWiseConfig | None:
    """The settings of either discriminator read off its state dict's names and shapes; None for any other network."""
    names = set(shapes)
    if {"patch_head.weight", "patch_blocks.0.conv.weight", "patch_blocks.1.conv.weight"} <= names:
        width, channels, size, _ = shapes["patch_blocks.0.conv.weight"]
        blocks = sum(name.startswith("patch_blocks.") and name.endswith(".conv.weight") for name in names)
        return PatchGANConfig(channels, width, blocks - 1 if size == 4 else 0, norm_in(names, "patch_blocks.1.norm."))
    if {"pixel_head.weight", "pixel_stem.conv.weight", "pixel_downs.0.conv.weight"} <= names:
        width, channels, *_ = shapes["pixel_stem.conv.weight"]
        depth = sum(name.startswith("pixel_downs.") and name.endswith(".conv.weight") for name in names)
        return PixelWiseConfig(channels, width, depth, norm_in(names, "pixel_downs.0.norm."))
    return None


def build(config: PatchGANConfig | PixelWiseConfig) -> PatchGAN | PixelWise:
    """An untrained discriminator of these sizes."""
    return PatchGAN(config) if isinstance(config, PatchGANConfig) else PixelWise(config)
