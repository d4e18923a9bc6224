"""hpbnet: a U-Net feeding a StyleGAN2 prior sets the person in the background's light. Wang et al., CGF 2023."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from bgswap.augmentation.ranges import FrameRanges, RecolorRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.errors import UsageError
from bgswap.networks._color_step import ColorStep
from bgswap.networks.hpbnet import BOTTOM, Generator, HPBNet, HPBNetConfig, multiple, pooled
from bgswap.networks.stylegan2 import StyleGAN2Config
from bgswap.networks.stylegan2_discriminator import StyleGAN2Discriminator
from bgswap.training import losses
from bgswap.training.perceptual import CHOICES
from bgswap.training.recipe import Batch, Losses, Method, Optimizer, Phase, Recipe, Step
from bgswap.training.recipes._prior import UNTRAINED, check_frozen, check_none, fill, load_prior
from bgswap.training.settings import Settings, Size, setting
from bgswap.training.tools import Tools

GAMMA = 2.2  # the paper, 3.1: light is sRGB to this power
D_BETAS = (0.0, 0.99)  # StyleGAN2; the paper names Adam alone
SHOULDERS = (0.25, 0.5)  # ours: side of a window about as large as a standing person's head and shoulders


@dataclass(frozen=True, kw_only=True)
class HPBNetSettings(Settings):
    """Those of the paper's section 4.1; its batch, channels and discriminator's loss are not told."""

    size: tuple[Size, ...] = setting(((512, 512),), "Sides in pixels; with a prior one square, the prior's.", "4.1")
    batch: tuple[int, ...] = setting((4,), "Samples a step.", "ours: 1.2 s a step on the paper's V100 is about as many")
    steps: int = setting(60_000, "Steps in all.", "4.1")
    lr: float = setting(2e-3, "Learning rate of Adam, generator and discriminator.", "4.1; discriminator: StyleGAN2")
    width: int = setting(64, "Channels of the U-Net's first scale, doubled up to eightfold.", "ours")
    prior: str = setting(
        "frozen", "The StyleGAN2 half: none (table 1), frozen, or trained jointly.", "3.3", ("none", "frozen", "joint")
    )
    prior_weights: str = setting("", "Run folder or file of a stylegan2 run; joint goes without, too.", "3.3: FFHQ's")
    generator: str = setting(
        "standard", "Synthesis of the prior: standard, or mobile, which is lighter.", "5.1", ("standard", "mobile")
    )
    multiplier: int = setting(2, "Of the channels of discriminator and of a prior without weights.", "StyleGAN2")
    cap: int = setting(512, "Most channels of these.", "StyleGAN2")
    color_step: str = setting(
        "printed", "Last step: equation 3 printed, in linear light, or none.", "3.3", ("printed", "linear", "none")
    )
    detail: bool = setting(False, "The U-Net's pictures begin with the composite's own detail.", "ours; 3.2: without")
    perceptual: str = setting("vgg19", "Network that the perceptual loss looks through.", "3.2", CHOICES)
    perceptual_weight: float = setting(0.1, "Weight of the perceptual loss, w_p.", "3.2")
    scale_weight: float = setting(1.0, "Weight of each scale's L1, w_i.", "3.2")
    adversarial: float = setting(0.1, "Weight of the adversarial loss, w_a; 0: no discriminator.", "3.3")
    adversarial_form: str = setting(
        "standard",
        "standard: softplus(-D); printed: -softplus(D), which has no lower bound.",
        "printed: equation 2; standard: StyleGAN2",
        ("standard", "printed"),
    )
    r1: float = setting(1.0, "Half of it weighs R1, the discriminator's squared gradient.", "ours; StyleGAN2: 10")
    r1_every: int = setting(16, "Steps between R1's turns, which count as many times.", "StyleGAN2")
    flip: float = setting(0.5, "Share of pairs mirrored left to right.", "4.1")
    balance: tuple[float, ...] = setting((0.75, 1.3), "Gains of light a channel, least and most, of both.", "3.1")
    portraits: bool = setting(
        False,
        "On the fly: windows as large as a standing person's head and shoulders.",
        "ours; the paper has portraits",
    )
    changes: str = setting("paper", "On the fly: the paper's changes of color, or ours.", "3.1", ("paper", "ours"))


@dataclass(frozen=True)
class Outputs:
    """A step's pairs as they were varied, and what was made of them: all (B, 3, H, W) around 0..1."""

    true: Tensor
    made: Tensor
    pictures: list[Tensor]  # the U-Net's own, coarse to fine, but for one that is `made`


