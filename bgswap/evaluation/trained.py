"""A trained run as a system of a table: what it makes of the pictures that a sample gives to it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bgswap.errors import PictureError, UsageError
from bgswap.evaluation.scene import KINDS, RGB, Scene, tensor
from bgswap.zoo.loader import Model
from bgswap.zoo.planes import PictureModel

ROLES = {"photo": "input", "alpha": "mask", "background": "background"}  # a card's plane -> the role here
PAINTS = ("fuse", "harmonize", "place")  # tasks whose network gives the finished picture

Make = Callable[[Scene], tuple[str, NDArray[np.uint8]]]  # -> its role and its pixels


def maker(name: str, model: Model) -> Make:
    """How a run makes its picture. UsageError where its task is none that a table can hold."""
    task = model.card.task
    if task == "matte":
        return _matte(name, model)
    if task in PAINTS:
        return _picture(model)
    ways = {
        "refine": "it refines another network's mattes: make them with bgswap matte --refine RUN, and measure those",
        "generate": "it makes pictures of nobody: write some with tests/bench/portraits.py, and measure that folder",
    }
    why = ways.get(task, "it makes nothing that can be measured")
    raise UsageError(f"{name} is a run for the task '{task}': {why}")


def _matte(name: str, model: Model) -> Make:
    from bgswap.matting.predict import Matter, MatteSettings

    matter = Matter(model, MatteSettings(model=name))

    def make(scene: Scene) -> tuple[str, NDArray[np.uint8]]:
        photo = scene.array("input", RGB)
        if photo is None:
            raise PictureError("there is no photo to make a matte from")
        return "predicted_alpha", matter.estimate(photo).alpha

    return make


def _picture(model: Model) -> Make:
    network = PictureModel(model)

    def make(scene: Scene) -> tuple[str, NDArray[np.uint8]]:
        made = network(*(_plane(scene, plane) for plane in model.card.takes))
        return "predicted", (made.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().numpy()

    return make


def _plane(scene: Scene, plane: str) -> Tensor:
    """(C, H, W) 0..1; a layer's colors are premultiplied, as what it hides has none."""
    role = ROLES[plane]
    pixels = scene.array(role, KINDS[role])
    if pixels is None:
        raise PictureError(f"there is no {role} for the network: measure on the folder of samples itself")
    found = tensor(pixels)[0]
    layer = scene.pictures[role].alpha if role == "input" and scene.is_cut_out(role) else None
    return found if layer is None else found * tensor(layer)[0]
