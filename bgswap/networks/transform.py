"""TransformNet: one look at person, matte and place, and heads that decide where, in which colors, with which shadow.

Seed 000's promise, one model for all three, without its painting: three encoders as there (mask, person, background),
joined; but heads give numbers that composite applies to the original pixels. Person and background are seen through
SqueezeNet 1.1 (Iandola et al., arXiv 1602.07360). Colors are a bilateral grid of affines as in HDRNet (Gharbi et al.,
SIGGRAPH 2017, 10.1145/3072959.3073592), global and local parts added; places are scored like a detector's cells.
All else is ours. 256 pixels are meant; any sides that are multiples of 32 will do.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.networks._squeeze_encoder import WIDTHS, SqueezeEncoder
from bgswap.networks._trunk import MEAN

MULTIPLE = 32  # the background is seen at half size, and that halves four times
PARTS = ("place", "colors", "shadow")
GIVES = {"place": ("places",), "colors": ("globals", "grid", "shading"), "shadow": ("shadow",)}
BINS = 8  # of luminance
AFFINE = (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)  # identity, row by row
LUMA = (0.2126, 0.7152, 0.0722)
COUNTED = 4  # sides are divided by it where plain colors are counted
RING = 9  # of those pixels, ours: as far as a neighbor of the person
STATISTICS = 6 + 4 * BINS  # numbers that `statistics` gives
SCALES, LOWEST, STEP = 12, math.log(0.1), math.log(18.0) / 12  # ours: heights of 0.1 to 1.8 of the frame's
DROPPED = 0.2  # ours: of the words in training, or a network of few photos knows their people by heart
FOUND = 8  # places that are told
TURN = 15.0  # degrees: the largest turn that is told
MOST = 1.5  # ours: stops and saturation that the globals tell at most, either way


@dataclass(frozen=True)
class TransformConfig:
    """Sizes of the network: 3.0 M parameters with all parts.

    parts: what it decides. width: channels where the streams are joined. words: numbers that describe the whole.
    """

    parts: tuple[str, ...] = PARTS
    width: int = 128
    words: int = 192

    planes: ClassVar[int] = 7  # of the input

    @property
    def gives(self) -> tuple[str, ...]:
        """Names of the outputs in order, as composite reads them."""
        return tuple(name for part in PARTS if part in self.parts for name in GIVES[part])


class ConvNorm(nn.Sequential):
    """Convolution, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels: int, size: int = 3, stride: int = 1):
        convolution = nn.Conv2d(channels_in, channels, size, stride, padding=size // 2, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(channels), nn.ReLU())


class Residual(nn.Module):
    """Two 3x3 convolutions beside a straight way through. He et al., CVPR 2016."""

    def __init__(self, channels: int):
        super().__init__()
        self.a = ConvNorm(channels, channels)
        self.b = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> same shape."""
        return F.relu(x + self.b(self.a(x)))


class Words(nn.Module):
    """Person and background in one vector: what is seen where they are, means and spreads, and plain color counts."""

    def __init__(self, words: int):
        super().__init__()
        seen = 2 * WIDTHS[1] + WIDTHS[2] + WIDTHS[3]
        self.person, self.background = (nn.Linear(seen, words) for _ in range(2))
        self.counts = nn.Linear(3 * STATISTICS, words)
        self.told = nn.Sequential(nn.LayerNorm(3 * words), nn.Linear(3 * words, words), nn.ReLU(), nn.Dropout(DROPPED))

    def forward(self, person: list[Tensor], background: list[Tensor], counts: Tensor, cover: Tensor) -> Tensor:
        """Maps of both encoders, counts (B, 3 STATISTICS), alpha (B, 1, H, W) -> (B, words)."""
        first = self.person(_seen(person, cover))
        second = self.background(_seen(background, None))
        return self.told(torch.cat([F.relu(first), F.relu(second), F.relu(self.counts(counts))], 1))


class ColorHead(nn.Module):
    """Globals, an affine for each bin of luminance and its changes from cell to cell, and shading; from identity."""

    identity: Tensor

    def __init__(self, width: int, words: int):
        super().__init__()
        self.globals = nn.Linear(words, 4)
        self.bins = nn.Sequential(nn.Linear(words, words), nn.ReLU(), nn.Linear(words, BINS * 12))
        self.cells = nn.Conv2d(width, BINS * 12, 1)
        self.shading = nn.Conv2d(width, 1, 3, padding=1)
        for last in (self.globals, self.bins[-1], self.cells, self.shading):
            nn.init.zeros_(last.weight)  # type: ignore[arg-type]
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.register_buffer("identity", torch.tensor(AFFINE, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor, words: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, h, w), (B, words) -> (B, 4), (B, h, w, BINS, 12), (B, h, w), as composite's ColorMap has them."""
        stops = MOST * torch.tanh(self.globals(words).float())
        cells = self.cells(x).float().permute(0, 2, 3, 1).unflatten(3, (BINS, 12))
        grid = self.identity + self.bins(words).float().view(-1, 1, 1, BINS, 12) + cells
        return stops, grid, self.shading(x).float()[:, 0]


class PlaceHead(nn.Module):
    """A score for the person's center at every cell of the background and every height; its turn and mirror."""

    def __init__(self, width: int, words: int):
        super().__init__()
        self.person = nn.Linear(words, width)
        self.join = ConvNorm(2 * width + 2, width, 1)
        self.body = nn.Sequential(Residual(width), Residual(width))
        self.whole = nn.Linear(width, width)
        self.cells = nn.Conv2d(width, 4 * SCALES, 1)
        self.turn = nn.Linear(words, 2)

    def forward(self, background: Tensor, words: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, h, w), (B, words) -> logits (B, SCALES, h, w), moves in cells (B, 3, SCALES, h, w) of x, y and
        height, -1..1, and (B, 2): degrees counter-clockwise, logit of the mirror."""
        batch, _, height, width = background.shape
        person = self.person(words)[:, :, None, None].expand(-1, -1, height, width)
        x = self.body(self.join(torch.cat([background, person, _where(background)], 1)))
        x = x + F.relu(self.whole(x.mean((2, 3))))[:, :, None, None]
        logits, moves = self.cells(x).float().split((SCALES, 3 * SCALES), 1)
        turn = self.turn(words).float()
        return logits, moves.view(batch, 3, SCALES, height, width).tanh(), turn * turn.new_tensor([TURN, 1.0])


class ShadowHead(nn.Module):
    """Light as the whole tells it: the shadow's direction and form."""

    def __init__(self, words: int):
        super().__init__()
        self.told = nn.Sequential(nn.Linear(words, words), nn.ReLU(), nn.Linear(words, 6))

    def forward(self, words: Tensor) -> Tensor:
        """(B, words) -> (B, 5): azimuth in degrees, length 0..4, softness 0..0.1, density and contact 0..1."""
        across, away, length, *shares = self.told(words).float().unbind(1)
        azimuth = torch.atan2(across, away + 1e-3) * (180 / math.pi)
        softness, density, contact = (share.sigmoid() for share in shares)
        return torch.stack([azimuth, 4 * length.sigmoid(), 0.1 * softness, density, contact], 1)


class TransformNet(nn.Module):
    """Planes of person, alpha and background in; `config.gives` out."""

    gray: Tensor

    def __init__(self, config: TransformConfig = TransformConfig()):
        super().__init__()
        self.config = config
        self.register_buffer("gray", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.person, self.background = SqueezeEncoder(), SqueezeEncoder()
        self.words = Words(config.words)
        if "place" in config.parts:
            self.ground = ConvNorm(WIDTHS[2] + WIDTHS[3], config.width, 1)
            self.place = PlaceHead(config.width, config.words)
        if "colors" in config.parts:
            self.mask = nn.Sequential(*(ConvNorm(a, b, 3, 2) for a, b in ((1, 8), (8, 16), (16, 24), (24, 32))))
            joined = WIDTHS[3] + WIDTHS[2] + WIDTHS[3] + WIDTHS[2] + 32 + config.words
            self.join = nn.Sequential(ConvNorm(joined, config.width, 1), Residual(config.width), Residual(config.width))
            self.colors = ColorHead(config.width, config.words)
        if "shadow" in config.parts:
            self.shadow = ShadowHead(config.words)

    def forward(self, planes: Tensor) -> tuple[Tensor, ...]:
        """Planes (B, 7, H, W) 0..1 sRGB: the person's colors times alpha, alpha, the background.

        The outputs that config.gives names, float32, as bgswap/compositing/decider.py tells of each; "places" are the
        FOUND best, best first, their scores logarithms of probabilities.
        """
        told = self.tell(planes)
        if "place" in self.config.parts:
            told["places"] = best_places(told["logits"], told["moves"], told["turn"])
        return tuple(told[name] for name in self.config.gives)

    def tell(self, planes: Tensor) -> dict[str, Tensor]:
        """All outputs by name; of places "logits", "moves" and "turn" as PlaceHead gives them."""
        colors, cover, place = planes[:, :3], planes[:, 3:4], planes[:, 4:7]
        person = self.person(colors + (1 - cover) * self.gray)
        background = self.background(F.avg_pool2d(place, 2))  # it is seen from farther away
        small, thin, behind = (F.avg_pool2d(one, COUNTED) for one in (colors, cover, place))
        over = [(small / thin.clamp_min(1e-3), thin), (behind, torch.ones_like(thin)), (behind, _around(thin))]
        counts = torch.cat([statistics(*one) for one in over], 1)
        words = self.words(person, background, counts, cover)
        far = F.interpolate(background[3], scale_factor=2.0, mode="bilinear", align_corners=False)
        told: dict[str, Tensor] = {}
        if "place" in self.config.parts:
            told["logits"], told["moves"], told["turn"] = self.place(
                self.ground(torch.cat([background[2], far], 1)), words
            )
        if "colors" in self.config.parts:
            everywhere = words[:, :, None, None].expand(-1, -1, *far.shape[2:])
            near = F.avg_pool2d(person[2], 2)
            joined = torch.cat([person[3], near, far, background[2], self.mask(cover), everywhere], 1)
            told["globals"], told["grid"], told["shading"] = self.colors(self.join(joined), words)
        if "shadow" in self.config.parts:
            told["shadow"] = self.shadow(words)
        return told


def statistics(picture: Tensor, weight: Tensor) -> Tensor:
    """(B, STATISTICS) of colors (B, 3, H, W) 0..1 where weight (B, 1, H, W) is: mean and spread of each channel, and
    for each bin of luminance its share of the pixels and its mean color (0 where there are next to none)."""
    with torch.autocast(picture.device.type, enabled=False):
        picture, weight = picture.float().flatten(2), weight.float().flatten(2)  # (B, 3, N), (B, 1, N)
        share = weight / weight.sum(2, keepdim=True).clamp_min(1e-3)
        mean = (picture * share).sum(2)
        spread = (((picture - mean[..., None]) ** 2 * share).sum(2) + 1e-6).sqrt()
        luma = (picture * picture.new_tensor(LUMA).view(1, 3, 1)).sum(1, keepdim=True).clamp(0, 1) * (BINS - 1)
        bins = torch.arange(BINS, device=picture.device, dtype=picture.dtype).view(1, BINS, 1)
        near = (1 - (luma - bins).abs()).clamp_min(0) * share  # (B, BINS, N)
        mass = near.sum(2)
        colors = torch.einsum("bkn,bcn->bkc", near, picture) / (mass[..., None] + 1e-3)
        return torch.cat([mean, spread, mass, colors.flatten(1)], 1)


def best_places(logits: Tensor, moves: Tensor, turn: Tensor) -> Tensor:
    """(B, FOUND, 6), best first: x and y of the middle of the box's lower edge and its height, in shares of the frame;
    degrees, logit of the mirror, and the logarithm of the cell's probability. A cell is told where no neighbor's is
    higher, so that places differ."""
    rows, columns = logits.shape[2:]
    scores = logits.flatten(1).log_softmax(1).view_as(logits)
    peak = F.max_pool3d(scores[:, None], 3, 1, 1)[:, 0] == scores
    score, index = (scores - 1e4 * (~peak)).flatten(1).topk(FOUND, 1)
    move = moves.flatten(2).gather(2, index[:, None].expand(-1, 3, -1))  # (B, 3, FOUND)
    scale, cell = index // (rows * columns), index % (rows * columns)
    x = (cell % columns + 0.5 + move[:, 0]) / columns
    y = (cell // columns + 0.5 + move[:, 1]) / rows
    height = (LOWEST + STEP * (scale + 0.5 + move[:, 2])).exp()
    score = torch.where(score < -5e3, score + 1e4, score)  # there were fewer peaks than places
    told = [x, y + height / 2, height, *(one[:, None].expand(-1, FOUND) for one in turn.unbind(1)), score]
    return torch.stack(told, 2)


def _seen(maps: list[Tensor], cover: Tensor | None) -> Tensor:
    """Means of maps but the finest where cover (B, 1, H, W) is, None everywhere; and spreads of the first of these."""
    told = []
    for index, features in enumerate(maps[1:]):
        weight = torch.ones_like(features[:, :1]) if cover is None else F.avg_pool2d(cover, 4 << index)
        weight = weight / weight.sum((2, 3), keepdim=True).clamp_min(1e-3)
        mean = (features * weight).sum((2, 3))
        told.append(mean)
        if index == 0:
            told.append((((features - mean[:, :, None, None]) ** 2 * weight).sum((2, 3)) + 1e-6).sqrt())
    return torch.cat(told, 1)


def _around(cover: Tensor) -> Tensor:
    """A ring about the person, a few cells wide: the light there is the person's light."""
    return (F.max_pool2d(cover, RING, 1, RING // 2) - cover).clamp_min(0) + 1e-4


def _where(x: Tensor) -> Tensor:
    """x and y of every cell, -1..1, (B, 2, h, w)."""
    sides = ((torch.arange(side, device=x.device, dtype=x.dtype) + 0.5) / side for side in x.shape[-2:])
    y, across = torch.meshgrid(*sides, indexing="ij")
    return (2 * torch.stack([across, y]) - 1).expand(x.shape[0], -1, -1, -1)


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> TransformConfig | None:
    """The settings of a TransformNet read off its state dict's names and shapes; None for any other network."""
    if "words.counts.weight" not in shapes or "person.features.0.weight" not in shapes:
        return None
    marks = {"place": "place.cells.weight", "colors": "colors.cells.weight", "shadow": "shadow.told.0.weight"}
    parts = tuple(part for part in PARTS if marks[part] in shapes)
    widths = {"place": "ground.0.weight", "colors": "join.0.0.weight"}
    width = next((shapes[key][0] for key in widths.values() if key in shapes), TransformConfig.width)
    return TransformConfig(parts, width, shapes["words.counts.weight"][0])


def build(config: TransformConfig) -> TransformNet:
    """An untrained TransformNet of these sizes."""
    return TransformNet(config)
