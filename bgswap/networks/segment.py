"""SegmentNet: finds people in a photo, or corrects a raw mask of them; two jobs of one small residual U-Net (ours).

Deep image compositing (Zhang et al., WACV 2021, arXiv 2011.02146, section 3.2) has a segmentation network and a
refinement network of the same architecture, which takes the raw mask as a fourth plane; it gives no layers. So these
are ours: a U-Net (Ronneberger et al., MICCAI 2015) of residual blocks (He et al., CVPR 2016) with group norm (Wu and
He, ECCV 2018, arXiv 1803.08494), which does not care about the batch: the paper's has 8 samples. With a raw mask the
output is a correction of it, so that training begins at the mask and not at nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MULTIPLE = 32  # five halvings: both sides of the input must divide by it
GROUP = 8  # channels that are normalized together: 32 groups of 256, as Wu and He have it
MASKED = 4  # planes with a raw mask
TRUST = 2.0  # ours: first logit of where the raw mask is sure, 0.88 as alpha; learned from there


@dataclass(frozen=True)
class SegmentConfig:
    """Sizes of the network; all defaults are ours, 6.3 M parameters."""

    planes: int = 3  # photo; 4: photo and raw mask
    widths: tuple[int, ...] = (16, 32, 64, 128, 256, 256)  # channels at 1, 1/2, 1/4, 1/8, 1/16, 1/32


class NormConv(nn.Sequential):
    """Group norm, ReLU, 3x3 convolution: in this order nothing touches the straight way (He et al., ECCV 2016)."""

    def __init__(self, channels_in: int, channels: int):
        norm = nn.GroupNorm(1 if channels_in % GROUP else channels_in // GROUP, channels_in)
        super().__init__(norm, nn.ReLU(), nn.Conv2d(channels_in, channels, 3, padding=1))


class Residual(nn.Module):
    """Two convolutions beside a straight way through, which is 1x1 where the channels change."""

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        self.two = nn.Sequential(NormConv(channels_in, channels), NormConv(channels, channels))
        self.straight = nn.Conv2d(channels_in, channels, 1) if channels_in != channels else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H, W)."""
        return self.straight(x) + self.two(x)


class SegmentNet(nn.Module):
    """Photo, or photo and raw mask, in; logits of the matte out."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: SegmentConfig = SegmentConfig()):
        super().__init__()
        w = config.widths
        self.planes = config.planes
        # Not in the state dict: constants of the design. A mask is centered like a photo.
        self.register_buffer("mean", torch.tensor(0.45), persistent=False)
        self.register_buffer("std", torch.tensor(0.25), persistent=False)
        self.enter = nn.Conv2d(config.planes, w[0], 3, padding=1)
        self.halvings = nn.ModuleList(Residual(w[i], w[i + 1]) for i in range(len(w) - 1))
        self.bottom = Residual(w[-1], w[-1])
        self.doublings = nn.ModuleList(Residual(w[i + 1] + w[i], w[i]) for i in reversed(range(len(w) - 1)))
        self.leave = NormConv(w[0], 1)
        if config.planes == MASKED:
            self.trust = nn.Parameter(torch.tensor([TRUST]))

    def forward(self, x: Tensor) -> Tensor:  # (B, 3 or 4, H, W) 0..1: photo, raw mask; H, W multiples of 32
        """Logits of alpha, (B, 1, H, W). ValueError for other sizes or planes."""
        self._check(x)
        mask = x[:, 3:] if self.planes == MASKED else None
        skips = [self.enter((x - self.mean) / self.std)]  # (B, 16, H, W)
        for halving in self.halvings:  # contracting path
            skips.append(halving(F.avg_pool2d(skips[-1], 2)))
        x = self.bottom(skips.pop())  # (B, 256, H/32, W/32)
        for doubling in cast(Iterable[Residual], self.doublings):  # expanding path, ends at (B, 16, H, W)
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = doubling(torch.cat([x, skips.pop()], dim=1))
        logits = self.leave(x)
        return logits if mask is None else logits + self.trust * (2 * mask - 1)

    def _check(self, x: Tensor) -> None:
        planes, height, width = x.shape[1:]
        if planes != self.planes:
            raise ValueError(f"this network takes {self.planes} planes, not {planes}")
        if height % MULTIPLE or width % MULTIPLE:
            raise ValueError(f"{width} x {height} pixels: both sides must be multiples of {MULTIPLE}")


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> SegmentConfig | None:
    """The settings of a SegmentNet read off its state dict's names and shapes; None for any other network."""
    enter = shapes.get("enter.weight", ())
    steps = sum(key.startswith("halvings.") and key.endswith(".two.0.2.weight") for key in shapes)
    if len(enter) != 4 or not steps or "leave.2.weight" not in shapes:
        return None
    return SegmentConfig(enter[1], (enter[0], *(shapes[f"halvings.{i}.two.0.2.weight"][0] for i in range(steps))))


def build(config: SegmentConfig) -> SegmentNet:
    """An untrained SegmentNet of these sizes."""
    return SegmentNet(config)


def of_width(width: float = 1.0, planes: int = 3) -> SegmentConfig:
    """The sizes for all channels `width` times the full ones, in whole groups."""
    return SegmentConfig(planes, tuple(max(1, round(width * c / GROUP)) * GROUP for c in SegmentConfig.widths))
