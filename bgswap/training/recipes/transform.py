"""transform: one network that decides a person's place, colors and shadow, after seed 000's promise (ours)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.augmentation.samples import SampleSettings
from bgswap.compositing.colors import recolor
from bgswap.errors import UsageError
from bgswap.networks._push_pull import push_pull
from bgswap.networks.transform import (
    GIVES,
    LOWEST,
    MULTIPLE,
    PARTS,
    SCALES,
    STEP,
    TURN,
    TransformConfig,
    TransformNet,
    best_places,
)
from bgswap.training import losses
from bgswap.training.recipe import Batch, Losses, Method, Optimizer, Phase, Recipe, Schedule, Step
from bgswap.training.recipes.triple_unet import FOUND, TRUE, place_errors, with_box
from bgswap.training.settings import Settings, Size, setting
from bgswap.training.tools import Tools

SPREAD = 0.7  # ours: sigma in cells of the true place's score
OTHERS = 32  # ours: wrong places that the true one is measured against
OWN = {"place": ("place.", "ground."), "colors": ("colors.", "join.", "mask."), "shadow": ("shadow.",)}  # its modules
Span = tuple[tuple[float, float], ...]
# All ours: exposure, temperature, tint in stops, saturation; from least to most.
SCENE: Span = ((-0.6, 0.5), (-0.5, 0.5), (-0.25, 0.25), (-0.35, 0.3))  # of a whole scene
PERSON: Span = ((-0.6, 0.6), (-0.7, 0.7), (-0.35, 0.35), (-0.35, 0.35))  # of a person alone, in a part of the samples
GRADE: Span = ((-2.2, 0.4), (-1.3, 1.3), (-0.4, 0.4), (-0.6, 0.3))  # of a scene at night, at dusk, under lamps, on snow
SHADE = 0.25  # ours: sigma of the logarithm of light from part to part of that person


@dataclass(frozen=True, kw_only=True)
class TransformSettings(Settings):
    """Ours throughout: the seed names inputs and goals, no numbers."""

    size: tuple[Size, ...] = setting(((128, 128), (192, 192), (256, 256)), "Sides in pixels, in turn.", "ours")
    batch: tuple[int, ...] = setting((32, 16, 12), "Samples a step, one number or one a size.", "ours")
    shares: tuple[float, ...] = setting((0.4, 0.3, 0.3), "Share of the steps at each size.", "ours")
    epochs: float = setting(60.0, "Passes over the training photos, where steps is 0.", "ours")
    clip: float = setting(1.0, "Longest gradient, its L2 norm; 0: any.", "ours")
    lr: float = setting(1e-3, "Learning rate of AdamW, falling to a fiftieth.", "ours")
    parts: tuple[str, ...] = setting(("place", "colors"), "What it decides: place, colors, shadow.", "ours")
    train: tuple[str, ...] = setting((), "What of that is trained, all else staying as it is; none: all.", "ours")
    width: int = setting(128, "Channels where the streams are joined.", "ours")
    words: int = setting(192, "Numbers that describe the whole.", "ours")
    pretrained: bool = setting(True, "Begin both SqueezeNets with ImageNet's weights (a download).", "ours")
    encoder_lr: float = setting(0.2, "Their learning rate, as a share of lr.", "ours")
    untouched: float = setting(0.1, "Share of people in their true colors, which must stay.", "ours; iDIH: 0.05")
    again: float = setting(0.4, "Share whose colors are changed further while training.", "ours")
    graded: float = setting(0.3, "Share whose scene is darkened or dyed, half with the person as it was.", "ours")
    mse: float = setting(30.0, "Weight of the person's squared error, on 0..1.", "ours")
    l1: float = setting(3.0, "Weight of its absolute error.", "ours")
    calm: float = setting(0.3, "Weight of differences from cell to cell.", "ours")


@dataclass(frozen=True)
class Shown:
    """A batch as the network sees it. person, true (B, 3, H, W), cover (B, 1, H, W), background (B, 3, H, W)."""

    person: Tensor
    true: Tensor
    cover: Tensor
    background: Tensor

    @property
    def planes(self) -> Tensor:
        """(B, 7, H, W)."""
        return torch.cat([self.person * self.cover, self.cover, self.background], 1)

    def over(self, colors: Tensor) -> Tensor:
        """The person in these colors over the background."""
        return colors * self.cover + self.background * (1 - self.cover)


class Transform(Method):
    """Colors: error of the recolored person. Place: cross-entropy over all cells, and the way inside the true one."""

    def __init__(self, settings: TransformSettings, tools: Tools):
        _check(settings)
        self.settings = settings
        self.network = TransformNet(TransformConfig(settings.parts, settings.width, settings.words))
        if settings.pretrained:
            trained = tools.network("squeezenet1_1", "encoders", "squeezenet").state_dict()
            self.network.person.load_state_dict(trained)
            self.network.background.load_state_dict(trained)
        for name, one in self.network.named_parameters():
            one.requires_grad_(not settings.train or any(name.startswith(OWN[part]) for part in settings.train))
        self.networks: dict[str, nn.Module] = {"network": self.network}
        self.frozen: dict[str, nn.Module] = {}
        self.learns = settings.train or settings.parts
        self.best = ("mse", "lower") if "colors" in self.learns else ("surprise", "lower")
        slower = {f"network.{name}.": settings.encoder_lr for name in ("person", "background")}
        schedule = Schedule("cosine", final=0.02, warmup=100)
        optimizer = Optimizer(settings.lr, "adamw", (0.9, 0.99), weight_decay=0.02, schedule=schedule, factors=slower)
        weights = {"mse": settings.mse, "l1": settings.l1, "calm": settings.calm}
        self.phases = (Phase("decide", ("network",), self.losses, optimizer, weights),)

    def outputs(self, batch: Batch, step: Step) -> tuple[Shown, dict[str, Tensor]]:
        """What was shown, and what the network tells of it."""
        scene = varied(shown(batch), step, self.settings)
        return scene, self.network.tell(scene.planes)

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """The person's area in pixels."""
        cover = batch["mask"] if "mask" in batch else batch["alpha"]
        return {"area": cover.sum((1, 2, 3)).mean()}

    def losses(self, batch: Batch, outputs: tuple[Shown, dict[str, Tensor]], step: Step) -> Losses:
        """Of the parts that are trained."""
        scene, told = outputs
        found: Losses = {}
        if "colors" in self.learns:
            made = _recolored(scene, told)
            found["mse"] = losses.mse_under(made, scene.true, scene.cover, step.counts["area"])
            found["l1"] = ((made - scene.true).abs() * scene.cover).sum() / (
                3 * len(made) * step.counts["area"].clamp_min(1)
            )
            found["calm"] = _unrest(told["grid"]) + _unrest(told["shading"][..., None, None])
        if "place" in self.learns:
            box = batch["box_true"]
            found["surprise"], found["move"] = surprise(told, box)
            found["turn"] = losses.l1(told["turn"][:, 0], box[:, 3]) / TURN
            found["mirror"] = 0.3 * losses.bce(told["turn"][:, 1], box[:, 4])
        return found

    def evaluate(self, network: nn.Module, batch: Batch, step: Step) -> dict[str, Tensor]:
        """Colors: MSE and PSNR of the picture, and the change of people in their true colors, in levels. Place: errors
        of the best one, and how often the true place scores above others (AUC). "..._nothing": of doing nothing."""
        scene = shown(batch)
        told = cast(TransformNet, network).tell(scene.planes)
        found: dict[str, Tensor] = {}
        if "colors" in self.learns:
            truth = scene.over(scene.true)
            made, nothing = scene.over(_recolored(scene, told)), scene.over(scene.person)
            found |= losses.picture_metrics(made, truth)
            found["mse_nothing"] = losses.picture_metrics(nothing, truth)["mse"]
            still = Shown(scene.true, scene.true, scene.cover, scene.background)
            moved = _recolored(still, cast(TransformNet, network).tell(still.planes))
            change = ((moved - scene.true).abs() * scene.cover).sum((1, 2, 3))
            found["change_of_true"] = 255 * change / (3 * scene.cover.sum((1, 2, 3)).clamp_min(1))
        if "place" in self.learns:
            box = batch["box_true"]
            place = best_places(told["logits"], told["moves"], told["turn"])[:, 0]
            found |= place_errors(place, box)
            found["surprise"] = _each_surprise(told, box)[0]
            found["auc"] = _auc(told["logits"], box, step)
        return found

    def show(self, network: nn.Module, batch: Batch, step: Step) -> Sequence[Tensor]:  # noqa: ARG002
        """The person over the background | recolored | the truth with its box in white and the network's in orange."""
        scene = shown(batch)
        told = cast(TransformNet, network).tell(scene.planes)
        first = truth = scene.over(scene.true)
        if "colors" in self.settings.parts:
            first = scene.over(_recolored(scene, told))
        if "place" in self.learns:
            place = best_places(told["logits"], told["moves"], told["turn"])[:, 0]
            truth = with_box(batch["composite_true"], batch["box_true"], scene.cover, TRUE)
            truth = with_box(truth, place, scene.cover, FOUND)
        return scene.over(scene.person), first, truth


