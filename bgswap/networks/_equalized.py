"""What StyleGAN2's two networks share: equalized learning rates, their leaky ReLU, and the filter [1, 3, 3, 1].

Equalized: weights are drawn from N(0, 1) and scaled in use by 1 / sqrt(fan-in), so that Adam moves all alike.
Karras et al., ICLR 2018, arXiv 1710.10196, section 4.1; as in StyleGAN2, CVPR 2020, 10.1109/CVPR42600.2020.00813.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2  # of leaky ReLU below 0
GAIN = math.sqrt(2)  # so that maps keep their spread


def active(x: Tensor) -> Tensor:
    """Leaky ReLU, times sqrt 2."""
    return F.leaky_relu(x, SLOPE) * GAIN


def wide(x: Tensor) -> Tensor:
    """In float32 at least: half precision is too coarse for sums of squares and for pictures."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class Blur(nn.Module):
    """Filter [1, 3, 3, 1] both ways, of sum 1, without padding."""

    taps: Tensor

    def __init__(self, gain: float = 1.0, stride: int = 1):
        super().__init__()
        line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("taps", (line[:, None] * line * gain)[None, None], persistent=False)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H - 3, W - 3), or about half of that with stride 2."""
        channels = x.shape[1]
        return F.conv2d(x, self.taps.expand(channels, 1, 4, 4), stride=self.stride, groups=channels)


class Dense(nn.Module):
    """A fully connected layer with equalized learning rate; `slow` is a factor on it."""

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, slow: float = 1.0, activated: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / slow)
        self.bias = nn.Parameter(torch.full((outputs,), bias / slow))
        self.scale, self.slow, self.activated = slow / math.sqrt(inputs), slow, activated

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) -> (B, outputs)."""
        x = F.linear(x, self.weight * self.scale, self.bias * self.slow)
        return active(x) if self.activated else x
