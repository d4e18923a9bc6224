"""matting-unet: a U-Net on a ResNet-50 encoder for portraits (poster, University of Bucharest)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn, stack

from bgswap.augmentation.ranges import MattingRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.errors import UsageError
from bgswap.networks.matting_unet import ENCODERS, PLAIN, SCALES, MattingUNet, of_width
from bgswap.training import losses
from bgswap.training.recipe import Batch, Losses, Method, Optimizer, Phase, Recipe, Schedule, Step
from bgswap.training.settings import Settings, Size, setting
from bgswap.training.tools import Tools

ONLY_FLIPS_AND_TURNS = {  # the poster's augmentation: photos keep their frame and their colors
    "whole": 1.0,
    "half_length": 0.0,
    "head": 0.0,
    "zoom": (1.0, 1.0),
    "exposure": (0.0, 0.0),
    "white_balance": (1.0, 1.0),
    "saturation": (1.0, 1.0),
    "noise": (0.0, 0.0),
    "person_blur": (0.0, 0.0),
    "defocused": 0.0,
    "coarse": 0.0,
    "jpeg": 0.0,
}


@dataclass(frozen=True, kw_only=True)
class MattingUNetSettings(Settings):
    """The poster's numbers."""

    size: tuple[Size, ...] = setting(
        ((320, 240),), "Sides in pixels, N or WxH.", 'poster, Dataset: "320x240", read H x W'
    )
    batch: tuple[int, ...] = setting((128,), "Samples a step, one number or one a size.", "poster, Experiments")
    epochs: float = setting(40.0, "Passes over the training photos, where steps is 0.", "poster, Experiments")
    held_out: float = setting(0.2, "Share of the photos that validation has.", "poster, Experiments: 80/20")
    lr: float = setting(5e-3, "Learning rate of Adam.", "poster, Experiments")
    encoder_lr: float = setting(1.0, "The encoder's, as a share of it; 0.1 is gentler to ImageNet's weights.", "ours")
    schedule: str = setting("flat", "How the learning rate goes.", "poster: none named", ("flat", "cosine", "linear"))
    loss: str = setting("l1", "What is trained on.", 'poster, Loss: "the loss we use is L1"', ("l1", "l1+dice"))
    scale: str = setting("minmax", "0..1, or from a picture's darkest value to its brightest.", "poster", SCALES)
    encoder: str = setting("resnet50", "The contracting path; none: a small plain one.", "poster, Model", ENCODERS)
    pretrained: bool = setting(True, "Begin a ResNet with ImageNet's weights (a download).", "ours: poster silent")
    width: float = setting(1.0, "Factor on all channels; a pretrained encoder has 1.", "ours: for small machines")
    vary: str = setting(
        "poster", "Flips and small turns only, or crops, colors, noise too.", "poster", ("poster", "all")
    )
    new_place: float = setting(0.0, "Share of people over a new place.", "poster; its future work: try 0.5")


class MattingUNetMethod(Method):
    """L1 of alpha, its mean where the poster has its sum, which would grow with the batch; or L1 and Dice."""

    best = ("mad", "lower")

    def __init__(self, settings: MattingUNetSettings, tools: Tools):
        self.settings = settings
        self.network = MattingUNet(of_width(settings.encoder, settings.width, settings.scale))
        if settings.encoder != PLAIN and settings.pretrained:
            self._begin_from_imagenet(tools)
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.frozen: dict[str, nn.Module] = {}
        schedule = Schedule(settings.schedule)  # type: ignore[arg-type]  # one of its words: see choices
        optimizer = Optimizer(settings.lr, factors={"network.encoder.": settings.encoder_lr}, schedule=schedule)
        self.phases = (Phase("matte", ("network",), self.losses, optimizer),)

    def _begin_from_imagenet(self, tools: Tools) -> None:
        if self.settings.width != 1:
            raise UsageError(
                f"width={self.settings.width:g}: ImageNet's weights are those of width=1. "
                "Begin without them, --set pretrained=false, or with a small plain encoder, --set encoder=none"
            )
        trained = tools.network(self.settings.encoder, "encoder", "resnet")
        self.network.encoder.load_state_dict(trained.state_dict())

    def outputs(self, batch: Batch, step: Step) -> Tensor:  # noqa: ARG002
        """Alpha, 0..1."""
        return cast(Tensor, self.network(batch["image"])).float().sigmoid()

    def losses(self, batch: Batch, outputs: Tensor, step: Step) -> Losses:  # noqa: ARG002
        """The poster's section "Loss function and Metrics"."""
        found = {"l1": losses.l1(outputs, batch["alpha_true"])}
        if self.settings.loss == "l1+dice":
            found["dice"] = losses.dice(outputs, batch["alpha_true"])
        return found

    def evaluate(self, network: nn.Module, batch: Batch, step: Step) -> dict[str, Tensor]:  # noqa: ARG002
        """MAD, IoU at one half, and the poster's soft Dice coefficient, by picture."""
        alpha, true = network(batch["image"]).float().sigmoid(), batch["alpha_true"]
        dice = [1 - losses.dice(a, t) for a, t in zip(alpha.split(1), true.split(1), strict=True)]
        return losses.matte_metrics(alpha, true) | {"dice": stack(dice)}

    def show(self, network: nn.Module, batch: Batch, step: Step) -> Sequence[Tensor]:  # noqa: ARG002
        """image | alpha | alpha_true."""
        return batch["image"], network(batch["image"]).float().sigmoid(), batch["alpha_true"]


def samples(settings: MattingUNetSettings, size: Size) -> SampleSettings:
    """Photos flipped and turned a little; over new places too, and varied further, where asked."""
    varied = ONLY_FLIPS_AND_TURNS if settings.vary == "poster" else {}
    ranges = MattingRanges(new_place=settings.new_place, **varied)  # type: ignore[arg-type]
    return SampleSettings(("matting",), settings.seed, size, ranges=(ranges,))


RECIPE = Recipe(
    settings=MattingUNetSettings(),
    roles=("image", "alpha_true"),
    method=MattingUNetMethod,
    samples=samples,
    task="matte",
    network="matting-unet",
    takes=("photo",),
    activation="sigmoid",
    multiple=lambda _: 1,  # it pads inside
    needs="photos with mattes; ImageNet's ResNet-50 (98 MB, fetched once) unless pretrained=false or encoder=none",
    makes="a matting network: bgswap matte --model RUN",
)
