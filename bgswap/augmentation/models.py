"""Networks that methods may use: a fusion network for hard triplets, one for normals that light is laid on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from bgswap.errors import BgswapError, UsageError
from bgswap.zoo.choice import ModelOptions
from bgswap.zoo.loader import Model
from bgswap.zoo.planes import MULTIPLE, PictureModel

FUSION, PHOTO = 7, 3  # channels: image 3, alpha 1, background 3; a photo


@dataclass(frozen=True)
class Fusion(PictureModel):
    """The person of `image` over `background`: (3, H, W), (1, H, W), (3, H, W) -> (3, H, W), all 0..1 sRGB."""

    def __call__(self, *planes: Tensor) -> Tensor:
        """The composite, 0..1."""
        return super().__call__(*planes).clamp_(0, 1)


@dataclass(frozen=True)
class Normals(PictureModel):
    """Normals of a photo (3, H, W): x right, y up, z to the viewer, -1..1 -> coded 0..1 as pictures hold them."""

    def __call__(self, *planes: Tensor) -> Tensor:
        """The normals, 0..1."""
        return super().__call__(*planes).mul_(0.5).add_(0.5).clamp_(0, 1)


def load_fusion(run: Path | str, options: ModelOptions) -> Fusion:
    """The fusion network of a run folder, a file of weights or a model's name.

    Raises:
        UsageError: it loads, but does not make composites.
        NotReady, BgswapError: as `bgswap.zoo.loader.load` does.
    """
    return Fusion(_loaded(run, options, FUSION, "fusion", "image, alpha and background"))


def load_normals(model: Path | str, options: ModelOptions) -> Normals:
    """The network of normals of a file of weights, a run folder or a model's name. Raises as `load_fusion`."""
    return Normals(_loaded(model, options, PHOTO, "normals", "a photo 0..1"))


def _loaded(name: Path | str, options: ModelOptions, channels: int, kind: str, given: str) -> Model:
    path = Path(name).expanduser()
    model = options.load(str(path.absolute()) if path.exists() else str(name))
    if wrong := _tried(model, channels):
        raise UsageError(
            f"{name} is no {kind} model: {wrong}. One takes (1, {channels}, H, W), {given}, and gives (1, 3, H, W)."
        )
    return model


def _tried(model: Model, channels: int) -> str:
    """What is wrong with a model's answer to an input of the right shape; empty where nothing is."""
    given = np.zeros((1, channels, MULTIPLE, MULTIPLE), np.float32)
    try:
        answer = model(given)
    except (BgswapError, RuntimeError, TypeError, ValueError, IndexError) as error:
        return f"it refused such an input ({str(error).splitlines()[0][:120]})"
    shape = answer[0].shape if answer else ()
    return "" if shape == (1, 3, MULTIPLE, MULTIPLE) else f"its answer has the shape {shape}"
