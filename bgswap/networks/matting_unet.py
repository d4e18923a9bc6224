"""MattingUNet: a U-Net on a ResNet-50 encoder, as a poster of the University of Bucharest uses it for portraits.

"Background replacement using UNet architecture" (Iordachescu, Patilea, Haller): the poster names U-Net (Ronneberger et
al., MICCAI 2015, 10.1007/978-3-319-24574-4_28) and ResNet-50 and no more. The decoder is that of common libraries:
256-128-64-32-16 channels, nearest doubling, concatenation, two 3x3 convolutions with batch norm. 32.5 M parameters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks import resnet
from bgswap.networks.resnet import ResNet, ResNetConfig

MULTIPLE = 32  # five halvings; what is missing is added inside, so that any size is allowed
PLAIN = "none"
ENCODERS = ("resnet50", "resnet34", "resnet18", PLAIN)
SCALES = ("255", "minmax")
FLAT = 1 / 255  # ours: the range of a picture counts as at least one step of 8 bits, so that plain ones stay finite
PLAIN_WIDEN = (1, 2, 4, 8, 8)  # ours: channels of the plain encoder's maps, over `base`


@dataclass(frozen=True)
class MattingUNetConfig:
    """Sizes of the network; the defaults are the poster's encoder and the usual decoder."""

    encoder: str = "resnet50"  # or another of ENCODERS
    base: int = 64  # channels of the encoder's first map, which its others follow
    decoder: tuple[int, ...] = (256, 128, 64, 32, 16)  # channels at 1/16, 1/8, 1/4, 1/2, 1
    scale: Literal["255", "minmax"] = "minmax"  # from a picture's darkest to its brightest value, or as it is, 0..1

    @property
    def channels(self) -> tuple[int, ...]:
        """Of the encoder's maps at 1/2, 1/4, 1/8, 1/16, 1/32."""
        if self.encoder == PLAIN:
            return tuple(self.base * factor for factor in PLAIN_WIDEN)
        return ResNetConfig(self.encoder, self.base).channels


def two_convolutions(channels_in: int, channels: int, stride: int = 1) -> nn.Sequential:
    """Twice: 3x3 convolution, batch norm, ReLU."""
    layers: list[nn.Module] = []
    for wide, step in ((channels_in, stride), (channels, 1)):
        layers += [nn.Conv2d(wide, channels, 3, step, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
    return nn.Sequential(*layers)


class PlainEncoder(nn.Module):
    """U-Net's own contracting path, made small (ours): the first of two convolutions halves the size, not a pool."""

    mean: Tensor
    std: Tensor

    def __init__(self, channels: tuple[int, ...]):
        super().__init__()
        self.register_buffer("mean", torch.tensor(0.45), persistent=False)
        self.register_buffer("std", torch.tensor(0.25), persistent=False)
        self.falls = nn.ModuleList(
            two_convolutions(before, after, stride=2) for before, after in zip((3, *channels), channels, strict=False)
        )

    def forward(self, photo: Tensor) -> list[Tensor]:
        """(B, 3, H, W) 0..1 -> maps (B, C, H/2, W/2) ... (B, 8 C, H/32, W/32)."""
        maps = [(photo - self.mean) / self.std]
        for fall in self.falls:
            maps.append(fall(maps[-1]))
        return maps[1:]


class Rise(nn.Module):
    """Twice the size, joined by the map of that size, then two convolutions."""

    def __init__(self, channels_in: int, skip: int, channels: int):
        super().__init__()
        self.mix = two_convolutions(channels_in + skip, channels)

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        """(B, C_in, H, W) and (B, C_skip, 2H, 2W) or nothing -> (B, C, 2H, 2W)."""
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return self.mix(x if skip is None else torch.cat([x, skip], dim=1))


class MattingUNet(nn.Module):
    """Photo in, logits of the matte out; their sigmoid is alpha."""

    def __init__(self, config: MattingUNetConfig = MattingUNetConfig()):
        super().__init__()
        self.scale = config.scale
        self.register_buffer(f"scale_{config.scale}", torch.empty(0))  # tells the setting, by its name alone
        channels = config.channels
        if config.encoder == PLAIN:
            self.encoder: nn.Module = PlainEncoder(channels)
        else:
            self.encoder = ResNet(ResNetConfig(config.encoder, config.base))
        skips = (*channels[-2::-1], 0)  # at full size there is none
        self.decoder = nn.ModuleList(
            Rise(*sizes) for sizes in zip((channels[-1], *config.decoder), skips, config.decoder, strict=False)
        )
        self.matte_head = nn.Conv2d(config.decoder[-1], 1, 3, padding=1)

    def forward(self, photo: Tensor) -> Tensor:  # (B, 3, H, W) sRGB 0..1, any size
        """Logits of alpha, (B, 1, H, W)."""
        height, width = photo.shape[-2:]
        x = _padded(_rescaled(photo) if self.scale == "minmax" else photo)
        maps = self.encoder(x)  # contracting path, ends at (B, 2048, H/32, W/32)
        x = maps.pop()
        for rise in cast(Iterable[Rise], self.decoder):  # expanding path, ends at (B, 16, H, W)
            x = rise(x, maps.pop() if maps else None)
        return self.matte_head(x)[..., :height, :width]


def _rescaled(photo: Tensor) -> Tensor:
    """Every picture from 0 to 1: the poster's "MinMax scaler", which it says no more of; by picture: ours."""
    low, high = photo.amin((1, 2, 3), keepdim=True), photo.amax((1, 2, 3), keepdim=True)
    return (photo - low) / (high - low).clamp_min(FLAT)


def _padded(photo: Tensor) -> Tensor:
    """The last row and column repeated up to the next multiple: 240 x 320 pixels become 256 x 320."""
    height, width = photo.shape[-2:]
    return F.pad(photo, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> MattingUNetConfig | None:
    """The settings of a MattingUNet read off its state dict's names and shapes; None for any other network."""
    scale = next((one for one in SCALES if f"scale_{one}" in shapes), "")
    rises = [shapes.get(f"decoder.{number}.mix.0.weight", ()) for number in range(len(PLAIN_WIDEN))]
    if not scale or not all(rises) or "matte_head.weight" not in shapes:
        return None
    decoder = tuple(shape[0] for shape in rises)
    encoder = {key.removeprefix("encoder."): value for key, value in shapes.items() if key.startswith("encoder.")}
    known = resnet.recognize(encoder)
    first = encoder.get("falls.0.0.weight") or (0,)
    kind, base = (known.kind, known.base) if known else (PLAIN, first[0])
    return MattingUNetConfig(kind, base, decoder, cast(Literal["255", "minmax"], scale)) if base else None


def build(config: MattingUNetConfig) -> MattingUNet:
    """An untrained MattingUNet of these sizes."""
    return MattingUNet(config)


def of_width(encoder: str = "resnet50", width: float = 1.0, scale: str = "minmax") -> MattingUNetConfig:
    """The sizes for all channels `width` times the full ones, of at least 4. ValueError where a name is none."""
    if encoder not in ENCODERS or scale not in SCALES:
        raise ValueError(f"encoder '{encoder}' or scale '{scale}' is none of {', '.join((*ENCODERS, *SCALES))}")
    decoder = tuple(max(4, round(width * channels)) for channels in MattingUNetConfig.decoder)
    return MattingUNetConfig(encoder, max(4, round(width * 64)), decoder, cast(Literal["255", "minmax"], scale))
