"""ffc-inpaint: fills people's holes with fast Fourier convolutions, after LaMa (Suvorov et al., WACV 2022)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from bgswap.augmentation.ranges import HoleRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.errors import UsageError
from bgswap.networks.ffc_inpaint import MULTIPLE, FFCInpaint, FFCInpaintConfig, smooth_fill
from bgswap.networks.patchgan import PatchGAN, PatchGANConfig
from bgswap.training import losses, perceptual
from bgswap.training.recipe import Batch, Losses, Method, Optimizer, Phase, Recipe, Schedule, Step
from bgswap.training.settings import Settings, Size, setting
from bgswap.training.tools import Tools

SHIFTS = 8  # ours: pixels by which the perceptual network is moved, or its strides leave a grid of dots in the holes
HALVINGS = 3  # of the discriminator: patches of 70 pixels, as pix2pixHD's one scale


@dataclass(frozen=True, kw_only=True)
class FFCInpaintSettings(Settings):
    """LaMa's, Suvorov et al. 2022, section 4 and the authors' configuration, where they are named."""

    size: tuple[Size, ...] = setting(((256, 256),), "Sides in pixels, in turn.", "LaMa: crops of 256")
    batch: tuple[int, ...] = setting((8,), "Samples a step, one number or one a size.", "ours")
    epochs: float = setting(40.0, "Passes over the training photos, where steps is 0.", "ours")
    clip: float = setting(1.0, "Longest gradient, its L2 norm; 0: any.", "ours: the first steps are wild")
    lr: float = setting(1e-3, "Learning rate of Adam.", "LaMa's configuration")
    lr_judge: float = setting(1e-4, "The discriminator's.", "LaMa's configuration")
    schedule: str = setting("cosine", "How lr falls.", "ours: short runs; LaMa: flat", ("flat", "cosine", "linear"))
    warmup: int = setting(100, "Steps in which it rises first.", "ours")
    widths: tuple[int, ...] = setting((32, 64, 128), "Channels at 1/2, 1/4 and 1/8.", "ours; LaMa: 128, 256, 512")
    shared: int = setting(96, "Of the last: channels that see the whole picture.", "LaMa: three quarters")
    blocks: int = setting(6, "Residual blocks of two FFCs.", "ours; LaMa: 18")
    known: float = setting(0.1, "Weight of L1 outside of holes.", "ours: nobody sees it; LaMa: 10")
    hole: float = setting(1.0, "Weight of L1 inside.", "ours: a short training needs it; LaMa: 0")
    perceptual: str = setting("squeezenet1_1", "Network of that loss.", "ours; LaMa: dilated", perceptual.CHOICES)
    perceptual_weight: float = setting(
        0.03, "Weight of that loss.", "ours: about as much as L1 at first; LaMa: 30 to 10"
    )
    adversarial: float = setting(0.0, "Weight of the adversarial loss; 0: no discriminator.", "ours; LaMa: 10")
    matching: float = setting(0.0, "Weight of the discriminator's features.", "ours; LaMa: 10 adversarial's")
    r1: float = setting(1e-3, "Weight of its gradients' penalty.", "LaMa, 2.3: 0.001")
    judge_width: int = setting(32, "First channels of the discriminator.", "ours; pix2pixHD: 64")

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.widths) != 3 or min(*self.widths, self.shared, self.blocks) < 1:
            raise UsageError("widths: give three numbers such as 32,64,128; shared and blocks are 1 or more")
        if self.shared >= self.widths[-1]:
            raise UsageError(f"shared={self.shared}: fewer than the {self.widths[-1]} channels that widths end in")
        if self.matching > 0 and not self.adversarial > 0:
            raise UsageError("matching looks through the discriminator: set adversarial above 0, too")
        least = 3 << HALVINGS
        if self.adversarial > 0 and min(side for size in self.size for side in size) < least:
            raise UsageError(f"the discriminator needs sides of at least {least} pixels")


class Fill(Method):
    """LaMa's losses, section 2.3: L1, a perceptual one, and where asked a discriminator of patches."""

    best = ("total", "lower")

    def __init__(self, settings: FFCInpaintSettings, tools: Tools):
        self.settings = settings
        first, second, third = settings.widths
        self.network = FFCInpaint(FFCInpaintConfig((first, second, third), settings.shared, settings.blocks))
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.frozen: dict[str, nn.Module] = {}
        self.perceptual = tools.perceptual(settings.perceptual)
        if self.perceptual is not None:
            self.frozen["perceptual"] = self.perceptual
        schedule = Schedule(settings.schedule, warmup=settings.warmup)  # type: ignore[arg-type]  # one of its words
        weights = {
            "known": settings.known,
            "hole": settings.hole,
            "perceptual": settings.perceptual_weight,
            "adversarial": settings.adversarial,
            "matching": settings.matching,
        }
        self.phases = (Phase("fill", ("network",), self.losses, Optimizer(settings.lr, schedule=schedule), weights),)
        if settings.adversarial > 0:
            self.judge = PatchGAN(PatchGANConfig(4, settings.judge_width, HALVINGS, "none"))
            self.networks["judge"] = self.judge
            optimizer = Optimizer(settings.lr_judge, schedule=schedule)
            told = Phase("judge", ("judge",), self.judge_losses, optimizer, {"r1": settings.r1}, graph=False)
            self.phases = (told, *self.phases)

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """Pixels of holes and of all else, means over pictures."""
        hole = batch["mask"].sum((1, 2, 3)).mean()
        return {"hole": hole, "known": batch["mask"][0].numel() - hole}

    def outputs(self, batch: Batch, step: Step) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """All that the network paints, and the photo with its holes filled by it; neither cut at 0 and 1."""
        true, mask = batch["photo_true"], batch["mask"]
        made = self.network.paint(torch.cat([true, mask], dim=1)).float()
        return made, torch.where(mask > 0, made, true)

    def losses(self, batch: Batch, outputs: tuple[Tensor, Tensor], step: Step) -> Losses:
        """L1 inside and outside, perceptual, and that the discriminator finds the holes true."""
        true, mask, (made, filled) = batch["photo_true"], batch["mask"], outputs
        error = (made - true).abs()
        found = {
            "hole": _mean_under(error, mask, step.counts["hole"]),
            "known": _mean_under(error, 1 - mask, step.counts["known"]),
        }
        if self.perceptual is not None:
            top, left = (int(SHIFTS * value) for value in step.uniform(2, name="shift"))
            found["perceptual"] = self.perceptual(filled[..., top:, left:], true[..., top:, left:])
        if self.settings.adversarial > 0:
            logits, seen = judged(self.judge, torch.cat([filled, mask], dim=1))
            where = _reached(mask, logits)
            found["adversarial"] = _mean_under(
                -nn.functional.logsigmoid(logits.float()), where, where.sum() / len(where)
            )
            if self.settings.matching > 0:
                with torch.no_grad():
                    _, wanted = judged(self.judge, torch.cat([true, mask], dim=1))
                pairs = zip(seen, wanted, strict=True)
                found["matching"] = torch.stack([(a - b).abs().float().mean() for a, b in pairs]).mean()
        return found

    def judge_losses(self, batch: Batch, outputs: tuple[Tensor, Tensor], step: Step) -> Losses:  # noqa: ARG002
        """True photos are true; filled ones false where a patch sees the hole, and true elsewhere. LaMa, 2.3.2."""
        mask = batch["mask"]
        true = torch.cat([batch["photo_true"], mask], dim=1).requires_grad_()
        real = self.judge(true).float()
        (slope,) = torch.autograd.grad(real.sum(), true, create_graph=True)
        fake = self.judge(torch.cat([outputs[1].detach(), mask], dim=1)).float()
        return {
            "real": losses.logistic_real(real),
            "fake": losses.bce(fake, 1 - _reached(mask, fake)),
            "r1": slope.float().square().sum((1, 2, 3)).mean(),
        }

    def evaluate(self, network: nn.Module, batch: Batch, step: Step) -> dict[str, Tensor]:  # noqa: ARG002
        """By picture: L1 (0..255) and PSNR in the hole, perceptual distance, `total` of what is learned from them.

        "_smooth": the same of the smooth fill that the network begins with.
        """
        true, mask = batch["photo_true"], batch["mask"]
        filled = network(torch.cat([true, mask], dim=1)).float()
        found = hole_metrics(filled, true, mask)
        smooth = torch.where(mask > 0, smooth_fill(true, mask), true)
        found |= {f"{name}_smooth": value for name, value in hole_metrics(smooth, true, mask).items()}
        found["total"] = self.settings.hole * found["l1_hole"] / 255
        if self.perceptual is not None:
            for name, picture in (("perceptual", filled), ("perceptual_smooth", smooth)):
                each = [self.perceptual(a[None], b[None]) for a, b in zip(picture, true, strict=True)]
                found[name] = torch.stack(each).float()
            found["total"] = found["total"] + self.settings.perceptual_weight * found["perceptual"]
        return found

    def show(self, network: nn.Module, batch: Batch, step: Step) -> Sequence[Tensor]:  # noqa: ARG002
        """Photo with gray holes | smooth fill | filled | truth."""
        true, mask = batch["photo_true"], batch["mask"]
        filled = network(torch.cat([true, mask], dim=1)).float()
        return torch.where(mask > 0, 0.5, true), torch.where(mask > 0, smooth_fill(true, mask), true), filled, true


