"""triple-unet: three encoders, one composite whose person is placed, fitted and shaded by the network (seed 000)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from bgswap.augmentation.samples import SampleSettings
from bgswap.errors import UsageError
from bgswap.evaluation.boxes import box_of_alpha
from bgswap.evaluation.metrics.box_center import box_center
from bgswap.evaluation.metrics.box_scale import box_scale
from bgswap.networks._initialize import normal_
from bgswap.networks.patchgan import PatchGAN, PatchGANConfig
from bgswap.networks.triple_unet import DEEPEST, DROPOUT, TripleUNet, TripleUNetConfig
from bgswap.training import losses
from bgswap.training.perceptual import CHOICES
from bgswap.training.recipe import Batch, Losses, Method, Optimizer, Phase, Recipe, Schedule, Step
from bgswap.training.settings import Settings, Size, setting
from bgswap.training.tools import Tools

PATCH = 3  # pix2pix, section 6.1.2: a patch of 70 pixels
IMAGE = 5  # ours: each logit sees 286 pixels, and their mean is one probability for the picture
GATES = 10.0  # ours: a softmax's logits must go about 1 to matter, a convolution's weights about 0.02
LINE = 0.012  # ours: width of a drawn box's line, share of the picture's shorter side
FOUND, TRUE = (1.0, 0.4, 0.0), (1.0, 1.0, 1.0)  # colors of boxes: the network's, the sample's

Outputs = tuple[Tensor, Tensor, Tensor]  # what the generator was given, its composite, its place


@dataclass(frozen=True, kw_only=True)
class TripleUNetSettings(Settings):
    """The deck tells inputs, joins, losses and sizes; numbers are pix2pix's, whose generator it takes three of."""

    size: tuple[Size, ...] = setting(((128, 128), (256, 256), (512, 512)), "Sides in pixels, in turn.", "seed 000")
    batch: tuple[int, ...] = setting((8,), "Samples a step, one number or one a size.", "ours")
    epochs: float = setting(200.0, "Passes over the training photos, where steps is 0.", "pix2pix")
    lr: float = setting(2e-4, "Learning rate of Adam, falling to 0 over the second half.", "pix2pix")
    width: int = setting(64, "Channels after the first halving: 16 or 32 on small machines.", "pix2pix")
    depth: int = setting(0, "Halvings, 2 to 8; 0: as many as all sizes allow.", "pix2pix: 8 at 256")
    inputs: str = setting("separate", "An encoder each, or one U-Net on all.", "seed 000", ("separate", "stacked"))
    join: str = setting("dynamic", "Streams' weights at each layer: learned or none.", "seed 000", ("dynamic", "plain"))
    decoder: str = setting("joint", "One, or three U-Nets joined at each layer.", "seed 000", ("joint", "three"))
    norm: str = setting("batch", "Of both networks; instance: no batch statistics.", "pix2pix", ("batch", "instance"))
    dropout: float = setting(DROPOUT, "In the inner decoder layers, in training only.", "pix2pix")
    discriminator: str = setting("patch", "Judges patches or the whole picture.", "seed 000", ("patch", "image"))
    judge_width: int = setting(64, "Channels of the discriminator's first layer.", "pix2pix")
    perceptual: str = setting("vgg19", "Network that the perceptual loss looks through.", "ours", CHOICES)
    l1: float = setting(100.0, "Weight of L1, on colors 0..1.", "pix2pix, on -1..1")
    perceptual_weight: float = setting(10.0, "Weight of the perceptual loss.", "ours")
    gan: float = setting(1.0, "Weight of the adversarial loss; 0: no discriminator.", "pix2pix")
    placement: float = setting(10.0, "Weight of L1 on the place: position, log height, radians.", "ours")
    flip: float = setting(1.0, "Weight of cross-entropy on the mirror.", "ours")


