"""StyleGAN2's generator: numbers in, a picture out. Karras et al., CVPR 2020, 10.1109/CVPR42600.2020.00813, section 2.

Written from the paper, with its "skip" generator (figure 7b) and without custom kernels: a style scales the maps that a
convolution is given and the maps that it gives, which equals scaling its weights (section 2.2) and leaves one
convolution for the whole batch.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as Shapes
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._equalized import Blur, Dense, active, wide

EPS = 1e-8  # in demodulation and pixel norm
WIDEST = 16384  # channels times side at multiplier 1, below the cap: 256 channels at 64 pixels, 64 at 256
SLOW = 0.01  # learning rate of the mapping network, of the others' (section 2, from StyleGAN)
MEMORY = 0.995  # decay a batch of the mean style (StyleGAN, truncation trick)

Hook = Callable[[int, Tensor], Tensor]


@dataclass(frozen=True)
class StyleGAN2Config:
    """Sizes of generator and discriminator; the defaults are the paper's at 256 pixels ("config F"), 30.0 M parameters.

    size: side of the picture, a power of two from 8. multiplier: of channels from 64 pixels up: 2, or 1 (light).
    cap: most channels. style: length of z and of w. layers: of the mapping network.
    """

    size: int = 256
    multiplier: int = 2
    cap: int = 512
    style: int = 512
    layers: int = 8

    def __post_init__(self) -> None:
        if self.size < 8 or self.size & (self.size - 1):
            raise ValueError(f"StyleGAN2 makes squares of 8, 16, 32, 64, 128, ... pixels, not of {self.size}")

    @property
    def resolutions(self) -> list[int]:
        """4, 8, ... size."""
        return [2**power for power in range(2, self.size.bit_length())]

    @property
    def styles(self) -> int:
        """Style vectors that one picture takes: one a convolution, and one for the last color layer."""
        return 2 * len(self.resolutions)

    def channels(self, resolution: int) -> int:
        """Of the maps of this side."""
        return min(self.cap, WIDEST * self.multiplier // resolution)


def enlarge(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2H, 2W) through the filter [1, 3, 3, 1]: bilinear, with 0 outside the picture."""
    return F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=2.0, mode="bilinear", align_corners=False)[
        ..., 2:-2, 2:-2
    ]


class Mapping(nn.Module):
    """z -> w: pixel norm, then fully connected layers that learn slowly. Keeps the mean w, for truncation."""

    average: Tensor

    def __init__(self, config: StyleGAN2Config):
        super().__init__()
        side = config.style
        self.layers = nn.ModuleList(Dense(side, side, slow=SLOW, activated=True) for _ in range(config.layers))
        self.register_buffer("average", torch.zeros(side))

    def forward(self, z: Tensor) -> Tensor:
        """(B, style) normal numbers -> (B, style). In training the mean follows what it gives."""
        x = z * torch.rsqrt(z.square().mean(1, keepdim=True) + EPS)
        for layer in self.layers:
            x = layer(x)
        if self.training:
            self.average.lerp_(x.detach().float().mean(0), 1 - MEMORY)
        return x

    def truncate(self, w: Tensor, psi: float) -> Tensor:
        """w moved to the mean: psi 1 leaves it, 0 is the mean itself. StyleGAN, CVPR 2019, appendix B."""
        return w if psi == 1 else self.average + psi * (w - self.average)


class Modulated(nn.Module):
    """A convolution whose weights a style scales by input channel; then each output channel is scaled to spread 1.

    Equation 1 and 3 of the paper: w'_ijk = s_i w_ijk, w''_ijk = w'_ijk / sqrt(sum_ik w'_ijk^2 + eps). s_i goes to the
    input's channels and the root to the output's. With `up` the picture doubles: a transposed convolution and a blur.
    """

    def __init__(self, inputs: int, outputs: int, style: int, size: int, *, up: bool = False, demodulate: bool = True):
        super().__init__()
        self.affine = Dense(style, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.scale, self.demodulate = 1 / math.sqrt(inputs * size * size), demodulate
        self.blur = Blur(gain=4.0) if up else None  # 4: three of four points are new, and 0 before the blur

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, inputs, H, W), (B, style) -> (B, outputs, H, W), or (B, outputs, 2H, 2W)."""
        style = self.affine(w)
        x = x * style.to(x.dtype)[:, :, None, None]
        weight = self.weight * self.scale
        if self.blur is not None:
            x = F.conv_transpose2d(x, weight.transpose(0, 1), stride=2)  # (B, outputs, 2H + 1, 2W + 1)
            x = self.blur(F.pad(x, (1, 1, 1, 1)))
        else:
            x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        return x * self._roots(style, weight).to(x.dtype) if self.demodulate else x

    def _roots(self, style: Tensor, weight: Tensor) -> Tensor:
        """1 / sqrt(sum_ik (s_i w_ijk)^2 + eps), (B, outputs, 1, 1), in float32 at least."""
        with torch.autocast(style.device.type, enabled=False):
            spread = wide(style).square() @ wide(weight).square().sum((2, 3)).t()
            return torch.rsqrt(spread + EPS)[:, :, None, None]


class Styled(nn.Module):
    """A modulated convolution, noise of learned strength, bias, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, style: int, *, up: bool = False):
        super().__init__()
        self.convolution = Modulated(inputs, outputs, style, 3, up=up)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        """(B, inputs, H, W), (B, style), (B or 1, 1, H', W') -> (B, outputs, H', W')."""
        x = self.convolution(x, w)
        x = x + (noise * self.strength).to(x.dtype) + self.bias.to(x.dtype)[:, None, None]
        return active(x)


