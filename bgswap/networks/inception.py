"""Inception v3 as FID takes it, to its last pool. Szegedy et al., CVPR 2016, arXiv 1512.00567; Heusel et al., 2017.

Keys are named as in pt_inception-2015-12-05-6726825d.pth, TensorFlow's weights of 2015 as ported for pytorch-fid and
torch-fidelity. That network is not torchvision's inception_v3: its average pools leave the padding out of the mean,
the branch behind the last block's pool has a max pool there, and it knows 1008 classes. Torchvision's weights would
give other distances, so recognize() refuses them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 299  # pixels, of what the network sees
FEATURES = 2048
DROPPED = ("fc.", "AuxLogits.")
OTHER_CLASSES = 1000  # of torchvision's file; the one of 2015 has 1008

Pool = Literal["average", "max", "shrink"]
Step = tuple[str, int, int | tuple[int, int], int]  # name, channels, kernel, stride
Branch = tuple[Step | tuple[Step, Step], ...]  # two steps in a tuple: side by side, joined; only as the last


@dataclass(frozen=True)
class InceptionConfig:
    """What differs among blocks of one kind, as published.

    pooled: channels behind the pools of Mixed_5b, 5c, 5d. middle: of the 7x7 branches of Mixed_6b, 6c, 6d, 6e.
    """

    pooled: tuple[int, ...] = (32, 64, 64)
    middle: tuple[int, ...] = (128, 160, 160, 192)


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, ReLU. Stride 1 keeps the size unless `valid`; stride 2 has no padding."""

    def __init__(
        self, channels_in: int, channels: int, kernel: int | tuple[int, int], stride: int = 1, valid: bool = False
    ):
        super().__init__()
        sides = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        padding = (0, 0) if stride > 1 or valid else (sides[0] // 2, sides[1] // 2)
        self.conv = nn.Conv2d(channels_in, channels, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, h, w)."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Block(nn.Module):
    """Branches side by side, joined over channels; the last one begins with a pool."""

    def __init__(self, channels_in: int, branches: Sequence[Branch], pool: Pool):
        super().__init__()
        self.branches, self.pool, self.channels = branches, pool, 0
        for branch in branches:
            channels = channels_in
            for step in branch:
                several = step if isinstance(step[0], tuple) else (step,)
                for name, width, kernel, stride in several:  # type: ignore[misc]
                    self.add_module(name, ConvNorm(channels, width, kernel, stride))
                channels = sum(one[1] for one in several)  # type: ignore[misc]
            self.channels += channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, self.channels, h, w)."""
        return torch.cat([*(self._run(branch, x) for branch in self.branches[:-1]), self._pooled(x)], 1)

    def _pooled(self, x: Tensor) -> Tensor:
        if self.pool == "average":
            x = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
        else:
            x = F.max_pool2d(x, 3, stride=1, padding=1) if self.pool == "max" else F.max_pool2d(x, 3, stride=2)
        return self._run(self.branches[-1], x)

    def _run(self, branch: Branch, x: Tensor) -> Tensor:
        for step in branch:
            if isinstance(step[0], tuple):
                x = torch.cat([self.get_submodule(one[0])(x) for one in step], 1)  # type: ignore[index, arg-type]
            else:
                x = self.get_submodule(step[0])(x)
        return x


def _block_a(channels: int, pooled: int) -> Block:
    double: Branch = (("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 1), ("branch3x3dbl_3", 96, 3, 1))
    single: Branch = (("branch5x5_1", 48, 1, 1), ("branch5x5_2", 64, 5, 1))
    return Block(channels, ((("branch1x1", 64, 1, 1),), single, double, (("branch_pool", pooled, 1, 1),)), "average")


def _block_b(channels: int) -> Block:
    double: Branch = (("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 1), ("branch3x3dbl_3", 96, 3, 2))
    return Block(channels, ((("branch3x3", 384, 3, 2),), double, ()), "shrink")


def _block_c(channels: int, middle: int) -> Block:
    wide, high = (1, 7), (7, 1)
    single: Branch = (("branch7x7_1", middle, 1, 1), ("branch7x7_2", middle, wide, 1), ("branch7x7_3", 192, high, 1))
    double: Branch = (
        ("branch7x7dbl_1", middle, 1, 1),
        *(("branch7x7dbl_2", middle, high, 1), ("branch7x7dbl_3", middle, wide, 1)),
        *(("branch7x7dbl_4", middle, high, 1), ("branch7x7dbl_5", 192, wide, 1)),
    )
    return Block(channels, ((("branch1x1", 192, 1, 1),), single, double, (("branch_pool", 192, 1, 1),)), "average")


def _block_d(channels: int) -> Block:
    single: Branch = (("branch3x3_1", 192, 1, 1), ("branch3x3_2", 320, 3, 2))
    long: Branch = (
        *(("branch7x7x3_1", 192, 1, 1), ("branch7x7x3_2", 192, (1, 7), 1)),
        *(("branch7x7x3_3", 192, (7, 1), 1), ("branch7x7x3_4", 192, 3, 2)),
    )
    return Block(channels, (single, long, ()), "shrink")


def _block_e(channels: int, pool: Pool) -> Block:
    single: Branch = (
        ("branch3x3_1", 384, 1, 1),
        (("branch3x3_2a", 384, (1, 3), 1), ("branch3x3_2b", 384, (3, 1), 1)),
    )
    double: Branch = (
        *(("branch3x3dbl_1", 448, 1, 1), ("branch3x3dbl_2", 384, 3, 1)),
        (("branch3x3dbl_3a", 384, (1, 3), 1), ("branch3x3dbl_3b", 384, (3, 1), 1)),
    )
    return Block(channels, ((("branch1x1", 320, 1, 1),), single, double, (("branch_pool", 192, 1, 1),)), pool)


class Inception(nn.Module):
    """Pictures in, the 2048 numbers behind the last pool out. Needs `.eval()`, as batch norm does."""

    def __init__(self, config: InceptionConfig = InceptionConfig()):
        super().__init__()
        self.Conv2d_1a_3x3 = ConvNorm(3, 32, 3, 2)
        self.Conv2d_2a_3x3 = ConvNorm(32, 32, 3, valid=True)
        self.Conv2d_2b_3x3 = ConvNorm(32, 64, 3)
        self.Conv2d_3b_1x1 = ConvNorm(64, 80, 1)
        self.Conv2d_4a_3x3 = ConvNorm(80, 192, 3, valid=True)
        channels = 192
        for place, pooled in zip("bcd", config.pooled, strict=True):
            block = _block_a(channels, pooled)
            self.add_module(f"Mixed_5{place}", block)
            channels = block.channels
        self.Mixed_6a = _block_b(channels)
        channels = self.Mixed_6a.channels
        for place, middle in zip("bcde", config.middle, strict=True):
            self.add_module(f"Mixed_6{place}", _block_c(channels, middle))
            channels = 768
        self.Mixed_7a = _block_d(channels)
        self.Mixed_7b = _block_e(1280, "average")
        self.Mixed_7c = _block_e(2048, "max")

    def forward(self, x: Tensor) -> Tensor:  # (B, 3, H, W) sRGB 0..1, any size
        """Features, (B, 2048)."""
        x = (resize(x, SIDE) * 255 - 128) / 128  # as in TensorFlow's graph: 255 becomes 127/128
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))  # (B, 64, 147, 147)
        x = F.max_pool2d(x, 3, stride=2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))  # (B, 192, 71, 71)
        x = F.max_pool2d(x, 3, stride=2)
        for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"):
            x = self.get_submodule(f"Mixed_{name}")(x)  # (B, 288, 35, 35), (B, 768, 17, 17), (B, 2048, 8, 8)
        return x.mean((2, 3))


def resize(x: Tensor, side: int) -> Tensor:
    """(B, C, H, W) -> (B, C, side, side), bilinear as TensorFlow 1 has it, and so torch-fidelity and torchmetrics.

    Output i reads at i * H / side: no half-pixel centers, and nothing is averaged when a large picture shrinks.
    (pytorch-fid resizes with half-pixel centers instead, and maps to 2x - 1: its distances differ a little.)
    """
    for axis in (2, 3):
        length = x.shape[axis]
        at = torch.arange(side, dtype=torch.float64) * (length / side)
        low = at.long().clamp_(max=length - 1)
        share = (at - low).to(x.device, x.dtype).view((1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1))
        high = (low + 1).clamp_(max=length - 1).to(x.device)
        x = x.index_select(axis, low.to(x.device)).lerp(x.index_select(axis, high), share)
    return x


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> InceptionConfig | None:
    """The settings of FID's Inception read off its state dict's names and shapes; None for any other network."""
    pooled = [shapes.get(f"Mixed_5{place}.branch_pool.conv.weight") for place in "bcd"]
    middle = [shapes.get(f"Mixed_6{place}.branch7x7_1.conv.weight") for place in "bcde"]
    if None in pooled or None in middle or shapes.get("fc.weight", (0,))[0] == OTHER_CLASSES:
        return None
    return InceptionConfig(tuple(one[0] for one in pooled if one), tuple(one[0] for one in middle if one))


def build(config: InceptionConfig) -> Inception:
    """An untrained Inception of these settings."""
    return Inception(config)
