"""Multi-stream: two encoders, person and place, fused at every scale. Zhang et al., WACV 2021, arXiv 2011.02146"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import lcm

import torch
from torch import Tensor, nn

from bgswap.augmentation.ranges import TripletRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.errors import UsageError
from bgswap.networks.multi_stream import MultiStreamConfig, MultiStreamNet
from bgswap.training import losses, perceptual
from bgswap.training.recipe import Batch, Losses, Method, Optimizer, Phase, Recipe, Schedule, Step
from bgswap.training.settings import Settings, Size, setting
from bgswap.training.spoil import spoil
from bgswap.training.tools import Tools, path_or_name

MATTES = 32  # ours: what a matting network's input must divide by, five halvings
PROBE = 64  # pixels, ours: side of the empty picture that a loaded network is tried on


@dataclass(frozen=True, kw_only=True)
class MultiStreamSettings(Settings):
    """Those of Zhang et al., Deep Image Compositing, WACV 2021, arXiv 2011.02146."""

    size: tuple[Size, ...] = setting(((384, 384),), "Sides in pixels, in turn; any in use.", "section 5, details")
    batch: tuple[int, ...] = setting((8,), "Samples a step, one number or one a size.", "section 5, details")
    steps: int = setting(200_000, "Steps in all; 0: as many as `epochs` say.", "section 5, details")
    lr: float = setting(2e-3, "Learning rate of Adam.", "section 5, details")
    schedule: str = setting("flat", "How it falls.", "ours: the paper tells none", ("flat", "cosine", "linear"))
    warmup: int = setting(500, "Steps in which it rises first.", "ours: without, L1 drives all changes to 0 for long")
    perceptual: str = setting("vgg19", "Network of the perceptual loss.", "ours: paper open", perceptual.CHOICES)
    perceptual_weight: float = setting(0.8, "Weight of that loss; L1's is 1.", "section 3.1, lambda_P")
    widths: tuple[int, ...] = setting((32, 64, 128, 256, 256), "Channels at full size, 1/2, 1/4, ...", "ours")
    streams: int = setting(2, "Encoders: 2, or 1 that sees all pictures stacked.", "section 3.1; 1: section 5.2")
    dense: bool = setting(True, "Whether a decoder level sees all coarser ones.", "section 3.1")
    stage: str = setting("easy", "Triplets: easy, or self-taught hard ones, too.", "section 4", ("easy", "hard"))
    teacher: str = setting("", "Run of the easy stage, which makes hard triplets.", "section 4")
    hard: float = setting(0.5, "Share of hard triplets in the hard stage; 0: none.", "ours: the paper mixes both")
    noise: float = setting(0.5, "Share of mattes that are spoiled.", "ours: the paper tells no share")
    end_to_end: bool = setting(False, "Mattes come from `segment` and `refine`, trained along.", "section 3")
    segment: str = setting("", "Run of a network from photos to mattes.", "section 3.2")
    refine: str = setting("", "Run of one from photo and matte to mattes; none: no refinement.", "section 3.2; 5.2")
    matte_lr: float = setting(0.1, "Learning rate of these two, a share of lr.", "ours: they come trained")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.streams not in (1, 2):
            raise UsageError(f"streams={self.streams}: choose 1 or 2")
        if len(self.widths) < 3 or min(self.widths) < 1:
            raise UsageError("widths: give channels at three scales or more, such as 16,32,64")
        if not (0 <= self.hard <= 1 and 0 <= self.noise <= 1):
            raise UsageError("hard and noise are shares of the samples, 0 to 1")
        if bool(self.teacher) != self.taught:
            raise UsageError("hard triplets: give stage=hard and teacher=RUN, a run of the easy stage, or neither")
        if bool(self.segment) != self.end_to_end:
            raise UsageError("end to end: give end_to_end=true and segment=RUN, and refine=RUN too, or none of them")
        if self.refine and not self.segment:
            raise UsageError("refine=RUN: give segment=RUN and end_to_end=true with it")

    @property
    def taught(self) -> bool:
        """Whether some triplets are made by the teacher."""
        return self.stage == "hard" and self.hard > 0

    @property
    def multiple(self) -> int:
        """What both sides must divide by."""
        own = 2 ** (len(self.widths) - 1)
        return lcm(own, MATTES) if self.end_to_end else own


class MultiStream(Method):
    """L1 + 0.8 perceptual loss of the composite.

    Hard triplets are made in the step, not by augment: the teacher is frozen and on the device already, a neighbor in
    the batch lends the busy place, and folders of easy samples will do. C' = teacher(photo, alpha, place) is the
    answer, FG' = teacher(photo, alpha, neighbor's place) the new photo.
    """

    best = ("psnr", "higher")

    def __init__(self, settings: MultiStreamSettings, tools: Tools):
        self.settings = settings
        config = MultiStreamConfig(settings.widths, settings.streams, settings.dense)
        self.network = MultiStreamNet(config)
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.frozen: dict[str, nn.Module] = {}
        self.perceptual = tools.perceptual(settings.perceptual)
        if self.perceptual is not None:
            self.frozen["perceptual"] = self.perceptual
        if settings.taught:
            name = path_or_name(settings.teacher)
            self.frozen["teacher"] = tools.network(name, "teacher of hard triplets", "multi-stream")
        if settings.end_to_end:
            self.networks["segment"] = matting_network(settings.segment, "segment", 3, tools)
            if settings.refine:
                self.networks["refine"] = matting_network(settings.refine, "refine", 4, tools)
            self.notes = ("end to end: best.safetensors holds the fusion network; its mattes' networks are in last.pt",)
        optimizer = Optimizer(
            settings.lr,
            factors={"segment.": settings.matte_lr, "refine.": settings.matte_lr},
            schedule=Schedule(settings.schedule, warmup=settings.warmup),  # type: ignore[arg-type]  # one of its words
        )
        weights = {"perceptual": settings.perceptual_weight}
        self.phases = (Phase("fusion", tuple(self.networks), self.losses, optimizer, weights),)

    def outputs(self, batch: Batch, step: Step) -> tuple[Tensor, Tensor]:
        """The composite, not cut at 0 and 1, and the true one."""
        if self.settings.taught:
            batch = self._harder(batch, step)
        alpha = self._matte(batch["image"]) if self.settings.end_to_end else self._noisy(batch["alpha"], step)
        return self.network.fuse(_stacked(batch, alpha)), batch["composite_true"]

    def _harder(self, batch: Batch, step: Step) -> Batch:
        """The batch, a share of its triplets self-taught: section 4, C' = EasyFG + BG2 = FG' + BG'."""
        drawn = replace(step, device=torch.device("cpu"))  # rows must not be waited for on a GPU
        rows = torch.nonzero(drawn.uniform(len(batch["image"]), name="hard") < self.settings.hard).flatten()
        if not len(rows):
            return batch
        rows = rows.to(batch["image"].device)
        image, alpha, place, busy = (
            one[rows] for one in (batch["image"], batch["alpha"], batch["background"], neighbors(batch["background"]))
        )
        with torch.no_grad():
            before = torch.cat([torch.cat([image, alpha, one], dim=1) for one in (busy, place)])
            hard, answer = self.frozen["teacher"](before).to(image.dtype).chunk(2)
        changed = {"image": hard, "composite_true": answer}
        return {**batch, **{role: batch[role].index_copy(0, rows, made) for role, made in changed.items()}}

    def _noisy(self, alpha: Tensor, step: Step) -> Tensor:
        """A share of the mattes spoiled: edges off, patches cut, coarse."""
        if not self.settings.noise:
            return alpha
        chosen = step.uniform(len(alpha), 1, 1, 1, name="noise") < self.settings.noise
        return torch.where(chosen, spoil(alpha, step), alpha)

    def _matte(self, image: Tensor) -> Tensor:
        """segment's matte, refined where there is a network for it; gradients pass."""
        alpha = self.networks["segment"](image).float().sigmoid()
        if "refine" in self.networks:
            alpha = self.networks["refine"](torch.cat([image, alpha], dim=1)).float().sigmoid()
        return alpha

    def losses(self, batch: Batch, outputs: tuple[Tensor, Tensor], step: Step) -> Losses:  # noqa: ARG002
        """L_all = L_1 + lambda_P L_P, section 3.1."""
        made, true = outputs
        found = {"l1": losses.l1(made.float(), true)}
        if self.perceptual is not None:
            found["perceptual"] = self.perceptual(made, true)
        return found

    def _seen(self, batch: Batch) -> Tensor:
        """The matte that validation uses: the sample's own, or the trained networks'."""
        if not self.settings.end_to_end:
            return batch["alpha"]
        for name in ("segment", "refine"):
            if name in self.networks:
                self.networks[name].eval()  # the next step trains them again
        return self._matte(batch["image"])

    def evaluate(self, network: nn.Module, batch: Batch, step: Step) -> dict[str, Tensor]:
        """PSNR and MSE of the composite, by picture, and PSNR of `over`; with noise both also of spoiled mattes."""
        true, alpha = batch["composite_true"], self._seen(batch)
        found = losses.picture_metrics(network(_stacked(batch, alpha)).float(), true)
        found["psnr_over"] = losses.picture_metrics(over(batch, alpha), true)["psnr"]
        if self.settings.noise and not self.settings.end_to_end:
            spoiled = spoil(alpha, step)
            made = network(_stacked(batch, spoiled)).float()
            found["psnr_spoiled"] = losses.picture_metrics(made, true)["psnr"]
            found["psnr_spoiled_over"] = losses.picture_metrics(over(batch, spoiled), true)["psnr"]
        return found

    def show(self, network: nn.Module, batch: Batch, step: Step) -> Sequence[Tensor]:
        """image | matte | background | over | composite | composite_true; mattes spoiled where training spoils them."""
        alpha = self._seen(batch)
        if self.settings.noise and not self.settings.end_to_end:
            alpha = spoil(alpha, step)
        made = network(_stacked(batch, alpha)).float()
        return batch["image"], alpha, batch["background"], over(batch, alpha), made, batch["composite_true"]


