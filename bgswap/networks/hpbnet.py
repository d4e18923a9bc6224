"""HPBNet: a U-Net that makes a picture at every scale, and the generator of a StyleGAN2 whose layers it feeds.

Wang, Li, Wang, Ye, "Harmonized Portrait-Background Image Composition", CGF 2023, 10.1111/cgf.14921, sections 3.2 and
3.3, figure 3. The paper gives no channels, no first weights and no place for the halvings: those here are ours.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks import stylegan2
from bgswap.networks._color_step import STEPS, ColorStep, color_step
from bgswap.networks._equalized import Dense
from bgswap.networks._hpbnet_scales import Contract, Expand, Join, doubled
from bgswap.networks._mobile_synthesis import DEPTHWISE, MobileSynthesis
from bgswap.networks.stylegan2 import Hook, StyleGAN2Config, Synthesis
from bgswap.networks.stylegan2 import Mapping as Mapper

BOTTOM = 4  # the smallest map, 4x4: StyleGAN2's first
WIDEST = 8  # ours: most channels, of the first scale's
PRIOR = StyleGAN2Config(512)  # the paper's, of seven layers from 8 to 512 pixels
Generator = Literal["standard", "mobile"]


@dataclass(frozen=True)
class HPBNetConfig:
    """Sizes and parts; the paper's are a size of 512, which makes seven scales, and a StyleGAN2 of that size.

    size: side of the pictures, a power of two; without a prior it only says how many scales there are.
    width: channels of the first scale (ours: 64), doubled at each scale up to eightfold.
    prior: the StyleGAN2's, of the same size; None is the paper's "U-Net only" (table 1).
    generator: "mobile" has lighter synthesis (the paper's section 5.1 asks for it).
    color_step: equation 3 as printed, in linear light, or left out; see _color_step.py.
    detail: the U-Net's picture of every scale begins with the composite's detail of that scale (ours), so that an
        untrained one nearly repeats the composite; as in the paper it begins with the picture from below alone.
    """

    size: int = 512
    width: int = 64
    prior: StyleGAN2Config | None = PRIOR
    generator: Generator = "standard"
    color_step: ColorStep = "printed"
    detail: bool = False

    def __post_init__(self) -> None:
        if self.size < 2 * BOTTOM or self.size & (self.size - 1):
            raise ValueError(f"a side of {self.size}: HPBNet needs a power of two from {2 * BOTTOM} on")
        if self.prior and self.prior.size != self.size:
            raise ValueError(f"a StyleGAN2 of {self.prior.size} pixels fits no HPBNet of {self.size}")

    @property
    def scales(self) -> int:
        """Halvings down to 4x4: 7 for 512, 5 for 128."""
        return int(math.log2(self.size // BOTTOM))

    @property
    def channels(self) -> tuple[int, ...]:
        """Of each scale, from the full size down."""
        return tuple(self.width * min(2**scale, WIDEST) for scale in range(self.scales))


class Prior(nn.Module):
    """A StyleGAN2's two halves, the second perhaps lighter.

    It stays in evaluation mode while the rest is trained: its noise is fixed, and its mean style is left alone.
    """

    def __init__(self, config: StyleGAN2Config, generator: Generator):
        super().__init__()
        self.mapping = Mapper(config)
        self.synthesis = MobileSynthesis(config) if generator == "mobile" else Synthesis(config)
        self.eval()

    def train(self, mode: bool = True) -> "Prior":  # noqa: ARG002
        """Changes nothing."""
        return super().train(False)

    def forward(self, z: Tensor, hook: Hook) -> Tensor:
        """(B, style) -> (B, 3, size, size), -1..1; hook(r, x) may change the maps of every side from 8 on."""
        return self.synthesis(self.mapping(z), hook=hook)


class HPBNet(nn.Module):
    """A composite and its mask in, the composite with its person in the background's light out."""

    def __init__(self, config: HPBNetConfig = HPBNetConfig()):
        super().__init__()
        self.config, widths = config, config.channels
        self.contract = nn.ModuleList(Contract(a, b) for a, b in zip((4, *widths), widths, strict=False))
        below = (*widths[1:], widths[-1])
        self.expand = nn.ModuleList(Expand(a, b) for a, b in zip(reversed(below), reversed(widths), strict=True))
        if config.prior:
            self.code = Dense(widths[-1] * BOTTOM**2, config.prior.style)
            self.prior = Prior(config.prior, config.generator)
            channels = self.prior.synthesis.channels
            self.join = nn.ModuleDict(
                {str(r): Join(channels(r), c) for r, c in zip(sizes(config), reversed(widths), strict=True)}
            )
        for kind in STEPS:
            if kind == config.color_step:
                self.register_buffer(f"color_step_{kind}", torch.zeros(0))  # its name tells `recognize`
        if config.detail:
            self.register_buffer("with_detail", torch.zeros(0))

    def forward(self, stacked: Tensor) -> Tensor:  # (B, 4, H, W): composite and mask, 0..1 sRGB
        """The harmonized picture after the color step, (B, 3, H, W) 0..1 sRGB."""
        output = self.forward_scales(stacked)[0].float()
        return color_step(output.clamp(0, 1), stacked[:, :3], stacked[:, 3:], self.config.color_step).clamp(0, 1)

    def forward_scales(self, stacked: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The output before the color step, and the U-Net's pictures from 8 pixels up (at `size`), for training.

        All (B, 3, h, w) around 0..1, not clipped. Without a prior the output is the last of the pictures.

        Raises:
            ValueError: the sides do not fit.
        """
        check(self.config, stacked)
        x, skips = stacked * 2 - 1, []
        for contract in cast(Iterable[Contract], self.contract):  # (B, 64, 512, 512) ... (B, 512, 8, 8)
            skip, x = contract(x)
            skips.append(skip)
        bottom, small = x, pooled(stacked, x)  # (B, 512, 4, 4), (B, 3, 4, 4)
        picture = small  # ours: coarse to fine begins at the composite's mean colors
        maps, pictures = [], []
        for expand in cast(Iterable[Expand], self.expand):
            skip, picture = skips.pop(), doubled(picture)
            if self.config.detail:
                below, small = small, pooled(stacked, skip)
                picture = picture + small - doubled(below)
            x, picture = expand(x, skip, picture)  # (B, 512, 8, 8) ... (B, 64, 512, 512)
            maps.append(x)
            pictures.append(picture)
        if not self.config.prior:
            return picture, pictures
        beside = dict(zip(sizes(self.config), maps, strict=True))
        z = self.code(bottom.flatten(1))  # (B, 512)
        made = self.prior(z, lambda r, x: self.join[str(r)](x, beside[r]))  # (B, 3, 512, 512)
        return made / 2 + 0.5, pictures  # StyleGAN2's pictures are -1..1


def pooled(picture: Tensor, like: Tensor) -> Tensor:
    """The first three planes of a picture (B, 3, h, w) at the size of a map."""
    return F.adaptive_avg_pool2d(picture[:, :3], (like.shape[-2], like.shape[-1]))


def sizes(config: HPBNetConfig) -> list[int]:
    """Sides of the decoder's maps, coarse to fine: 8 ... size."""
    return [2 * BOTTOM * 2**scale for scale in range(config.scales)]


def multiple(config: HPBNetConfig) -> int:
    """What both sides of the input divide by; with a prior they must be `size` itself."""
    return config.size if config.prior else config.size // BOTTOM


def check(config: HPBNetConfig, stacked: Tensor) -> None:
    """ValueError where the input's sides do not fit."""
    height, width = stacked.shape[-2:]
    if config.prior and (height, width) != (config.size, config.size):
        raise ValueError(
            f"{width}x{height} pixels: this HPBNet's prior makes {config.size}x{config.size}; scale the input to that"
        )
    if height % multiple(config) or width % multiple(config):
        raise ValueError(f"{width}x{height} pixels: both sides must be multiples of {multiple(config)}")


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> HPBNetConfig | None:
    """The settings of an HPBNet read off its state dict's names and shapes; None for any other network."""
    scales = sum(name.endswith(".residual.weight") and name.startswith("expand.") for name in shapes)
    steps = [kind for kind in STEPS if f"color_step_{kind}" in shapes]
    if not scales or len(steps) != 1 or "contract.0.convolutions.0.weight" not in shapes:
        return None
    width, size = shapes["contract.0.convolutions.0.weight"][0], BOTTOM * 2**scales
    found = HPBNetConfig(size, width, None, "standard", steps[0], "with_detail" in shapes)
    if "code.weight" not in shapes:
        return found
    names = {name.removeprefix("prior."): shape for name, shape in shapes.items() if name.startswith("prior.")}
    prior = stylegan2.recognize(names)
    light = f"synthesis.blocks.0.keep.{DEPTHWISE}" in names
    if prior is None or prior.size != size:
        return None
    return replace(found, prior=prior, generator="mobile" if light else "standard")


def build(config: HPBNetConfig) -> HPBNet:
    """An untrained HPBNet of these sizes."""
    return HPBNet(config)