def _check(settings: TransformSettings) -> None:
    for name, words in (("parts", settings.parts), ("train", settings.train)):
        if wrong := sorted(set(words) - set(PARTS)):
            raise UsageError(f"{name}={wrong[0]}: choose of {', '.join(PARTS)}")
    if not settings.parts:
        raise UsageError(f"parts is empty: choose of {', '.join(PARTS)}")
    if missing := sorted(set(settings.train) - set(settings.parts)):
        raise UsageError(f"train={missing[0]}: it is not among parts={','.join(settings.parts)}")


def shown(batch: Batch) -> Shown:
    """The network's view of a sample: a pair of composites, whose background is filled in where the person stands, or
    a moved layer and a plate."""
    if "plate" in batch:
        colors, cover = batch["foreground"][:, :3], batch["mask"]
        return Shown(colors, colors, cover, batch["plate"])
    cover = batch["alpha"]
    return Shown(batch["composite"], batch["composite_true"], cover, filled(batch["composite_true"], cover))


def filled(picture: Tensor, cover: Tensor) -> Tensor:
    """A picture (B, 3, H, W) whose covered part, grown by a pixel, has the colors around it."""
    known = (F.max_pool2d(cover, 3, 1, 1) < 0.02).to(picture.dtype)
    return push_pull(picture, known, saturate=False)


