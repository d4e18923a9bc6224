"""Networks from pictures to a picture, called on tensors: planes are stacked, sides padded to what the network needs.

Question: how do several pictures go in? Choice: one array (1, C, H, W), all channels 0..1, in the order of the card's
`takes`; answer (1, 3, H, W). Why: a network with two encoders (Zhang et al., WACV 2021, arXiv 2011.02146) splits it
again in one line, a network with one encoder takes it as it is, and ONNX files need no names.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bgswap.zoo.loader import Model

MULTIPLE = 32  # ours: five halvings, where a card says nothing


@dataclass(frozen=True)
class PictureModel:
    """A network from pictures to a picture, ready to run; `model` tells its card, device, notes and checksums."""

    model: Model

    def __call__(self, *planes: Tensor) -> Tensor:
        """Pictures (C, H, W), stacked -> (3, H, W) as the network gives it, on their device.

        Lower and right sides are padded by reflection to multiples of what the card says, at least of 32, and cut
        off again.
        """
        height, width = planes[0].shape[1:]
        multiple = max(MULTIPLE, self.model.card.input.multiple)
        given = torch.cat(planes).detach().cpu().numpy()
        beyond = ((0, 0), (0, -height % multiple), (0, -width % multiple))
        answer = self.model(np.pad(given, beyond, mode="reflect")[None])[0]
        made = np.ascontiguousarray(answer[0, :, :height, :width], np.float32)
        return torch.from_numpy(made).to(planes[0].device)
