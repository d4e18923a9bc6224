"""Networks from pictures to pictures and numbers, called on tensors: planes are stacked, sides padded as needed.

Question: how do several pictures go in? Choice: one array (1, C, H, W), all channels 0..1, in the order of the card's
`takes`; outputs in the order of its `gives`, a picture as (1, 3, H, W). Why: a network with two encoders (Zhang et al.,
WACV 2021, arXiv 2011.02146) splits it again in one line, a network with one encoder takes it as it is, and ONNX files
need no names.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bgswap.errors import BgswapError
from bgswap.zoo.loader import Model

MULTIPLE = 32  # ours: five halvings, where a card says nothing
PICTURE = "picture"


@dataclass(frozen=True)
class PictureModel:
    """A network from pictures, ready to run; `model` tells its card, device, notes and checksums."""

    model: Model

    def __call__(self, *planes: Tensor) -> Tensor:
        """Pictures (C, H, W), stacked -> the first output, a picture (3, H, W) as the network gives it."""
        return self.outputs(*planes)[self.model.card.gives[0]]

    def outputs(self, *planes: Tensor) -> Mapping[str, Tensor]:
        """Pictures (C, H, W), stacked -> all outputs of one picture by the names of the card's `gives`.

        Lower and right sides are padded by reflection to multiples of what the card says, at least of 32, and cut
        off from pictures again. On the planes' device.

        Raises:
            BgswapError: the network gives fewer outputs than its card names.
        """
        height, width = planes[0].shape[1:]
        card = self.model.card
        multiple = max(MULTIPLE, card.input.multiple)
        given = torch.cat(planes).detach().cpu().numpy()
        beyond = ((0, 0), (0, -height % multiple), (0, -width % multiple))
        answers = self.model(np.pad(given, beyond, mode="reflect")[None])
        if len(answers) < len(card.gives):
            raise BgswapError(f"{card.name} gives {len(answers)} outputs, and its card names {', '.join(card.gives)}")
        made = {}
        for name, answer in zip(card.gives, answers, strict=False):
            one = answer[0, :, :height, :width] if name == PICTURE else answer[0]
            made[name] = torch.from_numpy(np.ascontiguousarray(one, np.float32)).to(planes[0].device)
        return made
