"""First weights that papers name, and their norms: not a network, but what several networks begin from."""

from typing import Literal

from torch import nn

Norm = Literal["batch", "instance", "none"]
SPREAD = 0.02  # pix2pix, section 6.2: weights are drawn from a Gaussian of mean 0 and this standard deviation


def norm_of(kind: Norm, channels: int) -> nn.Module:
    """A norm with scale and shift by channel, or nothing.

    "instance" looks at one picture at a time, so that training does not depend on how a batch is shared out. Unlike in
    pix2pix's code it has scale and shift, so that names and shapes tell it from "none".
    """
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.InstanceNorm2d(channels, affine=True) if kind == "instance" else nn.Identity()


def norm_in(names: set[str], prefix: str) -> Norm:
    """Which norm a state dict has under a prefix such as "blocks.1.norm."."""
    if f"{prefix}running_mean" in names:
        return "batch"
    return "instance" if f"{prefix}weight" in names else "none"


def xavier_(module: nn.Module) -> None:
    """Draw weights of convolutions and linear layers as Glorot and Bengio do, in place; biases 0; norms as they are.

    AISTATS 2010, equation 16: uniform within sqrt(6 / (inputs + outputs)).
    """
    for one in module.modules():
        if isinstance(one, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(one.weight)
            if one.bias is not None:
                nn.init.zeros_(one.bias)


def normal_(module: nn.Module) -> None:
    """Draw weights as pix2pix does, in place: N(0, 0.02), scales of norms N(1, 0.02), biases 0."""
    for one in module.modules():
        if isinstance(one, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(one.weight, 0.0, SPREAD)
        elif isinstance(one, nn.BatchNorm2d | nn.InstanceNorm2d) and one.affine:
            nn.init.normal_(one.weight, 1.0, SPREAD)
        else:
            continue
        if one.bias is not None:
            nn.init.zeros_(one.bias)
