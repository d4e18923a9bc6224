"""FFCInpaint: a small network that fills holes, with a view of the whole picture in every block. After LaMa.

Suvorov et al., WACV 2022, 10.1109/WACV51458.2022.00323, section 2.1, with the fast Fourier convolutions of Chi, Jiang
and Mu, NeurIPS 2020: a feature's channels are a local part, convolved as usual, and a global part, convolved in the
frequency domain, so that each of its numbers hangs on the whole map. Ours: a fortieth of LaMa's parameters, no FFC
before the blocks, what the encoder saw is added on the way up, and the network corrects a smooth fill in place of
painting on black: that costs next to nothing and leaves a short training what matters, structure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._push_pull import push_pull

MULTIPLE = 8  # three halvings, as LaMa; other sizes are padded inside
PLANES = 4  # photo and mask
SQUARE = 2  # sides are first folded by this: 2 x 2 pixels become channels
FINE = 12  # ours: channels at full size; a head at half size whose channels become 2 x 2 pixels left a grid of dots


@dataclass(frozen=True)
class FFCInpaintConfig:
    """Sizes of the network, 1.2 M parameters; LaMa has 64, 128, 256, 512 channels and 18 blocks."""

    widths: tuple[int, int, int] = (32, 64, 128)  # channels at 1/2, 1/4, 1/8
    shared: int = 96  # of the last: channels of the global part; LaMa has three quarters
    blocks: int = 6


class Spectral(nn.Module):
    """The global part seen as frequencies: a 1x1 convolution of real and imaginary parts. Chi et al., section 3.2."""

    def __init__(self, channels: int):
        super().__init__()
        half = max(1, channels // 2)
        self.enter = nn.Sequential(nn.Conv2d(channels, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU())
        self.waves = nn.Sequential(nn.Conv2d(2 * half, 2 * half, 1, bias=False), nn.BatchNorm2d(2 * half), nn.ReLU())
        self.leave = nn.Conv2d(half, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> same shape."""
        x = self.enter(x)
        return self.leave(x + self.transform(x))

    def transform(self, x: Tensor) -> Tensor:
        """Through the frequencies and back; float32 whatever the autocast, as half precision has no transform there."""
        height, width = x.shape[-2:]
        with torch.autocast(x.device.type, enabled=False):
            waves = torch.fft.rfft2(x.float(), norm="ortho")  # (B, C/2, H, W/2 + 1) complex
            parts = self.waves(torch.cat([waves.real, waves.imag], dim=1))
            real, imaginary = parts.chunk(2, dim=1)
            back: Tensor = torch.fft.irfft2(torch.complex(real, imaginary), s=(height, width), norm="ortho")
        return back.to(x.dtype)


class FFC(nn.Module):
    """Local and global part, each made of both, then batch norm and ReLU. Chi et al., figure 2."""

    def __init__(self, local: int, shared: int):
        super().__init__()
        self.local = local
        self.to_local = nn.Conv2d(local + shared, local, 3, padding=1, bias=False)  # local -> local, global -> local
        self.to_shared = nn.Conv2d(local, shared, 3, padding=1, bias=False)  # local -> global
        self.spectral = Spectral(shared)  # global -> global
        self.norm = nn.BatchNorm2d(local + shared)

    def forward(self, x: Tensor) -> Tensor:
        """(B, local + shared, H, W) -> same shape."""
        local, shared = x[:, : self.local], x[:, self.local :]
        made = torch.cat([self.to_local(x), self.to_shared(local) + self.spectral(shared)], dim=1)
        return self.norm(made)


class Block(nn.Module):
    """Two FFCs beside a straight way through. LaMa, figure 2."""

    def __init__(self, local: int, shared: int):
        super().__init__()
        self.a, self.b = FFC(local, shared), FFC(local, shared)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> same shape."""
        return x + F.relu(self.b(F.relu(self.a(x))))


class Step(nn.Sequential):
    """3x3 convolution, batch norm, ReLU; half the size where the stride is 2."""

    def __init__(self, channels_in: int, channels: int, stride: int = 1):
        convolution = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(channels), nn.ReLU())


class Up(nn.Module):
    """Twice the size: channels are mixed, enlarged, and what the encoder saw at that size is added."""

    def __init__(self, channels_in: int, channels: int):
        super().__init__()
        self.mix = nn.Conv2d(channels_in, channels, 1)
        self.step = Step(channels, channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, C_in, H, W) and (B, C, 2H, 2W) -> (B, C, 2H, 2W)."""
        return self.step(F.interpolate(self.mix(x), scale_factor=2.0, mode="bilinear", align_corners=False) + skip)


