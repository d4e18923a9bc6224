"""stylegan2: portraits out of nothing, learned from your own photos; the prior of hpbnet (seed 003).

Karras et al., CVPR 2020, 10.1109/CVPR42600.2020.00813. Where the paper leaves a number to its code, "port" names public
rewritings of it, and "ADA" the later rule of Karras et al., NeurIPS 2020, arXiv 2006.06676.
"""

import importlib.util
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bgswap.augmentation.ranges import PortraitRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.errors import UsageError, missing_extra
from bgswap.evaluation.metrics import kid
from bgswap.networks.stylegan2 import StyleGAN2, StyleGAN2Config
from bgswap.networks.stylegan2_discriminator import StyleGAN2Discriminator
from bgswap.training import losses
from bgswap.training.perceptual import CHOICES, NONE
from bgswap.training.recipe import Batch, Losses, Method, Optimizer, Phase, Recipe, Step
from bgswap.training.settings import Settings, Size, setting
from bgswap.training.tools import Tools

HALF_LIFE = 10_000  # pictures after which the average has forgotten half (StyleGAN2's code)
BATCH = 32
MEMORY = 0.01  # share a step by which the mean path length moves (StyleGAN2, appendix B)
BETAS = (0.0, 0.99)  # of Adam
AUTO = 2e-4  # ADA: gamma over pixels a batch


