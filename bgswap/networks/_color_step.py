"""HPBNet's last step: gains by channel that give the output's background the mean of the given one.

Wang et al., CGF 2023, 10.1111/cgf.14921, equation 3: Result = sum I_s (1 - M) / sum I' (1 - M) * I', by channel.
"""

from typing import Literal, get_args

import torch
from torch import Tensor

ColorStep = Literal["printed", "linear", "none"]
STEPS: tuple[ColorStep, ...] = get_args(ColorStep)
GAINS = (0.5, 2.0)  # ours: gains of light that a background may call for
LEAST = 0.01  # ours: share of the picture below which the background says too little
DARK = 1e-6  # a background darker than this on average has no color to match


def color_step(output: Tensor, composite: Tensor, mask: Tensor, kind: ColorStep) -> Tensor:
    """The output (B, 3, H, W) in the background's colors; composite likewise, mask (B, 1, H, W), all 0..1 sRGB.

    Args:
        output: what a network made of the composite; background and person both changed a little.
        composite: whose pixels outside the mask are the true background.
        mask: 1 on the person; soft values count in part.
        kind: "printed": the equation as it is, on sRGB values; without any background the gains are 1. "linear"
            (ours): the same in linear light, gains within GAINS, none where the background is under LEAST of the
            picture; then the true background outside the mask. "none": the output as it is.
    """
    outside = 1 - mask
    if kind == "none":
        return output
    if kind == "printed":
        return output * _gains(composite, output, outside)
    given, found = to_linear(composite.clamp(0, 1)), to_linear(output.clamp(0, 1))
    gains = _gains(given, found, outside).clamp(*GAINS)
    gains = torch.where(outside.mean((1, 2, 3), keepdim=True) < LEAST, torch.ones_like(gains), gains)
    return to_srgb(found * gains) * mask + composite * outside


def _gains(given: Tensor, found: Tensor, outside: Tensor) -> Tensor:
    """(B, 3, 1, 1): sums outside the mask of the given over those found; 1 where nothing is found."""
    wanted, has = ((picture * outside).mean((2, 3), keepdim=True) for picture in (given, found))
    return torch.where(has > DARK, wanted / has.clamp_min(DARK), torch.ones_like(has))


def to_linear(srgb: Tensor) -> Tensor:
    """sRGB 0..1 -> linear light 0..1, IEC 61966-2-1."""
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: Tensor) -> Tensor:
    """Linear light -> sRGB."""
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055)
