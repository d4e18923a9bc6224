"""The published conventions of harmonization errors by name: what is compared, at which size, against which peak.

As published code has it; the papers do not say:

dovenet: Cong et al., CVPR 2020, evaluation.py and DoveNet/test.py of the iHarmony4 repository. Its mask turns black and
white before it is resized, hence by nearest neighbor.
idih: the code that grew out of Sofiiuk et al., WACV 2021. Its followers (PCT-Net, CVPR 2023) multiply the squared error
by the mask and have peak 255, which is meant here; the first version itself has the error of the whole picture, and the
real picture's largest level as peak. They publish 256x256 (OpenCV, bilinear) and full resolution: say the size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bgswap.evaluation.metrics.fmse import INSIDE


@dataclass(frozen=True)
class Convention:
    """How a family of papers measures mse, psnr and fmse of harmonized pictures.

    summary: one sentence for help and reports. at: height and width in pixels that all pictures are brought to by
    Pillow's bicubic filter, None as given. under_mask: outside the mask the prediction counts as correct. psnr: the
    metric's variant. threshold: a mask's value from which a pixel is inside, 0..1. hard_mask: masks are resized by
    nearest neighbor.
    """

    name: str
    summary: str
    at: int | None = None
    under_mask: bool = False
    psnr: str = "255"
    threshold: float = INSIDE
    hard_mask: bool = False


CONVENTIONS = {
    convention.name: convention
    for convention in (
        Convention("plain", "whole pictures as they are given, peak 255"),
        Convention(
            "dovenet",
            "DoveNet's script: whole pictures at 256x256 (Pillow, bicubic), peak: the range of the result's levels",
            at=256,
            psnr="range",
            hard_mask=True,
        ),
        Convention(
            "idih",
            "the iDIH family: error under the mask alone, the background counts as correct, peak 255",
            under_mask=True,
        ),
    )
}


def apply(convention: Convention, predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """The prediction as a convention sees it: with the truth outside the mask, or as it is.

    predicted, true: (B, C, H, W) sRGB 0..1, at the convention's size; mask: (B, 1, H, W) 0..1. Returns (B, C, H, W).
    """
    if not convention.under_mask:
        return predicted
    return torch.where(mask >= convention.threshold, predicted, true)
