"""Triple U-Net: mask, person and background are encoded apart and joined at every decoder layer; one composite.

Seed 000, "Triple U-net Generator"; each U-Net is pix2pix's (Isola et al., CVPR 2017, arXiv 1611.07004, section 6.1.1).
"Dynamic concatenate (shift different information at each layer)" is read as weights of the three streams, a softmax
learned for each layer; the head that tells a place is ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._initialize import Norm, norm_in, norm_of

STREAMS = {"person": 3, "mask": 1, "background": 3}  # planes of the input, in this order
STACKED = {"stacked": sum(STREAMS.values())}
DEEPEST = 8  # pix2pix, section 6.1.1: 256 -> 1
WIDEST = 8  # likewise: channels stop growing at 8 times the first ones
SLOPE = 0.2  # likewise: leaky ReLUs of the encoder
DROPOUT = 0.5  # likewise
USUAL = (0.5, 0.9, 0.7)  # ours: x, y and height of a person, that an untrained head tells


@dataclass(frozen=True)
class TripleUNetConfig:
    """Sizes and joins; the defaults are the seed's, read as "one input, one generator" up to one decoder.

    width: channels after the first halving. depth: halvings, 2 to 8. decoder: "joint" is one decoder over the
    features of all streams; "three" has three whole U-Nets, whose decoder layers all begin with the weighted mean of
    what the three layers before gave, and whose pictures are averaged alike. join: "dynamic" learns the weights.
    inputs: "stacked" is one pix2pix U-Net on all planes, the seed's comparison; it has nothing to join.
    """

    width: int = 64
    depth: int = 8
    decoder: Literal["joint", "three"] = "joint"
    join: Literal["dynamic", "plain"] = "dynamic"
    inputs: Literal["separate", "stacked"] = "separate"
    norm: Norm = "batch"

    def __post_init__(self) -> None:
        if not 2 <= self.depth <= DEEPEST:
            raise ValueError(f"a depth of {self.depth}: 2 to {DEEPEST} halvings are possible")
        if self.inputs == "stacked" and (self.decoder, self.join) != ("joint", "plain"):
            raise ValueError("stacked inputs have one stream: the decoder must be joint and the join plain")

    @property
    def streams(self) -> dict[str, int]:
        """Planes of each encoder."""
        return STACKED if self.inputs == "stacked" else STREAMS

    @property
    def widths(self) -> list[int]:
        """Channels at 1/2, 1/4, ... of the size."""
        return [self.width * min(2**i, WIDEST) for i in range(self.depth)]


def multiple(config: TripleUNetConfig) -> int:
    """What both sides of the input must divide by."""
    return int(2**config.depth)


class Halving(nn.Module):
    """Leaky ReLU (not in front of the first), 4x4 convolution of stride 2, norm (neither first nor innermost)."""

    def __init__(self, channels_in: int, channels: int, norm: Norm, first: bool = False):
        super().__init__()
        self.first = first
        self.conv = nn.Conv2d(channels_in, channels, 4, 2, 1, bias=False)
        self.norm = norm_of(norm, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, H/2, W/2)."""
        return self.norm(self.conv(x if self.first else F.leaky_relu(x, SLOPE)))


class Doubling(nn.Module):
    """ReLU, transposed 4x4 convolution of stride 2, norm, dropout; the outermost has a bias and no norm."""

    def __init__(self, channels_in: int, channels: int, norm: Norm, dropout: float = 0.0):
        super().__init__()
        self.conv = nn.ConvTranspose2d(channels_in, channels, 4, 2, 1, bias=norm == "none")
        self.norm = norm_of(norm, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) -> (B, C, 2H, 2W)."""
        return self.dropout(self.norm(self.conv(F.relu(x))))


class Encoder(nn.Module):
    """The contracting path of one stream."""

    def __init__(self, planes: int, config: TripleUNetConfig):
        super().__init__()
        widths, last = config.widths, config.depth - 1
        norms = [config.norm if 0 < i < last else "none" for i in range(config.depth)]
        self.halvings = nn.ModuleList(
            Halving(a, b, norm, first=i == 0)
            for i, (a, b, norm) in enumerate(zip([planes, *widths], widths, norms, strict=False))
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, planes, H, W) -> from inside out, (B, C, H/2^depth, W/2^depth) ... (B, width, H/2, W/2)."""
        maps: list[Tensor] = []
        for halving in self.halvings:
            x = halving(x)
            maps.insert(0, x)
        return maps


class Decoder(nn.Module):
    """The expanding path over the maps of `joined` streams; `doublings` from inside out."""

    def __init__(self, joined: int, config: TripleUNetConfig, dropout: float):
        super().__init__()
        inner, last = config.widths[::-1], config.depth - 1
        norms = [config.norm if level < last else "none" for level in range(config.depth)]
        # pix2pix's code drops in the layers of full width, but for the innermost.
        drops = [dropout if 0 < level < config.depth - 4 else 0.0 for level in range(config.depth)]
        self.doublings = nn.ModuleList(
            Doubling(a * (joined + (level > 0)), b, norms[level], drops[level])
            for level, (a, b) in enumerate(zip(inner, [*inner[1:], 3], strict=True))
        )