class TripleUNetMethod(Method):
    """BCE GAN on [person, mask, background, picture], L1, perceptual; the head's place against box_true."""

    best = ("psnr", "higher")

    def __init__(self, settings: TripleUNetSettings, tools: Tools):
        self.settings = settings
        self.generator = TripleUNet(config(settings), settings.dropout)
        normal_(self.generator)
        self.networks: dict[str, nn.Module] = {"generator": self.generator}
        self.perceptual = tools.perceptual(settings.perceptual)
        self.frozen: dict[str, nn.Module] = {"perceptual": self.perceptual} if self.perceptual else {}
        schedule = Schedule("linear", start=0.5)  # pix2pix: flat, then to 0
        optimizer = Optimizer(settings.lr, betas=(0.5, 0.999), schedule=schedule, factors={"generator.gates": GATES})
        weights = {
            "l1": settings.l1,
            "perceptual": settings.perceptual_weight,
            "gan": settings.gan,
            "placement": settings.placement,
            "flip": settings.flip,
        }
        self.phases: tuple[Phase, ...] = (Phase("generator", ("generator",), self.paint, optimizer, weights),)
        if settings.gan:
            self.judge = PatchGAN(_judged(settings))
            normal_(self.judge)
            self.networks["discriminator"] = self.judge
            halves = {"real": 0.5, "fake": 0.5}  # pix2pix, section 3.3: slows the discriminator down
            first = Phase("discriminator", ("discriminator",), self.tell, optimizer, halves, graph=False)
            self.phases = (first, *self.phases)

    def outputs(self, batch: Batch, step: Step) -> Outputs:  # noqa: ARG002
        """Planes (B, 7, H, W), composite (B, 3, H, W), place (B, 5)."""
        given = planes(batch)
        return (given, *self.generator(given))

    def tell(self, batch: Batch, outputs: Outputs, step: Step) -> Losses:  # noqa: ARG002
        """The discriminator's half."""
        given, made, _ = outputs
        return {
            "real": losses.bce(self._logits(given, batch["composite_true"]), 1.0),
            "fake": losses.bce(self._logits(given, made.detach()), 0.0),
        }

    def paint(self, batch: Batch, outputs: Outputs, step: Step) -> Losses:  # noqa: ARG002
        """The generator's half, and its place.

        The place's L1 is the mean over x and y in shares of the frame, log height, and the angle in radians: each is
        about how far, in heights of a person as tall as the frame, it moves that person's farther end.
        """
        given, made, place = outputs
        true, box = batch["composite_true"], batch["box_true"]
        found = {
            "l1": losses.l1(made, true),
            "placement": losses.l1(_even(place), _even(box)),
            "flip": losses.bce(place[:, 4], box[:, 4]),
        }
        if self.perceptual:
            found["perceptual"] = self.perceptual(made, true)
        if self.settings.gan:
            found["gan"] = losses.bce(self._logits(given, made), 1.0)
        return found

    def _logits(self, given: Tensor, picture: Tensor) -> Tensor:
        """(B, 1, h, w) of patches, or (B,) of whole pictures."""
        logits = self.judge(torch.cat([given, picture], dim=1)).float()
        return logits.mean((1, 2, 3)) if self.settings.discriminator == "image" else logits

    def evaluate(self, network: nn.Module, batch: Batch, step: Step) -> dict[str, Tensor]:  # noqa: ARG002
        """MSE and PSNR as painted; errors of the head's place; and all of these of doing nothing, "..._nothing".

        Doing nothing is the layer where it stands, over the plate.
        """
        made, place = cast(TripleUNet, network)(planes(batch))
        true, box = batch["composite_true"], batch["box_true"]
        standing = _standing(batch["mask"])
        nothing = losses.picture_metrics(_over(batch), true) | place_errors(standing, box)
        return (
            losses.picture_metrics(made.float(), true)
            | place_errors(place, box)
            | {f"{name}_nothing": value for name, value in nothing.items()}
        )

    def show(self, network: nn.Module, batch: Batch, step: Step) -> Sequence[Tensor]:  # noqa: ARG002
        """The layer over the plate | what is painted | the truth with its box in white and the head's in orange."""
        made, place = cast(TripleUNet, network)(planes(batch))
        truth = with_box(batch["composite_true"], batch["box_true"], batch["mask"], TRUE)
        return _over(batch), made.float(), with_box(truth, place, batch["mask"], FOUND)


def config(settings: TripleUNetSettings) -> TripleUNetConfig:
    """The generator that settings tell of. UsageError where no such one can be."""
    sides = math.gcd(*(side for size in settings.size for side in size))
    depth = settings.depth or min(DEEPEST, (sides & -sides).bit_length() - 1)
    if not 2 <= depth <= DEEPEST:
        raise UsageError(f"triple-unet halves sizes 2 to {DEEPEST} times, not {depth}: choose sides such as 64 or 128")
    told: Any = {"width": settings.width, "depth": depth, "norm": settings.norm}
    if settings.inputs == "separate":
        return TripleUNetConfig(decoder=cast(Any, settings.decoder), join=cast(Any, settings.join), **told)
    if settings.decoder == "three":
        raise UsageError("stacked inputs have one U-Net: leave out decoder=three, or inputs=stacked")
    return TripleUNetConfig(inputs="stacked", join="plain", **told)


