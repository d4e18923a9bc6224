"""A lighter synthesis network for StyleGAN2: every 3x3 convolution is a 1x1 one and a 3x3 one in each channel alone.

The idea is MobileStyleGAN's (Belousov 2021, arXiv 2104.04767, section 3.2). Not as there: no wavelets, and pictures are
summed over the resolutions as in StyleGAN2, so that all but the 3x3 weights mean the same in both. No noise.
"""

from collections.abc import Iterable, Mapping
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._equalized import active
from bgswap.networks.stylegan2 import EPS, Hook, Modulated, StyleGAN2Config, ToRGB, enlarge

DEPTHWISE = "depthwise"  # a parameter that only the lighter network has


class SeparableStyled(nn.Module):
    """A modulated 1x1 convolution, doubling, a 3x3 convolution in each channel, bias, leaky ReLU.

    The 1x1 comes first (ours), since it is the costly part and may then work at the smaller size. The 3x3 kernels are
    scaled to norm 1 in use, so that StyleGAN2's demodulation of the 1x1 weights is that of their product too.
    """

    def __init__(self, inputs: int, outputs: int, style: int, *, up: bool = False):
        super().__init__()
        self.convolution = Modulated(inputs, outputs, style, 1)
        self.depthwise = nn.Parameter(torch.randn(outputs, 1, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.up = up

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, inputs, H, W), (B, style) -> (B, outputs, H, W), or (B, outputs, 2H, 2W)."""
        x = self.convolution(x, w)
        x = enlarge(x) if self.up else x
        kernels = self.depthwise / self.depthwise.square().sum((1, 2, 3), keepdim=True).add(EPS).sqrt()
        x = F.conv2d(x, kernels.to(x.dtype), self.bias.to(x.dtype), padding=1, groups=len(kernels))
        return active(x)


class SeparableBlock(nn.Module):
    """What is done at one resolution, as stylegan2.Block."""

    def __init__(self, config: StyleGAN2Config, resolution: int):
        super().__init__()
        channels, style = config.channels(resolution), config.style
        below = config.channels(max(resolution // 2, 4))
        self.up = None if resolution == 4 else SeparableStyled(below, channels, style, up=True)
        self.keep = SeparableStyled(channels, channels, style)
        self.color = ToRGB(channels, style)


class MobileSynthesis(nn.Module):
    """w -> picture, -1..1 and a little beyond; stands in for stylegan2.Synthesis."""

    def __init__(self, config: StyleGAN2Config):
        super().__init__()
        self.config = config
        self.constant = nn.Parameter(torch.randn(1, config.channels(4), 4, 4))
        self.blocks = nn.ModuleList(SeparableBlock(config, resolution) for resolution in config.resolutions)

    def channels(self, resolution: int) -> int:
        """Of the maps of this side, which are those that a hook is given."""
        return self.config.channels(resolution)

    def forward(self, w: Tensor, hook: Hook | None = None) -> Tensor:
        """(B, style) -> (B, 3, size, size), not clamped; hook as stylegan2.Synthesis has it."""
        x, picture = self.constant.expand(len(w), -1, -1, -1), torch.zeros((), device=w.device)
        for resolution, block in zip(self.config.resolutions, cast(Iterable[SeparableBlock], self.blocks), strict=True):
            if block.up is not None:
                x = block.up(x, w)  # (B, C, r, r) from (B, C', r/2, r/2)
                x = hook(resolution, x) if hook is not None else x
                picture = enlarge(picture)  # (B, 3, r, r)
            x = block.keep(x, w)  # (B, C, r, r)
            picture = picture + block.color(x, w)  # (B, 3, r, r)
        return picture


def lightened(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A stylegan2.Synthesis' state dict as the nearest MobileSynthesis': where to begin its training.

    Each output channel's weights (inputs, 3x3) become the nearest product of a vector and one 3x3 kernel, which is
    their first singular pair. Bilinear doubling is StyleGAN2's transposed convolution and blur, with the kernel turned
    about; all else is taken over, the noise left out.
    """
    made: dict[str, Tensor] = {}
    for name, value in state.items():
        if value.ndim == 4 and value.shape[-1] == 3:
            kernels = value.flip(2, 3) if ".up." in name else value
            left, spread, right = torch.linalg.svd(kernels.float().flatten(2), full_matrices=False)
            made[name] = (left[..., 0] * spread[:, :1])[..., None, None]
            made[name.replace("convolution.weight", DEPTHWISE)] = right[:, :1].unflatten(2, (3, 3))
        elif "noise_" not in name and not name.endswith(".strength"):
            made[name] = value
    return made