class PlaceHead(nn.Module):
    """What the innermost features of all streams say of the person's place (ours).

    Every spot's features see where they are (two planes of coordinates), so that a mean over all spots still tells
    positions and the input may have any size.
    """

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.spots = nn.Conv2d(channels + 2, 2 * width, 1)
        self.told = nn.Linear(2 * width, 5)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 5): x and y of the middle of the box's lower edge, in shares of the frame's sides, its
        height in shares of the frame's height, rotation in degrees counter-clockwise, logit of the mirror."""
        y, across = torch.meshgrid(*(_middles(side, x) for side in x.shape[-2:]), indexing="ij")
        where = torch.stack([across, y]).expand(len(x), -1, -1, -1)
        seen = F.leaky_relu(self.spots(torch.cat([F.relu(x), where], dim=1)), SLOPE)
        a, b, size, turn, flip = self.told(seen.mean((2, 3))).float().unbind(1)
        height = USUAL[2] * size.clamp(-5, 5).exp()
        return torch.stack([USUAL[0] + a, USUAL[1] + b, height, torch.rad2deg(turn), flip], dim=1)


class TripleUNet(nn.Module):
    """A person's layer, its mask and a place in; the composite out, person moved and fitted."""

    def __init__(self, config: TripleUNetConfig = TripleUNetConfig(), dropout: float = DROPOUT):
        super().__init__()
        self.config = config
        streams, several = config.streams, len(config.streams)
        self.streams = nn.ModuleDict({name: Encoder(planes, config) for name, planes in streams.items()})
        joint = config.decoder == "joint"
        heads = ("joint",) if joint else tuple(streams)
        self.decoders = nn.ModuleDict({name: Decoder(several if joint else 1, config, dropout) for name in heads})
        levels = config.depth if joint else config.depth + 1  # three pictures are joined, too
        self.gates = nn.Parameter(torch.zeros(levels, several)) if config.join == "dynamic" else None
        self.place = PlaceHead(several * config.widths[-1], config.width)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:  # (B, 7, H, W) 0..1
        """The composite (B, 3, H, W), 0..1 sRGB, and the place (B, 5) as PlaceHead gives it.

        planes: the person's colors times alpha (3; black where nobody is), the mask (1) and the background (3),
        sRGB 0..1; H, W multiples of 2^depth.

        Raises:
            ValueError: other planes, or sides that do not divide.
        """
        step = multiple(self.config)
        if planes.shape[1] != STACKED["stacked"] or planes.shape[2] % step or planes.shape[3] % step:
            raise ValueError(f"a Triple U-Net of this depth takes 7 planes with sides that are multiples of {step}")
        parts = (planes * 2 - 1).split(tuple(self.config.streams.values()), dim=1)
        maps = [encoder(part) for encoder, part in zip(self.streams.values(), parts, strict=True)]
        bottom = torch.cat(self._weigh(0, [one[0] for one in maps]), dim=1)  # (B, 3 * 8 * width, H/2^depth, ...)
        painted = self._joint(bottom, maps) if "joint" in self.decoders else self._three(maps)
        return (painted.float().tanh() + 1) / 2, self.place(bottom)

    def shares(self) -> Tensor | None:
        """The weight of each stream at each level, from inside out, (levels, streams), each sum 1; None where plain."""
        return None if self.gates is None else self.gates.softmax(1)

    def _weigh(self, level: int, maps: list[Tensor]) -> list[Tensor]:
        """Each stream's map times its share; times their number, so that equal shares leave all as they are."""
        if self.gates is None:
            return maps
        shares = self.gates[level].softmax(0) * len(maps)
        return [one * share for one, share in zip(maps, shares, strict=True)]

    def _joint(self, x: Tensor, maps: list[list[Tensor]]) -> Tensor:
        for level, doubling in enumerate(cast(Decoder, self.decoders["joint"]).doublings):
            if level:
                x = torch.cat([x, *self._weigh(level, [one[level] for one in maps])], dim=1)  # up, and three skips
            x = doubling(x)  # (B, C, H/2^(depth-1-level), ...)
        return x

    def _three(self, maps: list[list[Tensor]]) -> Tensor:
        ups, decoders = [one[0] for one in maps], [cast(Decoder, one) for one in self.decoders.values()]
        for level in range(self.config.depth):
            shared = self._mean(level, ups)
            ins = [torch.cat([shared, one[level]], dim=1) for one in maps] if level else [shared] * len(maps)
            ups = [one.doublings[level](x) for one, x in zip(decoders, ins, strict=True)]
        return self._mean(self.config.depth, ups)

    def _mean(self, level: int, maps: list[Tensor]) -> Tensor:
        return torch.stack(self._weigh(level, maps)).mean(0)


def _middles(side: int, like: Tensor) -> Tensor:
    """Middles of `side` spots from -1 to 1."""
    return (torch.arange(side, device=like.device, dtype=like.dtype) * 2 + 1) / side - 1


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> TripleUNetConfig | None:
    """The settings of a TripleUNet read off its state dict's names and shapes; None for any other network."""
    stacked = "streams.stacked.halvings.0.conv.weight" in shapes
    first = f"streams.{'stacked' if stacked else 'person'}.halvings"
    decoder = "joint" if "decoders.joint.doublings.0.conv.weight" in shapes else "three"
    last = f"decoders.{'joint' if decoder == 'joint' else 'person'}.doublings.0"
    if any(name not in shapes for name in (f"{first}.0.conv.weight", f"{last}.conv.weight", "place.told.weight")):
        return None
    depth = sum(name.startswith(f"{first}.") and name.endswith(".conv.weight") for name in shapes)
    if not 2 <= depth <= DEEPEST or (stacked and (decoder == "three" or "gates" in shapes)):
        return None
    return TripleUNetConfig(
        width=shapes[f"{first}.0.conv.weight"][0],
        depth=depth,
        decoder="joint" if decoder == "joint" else "three",
        join="dynamic" if "gates" in shapes else "plain",
        inputs="stacked" if stacked else "separate",
        norm=norm_in(set(shapes), f"{last}.norm."),
    )


def build(config: TripleUNetConfig) -> TripleUNet:
    """An untrained TripleUNet of these settings."""
    return TripleUNet(config)
