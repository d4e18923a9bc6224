"""StyleGAN2's residual discriminator: a picture in, one number out.

Karras et al., CVPR 2020, 10.1109/CVPR42600.2020.00813, figure 7c and section 4.1;
with the minibatch standard deviation of Progressive GAN (Karras et al., ICLR 2018, arXiv 1710.10196, section 3).
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._equalized import Blur, Dense, active, wide
from bgswap.networks.stylegan2 import WIDEST, StyleGAN2Config

GROUP = 4  # pictures whose spread is told (Progressive GAN, StyleGAN2)
EPS = 1e-8  # under the root of the variance


class Convolution(nn.Module):
    """A convolution with equalized learning rate, bias and leaky ReLU; `down` blurs and halves first."""

    def __init__(self, inputs: int, outputs: int, size: int, *, down: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = 1 / math.sqrt(inputs * size * size)
        self.blur = Blur() if down else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W), or (B, outputs, H/2, W/2)."""
        weight, bias = self.weight * self.scale, self.bias
        if self.blur is not None:
            x = F.conv2d(self.blur(F.pad(x, (2, 2, 2, 2))), weight, bias, stride=2)  # blurred: (B, C, H + 1, W + 1)
        else:
            x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        return active(x)


class Shortcut(nn.Module):
    """Half the size by a blur, then a 1x1 convolution without bias."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.scale = 1 / math.sqrt(inputs)
        self.blur = Blur(stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H/2, W/2)."""
        return F.conv2d(self.blur(F.pad(x, (1, 1, 1, 1))), self.weight * self.scale)


class Residual(nn.Module):
    """Two 3x3 convolutions, the second of which halves, beside a shortcut."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.same = Convolution(inputs, inputs, 3)
        self.down = Convolution(inputs, outputs, 3, down=True)
        self.skip = Shortcut(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H/2, W/2); over sqrt 2, which keeps the spread."""
        return (self.down(self.same(x)) + self.skip(x)) / math.sqrt(2)


def spread(x: Tensor, group: int = GROUP) -> Tensor:
    """(B, C, H, W) -> (B, 1, H, W): how much the pictures of each group differ, the mean over all C, H, W.

    A group is of as many pictures as divide the batch, `group` at most; a picture alone has a spread of 0.
    """
    batch = len(x)
    group = next(count for count in range(min(group, batch), 0, -1) if batch % count == 0)
    pictures = wide(x).reshape(group, -1, *x.shape[1:])  # (G, B / G, C, H, W): picture n is in group n mod B / G
    deviation = (pictures.var(0, unbiased=False) + EPS).sqrt().mean((1, 2, 3))  # (B / G,)
    return deviation.repeat(group)[:, None, None, None].expand(-1, 1, *x.shape[2:]).to(x.dtype)


class StyleGAN2Discriminator(nn.Module):
    """How likely a picture is a photo, as a logit: above 0 is real.

    In evaluation mode every picture stands alone (no spread), so that an answer does not depend on its batch.
    """

    def __init__(self, config: StyleGAN2Config | None = None):
        super().__init__()
        config = config or StyleGAN2Config()
        self.config = config
        sides = config.resolutions[::-1]
        last = config.channels(4)
        self.from_rgb = Convolution(3, config.channels(config.size), 1)
        self.halvings = nn.ModuleList(Residual(config.channels(r), config.channels(r // 2)) for r in sides[:-1])
        self.last = Convolution(last + 1, last, 3)
        self.judge = nn.Sequential(Dense(last * 16, last, activated=True), Dense(last, 1))

    def forward(self, picture: Tensor) -> Tensor:  # (B, 3, size, size) sRGB 0..1
        """Logits, (B, 1)."""
        return self.forward_signed(picture * 2 - 1)

    def forward_signed(self, picture: Tensor) -> Tensor:
        """The same of pictures -1..1, the units of R1's gradients."""
        if picture.shape[-2:] != (self.config.size, self.config.size):
            height, width = picture.shape[-2:]
            raise ValueError(f"this discriminator sees {self.config.size} x {self.config.size}, not {width} x {height}")
        x = self.from_rgb(picture)
        for halving in self.halvings:
            x = halving(x)  # ends at (B, C, 4, 4)
        x = self.last(torch.cat([x, spread(x, GROUP if self.training else 1)], dim=1))
        return self.judge(x.flatten(1))


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> StyleGAN2Config | None:
    """The sizes of a discriminator read off its state dict's names and shapes; None for any other network.

    Of the generator's own settings (`style`, `layers`) it knows nothing: they have their defaults.
    """
    if any(name not in shapes for name in ("from_rgb.weight", "judge.1.weight", "last.weight")):
        return None
    halvings = sum(name.startswith("halvings.") and name.endswith(".skip.weight") for name in shapes)
    first, cap, size = shapes["from_rgb.weight"][0], shapes["last.weight"][0], 4 * 2**halvings
    if not halvings or shapes["last.weight"][1] != cap + 1:
        return None
    multiplier = StyleGAN2Config.multiplier if first == cap else max(1, first * size // WIDEST)
    while min(cap, WIDEST * multiplier // size) < first:
        multiplier *= 2
    return StyleGAN2Config(size, multiplier, cap)


def build(config: StyleGAN2Config) -> StyleGAN2Discriminator:
    """An untrained discriminator of these sizes, its weights N(0, 1), biases 0."""
    return StyleGAN2Discriminator(config)