class FFCInpaint(nn.Module):
    """Photo and mask in, the photo with its hole filled out."""

    def __init__(self, config: FFCInpaintConfig = FFCInpaintConfig()):
        super().__init__()
        first, second, third = config.widths
        self.enter = Step(PLANES * SQUARE**2, first)
        self.down_1, self.down_2 = Step(first, second, 2), Step(second, third, 2)
        self.blocks = nn.Sequential(*(Block(third - config.shared, config.shared) for _ in range(config.blocks)))
        self.up_2, self.up_1 = Up(third, second), Up(second, first)
        self.narrow = nn.Conv2d(first, FINE, 1)
        self.refine = nn.Conv2d(FINE + PLANES, FINE, 3, padding=1)
        self.head = nn.Conv2d(FINE, 3, 3, padding=1)
        nn.init.zeros_(self.head.weight)  # training begins at the smooth fill
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:  # (B, 4, H, W): photo sRGB 0..1, mask 1 = fill; any size
        """The filled photo, (B, 3, H, W) 0..1: outside of the hole the photo itself."""
        mask = (x[:, 3:] > 0.5).to(x.dtype)
        return torch.where(mask > 0, self.paint(x).to(x.dtype).clamp(0, 1), x[:, :3])

    def paint(self, x: Tensor) -> Tensor:
        """All that the network would paint, inside the hole and outside, (B, 3, H, W), not cut at 0 and 1.

        Raises:
            ValueError: not four planes.
        """
        planes, height, width = x.shape[1:]
        if planes != PLANES:
            raise ValueError(f"this network takes {PLANES} planes, photo and mask, not {planes}")
        x = F.pad(x, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        mask = (x[:, 3:] > 0.5).to(x.dtype)
        start = smooth_fill(x[:, :3].float(), mask.float()).to(x.dtype)
        whole = torch.cat([2 * start - 1, mask], dim=1)
        fine = self.enter(F.pixel_unshuffle(whole, SQUARE))  # (B, 32, H/2, W/2)
        middle = self.down_1(fine)  # (B, 64, H/4, W/4)
        seen = self.blocks(self.down_2(middle))  # (B, 128, H/8, W/8)
        made = self.narrow(self.up_1(self.up_2(seen, middle), fine))  # (B, 12, H/2, W/2)
        made = F.interpolate(made, scale_factor=2.0, mode="bilinear", align_corners=False)
        made = self.head(F.relu(self.refine(torch.cat([made, whole], dim=1))))  # (B, 3, H, W)
        return (start + made)[..., :height, :width]


def smooth_fill(photo: Tensor, mask: Tensor) -> Tensor:
    """What the network begins with: push-pull. photo (B, 3, H, W), mask (B, 1, H, W) 1 = hole, else 0 -> as photo."""
    return push_pull(photo, 1 - mask, saturate=True)


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> FFCInpaintConfig | None:
    """The settings of an FFCInpaint read off its state dict's names and shapes; None for any other network."""
    needed = ("enter.0.weight", "down_1.0.weight", "down_2.0.weight", "blocks.0.a.to_shared.weight", "refine.weight")
    if any(name not in shapes for name in needed) or len(shapes[needed[0]]) != 4:
        return None
    if shapes[needed[0]][1] != PLANES * SQUARE**2:
        return None
    first, second, third = (shapes[name][0] for name in needed[:3])
    blocks = sum(name.startswith("blocks.") and name.endswith(".a.to_shared.weight") for name in shapes)
    return FFCInpaintConfig((first, second, third), shapes[needed[3]][0], blocks)


def build(config: FFCInpaintConfig) -> FFCInpaint:
    """An untrained FFCInpaint of these sizes."""
    return FFCInpaint(config)
