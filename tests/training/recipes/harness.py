"""What the tests of recipes share: eight real samples, a few steps on them, and questions asked of every method."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bgswap.training.recipe import Method, Recipe, Step
from bgswap.training.steps import Stepper
from bgswap.training.tools import Tools


@cache
def _pictures() -> tuple[dict[str, Any], np.ndarray]:
    """The astronaut with her matte by the default network, her plate, and a place (scikit-learn's china)."""
    from pathlib import Path

    import skimage
    import sklearn
    from PIL import Image

    import bgswap

    folder = Path(skimage.__file__).parent / "data"
    photo = np.asarray(Image.open(folder / "astronaut.png").convert("RGB"))
    china = np.asarray(Image.open(Path(sklearn.__file__).parent / "datasets/images/china.jpg").convert("RGB"))
    cut = np.asarray(bgswap.matte(photo))
    import cv2

    plate = np.where(cut[..., 3:] > 8, cv2.blur(photo, (151, 151)), photo)
    return {"photo": photo, "foreground": cut, "plate": plate, "background": china}, cut


@cache
def eight(method: str, size: int = 64) -> dict[str, Tensor]:
    """Eight samples of a method of augment as a batch: real pixels, windows and changes drawn by copy 0 to 7."""
    from bgswap.augmentation.fly import make_one

    pictures, cut = _pictures()
    rows: dict[str, list[Any]] = {}
    for copy in range(8):
        made, told = make_one(pictures, [cut], method, {"copy": copy, "size": size, "fill": "telea"})
        for role, pixels in made.items():
            rows.setdefault(role, []).append(
                torch.from_numpy(np.array(pixels, np.float32) / np.iinfo(pixels.dtype).max)
            )
        if "box_true" in told:
            rows.setdefault("box_true", []).append(torch.tensor([float(value) for value in told["box_true"]]))
    return {role: _planes(torch.stack(values)) for role, values in rows.items()}


def _planes(pictures: Tensor) -> Tensor:
    """(B, H, W, C) or (B, H, W) as (B, C, H, W); numbers as they are."""
    if pictures.ndim == 2:
        return pictures
    return (pictures[:, None] if pictures.ndim == 3 else pictures.permute(0, 3, 1, 2)).contiguous()


def build(recipe: Recipe[Any], tools: Tools | None = None, **settings: Any) -> tuple[Method, Any]:
    """The method of a recipe with some settings changed, its weights drawn from seed 0."""
    chosen = replace(recipe.settings, **settings)
    torch.manual_seed(0)
    return recipe.method(chosen, tools or Tools()), chosen


def fit(method: Method, settings: Any, batch: dict[str, Tensor], steps: int) -> list[dict[str, float]]:
    """Train on one batch; the losses of every step."""
    stepper = Stepper(method, settings)
    told = []
    for index in range(steps):
        told.append({name: float(value) for name, value in stepper.step([batch], index, steps).items()})
    return told


def where(size: int = 64, **more: Any) -> Step:
    """A step for `evaluate` and `show`."""
    return Step(0, 1, (size, size), torch.device("cpu"), 0, **more)


def without_gradient(method: Method, settings: Any, batch: dict[str, Tensor]) -> list[str]:
    """Names of parameters that no phase's losses reach, or reach with zeros only."""
    stepper = Stepper(method, settings)
    reached: set[str] = set()
    named = {id(p): f"{n}.{key}" for n, net in method.networks.items() for key, p in net.named_parameters()}
    for optimizer in stepper.optimizers:
        optimizer.step = lambda *_args, o=optimizer, **_kw: [  # type: ignore[method-assign]
            reached.add(named[id(p)])
            for group in o.param_groups
            for p in group["params"]
            if p.grad is not None and bool(p.grad.abs().sum() > 0)
        ]
    stepper.step([batch], 0, 10)
    wanted = {named[id(p)] for parameters in stepper.trained for p in parameters}
    return sorted(wanted - reached)