class HPBNetMethod(Method):
    """L1 at all scales + 0.1 perceptual + 0.1 adversarial, before the color step; equations 1, 2 and 4."""

    best = ("psnr", "higher")

    def __init__(self, settings: HPBNetSettings, tools: Tools):
        self.settings = settings
        self.network, told = _network(settings, tools)
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.perceptual = tools.perceptual(settings.perceptual)
        self.frozen: dict[str, nn.Module] = {"perceptual": self.perceptual} if self.perceptual else {}
        notes = [told] if told else []
        weights = {
            "scales": settings.scale_weight,
            "l1": settings.scale_weight,
            "perceptual": settings.perceptual_weight,
            "adversarial": settings.adversarial,
        }
        self.phases = (Phase("network", ("network",), self.losses, Optimizer(settings.lr), weights),)
        if settings.adversarial:
            self.discriminator = StyleGAN2Discriminator(_judged(settings))
            self.networks["discriminator"] = self.discriminator
            lazy = settings.r1_every / (settings.r1_every + 1) if settings.r1 else 1.0  # StyleGAN2's correction
            adam = Optimizer(settings.lr * lazy, betas=(D_BETAS[0] ** lazy, D_BETAS[1] ** lazy))
            r1 = {"r1": settings.r1 / 2 * settings.r1_every}
            self.phases = (Phase("judge", ("discriminator",), self.judge, adam, r1, graph=False), *self.phases)
            if settings.adversarial_form == "printed":
                notes.append("the adversarial loss as printed has no lower bound: the other losses have to hold it")
        self.notes = tuple(notes)

    def outputs(self, batch: Batch, step: Step) -> Outputs:
        """Composite and truth, mirrored and in another white balance alike, and what the network makes of them."""
        composite, alpha, true = self._varied(batch, step)
        made, pictures = self.network.forward_scales(torch.cat([composite, alpha], dim=1))
        return Outputs(true, made, pictures if self.network.config.prior else pictures[:-1])

    def _varied(self, batch: Batch, step: Step) -> tuple[Tensor, Tensor, Tensor]:
        count, (least, most) = len(batch["composite"]), self.settings.balance
        flipped = step.uniform(count, 1, 1, 1, name="flip") < self.settings.flip
        gains = (least + (most - least) * step.uniform(count, 3, 1, 1, name="balance")) ** (1 / GAMMA)
        composite, alpha, true = (
            torch.where(flipped, batch[role].flip(3), batch[role]) for role in ("composite", "alpha", "composite_true")
        )
        return (composite * gains).clamp_max(1), alpha, (true * gains).clamp_max(1)  # gains of light to the 2.2

    def judge(self, batch: Batch, outputs: Outputs, step: Step) -> Losses:  # noqa: ARG002
        """Ours, after StyleGAN2, as the paper says nothing of it: logistic loss, and R1 every few steps."""
        found = {
            "d_real": losses.logistic_real(self.discriminator(outputs.true).float()),
            "d_fake": losses.logistic_fake(self.discriminator(outputs.made.detach().float()).float()),
        }
        if self.settings.r1 and step.index % self.settings.r1_every == 0:
            found["r1"] = _r1(self.discriminator, outputs.true)
        return found

    def losses(self, batch: Batch, outputs: Outputs, step: Step) -> Losses:  # noqa: ARG002
        """L1 of every scale, summed; of the output; perceptual and adversarial."""
        true, made = outputs.true, outputs.made.float()
        found = {"l1": losses.l1(made, true)}
        if outputs.pictures:
            found["scales"] = torch.stack([losses.l1(p.float(), pooled(true, p)) for p in outputs.pictures]).sum()
        if self.perceptual:
            found["perceptual"] = self.perceptual(made, true)
        if self.settings.adversarial:
            logits = self.discriminator(made).float()
            standard = self.settings.adversarial_form == "standard"
            found["adversarial"] = losses.logistic_real(logits) if standard else -losses.logistic_fake(logits)
        return found

    def evaluate(self, network: nn.Module, batch: Batch, step: Step) -> dict[str, Tensor]:  # noqa: ARG002
        """MSE and PSNR after the color step, and of the composite as it is, by picture."""
        made = network(torch.cat([batch["composite"], batch["alpha"]], dim=1))
        undone = losses.picture_metrics(batch["composite"], batch["composite_true"])
        return losses.picture_metrics(made.float(), batch["composite_true"]) | {"psnr_undone": undone["psnr"]}

    def show(self, network: nn.Module, batch: Batch, step: Step) -> Sequence[Tensor]:  # noqa: ARG002
        """composite | harmonized | composite_true."""
        made = network(torch.cat([batch["composite"], batch["alpha"]], dim=1))
        return batch["composite"], made.float(), batch["composite_true"]


