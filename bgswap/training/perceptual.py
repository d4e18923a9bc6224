"""Perceptual loss: L1 of a trained network's features, equal weights. Johnson et al., ECCV 2016, arXiv 1603.08155.

Papers look through VGG-19 or VGG-16; any trunk of the catalog will do, or "self": our own people network's encoder.
"""

import torch
from torch import Tensor, nn

from bgswap.errors import UsageError
from bgswap.networks._trunk import Trunk
from bgswap.networks.people import PeopleNet

NONE = "none"
CHOICES = ("vgg19", "vgg16", "alexnet", "squeezenet1_1", "self", NONE)
TAPS = {  # ours, where a paper names the network and no layers: the last ReLU before each of four pools
    "vgg19": ("relu1_2", "relu2_2", "relu3_4", "relu4_4"),
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
    "squeezenet1_1": ("relu1", "relu2", "relu3", "relu7"),
    "alexnet": ("relu1", "relu2", "relu3", "relu5"),
}


class Perceptual(nn.Module):
    """Distance of two batches of pictures as a trained network sees them; its weights never change."""

    def __init__(self, trunk: nn.Module, name: str):
        super().__init__()
        if not isinstance(trunk, Trunk | PeopleNet):
            raise UsageError(f"perceptual={name}: choose one of {', '.join(CHOICES)}")
        self.trunk, self.name = trunk.requires_grad_(False).eval(), name

    def train(self, mode: bool = True) -> "Perceptual":  # noqa: ARG002
        """Stays in evaluation mode: its batch norm must not learn."""
        return self

    def features(self, pictures: Tensor) -> list[Tensor]:
        """(B, 3, H, W) sRGB 0..1 -> maps (B, C, h, w), from fine to coarse."""
        if isinstance(self.trunk, PeopleNet):
            return self.trunk.encode(pictures)[:4]
        taps = TAPS.get(self.name)
        return list(self.trunk(pictures, taps).values())

    def forward(self, made: Tensor, true: Tensor) -> Tensor:
        """(B, 3, H, W) both, sRGB 0..1 -> scalar: the mean over layers of the mean absolute difference."""
        with torch.no_grad():
            wanted = self.features(true)
        return torch.stack([(a - b).abs().mean() for a, b in zip(self.features(made), wanted, strict=True)]).mean()
