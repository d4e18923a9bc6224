"""A trained fusion network, as hard triplets need it: photo, alpha and a new place in, the composite out.

Question: one input or two? Choice: one array (1, 7, H, W), the channels image, alpha, background, all 0..1, sides
multiples of 32; answer (1, 3, H, W) 0..1. Why: a network with two encoders (Zhang et al., WACV 2021, arXiv
2011.02146) splits it again in one line, a network with one encoder takes it as it is, and ONNX files need no names.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bgswap.errors import BgswapError, UsageError
from bgswap.zoo.choice import ModelOptions
from bgswap.zoo.loader import Model

MULTIPLE = 32  # ours: five halvings, the pyramid that field notes recommend for this network
CHANNELS = 7  # image 3, alpha 1, background 3


@dataclass(frozen=True)
class Fusion:
    """A fusion network that is ready to run; `model` tells its card, device, notes and checksums."""

    model: Model

    def __call__(self, image: Tensor, alpha: Tensor, background: Tensor) -> Tensor:
        """The person of `image` over `background`: (3, H, W), (1, H, W), (3, H, W) -> (3, H, W), all 0..1 sRGB.

        Lower and right sides are padded to multiples of 32 by reflection, and cut off again.
        """
        height, width = alpha.shape[1:]
        planes = torch.cat([image, alpha, background]).detach().cpu().numpy()
        beyond = ((0, 0), (0, -height % MULTIPLE), (0, -width % MULTIPLE))
        answer = self.model(np.pad(planes, beyond, mode="reflect")[None])[0]
        made = np.ascontiguousarray(answer[0, :, :height, :width], np.float32)
        return torch.from_numpy(made).clamp_(0, 1).to(image.device)


def load_fusion(run: Path | str, options: ModelOptions) -> Fusion:
    """The fusion network of a run folder, a file of weights or a model's name.

    Raises:
        UsageError: it loads, but does not make composites.
        NotReady, BgswapError: as `bgswap.zoo.loader.load` does.
    """
    path = Path(run).expanduser()
    model = options.load(str(path.absolute()) if path.exists() else str(run))
    if wrong := _tried(model):
        raise UsageError(
            f"{run} is no fusion model: {wrong}. One takes (1, {CHANNELS}, H, W), image, alpha and background, and "
            "gives (1, 3, H, W). Name a run that was trained to fuse pictures."
        )
    return Fusion(model)


def _tried(model: Model) -> str:
    """What is wrong with a model's answer to an input of the right shape; empty where nothing is."""
    given = np.zeros((1, CHANNELS, MULTIPLE, MULTIPLE), np.float32)
    try:
        answer = model(given)
    except (BgswapError, RuntimeError, TypeError, ValueError, IndexError) as error:
        return f"it refused such an input ({str(error).splitlines()[0][:120]})"
    shape = answer[0].shape if answer else ()
    return "" if shape == (1, 3, MULTIPLE, MULTIPLE) else f"its answer has the shape {shape}"