def _stacked(batch: Batch, alpha: Tensor) -> Tensor:
    return torch.cat([batch["image"], alpha, batch["background"]], dim=1)


def over(batch: Batch, alpha: Tensor) -> Tensor:
    """Plain compositing of the photo's own colors in sRGB, (B, 3, H, W)."""
    return torch.lerp(batch["background"], batch["image"], alpha)


def neighbors(pictures: Tensor) -> Tensor:
    """(B, C, H, W) -> the same with neighbors 0 and 1, 2 and 3, ... in each other's place; a last one is turned round.

    Pairs, not a shuffle: devices and parts that hold an even number of samples all make the pairs of the whole batch.
    """
    count = len(pictures)
    order = [min(i ^ 1, count - 1) for i in range(count)]
    changed = pictures[order]
    if count % 2:
        changed[-1] = pictures[-1].flip(-1, -2)
    return changed


def matting_network(name: str, use: str, planes: int, tools: Tools) -> nn.Module:
    """A trained network (B, planes, H, W) -> logits of a matte (B, 1, H, W), its parameters to be trained on.

    Raises:
        UsageError: it takes or gives something else.
    """
    network = tools.network(path_or_name(name), use)
    try:
        with torch.no_grad():
            shape = tuple(network(torch.zeros(1, planes, PROBE, PROBE)).shape)
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{use}={name} takes no {planes} planes ({str(error).splitlines()[0][:120]})") from None
    if shape != (1, 1, PROBE, PROBE):
        raise UsageError(f"{use}={name} gives {shape}; a matte, (1, 1, H, W), is needed: name a run of `{use}`")
    return network.requires_grad_(True)


def samples(settings: MultiStreamSettings, size: Size) -> SampleSettings:
    """Easy triplets; hard ones are made of these in the step."""
    return SampleSettings(("triplet",), settings.seed, size, ranges=(TripletRanges(hard=0.0),))


RECIPE = Recipe(
    settings=MultiStreamSettings(),
    roles=("image", "alpha", "background", "composite_true"),
    method=MultiStream,
    samples=samples,
    task="fuse",
    network="multi-stream",
    takes=("photo", "alpha", "background"),
    multiple=lambda settings: settings.multiple,
    needs="photos with cut-outs, and --background; a trunk for the perceptual loss; runs of its own for later stages",
    makes="a fusion network, which composes a photo, its matte and a place: bgswap augment --run RUN",
)