def _mean_under(values: Tensor, mask: Tensor, count: Tensor) -> Tensor:
    """Mean of values (B, C, H, W) where mask (B, 1, H, W) is 1; count: the mask's mean area over the whole batch."""
    return (values * mask).sum() / (count * values.shape[1] * len(values)).clamp_min(1)


def _reached(mask: Tensor, logits: Tensor) -> Tensor:
    """1 where the middle of a patch shows some of the hole, in the logits' size (B, 1, h, w)."""
    return nn.functional.adaptive_max_pool2d(mask, logits.shape[-2:])


def judged(judge: PatchGAN, planes: Tensor) -> tuple[Tensor, list[Tensor]]:
    """A PatchGAN's logits, and the maps of its blocks, fine to coarse."""
    x, seen = planes * 2 - 1, []
    for block in cast(Iterable[nn.Module], judge.patch_blocks):
        x = block(x)
        seen.append(x)
    return judge.patch_head(x), seen


def hole_metrics(made: Tensor, true: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """L1 on 0..255 and PSNR in dB inside holes, by picture (B,); NaN where there is no hole."""
    error = (made.clamp(0, 1) - true) * 255 * mask
    area = 3 * mask.sum((1, 2, 3))
    mse = error.square().sum((1, 2, 3)) / area
    return {
        "l1_hole": error.abs().sum((1, 2, 3)) / area,
        "psnr_hole": (10 * torch.log10(255**2 / mse.clamp_min(1e-12))).clamp_max(100),
    }


def samples(settings: FFCInpaintSettings, size: Size) -> SampleSettings:
    """Places with people-shaped holes."""
    return SampleSettings(("hole",), settings.seed, size, ranges=(HoleRanges(),))


RECIPE = Recipe(
    settings=FFCInpaintSettings(),
    roles=("photo_true", "mask"),
    method=Fill,
    samples=samples,
    task="inpaint",
    network="ffc-inpaint",
    takes=("photo", "mask"),
    multiple=lambda _: MULTIPLE,
    needs="photos with mattes, whose outlines are the holes, and --background: places and plates; squeezenet1_1",
    makes="a network that fills holes: bgswap inpaint --model RUN",
)
