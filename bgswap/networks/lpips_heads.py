"""The linear heads of LPIPS v0.1: weights of every channel of a trunk. Zhang et al., CVPR 2018, arXiv 1801.03924.

Keys are named as in the authors' files, "lin0.model.1.weight", or as in later ones, "lin0.1.weight".
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

ALEX = (64, 192, 384, 256, 256)
VGG = (64, 128, 256, 512, 512)
SQUEEZE = (64, 128, 256, 384, 384, 512, 512)


@dataclass(frozen=True)
class LpipsHeadsConfig:
    """Channels of each tap, and whether the layers stand one level deeper, under "model"."""

    channels: tuple[int, ...] = ALEX
    nested: bool = True


class LpipsHeads(nn.Module):
    """One 1x1 convolution a tap, without bias; its weights are not negative. Dropout in front, in training only."""

    def __init__(self, config: LpipsHeadsConfig = LpipsHeadsConfig()):
        super().__init__()
        self.channels = config.channels
        for place, channels in enumerate(config.channels):
            layers = nn.Sequential(nn.Dropout(), nn.Conv2d(channels, 1, 1, bias=False))
            self.add_module(f"lin{place}", nn.Sequential(OrderedDict(model=layers)) if config.nested else layers)

    def forward(self, differences: Sequence[Tensor]) -> list[Tensor]:
        """Squared differences of the taps, (B, C, h, w) each -> their weighted sums over channels, (B, 1, h, w)."""
        heads = [self.get_submodule(f"lin{place}") for place in range(len(self.channels))]
        return [head(difference) for head, difference in zip(heads, differences, strict=True)]


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> LpipsHeadsConfig | None:
    """The channels of LPIPS heads read off their state dict's names and shapes; None for anything else."""
    for nested, inner in ((True, "model.1"), (False, "1")):
        found = [shapes.get(f"lin{place}.{inner}.weight", ()) for place in range(len(shapes))]
        if found and all(shape[:1] + shape[2:] == (1, 1, 1) for shape in found):
            return LpipsHeadsConfig(tuple(shape[1] for shape in found), nested)
    return None


def build(config: LpipsHeadsConfig) -> LpipsHeads:
    """Untrained heads for these channels."""
    return LpipsHeads(config)
