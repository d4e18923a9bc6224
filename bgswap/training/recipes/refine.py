"""refine: deep image compositing's second network, which corrects a raw mask by its photo (Zhang et al., WACV 2021)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.augmentation.ranges import MattingRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.errors import UsageError
from bgswap.networks.matting_unet import MattingUNet
from bgswap.networks.people import PeopleNet
from bgswap.networks.segment import MULTIPLE, SegmentNet, of_width
from bgswap.training import losses
from bgswap.training.recipe import Batch, Losses, Method, Optimizer, Phase, Recipe, Schedule, Step
from bgswap.training.recipes.segment import SegmentSettings
from bgswap.training.settings import Size, setting
from bgswap.training.spoil import spoil
from bgswap.training.tools import Tools, path_or_name

NOISE = "noise"
MATTERS = (SegmentNet, PeopleNet, MattingUNet)  # networks of a photo alone whose logits are a matte's
COARSE_SHARE = 0.5  # ours: raw masks of a network at half size, as those are that the second pass refines


@dataclass(frozen=True, kw_only=True)
class RefineSettings(SegmentSettings):
    """The numbers of notes on the paper's section 5, as of its segmentation; how masks are spoiled is ours."""

    size: tuple[Size, ...] = setting(((256, 256),), "Sides of the crops in pixels, N or WxH.", "Zhang et al., 5: 256")
    crop: tuple[float, ...] = setting((0.25, 1.0), "Least and most side of a crop, of the largest.", "ours")
    raw: str = setting(NOISE, "Raw masks: noise, the truth spoiled; or a segment run (or people) to refine.", "ours")
    edge: float = setting(15.0, "Most that noise moves an edge, pixels of 256.", "ours")
    patches: float = setting(64.0, "Largest side of wrong patches, pixels of 256; 0: none.", "ours; idea: 3.2")
    blur: float = setting(3.0, "Largest blur of noise, sigma in pixels of 256.", "ours")
    coarse: int = setting(4, "How many times smaller the masks are that noise scales up; 1: none.", "ours")


class Refine(Method):
    """Cross-entropy against the true matte of a photo's crop and a raw mask of it: section 3.2."""

    best = ("mad", "lower")

    def __init__(self, settings: RefineSettings, tools: Tools):
        if len(settings.crop) != 2:
            raise UsageError("crop: give two numbers, the least and the most side of a crop")
        self.settings = settings
        self.network = SegmentNet(of_width(settings.width, planes=4))
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.frozen: dict[str, nn.Module] = {}
        if settings.raw != NOISE:
            self.frozen["raw"] = _matter(settings.raw, tools)
            self.notes = (f"masks of {settings.raw} are better on photos that it was trained on than on new ones",)
        schedule = Schedule(settings.schedule)  # type: ignore[arg-type]  # one of its words: see choices
        self.phases = (Phase("mask", ("network",), self.losses, Optimizer(settings.lr, schedule=schedule)),)

    def raw(self, batch: Batch, step: Step) -> Tensor:
        """The masks that are to be refined, (B, 1, H, W) 0..1."""
        told = self.settings
        patches = (min(16.0, told.patches), told.patches)
        if told.raw == NOISE:
            edge = (min(1.0, told.edge), told.edge)
            return spoil(batch["alpha_true"], step, edge=edge, patches=patches, blur=told.blur, coarse=told.coarse)
        found = _raw_mask(self.frozen["raw"], batch["image"], step)
        return spoil(found, step, edge=(0, 0), patches=patches, blur=0, coarse=1)

    def _inputs(self, batch: Batch, step: Step) -> Tensor:
        return torch.cat([batch["image"], self.raw(batch, step)], dim=1)

    def outputs(self, batch: Batch, step: Step) -> Tensor:
        """Logits of the refined matte."""
        return self.network(self._inputs(batch, step))

    def losses(self, batch: Batch, outputs: Tensor, step: Step) -> Losses:  # noqa: ARG002
        """Cross-entropy, as of segment."""
        return {"bce": losses.bce(outputs.float(), batch["alpha_true"])}

    def evaluate(self, network: nn.Module, batch: Batch, step: Step) -> dict[str, Tensor]:
        """MAD and IoU at one half of the refined mattes, and of the raw ones: raw_mad, raw_iou; by picture."""
        inputs, true = self._inputs(batch, step), batch["alpha_true"]
        raw = {f"raw_{name}": value for name, value in losses.matte_metrics(inputs[:, 3:], true).items()}
        return losses.matte_metrics(network(inputs).float().sigmoid(), true) | raw

    def show(self, network: nn.Module, batch: Batch, step: Step) -> Sequence[Tensor]:
        """image | raw mask | alpha | alpha_true."""
        inputs = self._inputs(batch, step)
        return inputs[:, :3], inputs[:, 3:], network(inputs).float().sigmoid(), batch["alpha_true"]


def _matter(name: str, tools: Tools) -> nn.Module:
    network = tools.network(path_or_name(name), "raw masks")
    if not isinstance(network, MATTERS) or getattr(network, "planes", 3) != 3:
        raise UsageError(f"raw={name}: name a run of segment, people or matting-unet, or people; or raw=noise")
    return network


@torch.no_grad()
def _raw_mask(network: nn.Module, photo: Tensor, step: Step) -> Tensor:
    """A network's mattes of the crop; half of them of the crop at half size, scaled up."""
    height, width = photo.shape[-2:]
    half = [max(MULTIPLE, round(side / 2 / MULTIPLE) * MULTIPLE) for side in (height, width)]
    small = F.interpolate(photo, size=half, mode="bilinear", align_corners=False, antialias=True)
    rough = F.interpolate(network(small).float(), size=(height, width), mode="bilinear", align_corners=False)
    chosen = step.uniform(len(photo), 1, 1, 1, name="raw coarse") < COARSE_SHARE
    return torch.where(chosen, rough, cast(Tensor, network(photo)).float()).sigmoid()


def samples(settings: RefineSettings, size: Size) -> SampleSettings:
    """Crops of all sizes about the person: the photo at 320 and at 640 shows things at different sizes."""
    ranges = MattingRanges(new_place=settings.new_place, crop=(settings.crop[0], settings.crop[1]))
    return SampleSettings(("matting",), settings.seed, size, ranges=(ranges,))


RECIPE = Recipe(
    settings=RefineSettings(),
    roles=("image", "alpha_true"),
    method=Refine,
    samples=samples,
    task="refine",
    network="segment",
    takes=("photo", "alpha"),
    activation="sigmoid",
    multiple=lambda _: MULTIPLE,
    needs="photos with mattes; --set raw=RUN for a run of segment whose masks it learns to refine",
    makes="refined masks, at 320 then at 640 pixels, for multi-stream",
)
