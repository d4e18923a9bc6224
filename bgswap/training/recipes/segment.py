"""segment: deep image compositing's first network, a rough mask of the people in a photo (Zhang et al., WACV 2021)."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from bgswap.augmentation.ranges import MattingRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.networks.segment import MULTIPLE, SegmentNet, of_width
from bgswap.training import losses
from bgswap.training.recipe import Batch, Losses, Method, Optimizer, Phase, Recipe, Schedule, Step
from bgswap.training.settings import Settings, Size, setting
from bgswap.training.tools import Tools


@dataclass(frozen=True, kw_only=True)
class SegmentSettings(Settings):
    """The numbers of notes on the paper's section 5; it trains on salient objects, these photos are of people."""

    size: tuple[Size, ...] = setting(((256, 256),), "Sides in pixels, N or WxH.", "Zhang et al., 5: 256")
    batch: tuple[int, ...] = setting((8,), "Samples a step, one number or one a size.", "Zhang et al., 5")
    epochs: float = setting(100.0, "Passes over the training photos, where steps is 0.", "ours: paper's unknown")
    lr: float = setting(2e-3, "Learning rate of Adam.", "Zhang et al., 5")
    schedule: str = setting("flat", "How the learning rate goes.", "paper: none named", ("flat", "cosine", "linear"))
    clip: float = setting(5.0, "Longest gradient, its L2 norm; 0: any.", "ours")
    width: float = setting(1.0, "Factor on all channels.", "ours: for small machines")
    new_place: float = setting(0.0, "Share of people over a new place.", "paper: photos as they are")


class Segment(Method):
    """Cross-entropy against the true matte: section 3.2."""

    best = ("mad", "lower")

    def __init__(self, settings: SegmentSettings, tools: Tools):  # noqa: ARG002
        self.network = SegmentNet(of_width(settings.width))
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.frozen: dict[str, nn.Module] = {}
        schedule = Schedule(settings.schedule)  # type: ignore[arg-type]  # one of its words: see choices
        self.phases = (Phase("mask", ("network",), self.losses, Optimizer(settings.lr, schedule=schedule)),)

    def outputs(self, batch: Batch, step: Step) -> Tensor:  # noqa: ARG002
        """Logits of the matte."""
        return self.network(batch["image"])

    def losses(self, batch: Batch, outputs: Tensor, step: Step) -> Losses:  # noqa: ARG002
        """Cross-entropy; a soft pixel of the truth counts as a share of both classes."""
        return {"bce": losses.bce(outputs.float(), batch["alpha_true"])}

    def evaluate(self, network: nn.Module, batch: Batch, step: Step) -> dict[str, Tensor]:  # noqa: ARG002
        """MAD and IoU at one half, by picture."""
        return losses.matte_metrics(network(batch["image"]).float().sigmoid(), batch["alpha_true"])

    def show(self, network: nn.Module, batch: Batch, step: Step) -> Sequence[Tensor]:  # noqa: ARG002
        """image | alpha | alpha_true."""
        return batch["image"], network(batch["image"]).float().sigmoid(), batch["alpha_true"]


def samples(settings: SegmentSettings, size: Size) -> SampleSettings:
    """People cropped to all lengths, some of them over new places where asked."""
    return SampleSettings(("matting",), settings.seed, size, ranges=(MattingRanges(new_place=settings.new_place),))


RECIPE = Recipe(
    settings=SegmentSettings(),
    roles=("image", "alpha_true"),
    method=Segment,
    samples=samples,
    task="matte",
    network="segment",
    takes=("photo",),
    activation="sigmoid",
    multiple=lambda _: MULTIPLE,
    needs="photos with mattes; --background where new_place is above 0; no weights",
    makes="rough mattes: bgswap matte --model RUN; raw masks for refine and multi-stream",
)
