"""Real pictures, and for each what a system might have answered: what metrics and their references are compared on."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from bgswap.augmentation import colors
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.methods import frames, recolor
from bgswap.augmentation.ranges import FramesRanges, RecolorRanges
from bgswap.augmentation.samples import composed
from bgswap.augmentation.tensors import as_file, to_tensor
from bgswap.evaluation.boxes import box_of_alpha
from bgswap.evaluation.metric import Metric, find
from bgswap.folders import picture
from bgswap.matting.colors import cut_out
from bgswap.matting.predict import Matter
from bgswap.matting.trimap import UNKNOWN, trimap_from_alpha
from bgswap.networks.alexnet import AlexNet
from bgswap.networks.dists_weights import DistsWeights, DistsWeightsConfig
from bgswap.networks.lpips_heads import SQUEEZE, LpipsHeads, LpipsHeadsConfig
from bgswap.networks.squeezenet import SqueezeNet
from bgswap.networks.vgg import VGG, VGGConfig
from bgswap.zoo import loader
from tests.evaluation.references import REFERENCES, Array
from tests.networks.trunks import seeded

Roles = dict[str, Tensor]  # a role's tensor, a batch of one

ALL_ON = RecolorRanges(**dict.fromkeys(recolor.STEPS, 1.0))
WIDTHS = (8, 16, 32, 64, 64)  # of the narrow VGG: an eighth of the published, so that NumPy can follow it
SOFT = 1.0  # pixels: standard deviation
BRIGHTER = 0.15  # stops: how much a person flickers from frame to frame


def photos(data: Path, count: int) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Photos (H, W, 3) and mattes (H, W) of validation people, evenly out of all that are good.

    The masks are hard label maps; a blur of SOFT pixels gives every threshold some soft pixels to fall between.
    """
    people = data / "people"
    bad = {line.split("\t")[0] for line in (people / "bad.txt").read_text().splitlines()}
    files = [path for path in sorted((people / "masks").glob("*.png")) if int(path.stem) // 10 % 10 == 8]
    files = [path for path in files if path.stem not in bad]
    return [
        (
            picture.read(people / f"photos/{path.stem}.jpg").rgb,
            cv2.GaussianBlur(picture.read_mask(path).pixels, (0, 0), SOFT),
        )
        for path in files[:: len(files) // count][:count]
    ]


def scenes(data: Path, count: int = 20) -> list[Roles]:
    """A recolored photo, an estimated matte and moved boxes for each of the photos, by role."""
    pairs, matter = photos(data, count), Matter(loader.load("people"))
    made = []
    for number, (photo, mask) in enumerate(pairs):
        answer, true, alpha = recolored(pairs, number)
        matte = guessed(matter, photo, mask, number)
        cut = cut_out(photo, matte, "photo" if number % 2 else "own")
        band = trimap_from_alpha(mask) == UNKNOWN
        counts = band if number % 4 > 1 else np.ones_like(band)
        roles = {"predicted": answer, "true": true, "mask": alpha, "true_alpha": alpha, "input": to_tensor(photo)}
        roles |= {"predicted_alpha": to_tensor(matte), "region": torch.from_numpy(counts[None]).float()}
        roles["cut_out"] = to_tensor(cut[..., :3])
        made.append({role: values[None] for role, values in roles.items()} | placed(alpha, number))
    return made


def recolored(pairs: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]], number: int) -> tuple[Tensor, ...]:
    """The photo with its person in other colors, as augment makes it, the photo, and the mask."""
    given = pictures_of(pairs, number)
    made = given | recolor.apply(given, recolor.draw(Random(number), cast(Any, None), ALL_ON))
    both = composed(made)
    answer = both["composite"] * 0.8 + 0.1 if number % 5 == 4 else both["composite"]  # now and then washed out
    return as_file(answer), as_file(both["composite_true"]), given["alpha"]


def pictures_of(pairs: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]], number: int) -> Roles:
    """What the methods of augment take; the next photo lends its colors."""
    (photo, mask), (other, other_mask) = pairs[number], pairs[(number + 1) % len(pairs)]
    first, alpha = to_tensor(photo), to_tensor(mask)
    more = {"reference": to_tensor(other), "reference_alpha": to_tensor(other_mask)}
    return {"photo": first, "foreground": first, "alpha": alpha, **more}


