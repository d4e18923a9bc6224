"""Losses that recipes share: plain functions of batches, each a scalar mean, so that the batch's size changes nothing.

All take pictures or mattes (B, C, H, W). A loss under a mask divides by a count that the trainer has averaged over
the whole batch (Method.counts), so that devices and accumulation change nothing either.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

HALF = 0.03  # ours: an alpha this close to one half counts as it, which resampling and rounding leave


def l1(made: Tensor, true: Tensor) -> Tensor:
    """Mean absolute difference."""
    return (made - true).abs().mean()


def dice(made: Tensor, true: Tensor) -> Tensor:
    """1 - 2 sum(y p) / (sum y^2 + sum p^2), by picture, then their mean. 0 where both are empty.

    Source: matting U-Net's poster, "Loss function and Metrics"; by picture, not by batch: ours.
    """
    y, p = true.flatten(1), made.flatten(1)
    return (1 - (2 * (y * p).sum(1) + 1e-6) / (y.square().sum(1) + p.square().sum(1) + 1e-6)).mean()


def edges(made: Tensor, true: Tensor) -> Tensor:
    """L1 of the differences of neighbors, along x and along y."""
    error = made - true
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


def mse_under(made: Tensor, true: Tensor, mask: Tensor, count: Tensor) -> Tensor:
    """Squared error summed over `mask` (B, 1, H, W), over `count`: the mask's mean area times its channels."""
    return ((made - true).square() * mask).sum() / (count * made.shape[1] * made.shape[0]).clamp_min(1)


def logistic_real(logits: Tensor) -> Tensor:
    """softplus(-D(real)): non-saturating logistic loss. Goodfellow et al. 2014; StyleGAN2."""
    return F.softplus(-logits).mean()


def logistic_fake(logits: Tensor) -> Tensor:
    """softplus(D(fake)), the discriminator's other half."""
    return F.softplus(logits).mean()


def bce(logits: Tensor, target: float | Tensor) -> Tensor:
    """Binary cross-entropy of logits against a number or a map of targets, 0..1."""
    wanted = target if isinstance(target, Tensor) else torch.full_like(logits, target)
    return F.binary_cross_entropy_with_logits(logits, wanted)


def known(alpha: Tensor) -> Tensor:
    """1 where alpha (B, 1, H, W) 0..1 is known, 0 where a whole area is one half, as trimaps say "unknown".

    An area holds 3x3 pixels, which a soft edge has not; 2 pixels about it, where it was resampled, are unknown too.
    """
    odd = F.max_pool2d((alpha - 0.5).abs(), 3, 1, 1)  # what is most unlike one half in 3x3 pixels
    return 1 - F.max_pool2d((odd < HALF).float(), 7, 1, 3)


def matte_metrics(alpha: Tensor, true: Tensor) -> dict[str, Tensor]:
    """MAD and IoU at one half of mattes (B, 1, H, W) 0..1, by picture (B,); IoU of two empty ones is 1."""
    found, wanted = (alpha > 0.5).flatten(1), (true > 0.5).flatten(1)
    both, either = (found & wanted).sum(1), (found | wanted).sum(1)
    iou = torch.where(either > 0, both / either.clamp_min(1), torch.ones_like(either, dtype=torch.float32))
    return {"mad": (alpha - true).abs().flatten(1).mean(1), "iou": iou}


def picture_metrics(made: Tensor, true: Tensor) -> dict[str, Tensor]:
    """MSE on 0..255 and PSNR in dB of pictures (B, 3, H, W) 0..1, by picture (B,); PSNR at most 100."""
    mse = ((made.clamp(0, 1) - true) * 255).square().flatten(1).mean(1)
    return {"mse": mse, "psnr": (10 * torch.log10(255**2 / mse.clamp_min(1e-12))).clamp_max(100)}