class ToRGB(nn.Module):
    """Maps to colors: a modulated 1x1 convolution without demodulation, and a bias."""

    def __init__(self, inputs: int, style: int):
        super().__init__()
        self.convolution = Modulated(inputs, 3, style, 1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(3, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(B, inputs, H, W), (B, style) -> (B, 3, H, W) in float32: pictures of all sizes are added up."""
        return wide(self.convolution(x, w)) + self.bias


class Block(nn.Module):
    """What is done at one resolution: two styled convolutions (at 4 pixels one), and colors."""

    def __init__(self, config: StyleGAN2Config, resolution: int):
        super().__init__()
        channels, style = config.channels(resolution), config.style
        self.up = None if resolution == 4 else Styled(config.channels(resolution // 2), channels, style, up=True)
        self.keep = Styled(channels, channels, style)
        self.color = ToRGB(channels, style)


class Synthesis(nn.Module):
    """w -> picture, -1..1 and a little beyond, from a learned constant on."""

    def __init__(self, config: StyleGAN2Config):
        super().__init__()
        self.config = config
        self.constant = nn.Parameter(torch.randn(1, config.channels(4), 4, 4))
        self.blocks = nn.ModuleList(Block(config, resolution) for resolution in config.resolutions)
        for number, resolution in enumerate(self._sides()):  # what evaluation mode takes, so that w alone decides
            self.register_buffer(f"noise_{number}", torch.randn(1, 1, resolution, resolution))

    def channels(self, resolution: int) -> int:
        """Of the maps of this side, which are those that a hook is given."""
        return self.config.channels(resolution)

    def forward(self, w: Tensor, noise: Sequence[Tensor] | None = None, hook: Hook | None = None) -> Tensor:
        """(B, style), or one style a layer (B, config.styles, style) -> (B, 3, size, size), -1..1, not clamped.

        Args:
            w: styles.
            noise: (B or 1, 1, r, r), one at r = 4, then two a resolution. None: drawn anew in training mode, fixed
                in evaluation mode.
            hook: hook(r, x) is called at every resolution r from 8 on, between its two convolutions: after the first,
                which doubled the size (with its noise, bias and leaky ReLU), and before the second. x is
                (B, channels(r), r, r); the answer, of the same shape, takes its place.
        """
        styles = w[:, None].expand(-1, self.config.styles, -1) if w.ndim == 2 else w
        grain = iter(self._noise(w) if noise is None else noise)
        x, picture, place = self.constant.expand(len(w), -1, -1, -1), torch.zeros((), device=w.device), 0
        for resolution, block in zip(self.config.resolutions, cast(Iterable[Block], self.blocks), strict=True):
            if block.up is not None:
                x = block.up(x, styles[:, place - 1], next(grain))  # (B, C, r, r) from (B, C', r/2, r/2)
                x = hook(resolution, x) if hook is not None else x
                picture = enlarge(picture)  # (B, 3, r, r)
            x = block.keep(x, styles[:, place], next(grain))  # (B, C, r, r)
            picture = picture + block.color(x, styles[:, place + 1])  # (B, 3, r, r)
            place += 2
        return picture

    def _sides(self) -> list[int]:
        return [self.config.resolutions[0], *(side for side in self.config.resolutions[1:] for _ in range(2))]

    def _noise(self, w: Tensor) -> list[Tensor]:
        if self.training:
            return [torch.randn(len(w), 1, side, side, device=w.device) for side in self._sides()]
        return [cast(Tensor, getattr(self, f"noise_{number}")) for number in range(len(self._sides()))]


class StyleGAN2(nn.Module):
    """Mapping and synthesis network; `forward` makes finished pictures, training goes through its two parts."""

    def __init__(self, config: StyleGAN2Config = StyleGAN2Config()):
        super().__init__()
        self.config = config
        self.mapping = Mapping(config)
        self.synthesis = Synthesis(config)

    def forward(self, z: Tensor, psi: float = 1.0) -> Tensor:  # (B, style), of N(0, 1)
        """Pictures (B, 3, size, size), sRGB 0..1. psi below 1 trades variety for quality, 0 is the mean's picture."""
        w = self.mapping.truncate(self.mapping(z), psi)
        return ((self.synthesis(w) + 1) / 2).clamp(0, 1)


def recognize(shapes: Shapes[str, tuple[int, ...]]) -> StyleGAN2Config | None:
    """The settings of a StyleGAN2 read off its state dict's names and shapes; None for any other network.

    Where the cap rules all channels, no shape tells the multiplier, nor does it matter.
    """
    if "synthesis.constant" not in shapes or "mapping.layers.0.weight" not in shapes:
        return None
    if any(not name.startswith(("synthesis.", "mapping.")) for name in shapes):
        return None
    blocks = sum(name.startswith("synthesis.blocks.") and name.endswith(".color.bias") for name in shapes)
    layers = sum(name.startswith("mapping.layers.") and name.endswith(".bias") for name in shapes)
    last = shapes.get(f"synthesis.blocks.{blocks - 1}.keep.bias", (0,))[0]
    size, cap, style = 2 ** (blocks + 1), shapes["synthesis.constant"][1], shapes["mapping.layers.0.weight"][0]
    if size < 8 or not last:
        return None
    multiplier = StyleGAN2Config.multiplier if last == cap else last * size // WIDEST
    while min(cap, WIDEST * multiplier // size) < last:
        multiplier *= 2
    return StyleGAN2Config(size, multiplier, cap, style, layers)


def build(config: StyleGAN2Config) -> StyleGAN2:
    """An untrained generator of these sizes, its weights as in training: N(0, 1), biases 0, of styles 1."""
    return StyleGAN2(config)