def guessed(matter: Matter, photo: NDArray[np.uint8], mask: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """The default matte, or every other time the mask blurred or shifted."""
    if number % 2 == 0:
        return matter.estimate(photo).alpha
    return cv2.GaussianBlur(mask, (0, 0), 3) if number % 4 == 1 else np.roll(mask, (3, -5), (0, 1))


def placed(alpha: Tensor, number: int) -> Roles:
    """The mask's box, one that was moved, twelve candidates that come nearer, and scores of few values."""
    true, random = box_of_alpha(alpha[None]), torch.Generator().manual_seed(number)
    moves = torch.rand(1, 12, 4, generator=random) - 0.5
    moves[..., :2] *= torch.linspace(1.2, 0.3, 12)[:, None]
    candidates = true[:, None] * torch.cat([1 + moves[..., :2], 1.2 ** (4 * moves[..., 2:])], 2)
    scores = torch.randint(0, 9, (1, 13), generator=random) / 8
    boxes = {"true_box": true, "predicted_box": candidates[:, 6], "candidates": candidates}
    return {**boxes, "true_score": scores[:, :1], "moved_scores": scores[:, 1:]}


def video(data: Path, count: int = 20) -> list[Roles]:
    """Frames of a photo that moves, its person recolored and flickering, each with the frame before it."""
    pairs = photos(data, 2)
    given, (height, width) = pictures_of(pairs, 0), pairs[0][0].shape[:2]
    scene = Scene((height, width), (0.1 * height, 0.3 * width, 0.95 * height, 0.7 * width))
    path = frames.draw(Random(0), scene, FramesRanges(steps=count), replace(ALL_ON, jitter=0.0))
    made: list[Roles] = []
    random = Random(1)
    for step in range(1, count + 1):
        shown = frames.apply(given, frames.at_step(path, step))
        alpha = shown["alpha"]
        change = colors.exposure(shown["composite"], random.uniform(-BRIGHTER, BRIGHTER)) - shown["composite"]
        now = torch.addcmul(shown["composite"], alpha, change).clamp_(0, 1)
        before = made[-1]["predicted"] if made else shown["previous_composite"][None]
        roles = {"predicted": as_file(now), "true": shown["composite_true"], "mask": alpha, "true_alpha": alpha}
        roles |= {"true_previous": shown["previous_composite_true"], "true_previous_alpha": shown["previous_alpha"]}
        for name in ("alpha", "previous_alpha"):
            soft = cv2.GaussianBlur(shown[name][0].numpy(), (0, 0), random.uniform(1, 3))
            roles["predicted_alpha" if name == "alpha" else name] = torch.from_numpy(soft[None])
        made.append({role: values[None] for role, values in roles.items()} | {"previous": before})
    return made


class Means(nn.Module):
    """Stands for FID's Inception, whose weights are not ours to ship: means of SqueezeNet's last tap, (B, 512)."""

    def __init__(self, network: SqueezeNet):
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) sRGB 0..1 -> (B, 512)."""
        return self.network(pictures, ["relu7"])["relu7"].mean((2, 3))


def networks(metric: Metric, data: Path) -> list[nn.Module]:
    """A metric's networks: SqueezeNet and LPIPS' heads with real weights, AlexNet and a narrow VGG with seeded ones."""
    return [_network(name, data / "weights") for name in metric.models]


def _network(name: str, folder: Path) -> nn.Module:
    torch.manual_seed(zlib.crc32(name.encode()))
    if name in ("squeezenet1_1", "inception-fid"):
        trunk = SqueezeNet()
        stored = load_file(folder / "squeezenet1_1_imagenet_fp16.safetensors")
        trunk.load_state_dict({key: value.float() for key, value in stored.items() if key.startswith("features")})
        return (trunk if name == "squeezenet1_1" else Means(trunk)).eval()
    if name.startswith("vgg"):
        counts = (2, 2, 3, 3, 3) if name == "vgg16" else (2, 2, 4, 4, 4)
        return seeded(VGG(VGGConfig(tuple((width,) * count for width, count in zip(WIDTHS, counts, strict=True)))))
    if name == "alexnet":
        return seeded(AlexNet())
    if name == "dists":
        weights = DistsWeights(DistsWeightsConfig(3 + sum(WIDTHS)))
        weights.load_state_dict({key: torch.rand_like(value) for key, value in weights.state_dict().items()})
        return weights
    if name == "lpips-vgg":
        heads = LpipsHeads(LpipsHeadsConfig(WIDTHS))
        heads.load_state_dict({key: torch.rand_like(value) for key, value in heads.state_dict().items()})
        return heads.eval()
    heads = LpipsHeads(LpipsHeadsConfig(SQUEEZE) if name == "lpips-squeeze" else LpipsHeadsConfig())
    heads.load_state_dict(torch.load(folder / f"lpips/{name.removeprefix('lpips-')}.pth", "cpu", weights_only=True))
    return heads.eval()


@dataclass(frozen=True)
class Agreement:
    """A metric's values and those of its reference, one a picture, or one of the whole set."""

    ours: Array
    theirs: Array

    @property
    def largest(self) -> float:
        """Largest difference of two values."""
        return float(np.abs(self.ours - self.theirs).max())

    @property
    def relative(self) -> float:
        """Largest difference of two values as a share of the reference's; 0 where both are 0."""
        apart = np.abs(self.ours - self.theirs)
        return float(
            np.divide(apart, np.abs(self.theirs), out=np.where(apart > 0, np.inf, 0), where=self.theirs != 0).max()
        )


