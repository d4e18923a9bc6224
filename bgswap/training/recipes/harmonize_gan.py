"""harmonize-gan: a U-Net that fits the person's colors to the place, trained against a discriminator (seed 002).

The class report "Image Harmonization using Generative Adversarial Networks" (NITK Surathkal, 2020), after Isola et al.,
CVPR 2017 (pix2pix), Tsai et al., CVPR 2017, and Huang et al., IEEE TIP 29, 2020, arXiv 1809.01372. The report's mask is
our soft alpha. Its lambda, "learning rate" there, is the weight of the adversarial term.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bgswap.augmentation.ranges import FramesRanges, RecolorRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.errors import UsageError
from bgswap.networks._initialize import normal_, xavier_
from bgswap.networks.patchgan import PatchGAN, PatchGANConfig, PixelWise, PixelWiseConfig
from bgswap.networks.pix2pix import Pix2Pix, Pix2PixConfig, deepest
from bgswap.training import losses
from bgswap.training.recipe import Batch, Losses, Method, Optimizer, Phase, Recipe, Step
from bgswap.training.recipes import _motion
from bgswap.training.settings import Settings, Size, setting
from bgswap.training.tools import Tools

SPAN = 2.0  # tanh's -1..1, in which the report and pix2pix count errors
LEAST_AREA = 100.0  # pixels; iDIH's loss takes smaller people for this large
L1 = 100.0  # pix2pix, section 3.3: lambda, beside an adversarial weight of 1
WEIGHTS = {"disharmony": 0.05, "bce": 1.0, "none": 0.0}  # ours (the report gives no lambda); pix2pix; nobody to fool
BETAS = (0.5, 0.999)  # pix2pix, section 3.3
GRADING = ("jitter", "balance", "exposure", "temperature", "curves", "saturation", "lut")  # recolor's other steps
PAIR = ("composite", "alpha", "composite_true")
FRAMES = ("previous_composite", "previous_alpha", "previous_composite_true", "flow_true")
FEW = 6  # ours: halvings below which a U-Net of this kind sees too little of its picture


@dataclass(frozen=True, kw_only=True)
class HarmonizeSettings(Settings):
    """The report's, where it names them."""

    batch: tuple[int, ...] = setting((8,), "Samples a step, one number or one a size.", "ours: the report has none")
    epochs: float = setting(100.0, "Passes over the training photos, where steps is 0.", "ours: the report has none")
    lr: float = setting(2e-4, "Learning rate of Adam, of both networks.", "pix2pix")
    width: int = setting(64, "Channels of the U-Net at half size.", "pix2pix")
    depth: int = setting(0, "Halvings, 2 to 8; 0: as many as the size allows.", "pix2pix: 8 at 256 pixels")
    norm: str = setting("batch", "Norm of both networks.", "pix2pix; instance: ours", ("batch", "instance"))
    dropout: float = setting(0.5, "Of three decoder blocks, in training only.", "pix2pix")
    keep_background: bool = setting(True, "Give back the composite outside alpha: O A + I (1 - A).", "ours; report: no")
    fused: bool = setting(False, "The network says for every pixel how much of it is new.", "iDIH: yes; report: no")
    initialize: str = setting("xavier", "First weights of both networks.", "report, figure 3", ("xavier", "normal"))
    discriminator: str = setting(
        "patch", "Judges patches, or every pixel.", "report, 3.2; future work", ("patch", "pixel-wise")
    )
    patch_layers: int = setting(3, "Halvings of the patch discriminator; 3: 70x70, 0: 1x1.", "report, step 3")
    discriminator_width: int = setting(64, "Channels of the discriminator at half size.", "pix2pix")
    sees: str = setting(
        "pair", "The composite beside the picture, or not.", "report, step 3", ("pair", "pair+mask", "picture")
    )
    fakes: str = setting(
        "output", "What is false to it: outputs, or composites too.", "report, 3.2", ("output", "both")
    )
    adversarial: str = setting(
        "disharmony",
        "MSE + lambda |D|^2, L1 + cross-entropy, or MSE alone.",
        "report, 3.4; pix2pix; ours",
        tuple(WEIGHTS),
    )
    weight: float = setting(-1.0, "Lambda; below 0: 0.05 with disharmony, 1 with bce (and L1 100).", "ours; pix2pix")
    discriminator_weight: float = setting(0.5, "Of the discriminator's loss; Adam hardly feels it.", "report, step 3")
    normalize: str = setting(
        "foreground", "Area that errors are divided by.", "iDIH; report: picture", ("foreground", "picture")
    )
    untouched: float = setting(0.05, "Share of samples that show the true picture.", "iDIH")
    temporal: float = setting(0.0, "Weight of the change between frames; 1 to 10.", "report, future work; ours")
    motion: str = setting("affine", "Frames: a moved still, or pairs.", "ours; --method frames", ("affine", "flow"))
    changes: str = setting(
        "transfer",
        "Another's colors; those and grading; and light.",
        "report, 3.3; ours",
        ("transfer", "recolor", "recolor+relight"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.depth == 0 or 2 <= self.depth <= 8):
            raise UsageError(f"depth={self.depth}: choose 2 to 8, or 0 for as many as the size allows")
        if self.paired and self.changes == "recolor+relight":
            raise UsageError("motion=flow has frames, which are recolored only: --set changes=recolor")
        least = 32 if self.discriminator == "pixel-wise" else 3 << self.patch_layers if self.patch_layers else 1
        if self.adversarial != "none" and min(min(size) for size in self.size) < least:
            raise UsageError(f"the {self.discriminator} discriminator needs sides of at least {least} pixels")

    @property
    def paired(self) -> bool:
        """Whether samples must be pairs of frames."""
        return self.temporal > 0 and self.motion == "flow"

    @property
    def halvings(self) -> int:
        """Of the U-Net."""
        return self.depth or max(2, deepest(*(side for size in self.size for side in size)))


@dataclass
class Made:
    """What the phases share: what was shown and made, and which samples (B, 1, 1, 1) had another color, 0 or 1.

    pair: the output of a frame, that of the frame before brought to it, and where both show the person, 0..1.
    """

    composite: Tensor
    output: Tensor
    changed: Tensor
    pair: tuple[Tensor, Tensor, Tensor] | None = None


class Harmonize(Method):
    """One step of the discriminator, then one of the generator (report, figure 3)."""

    best = ("fmse", "lower")

    def __init__(self, settings: HarmonizeSettings, tools: Tools):  # noqa: ARG002
        self.settings = settings
        kind: Literal["batch", "instance"] = "instance" if settings.norm == "instance" else "batch"
        config = Pix2PixConfig(4, settings.width, settings.halvings, kind, settings.keep_background, settings.fused)
        self.network = Pix2Pix(config, settings.dropout)
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.frozen: dict[str, nn.Module] = {}
        if settings.halvings < FEW:
            self.notes = (f"the U-Net halves only {settings.halvings} times: sides that divide by 256 let it see more",)
        lesser = {"real": settings.discriminator_weight, "fake": settings.discriminator_weight}
        weight = settings.weight if settings.weight >= 0 else WEIGHTS[settings.adversarial]
        weights = {"l1": L1, "adversarial": weight, "temporal": settings.temporal}
        optimizer = Optimizer(settings.lr, betas=BETAS)
        self.phases = (Phase("generator", ("network",), self.generate, optimizer, weights),)
        if settings.adversarial != "none":
            self.discriminator = _discriminator(settings)
            self.networks["discriminator"] = self.discriminator
            judge = Phase("discriminator", ("discriminator",), self.discriminate, optimizer, lesser, graph=False)
            self.phases = (judge, *self.phases)
        for network in self.networks.values():
            (xavier_ if settings.initialize == "xavier" else normal_)(network)

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """area: pixels of the person, at least 100 as in iDIH, mean over pictures."""
        return {"area": batch["alpha"].sum((1, 2, 3)).clamp_min(LEAST_AREA).mean()}

    def outputs(self, batch: Batch, step: Step) -> Made:
        """Harmonized pictures; with a temporal loss, a second frame of each."""
        composite, alpha, true = batch["composite"], batch["alpha"], batch["composite_true"]
        plain = (step.uniform(len(alpha), name="untouched") < self.settings.untouched)[:, None, None, None]
        composite = torch.where(plain, true, composite)
        made = Made(composite, self.network(torch.cat([composite, alpha], dim=1)), 1 - plain.float())
        if self.settings.paired:
            made.pair = self._told_pair(batch, made, plain)
        elif self.settings.temporal > 0:
            made.pair = self._drawn_pair(made, alpha, step)
        return made

    def _told_pair(self, batch: Batch, made: Made, plain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if "flow_true" not in batch:
            raise UsageError(
                "motion=flow needs pairs of frames: make samples with bgswap augment --method frames, or "
                "--set motion=affine"
            )
        before = torch.where(plain, batch["previous_composite_true"], batch["previous_composite"])
        at, known = _motion.told(batch["flow_true"])
        output = self.network(torch.cat([before, batch["previous_alpha"]], dim=1))
        return made.output, _motion.moved(output, at), known * batch["alpha"]

    def _drawn_pair(self, made: Made, alpha: Tensor, step: Step) -> tuple[Tensor, Tensor, Tensor]:
        """The sample is the frame before; the present one is the same, moved."""
        height, width = alpha.shape[-2:]
        at, known = _motion.drawn(step, len(alpha), (height, width))
        now = _motion.moved(torch.cat([made.composite, alpha], dim=1), at)
        return self.network(now), _motion.moved(made.output, at), known * now[:, 3:]

    def discriminate(self, batch: Batch, made: Made, step: Step) -> Losses:  # noqa: ARG002
        """Binary cross-entropy of logits that are above 0 where a picture is true (report, 3.4)."""
        alpha = batch["alpha"]
        fakes = [(made.output.detach(), torch.ones_like(made.changed))]
        if self.settings.fakes == "both":
            fakes.append((made.composite, made.changed))  # one that was left as it is, is true
        terms = []
        for picture, false in fakes:
            logits = self._judge(picture, made.composite, alpha).float()
            # Every pixel has an answer of its own: only the person can be false. A patch is false as a whole.
            target = 1 - false * (alpha if self.settings.discriminator == "pixel-wise" else 1)
            terms.append(losses.bce(logits, target.float().expand_as(logits)))
        true = self._judge(batch["composite_true"], made.composite, alpha).float()
        return {"real": losses.bce(true, 1.0), "fake": torch.stack(terms).mean()}

    def generate(self, batch: Batch, made: Made, step: Step) -> Losses:
        """1/N |O - X|^2 + lambda/N |D(O)|^2, D in 0..1 being disharmony (report, 3.4); or pix2pix's equation 4."""
        settings, found = self.settings, {}
        error = SPAN * (made.output.float() - batch["composite_true"])
        name, error = ("l1", error.abs()) if settings.adversarial == "bce" else ("mse", error.square())
        area = step.counts["area"] if settings.normalize == "foreground" else error[0, 0].numel()
        found[name] = error.sum() / (3 * len(error) * area)
        if settings.adversarial != "none":
            logits = self._judge(made.output, made.composite, batch["alpha"]).float()
            is_bce = settings.adversarial == "bce"
            found["adversarial"] = losses.logistic_real(logits) if is_bce else logits.neg().sigmoid().square().mean()
        if made.pair is not None:
            now, before, where = made.pair
            change = SPAN * (now.float() - before).abs() * where
            found["temporal"] = change.sum() / (3 * len(change) * step.counts["area"])
        return found

    def _judge(self, picture: Tensor, composite: Tensor, alpha: Tensor) -> Tensor:
        planes = {"pair": [composite, picture], "pair+mask": [composite, picture, alpha], "picture": [picture]}
        return self.discriminator(torch.cat(planes[self.settings.sees], dim=1))

    def evaluate(self, network: nn.Module, batch: Batch, step: Step) -> dict[str, Tensor]:  # noqa: ARG002
        """fMSE, MSE and PSNR by picture, and the same of the composite as it came, "_input": doing nothing.

        With pairs of frames flicker too: the person's mean change from frame to frame, of 0..255, motion taken out.
        """
        composite, alpha, true = batch["composite"], batch["alpha"], batch["composite_true"]
        output = network(torch.cat([composite, alpha], dim=1)).float()
        found = _measures(output, true, alpha)
        found |= {f"{name}_input": value for name, value in _measures(composite, true, alpha).items()}
        if self.settings.paired and "flow_true" in batch:
            earlier = batch["previous_composite"]
            before = network(torch.cat([earlier, batch["previous_alpha"]], dim=1)).float()
            for name, now, then in (("flicker", output, before), ("flicker_input", composite, earlier)):
                found[name] = _motion.flicker(now, then, batch["flow_true"], alpha)
        return found

    def show(self, network: nn.Module, batch: Batch, step: Step) -> Sequence[Tensor]:  # noqa: ARG002
        """composite | output | truth; and where a pixel-wise discriminator finds the composite false."""
        composite, alpha = batch["composite"], batch["alpha"]
        shown = [composite, network(torch.cat([composite, alpha], dim=1)).float(), batch["composite_true"]]
        if self.settings.discriminator == "pixel-wise" and self.settings.adversarial != "none":
            self.discriminator.eval()  # every step puts it back
            shown.append(self._judge(composite, composite, alpha).float().neg().sigmoid())
        return shown


def _discriminator(settings: HarmonizeSettings) -> nn.Module:
    channels = {"pair": 6, "pair+mask": 7, "picture": 3}[settings.sees]
    norm: Literal["batch", "instance"] = "instance" if settings.norm == "instance" else "batch"
    if settings.discriminator == "pixel-wise":
        return PixelWise(PixelWiseConfig(channels, max(1, settings.discriminator_width // 2), norm=norm))
    return PatchGAN(PatchGANConfig(channels, settings.discriminator_width, settings.patch_layers, norm))


def _measures(made: Tensor, true: Tensor, alpha: Tensor) -> dict[str, Tensor]:
    """On 0..255, by picture (B,); fMSE: over pixels with alpha above one half, 0 where there are none."""
    person = (alpha > 0.5).float()
    error = ((made.clamp(0, 1) - true) * 255).square() * person
    fmse = error.sum((1, 2, 3)) / (3 * person.sum((1, 2, 3))).clamp_min(1)
    return {"fmse": fmse, **losses.picture_metrics(made, true)}


def samples(settings: HarmonizeSettings, size: Size) -> SampleSettings:
    """The person recolored in its own photo, which is the truth; two frames of it for motion=flow."""
    never: dict[str, Any] = dict.fromkeys(GRADING, 0.0)
    recolor = RecolorRanges(transfer=1.0, strength=(1.0, 1.0), **never)  # report, 3.3: another person's colors
    ranges = (recolor,) if settings.changes == "transfer" else ()
    if settings.paired:
        return SampleSettings(("frames",), settings.seed, size, ranges=(FramesRanges(), *ranges))
    methods = ("recolor", "relight") if settings.changes == "recolor+relight" else ("recolor",)
    return SampleSettings(methods, settings.seed, size, ranges=ranges)


RECIPE = Recipe(
    settings=HarmonizeSettings(),
    roles=PAIR,
    of_settings=lambda settings: {"roles": PAIR + FRAMES} if settings.paired else {},
    method=Harmonize,
    samples=samples,
    task="harmonize",
    network="pix2pix",
    takes=("photo", "alpha"),
    multiple=lambda settings: 2**settings.halvings,
    needs="photos with cut-outs (--foreground), two or more, as people take each other's colors; no weights",
    makes="a harmonizing network, which bgswap eval measures",
)
