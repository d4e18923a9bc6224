"""HPBNet's U-Net by the scale, and the convolution that joins it to a StyleGAN2. Wang et al., CGF 2023, section 3.2."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._equalized import active

CONVOLUTIONS = 3  # of 3x3, at every scale of encoder and decoder; section 3.2
SMALL = 0.1  # ours: first weights of a residual, so that a picture begins near the one from below


class Convolution(nn.Module):
    """A convolution that keeps the size, or halves it, with equalized learning rate and leaky ReLU as StyleGAN2 has.

    Ours: without a norm, which would take color away, forty plain convolutions do not stand the paper's rate of 2e-3.
    """

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale, self.stride = 1 / math.sqrt(inputs * size * size), stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W), or half of both sides."""
        return active(self.linear(x))

    def linear(self, x: Tensor) -> Tensor:
        """The same without leaky ReLU."""
        return F.conv2d(x, self.weight * self.scale, self.bias, self.stride, padding=self.weight.shape[-1] // 2)


def convolutions(*channels: int, stride: int = 1) -> nn.ModuleList:
    """Three 3x3 convolutions; the last one may halve the size."""
    steps = [1] * (CONVOLUTIONS - 1) + [stride]
    return nn.ModuleList(
        Convolution(a, b, stride=step) for a, b, step in zip(channels, channels[1:], steps, strict=False)
    )


class Contract(nn.Module):
    """One scale of the encoder: two convolutions, then one that halves the size (ours)."""

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        self.convolutions = convolutions(channels_in, channels, channels, channels, stride=2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C_in, H, W) -> the skip (B, C, H, W) and (B, C, H/2, W/2)."""
        first, second, third = self.convolutions
        skip = second(first(x))
        return skip, third(skip)


class Expand(nn.Module):
    """One scale of the decoder: what comes from below, the skip and the picture so far -> map and a finer picture."""

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        self.convolutions = convolutions(channels_in + channels + 3, channels, channels, channels)
        self.residual = Convolution(channels, 3, 1)
        with torch.no_grad():
            self.residual.weight.mul_(SMALL)

    def forward(self, x: Tensor, skip: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C_in, H, W), (B, C, 2H, 2W), (B, 3, 2H, 2W) -> (B, C, 2H, 2W), (B, 3, 2H, 2W)."""
        x = torch.cat([doubled(x), skip, picture], dim=1)
        for convolution in self.convolutions:
            x = convolution(x)
        return x, picture + self.residual.linear(x)


class Join(Convolution):
    """The U-Net's map beside the generator's, brought back to the generator's channels; begins as the latter alone.

    Ours: 1x1, and so begun that training starts from pictures of the prior.
    """

    def __init__(self, channels: int, beside: int):
        super().__init__(channels + beside, channels, 1)
        with torch.no_grad():
            self.weight.zero_()
            self.weight[:, :channels, 0, 0].fill_diagonal_(1 / self.scale)

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:  # type: ignore[override]
        """(B, C, r, r) and (B, C_beside, r, r) -> (B, C, r, r)."""
        return self.linear(torch.cat([x, beside.to(x.dtype)], dim=1))


def doubled(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2H, 2W), bilinear (ours)."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