def compare(name: str, pictures: Sequence[Roles], frames: Sequence[Roles], data: Path) -> Agreement:
    """A metric, on one picture after another or on the set, and its reference."""
    (metric,) = find([name])
    shown = frames if metric.sequence or name.startswith("temporal") else pictures
    parts = networks(metric, data) if metric.models else []
    trunk = metric.trunk(parts)
    more = {"weights": [_numbers(part) for part in parts]} if parts else {}
    if metric.of_set:
        made = [_features(metric, shown, replaced, trunk) for replaced in ({}, {"predicted": "true"})]
        listed = [[_array(roles[role]) for roles in shown] for role in metric.roles]
        if metric.against_true:
            listed.append([_array(roles["true"]) for roles in shown])
        value = metric.of_features(made[0], made[1] if metric.against_true else None)
        return Agreement(np.array([value]), np.array([REFERENCES[name](*listed, **more)]))
    pairs = list(_each(metric, shown, trunk, more))
    return Agreement(*(np.array(values) for values in zip(*pairs, strict=True)))


def given(metric: Metric, roles: Roles) -> list[Tensor]:
    """What a metric takes, in its order; halo measures a cut-out's colors."""
    named = roles | {"predicted": roles["cut_out"]} if metric.name == "halo" else roles
    return [named[role] for role in metric.roles]


def _each(metric: Metric, shown: Sequence[Roles], trunk: dict[str, nn.Module], more: dict[str, Any]) -> Iterator[Any]:
    for roles in shown:
        tensors = given(metric, roles)
        yield float(metric(*tensors, **trunk)), REFERENCES[metric.name](*map(_array, tensors), **more)


@torch.inference_mode()
def _features(metric: Metric, shown: Sequence[Roles], replaced: dict[str, str], trunk: dict[str, nn.Module]) -> Tensor:
    return torch.cat([metric(*(roles[replaced.get(role, role)] for role in metric.roles), **trunk) for roles in shown])


def _numbers(network: nn.Module) -> dict[str, Array]:
    """Its weights in float64 under the key names of its file."""
    return {key.removeprefix("network."): value.double().numpy() for key, value in network.state_dict().items()}


def _array(values: Tensor) -> Array:
    """A batch of one as float64: (H, W, 3) or (H, W) of pictures, boxes as they are."""
    array = values[0].double().numpy()
    return array if array.ndim < 3 else array[0] if len(array) == 1 else np.moveaxis(array, 0, 2)
