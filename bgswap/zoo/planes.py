"""Networks from pictures to pictures and numbers, called on arrays or tensors: stacked planes, padded as needed.

Question: how do several pictures go in? Choice: one array (1, C, H, W), all channels 0..1, in the order of the card's
`takes`; outputs in the order of its `gives`, a picture as (1, 3, H, W). Why: a network with two encoders (Zhang et al.,
WACV 2021, arXiv 2011.02146) splits it again in one line, a network with one encoder takes it as it is, and ONNX files
need no names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bgswap.errors import BgswapError
from bgswap.zoo.loader import Model

if TYPE_CHECKING:
    from torch import Tensor

MULTIPLE = 32  # ours: five halvings, where a card says nothing
PICTURE = "picture"


@dataclass(frozen=True)
class PictureModel:
    """A network from pictures, ready to run; `model` tells its card, device, notes and checksums."""

    model: Model

    def __call__(self, *planes: "Tensor") -> "Tensor":
        """Pictures (C, H, W), stacked -> the first output, a picture (3, H, W) as the network gives it."""
        return self.outputs(*planes)[self.model.card.gives[0]]

    def outputs(self, *planes: "Tensor") -> "Mapping[str, Tensor]":
        """Pictures (C, H, W), stacked -> all outputs of one picture, as `answers` gives them. On the planes' device."""
        import torch

        found = answers(self.model, torch.cat(planes).detach().cpu().numpy())
        return {name: torch.from_numpy(one).to(planes[0].device) for name, one in found.items()}


def answers(model: Model, planes: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Stacked planes (C, H, W) -> all outputs of one picture by the names of the card's `gives`.

    Lower and right sides are padded by reflection to multiples of what the card says, at least of 32, and cut off
    from pictures again.

    Raises:
        BgswapError: the network gives fewer outputs than its card names.
    """
    height, width = planes.shape[1:]
    card = model.card
    multiple = max(MULTIPLE, card.input.multiple)
    beyond = ((0, 0), (0, -height % multiple), (0, -width % multiple))
    given = model(np.pad(planes, beyond, mode="reflect")[None])
    if len(given) < len(card.gives):
        raise BgswapError(f"{card.name} gives {len(given)} outputs, and its card names {', '.join(card.gives)}")
    return {
        name: np.ascontiguousarray(one[0, :, :height, :width] if name == PICTURE else one[0], np.float32)
        for name, one in zip(card.gives, given, strict=False)
    }
