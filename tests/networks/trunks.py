"""What the tests of all trunks ask: counts, keys, which input rows an output row sees, loading blind."""

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from bgswap.networks._trunk import Trunk
from bgswap.zoo.modules import load_network


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def seeded(network: Trunk) -> Trunk:
    torch.manual_seed(0)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=1 / math.sqrt(max(parameter[0].numel(), 4)))
    return network.eval()


def saved_blind(network: Trunk, path: Path, more: dict[str, Tensor]) -> nn.Module:
    """The network saved with keys that nobody needs, and loaded by nothing but its file."""
    torch.save(network.state_dict() | more, path)
    return load_network(path, "cpu")[0]


def rows_seen(network: Trunk, tap: str) -> tuple[int, int]:
    """How many input rows above its place and below it an output row depends on, by changing one row at a time.

    With weights above 0 and one row far brighter than the rest, every row in reach raises the output.
    """
    network = network.double()
    for name, parameter in network.named_parameters():
        nn.init.constant_(parameter, 0.0 if name.endswith("bias") else 1 / parameter[0].numel())
    reach, width = network.reach(tap), network.smallest(tap)
    row = -(-(reach.before + 3) // reach.stride)
    place = row * reach.stride
    picture = torch.ones(1, 3, place + reach.after + 2 * reach.stride + 3, width, dtype=torch.float64)
    rest = network(picture, [tap])[tap][0, :, row]
    seen = []
    for changed in (*range(place - reach.before - 3, place - reach.before + 2), *range(place, picture.shape[2])):
        brighter = picture.clone()
        brighter[:, :, changed] = 1e6
        if (network(brighter, [tap])[tap][0, :, row] - rest).abs().max() > 1e-9:
            seen.append(changed)
    return place - min(seen), max(seen) - place
