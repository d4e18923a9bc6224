"""Triplets for fusion: a photo with a person, a new place, and the finished composite, easy or hard.

Zhang et al., Deep Image Compositing, WACV 2021, arXiv 2011.02146, "Easy-to-Hard Data Augmentation": (FG, BG, C).
Easy: FG is the photo, its person before its own old background; C = alpha F + (1 - alpha) BG, in sRGB. Hard, made by
a network that was trained on easy ones: C' = EasyFG + BG2 = FG' + BG', "+" being the network. FG' = EasyFG + BG1 shows
the person before a busy place BG1, BG' is BG2: so the answer to a difficult picture is known from an easy one.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from torch import Tensor

from bgswap.augmentation.frame import Scene
from bgswap.augmentation.ranges import TripletRanges
from bgswap.augmentation.tensors import over
from bgswap.errors import UsageError

INPUTS = ("photo", "foreground", "alpha", "background")
HARD_INPUTS = ("busy",)  # read by hard ones, beside INPUTS
OUTPUTS = ("image", "alpha", "background", "composite_true")

Fuse = Callable[[Tensor, Tensor, Tensor], Tensor]  # image (3, H, W), alpha (1, H, W), background (3, H, W) -> (3, H, W)


def draw(random: Random, scene: Scene, ranges: TripletRanges) -> dict[str, Any]:  # noqa: ARG001
    """Whether this triplet is a hard one. Where no network is at hand, give ranges whose `hard` is 0."""
    return {"hard": random.random() < ranges.hard}


def apply(pictures: Mapping[str, Tensor], drawn: Mapping[str, Any], fuse: Fuse | None = None) -> dict[str, Tensor]:
    """image (3, H, W), alpha (1, H, W), background (3, H, W) and their composite_true (3, H, W).

    Args:
        pictures: by role; "busy" (3, H, W) is BG1 and read by hard ones only.
        drawn: what `draw` gave.
        fuse: the trained network; hard ones need it.

    Raises:
        UsageError: a hard one without its network or its busy place.
    """
    image, alpha, background = pictures["photo"], pictures["alpha"], pictures["background"]
    if not drawn["hard"]:
        whole = over(pictures["foreground"], alpha, background)
    elif fuse is None:
        raise UsageError(
            "hard triplets are made by a trained fusion network: name one with --run, or set the share to 0"
        )
    elif "busy" not in pictures:
        raise UsageError("hard triplets need two places each: give --background a folder with more than one")
    else:
        whole = fuse(image, alpha, background)
        image = fuse(image, alpha, pictures["busy"])
    return {"image": image, "alpha": alpha, "background": background, "composite_true": whole}