def varied(scene: Shown, step: Step, settings: TransformSettings) -> Shown:
    """A scene in another light and mirrored, and its person left in its true colors or changed further.

    Photos show people in a light that is good for photos. So a part of the scenes is graded to night, dusk and lamps,
    and the person comes along or stays in the light where it was cut out.
    """
    batch = len(scene.person)
    chance = step.uniform(batch, 5, name="chance").view(batch, 5, 1, 1, 1).unbind(1)
    person = torch.where(chance[0] < settings.again, _changed(scene.person, step), scene.person)
    still = chance[1] < settings.untouched
    person = torch.where(still, scene.true, person)
    graded = chance[3] < settings.graded
    light = torch.where(graded[:, 0, 0], _globals(GRADE, step, batch, "grade"), _globals(SCENE, step, batch, "scene"))
    left = graded & (chance[4] < 0.5) & ~still
    person = torch.where(left, person, recolor(person, light))
    true, background = recolor(scene.true, light), recolor(scene.background, light)
    mirror = chance[2] < 0.5
    made = (torch.where(mirror, one.flip(3), one) for one in (person, true, scene.cover, background))
    return Shown(*made)


def _changed(colors: Tensor, step: Step) -> Tensor:
    batch = len(colors)
    shading = SHADE * step.noise(batch, 4, 4, name="shade")
    return recolor(colors, _globals(PERSON, step, batch, "person"), shading=shading)


def _globals(span: Span, step: Step, batch: int, name: str) -> Tensor:
    chance = step.uniform(batch, 4, name=name)
    low, high = chance.new_tensor(span).unbind(1)
    return low + chance * (high - low)


def _recolored(scene: Shown, told: Mapping[str, Tensor]) -> Tensor:
    return recolor(scene.person, told["globals"], told["grid"], told["shading"])


def _unrest(cells: Tensor) -> Tensor:
    """Mean absolute difference of neighboring cells, (B, h, w, ...)."""
    return cells.diff(dim=1).abs().mean() + cells.diff(dim=2).abs().mean()