def _r1(discriminator: nn.Module, true: Tensor) -> Tensor:
    """The squared length of D's gradient at photos, mean over the batch. Mescheder et al., ICML 2018; in float32."""
    photos = true.detach().float().requires_grad_(True)
    with torch.autocast(photos.device.type, enabled=False), torch.enable_grad():
        (slope,) = torch.autograd.grad(discriminator(photos).sum(), photos, create_graph=True)
    return slope.square().sum((1, 2, 3)).mean()


def _side(settings: HPBNetSettings) -> int:
    """The network's size: the prior's side, or without one the power of two that gives the U-Net its scales."""
    least = min(min(size) for size in settings.size)
    side = 1 << (least.bit_length() - 1)
    if side < 2 * BOTTOM:
        raise UsageError(f"size {least}: hpbnet begins at {2 * BOTTOM} pixels")
    if settings.prior != "none" and set(settings.size) != {(side, side)}:
        raise UsageError(
            "the prior of hpbnet makes squares of one size, a power of two: give --size 64, 128, 256 or 512, "
            "or --set prior=none"
        )
    return side


def _judged(settings: HPBNetSettings) -> StyleGAN2Config:
    side = _side(settings)
    if set(settings.size) != {(side, side)}:
        raise UsageError(
            "the discriminator of hpbnet sees squares of one size, a power of two: give --size 64, 128, 256 or 512, "
            "or --set adversarial=0"
        )
    return StyleGAN2Config(side, settings.multiplier, settings.cap)


def _config(settings: HPBNetSettings, prior: StyleGAN2Config | None) -> HPBNetConfig:
    light, step = cast(Generator, settings.generator if prior else "standard"), cast(ColorStep, settings.color_step)
    return HPBNetConfig(_side(settings), settings.width, prior, light, step, settings.detail)


def _network(settings: HPBNetSettings, tools: Tools) -> tuple[HPBNet, str]:
    """The network, its prior filled and frozen as the settings say, and what the prior has seen."""
    side, light = _side(settings), settings.generator == "mobile"
    if settings.prior == "none":
        check_none(settings.prior_weights, light)
        return HPBNet(_config(settings, None)), ""
    joint = settings.prior == "joint"
    check_frozen(settings.prior_weights, light, joint)
    if not settings.prior_weights:
        return HPBNet(_config(settings, StyleGAN2Config(side, settings.multiplier, settings.cap))), UNTRAINED
    trained, told = load_prior(settings.prior_weights, side, tools)
    network = HPBNet(_config(settings, trained.config))
    fill(network.prior, trained)
    network.prior.requires_grad_(joint)
    return network, told


def samples(settings: HPBNetSettings, size: Size) -> SampleSettings:
    """People in another's colors, then in another light; mirrored and balanced in the step, so not here.

    FrameRanges draws windows anywhere on the person: `portraits` gives them a portrait's size, but about as many show
    knees as heads. Photos that are portraits already need no such windows.
    """
    frame = FrameRanges(flip=0.0)
    if settings.portraits:
        frame = replace(frame, crop=SHOULDERS)
    ours = RecolorRanges(jitter=0.0)
    paper = RecolorRanges(
        transfer=1.0, strength=(1.0, 1.0), spread=(0.0, 100.0), reach=1000.0, jitter=0.0, balance=0.0, exposure=0.0,
        temperature=0.0, curves=0.0, saturation=0.0, lut=0.0,
    )  # fmt: skip
    recolor = paper if settings.changes == "paper" else ours
    return SampleSettings(("recolor", "relight"), settings.seed, size, frame, (recolor,))


RECIPE = Recipe(
    settings=HPBNetSettings(),
    roles=("composite", "alpha", "composite_true"),
    method=HPBNetMethod,
    samples=samples,
    task="harmonize",
    network="hpbnet",
    takes=("photo", "alpha"),
    multiple=lambda settings: multiple(_config(settings, None)),
    needs="photos with mattes, portraits best; prior=frozen needs a run of stylegan2; vgg19 for its perceptual loss",
    makes="a harmonizing network, which bgswap eval measures",
)
