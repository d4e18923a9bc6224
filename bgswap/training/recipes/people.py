"""people: the network of the default matte, a small U-Net on SqueezeNet that finds people (ours)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
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
FAR = 30.0  # a logit so far from 0 that no loss is left of it


@dataclass(frozen=True, kw_only=True)
class PeopleSettings(Settings):
    """Those of weights/people.safetensors, as its card tells them."""

    size: tuple[Size, ...] = setting(((128, 128), (192, 192), (256, 256)), "Sides in pixels, in turn.", "ours")
    batch: tuple[int, ...] = setting((32, 16, 12), "Samples a step, one number or one a size.", "ours")
    shares: tuple[float, ...] = setting((0.15, 0.4, 0.45), "Share of the steps at each size.", "ours")
    epochs: float = setting(
        80.0, "Passes over the training photos, where steps is 0.", "ours: an hour and a half on a core"
    )
    clip: float = setting(5.0, "Longest gradient, its L2 norm; 0: any.", "ours")
    lr: float = setting(2e-3, "Learning rate of AdamW.", "ours")
    widths: tuple[int, ...] = setting((24, 48, 96, 128, 160), "Channels on the way up, at 1/2 to 1/32.", "ours")
    depth: int = setting(2, "Residual blocks at the bottom.", "ours")
    pretrained: bool = setting(
        False, "Begin SqueezeNet with ImageNet's weights (a download).", "ours: or go on by --init"
    )
    encoder_lr: float = setting(0.2, "SqueezeNet's learning rate, as a share of lr.", "ours")
    new_place: float = setting(0.5, "Share of people over a new place.", "ours")


class People(Method):
    """BCE + soft Dice + L1 of alpha and of its differences; a share of BCE + Dice on coarse mattes."""

    best = ("mad", "lower")

    def __init__(self, settings: PeopleSettings, tools: Tools):
        self.network = PeopleNet(PeopleConfig(settings.widths, settings.depth))
        if settings.pretrained:
            trained = tools.network("squeezenet1_1", "encoder", "squeezenet")
            self.network.encoder.load_state_dict(trained.state_dict())
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.frozen: dict[str, nn.Module] = {}
        slower = {"network.encoder.": settings.encoder_lr}
        schedule = Schedule("cosine", final=0.02, warmup=100)
        optimizer = Optimizer(settings.lr, "adamw", (0.9, 0.99), weight_decay=0.02, schedule=schedule, factors=slower)
        self.phases = (Phase("matte", ("network",), self.losses, optimizer, {"coarse": COARSE}),)

    def outputs(self, batch: Batch, step: Step) -> tuple[Tensor, list[Tensor]]:  # noqa: ARG002
        """Logits of the matte and of the coarse ones."""
        return self.network.forward_coarse(batch["image"])

    def losses(self, batch: Batch, outputs: tuple[Tensor, list[Tensor]], step: Step) -> Losses:  # noqa: ARG002
        """All on the full output where the truth is known; the coarsest matte is too small to be looked at."""
        logits, coarse = outputs
        known = losses.known(batch["alpha_true"])
        true, logits = batch["alpha_true"] * known, torch.where(known > 0, logits.float(), -FAR)
        alpha = logits.sigmoid()
        found = {
            "bce": losses.bce(logits, true),
            "dice": losses.dice(alpha, true),
            "l1": losses.l1(alpha, true),
            "edges": losses.edges(alpha, true),
        }
        for one in coarse[1:]:
            size = (one.shape[-2], one.shape[-1])
            sure = F.adaptive_avg_pool2d(known, size) == 1
            small, one = F.adaptive_avg_pool2d(true, size) * sure, torch.where(sure, one.float(), -FAR)
            term = losses.bce(one, small) + losses.dice(one.sigmoid(), small)
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