def surprise(told: Mapping[str, Tensor], box: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the scores against a soft true place, and L1 of the way inside the cells about it, scalars."""
    each, move = _each_surprise(told, box)
    return each.mean(), move.mean()


def _each_surprise(told: Mapping[str, Tensor], box: Tensor) -> tuple[Tensor, Tensor]:
    logits = told["logits"]
    _, _, rows, columns = logits.shape
    at = _cell(box, rows, columns)  # (B, 3): x, y, scale in cells, middles at whole numbers
    sides = (columns, rows, SCALES)
    off = [at[:, i, None] - torch.arange(sides[i], device=at.device) for i in range(3)]
    x, y, scale = (torch.exp(-((one / SPREAD) ** 2) / 2) for one in off)
    wanted = scale[:, :, None, None] * y[:, None, :, None] * x[:, None, None, :]
    wanted = wanted / wanted.sum((1, 2, 3), keepdim=True).clamp_min(1e-6)
    each = -(wanted * logits.flatten(1).log_softmax(1).view_as(logits)).sum((1, 2, 3))
    grids = (off[0][:, None, None, :], off[1][:, None, :, None], off[2][:, :, None, None])
    errors = [(told["moves"][:, i] - one.clamp(-1, 1)).abs() for i, one in enumerate(grids)]
    return each, (wanted * (errors[0] + errors[1] + errors[2])).sum((1, 2, 3))


def _cell(box: Tensor, rows: int, columns: int) -> Tensor:
    """Where a box (B, 5) of a Place lies among the cells: its center and height, (B, 3), kept among them."""
    x, y, height = box[:, 0], box[:, 1] - box[:, 2] / 2, box[:, 2].clamp_min(1e-3)
    scale = (height.log() - LOWEST) / STEP
    most = box.new_tensor([columns, rows, SCALES]) - 1
    return torch.minimum(torch.stack([x * columns, y * rows, scale], 1) - 0.5, most).clamp_min(0)


def scores_at(logits: Tensor, boxes: Tensor) -> Tensor:
    """Scores of boxes (B, N, 5), between cells by linear interpolation, (B, N)."""
    batch, scales, rows, columns = logits.shape
    at = torch.stack([_cell(one, rows, columns) for one in boxes])  # (B, N, 3)
    at = 2 * (at + 0.5) / at.new_tensor([columns, rows, scales]) - 1
    found = F.grid_sample(logits[:, None], at[:, :, None, None], "bilinear", "border", align_corners=False)
    return found.view(batch, -1)


def _auc(logits: Tensor, box: Tensor, step: Step) -> Tensor:
    """How many of OTHERS wrong places score below the true one, (B,) 0..1: their centers are anywhere in the frame,
    their heights half to twice the person's."""
    batch = len(box)
    chance = step.uniform(batch, OTHERS, 3, name="others")
    height = box[:, None, 2] * 2 ** (2 * chance[..., 2] - 1)
    rest = box[:, None, 3:].expand(-1, OTHERS, -1)
    wrong = torch.cat([torch.stack([chance[..., 0], chance[..., 1] + height / 2, height], 2), rest], 2)
    true, others = scores_at(logits, box[:, None]), scores_at(logits, wrong)
    return ((true > others).float() + 0.5 * (true == others).float()).mean(1)


def samples(settings: TransformSettings, size: Size) -> SampleSettings:
    """Layers moved away from their place, or, where only colors are trained, people recolored and relit."""
    methods = ("placement",) if _placed(settings) else ("recolor", "relight")
    return SampleSettings(methods, settings.seed, size)


def _placed(settings: TransformSettings) -> bool:
    return bool({"place", "shadow"} & set(settings.train or settings.parts))


def of_settings(settings: TransformSettings) -> dict[str, Any]:
    """What samples must hold, and what the network gives."""
    layers = ("foreground", "mask", "plate", "composite_true")
    return {
        "roles": layers if _placed(settings) else ("composite", "alpha", "composite_true"),
        "fields": ("box_true",) if _placed(settings) else (),
        "gives": tuple(name for part in PARTS if part in settings.parts for name in GIVES[part]),
    }


RECIPE = Recipe(
    settings=TransformSettings(),
    roles=("foreground", "mask", "plate", "composite_true"),
    fields=("box_true",),
    of_settings=of_settings,
    method=Transform,
    samples=samples,
    task="transform",
    network="transform",
    takes=("photo", "alpha", "background"),
    gives=("places", "globals", "grid", "shading"),
    multiple=lambda _: MULTIPLE,
    needs="photos with mattes and plates (--plate); without plates --set parts=colors; ImageNet's SqueezeNet (5 MB)",
    makes="a network that decides of place, colors and shadow: bgswap composite --model RUN",
)
