"""people: the network of the default matte, a small residual U-Net that finds people (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.augmentation.ranges import MattingRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.networks.people import MULTIPLE, PeopleConfig, PeopleNet
from bgswap.training import losses
from bgswap.training.recipe import Batch, Losses, Method, Optimizer, Phase, Recipe, Schedule, Step
from bgswap.training.settings import Settings, Size, setting
from bgswap.training.tools import Tools

COARSE = 0.3  # ours: weight of the three finer coarse mattes


@dataclass(frozen=True, kw_only=True)
class PeopleSettings(Settings):
    """Those of weights/people.safetensors, as its card tells them."""

    size: tuple[Size, ...] = setting(((128, 128), (192, 192), (256, 256)), "Sides in pixels, in turn.", "ours")
    batch: tuple[int, ...] = setting((48, 24, 16), "Samples a step, one number or one a size.", "ours")
    shares: tuple[float, ...] = setting((0.25, 0.3, 0.45), "Share of the steps at each size.", "ours")
    epochs: float = setting(250.0, "Passes over the training photos, where steps is 0.", "ours: 94 minutes, 2 cores")
    clip: float = setting(5.0, "Longest gradient, its L2 norm; 0: any.", "ours")
    lr: float = setting(2e-3, "Learning rate of AdamW.", "ours")
    widths: tuple[int, ...] = setting((16, 32, 64, 128, 192), "Channels at 1/2 to 1/32.", "ours")
    depths: tuple[int, ...] = setting((0, 1, 2, 3, 2), "Residual blocks at each of these.", "ours")
    new_place: float = setting(0.5, "Share of people over a new place.", "ours")


class People(Method):
    """BCE + soft Dice + L1 of alpha and of its differences; a share of BCE + Dice on coarse mattes."""

    best = ("mad", "lower")

    def __init__(self, settings: PeopleSettings, tools: Tools):  # noqa: ARG002
        self.network = PeopleNet(PeopleConfig(settings.widths, settings.depths))
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.frozen: dict[str, nn.Module] = {}
        schedule = Schedule("cosine", final=0.02, warmup=100)
        optimizer = Optimizer(settings.lr, "adamw", (0.9, 0.99), weight_decay=0.02, schedule=schedule)
        self.phases = (Phase("matte", ("network",), self.losses, optimizer, {"coarse": COARSE}),)

    def outputs(self, batch: Batch, step: Step) -> tuple[Tensor, list[Tensor]]:  # noqa: ARG002
        """Logits of the matte and of the coarse ones."""
        return self.network.forward_coarse(batch["image"])

    def losses(self, batch: Batch, outputs: tuple[Tensor, list[Tensor]], step: Step) -> Losses:  # noqa: ARG002
        """All on the full output; the coarsest matte is too small to be looked at."""
        logits, coarse = outputs
        true, alpha = batch["alpha_true"], logits.float().sigmoid()
        found = {
            "bce": losses.bce(logits.float(), true),
            "dice": losses.dice(alpha, true),
            "l1": losses.l1(alpha, true),
            "edges": losses.edges(alpha, true),
        }
        for one in coarse[1:]:
            small = F.adaptive_avg_pool2d(true, (one.shape[-2], one.shape[-1]))
            term = losses.bce(one.float(), small) + losses.dice(one.float().sigmoid(), small)
            found["coarse"] = found["coarse"] + term if "coarse" in found else term
        return found

    def evaluate(self, network: nn.Module, batch: Batch, step: Step) -> dict[str, Tensor]:  # noqa: ARG002
        """MAD and IoU at one half, by picture."""
        return losses.matte_metrics(network(batch["image"]).float().sigmoid(), batch["alpha_true"])

    def show(self, network: nn.Module, batch: Batch, step: Step) -> Sequence[Tensor]:  # noqa: ARG002
        """image | alpha | alpha_true."""
        return batch["image"], network(batch["image"]).float().sigmoid(), batch["alpha_true"]


def samples(settings: PeopleSettings, size: Size) -> SampleSettings:
    """People cropped to all lengths, half of them over new places."""
    return SampleSettings(("matting",), settings.seed, size, ranges=(MattingRanges(new_place=settings.new_place),))


RECIPE = Recipe(
    settings=PeopleSettings(),
    roles=("image", "alpha_true"),
    method=People,
    samples=samples,
    task="matte",
    network="people",
    takes=("photo",),
    activation="sigmoid",
    multiple=lambda _: MULTIPLE,
    needs="photos with mattes, and --background for people over new places; no weights",
    makes="a matting network: bgswap matte --model RUN",
)