def _judged(settings: TripleUNetSettings) -> PatchGANConfig:
    """Over ten planes; fewer halvings where the smallest picture would leave no logit."""
    least = min(side for size in settings.size for side in size)
    fitting = (least // 3).bit_length() - 1  # PatchGAN needs 3 * 2^layers pixels
    layers = min(IMAGE if settings.discriminator == "image" else PATCH, fitting)
    return PatchGANConfig(10, settings.judge_width, layers, cast(Any, settings.norm))


def planes(batch: Batch) -> Tensor:
    """What the generator takes, (B, 7, H, W): the person's colors times alpha, the mask, the plate."""
    return torch.cat([batch["foreground"][:, :3] * batch["mask"], batch["mask"], batch["plate"]], dim=1)


def _over(batch: Batch) -> Tensor:
    """The layer where it stands, over the plate; sRGB values are mixed, as in the photos that samples are made of."""
    mask = batch["mask"]
    return batch["foreground"][:, :3] * mask + batch["plate"] * (1 - mask)


def _even(place: Tensor) -> Tensor:
    """(B, 5) -> (B, 4): x, y, log height, radians."""
    return torch.stack([place[:, 0], place[:, 1], place[:, 2].log(), torch.deg2rad(place[:, 3])], dim=1)


def _standing(mask: Tensor) -> Tensor:
    """The place of a layer where it stands, (B, 5); the box is where alpha is at least half of its most."""
    x, y, _, height = _outline(mask).unbind(1)
    return torch.stack([x, y, height, torch.zeros_like(x), torch.full_like(x, -1)], dim=1)


def _outline(mask: Tensor) -> Tensor:
    """(B, 4): x of the middle, y of the lower edge, width, height."""
    return box_of_alpha(mask / mask.amax((1, 2, 3), keepdim=True).clamp_min(1e-3))


def place_errors(place: Tensor, true: Tensor) -> dict[str, Tensor]:
    """As bgswap eval measures them, (B,): box_center in sides, box_scale in ln; degrees; whether the mirror is right.

    place: (B, 5), the mirror as a logit. true: (B, 5), the mirror as 0 or 1.
    """
    found, wanted = (torch.stack([one[:, 0], one[:, 1], one[:, 2], one[:, 2]], dim=1) for one in (place, true))
    return {
        "box_center": box_center(found, wanted),
        "box_scale": box_scale(found, wanted),
        "box_rotation": (place[:, 3] - true[:, 3]).abs(),
        "box_flip": ((place[:, 4] > 0) == (true[:, 4] > 0.5)).float(),
    }


def with_box(pictures: Tensor, place: Tensor, mask: Tensor, color: tuple[float, float, float]) -> Tensor:
    """Pictures (B, 3, H, W) with the outline of the box that a place (B, 5) gives to the person of `mask`."""
    height, width = pictures.shape[-2:]
    person = _outline(mask)
    tall = place[:, 2] * height
    wide = tall * (person[:, 2] * width) / (person[:, 3] * height)
    rows, columns = torch.meshgrid(
        *(torch.arange(side, device=pictures.device) + 0.5 for side in (height, width)), indexing="ij"
    )
    x, y, turn, tall, wide = (
        one[:, None, None] for one in (place[:, 0] * width, place[:, 1] * height, place[:, 3].deg2rad(), tall, wide)
    )
    across, down = columns - x, rows - y  # back into the upright person's own directions, from its lower edge's middle
    along, up = across * turn.cos() - down * turn.sin(), across * turn.sin() + down * turn.cos()
    beyond = torch.maximum(along.abs() - wide / 2, (up + tall / 2).abs() - tall / 2)  # pixels outside of the box
    line = (beyond.abs() <= max(0.5, LINE * min(height, width) / 2))[:, None]
    return torch.where(line, pictures.new_tensor(color)[:, None, None], pictures)


def samples(settings: TripleUNetSettings, size: Size) -> SampleSettings:
    """The layer resized, turned, shifted and mirrored; plates with decoy holes."""
    return SampleSettings(("placement",), settings.seed, size)


RECIPE = Recipe(
    settings=TripleUNetSettings(),
    roles=("foreground", "mask", "plate", "composite_true"),
    fields=("box_true",),
    method=TripleUNetMethod,
    samples=samples,
    task="place",
    network="triple-unet",
    takes=("photo", "alpha", "background"),
    gives=("picture", "box"),
    multiple=lambda settings: 2 ** config(settings).depth,
    needs="photos with mattes and plates (--plate); weights of the perceptual loss's network, or --set perceptual=none",
    makes="a network that places a person in a picture and paints the composite, which bgswap eval measures",
)