@dataclass(frozen=True, kw_only=True)
class StyleGAN2Settings(Settings):
    """The paper's "config F", at 256 pixels."""

    batch: tuple[int, ...] = setting((BATCH,), "Samples a step over all devices.", "StyleGAN2")
    steps: int = setting(781_250, "Steps in all; 0: as many as `epochs` say.", "StyleGAN2: 25 million pictures")
    ema: float = setting(
        round(0.5 ** (BATCH / HALF_LIFE), 6),
        "Decay a step of the average: 0.5^(batch / 10,000).",
        "StyleGAN2: half-life of 10,000 pictures",
    )
    validation: int = setting(256, "Samples that validation measures.", "ours")
    validate_every: int = setting(1000, "Steps between validations.", "ours")
    multiplier: int = setting(2, "Channels from 64 pixels up: 1 is the light network.", "StyleGAN2")
    width: int = setting(512, "Most channels.", "StyleGAN2")
    style: int = setting(512, "Length of z and w.", "StyleGAN2")
    layers: int = setting(8, "Of the mapping network.", "StyleGAN2; ADA: 2")
    lr: float = setting(2e-3, "Learning rate of Adam, of both networks.", "StyleGAN2; ADA: 0.0025 below 1024 pixels")
    gamma: float = setting(10.0, "Weight of R1; 0: 0.0002 pixels / batch; below 0: no R1.", "port; 0: ADA")
    r1_every: int = setting(16, "Steps from one R1 to the next, which then counts so many times.", "StyleGAN2, 4.1")
    path: float = setting(2.0, "Weight of the path length's spread; 0: none.", "port")
    path_every: int = setting(4, "Steps from one to the next, which then counts so many times.", "port")
    mixing: float = setting(0.9, "Share of pictures made of two styles.", "StyleGAN, section 3.1")
    features: str = setting(
        "squeezenet1_1",
        "Network whose features the validation's KID compares.",
        "ours; StyleGAN2: Inception",
        tuple(name for name in CHOICES if name != NONE),
    )
    shoulders: tuple[float, ...] = setting(
        PortraitRanges.shoulders, "What portraits show below the chin, in heads: least, most.", "ours"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        height, width = self.size[0]
        if len(self.size) > 1 or height != width or height & (height - 1):
            raise UsageError("stylegan2 has one size, a square with sides of 8, 16, 32, 64, 128, 256, 512 or 1024")
        if min(self.multiplier, self.width, self.style, self.layers, self.r1_every, self.path_every) < 1:
            raise UsageError("multiplier, width, style, layers, r1_every and path_every must be at least 1")
        if len(self.shoulders) != 2:
            raise UsageError("shoulders is a least and a most, such as 0.5,0.7")

    @property
    def r1(self) -> float:
        """Gamma, as it is used."""
        side = self.size[0][0]
        return AUTO * side * side / self.batch[0] if self.gamma == 0 else max(self.gamma, 0.0)


class PathLength(nn.Module):
    """The running mean of path lengths, which goes into checkpoints with the networks."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, lengths: Tensor) -> Tensor:
        """(B,) -> the penalty: mean squared distance from the mean, which follows. StyleGAN2, equation 4."""
        self.mean.lerp_(lengths.detach().mean(), MEMORY)
        return (lengths - self.mean).square().mean()


class StyleGAN2Method(Method):
    """A step of the discriminator, then one of the generator; R1 and path length now and then (section 4.1)."""

    best = ("kid", "lower")

    def __init__(self, settings: StyleGAN2Settings, tools: Tools):
        if importlib.util.find_spec("torchmetrics") is None:
            raise missing_extra("eval", "the validation of stylegan2 (kid)")
        config = StyleGAN2Config(
            settings.size[0][0], settings.multiplier, settings.width, settings.style, settings.layers
        )
        self.settings, self.config = settings, config
        self.network, self.discriminator, self.path = StyleGAN2(config), StyleGAN2Discriminator(config), PathLength()
        self.networks = {"network": self.network, "discriminator": self.discriminator, "path": self.path}
        self.looks = tools.perceptual(settings.features)
        self.frozen = {"features": self.looks} if self.looks is not None else {}
        judged = {"r1": settings.r1 * settings.r1_every}
        made = {"path": settings.path * settings.path_every}
        lazy_path = settings.path_every if settings.path else 0
        self.phases = (
            Phase(
                "discriminator",
                ("discriminator",),
                self.discriminator_losses,
                lazy(settings.lr, settings.r1_every if settings.r1 else 0),
                judged,
                graph=False,
            ),
            Phase("generator", ("network",), self.generator_losses, lazy(settings.lr, lazy_path), made),
        )
        life = settings.batch[0] * math.log(0.5) / math.log(settings.ema) if 0 < settings.ema < 1 else 0
        if not 0.5 < life / HALF_LIFE < 2:
            fit = 0.5 ** (settings.batch[0] / HALF_LIFE)
            self.notes = (
                f"the moving average forgets half in {life:,.0f} pictures, in the paper in {HALF_LIFE:,}: at batch "
                f"{settings.batch[0]} that is --set ema={fit:.6f}",
            )

    def styles(self, count: int, step: Step, name: str) -> Tensor:
        """w of every layer (B, layers, style): some pictures take those from a random layer on from another z."""
        z = torch.cat([step.noise(count, self.config.style, name=f"{name} {number}") for number in range(2)])
        first, second = self.network.mapping(z)[:, None].chunk(2)
        taken, where = step.uniform(count, 2, name=f"{name} mixing").unbind(1)
        layers = torch.arange(self.config.styles, device=z.device)
        cross = 1 + (where * (self.config.styles - 1)).floor()
        cross = torch.where(taken < self.settings.mixing, cross, self.config.styles)
        return torch.where((layers >= cross[:, None])[..., None], second, first)

    def outputs(self, batch: Batch, step: Step) -> Tensor:
        """As many pictures as there are portraits, -1..1."""
        return self.network.synthesis(self.styles(len(batch["portrait"]), step, "made"))

    def discriminator_losses(self, batch: Batch, outputs: Tensor, step: Step) -> Losses:
        """Logistic losses; R1 = E |grad D(real)|^2 / 2 (Mescheder et al., ICML 2018, arXiv 1801.04406)."""
        real = batch["portrait"] * 2 - 1
        due = self.settings.r1 > 0 and step.index % self.settings.r1_every == 0
        logits = self.discriminator.forward_signed(real.requires_grad_(due)).float()
        fakes = self.discriminator.forward_signed(outputs.detach()).float()
        found = {"real": losses.logistic_real(logits), "fake": losses.logistic_fake(fakes)}
        if due:
            (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
            found["r1"] = gradient.float().square().sum((1, 2, 3)).mean() / 2
        return found

    def generator_losses(self, batch: Batch, outputs: Tensor, step: Step) -> Losses:
        """The non-saturating logistic loss, and now and then the spread of path lengths."""
        found = {"generator": losses.logistic_real(self.discriminator.forward_signed(outputs).float())}
        if self.settings.path and step.index % self.settings.path_every == 0:
            found["path"] = self.path(self.lengths(max(1, len(batch["portrait"]) // 2), step))
        return found

    def lengths(self, count: int, step: Step) -> Tensor:
        """|J^T y| of `count` pictures for random pictures y: how far w moves them (section 3.2 and appendix B)."""
        w = self.styles(count, step, "path")
        made = self.network.synthesis(w)
        random = torch.randn_like(made) / math.sqrt(made.shape[-1] * made.shape[-2])
        (gradient,) = torch.autograd.grad((made * random).sum(), w, create_graph=True)
        return gradient.float().square().sum(2).mean(1).sqrt()

    def evaluate(self, network: nn.Module, batch: Batch, step: Step) -> dict[str, Tensor]:
        """Features (B, D) of held-out portraits, of as many made ones, and of the mean's picture."""
        z = step.noise(len(batch["portrait"]), self.config.style, name="shown")
        mean = network(z[:1], psi=0.0).expand(len(z), -1, -1, -1)
        shown = {"real": batch["portrait"], "made": network(z), "mean": mean}
        return {name: self._features(pictures) for name, pictures in shown.items()}

    def _features(self, pictures: Tensor) -> Tensor:
        """The deepest map's mean over the picture, (B, D)."""
        if self.looks is None:
            raise UsageError("features=none: validation needs a network to look through")
        return self.looks.features(pictures.float())[-1].float().mean((2, 3))

    def summarize(self, found: Mapping[str, Tensor]) -> dict[str, float]:
        """KID of made portraits; and of the mean's picture over and over, which a generator should leave far behind."""
        return {
            "kid": kid.of_set(found["made"], found["real"]),
            "kid_of_mean": kid.of_set(found["mean"], found["real"]),
        }

    def show(self, network: nn.Module, batch: Batch, step: Step) -> Sequence[Tensor]:
        """Made of the same z every time | the same nearer to the mean | portraits."""
        z = step.noise(len(batch["portrait"]), self.config.style, name="shown")
        return network(z), network(z, psi=0.7), batch["portrait"]


def lazy(lr: float, every: int) -> Optimizer:
    """Adam, corrected for a regularization that comes in one of `every` steps; 0: in none. StyleGAN2, appendix B."""
    share = every / (every + 1) if every else 1.0
    return Optimizer(lr * share, "adam", (BETAS[0] ** share, BETAS[1] ** share))


def samples(settings: StyleGAN2Settings, size: Size) -> SampleSettings:
    """Heads and shoulders, half of them mirrored."""
    least, most = settings.shoulders
    return SampleSettings(("portrait",), settings.seed, size, ranges=(PortraitRanges(shoulders=(least, most)),))


RECIPE = Recipe(
    settings=StyleGAN2Settings(),
    roles=("portrait",),
    method=StyleGAN2Method,
    samples=samples,
    task="generate",
    network="stylegan2",
    takes=("noise",),
    multiple=lambda _: 8,
    needs="photos with mattes, of which heads and shoulders are cut, or portraits; squeezenet1_1 to be measured by",
    makes="a generator of portraits: the prior of hpbnet (--set prior=frozen)",
)
