"""Flicker of a video, spectra of the person's and the place's brightness compared: lower is better, 0 is best."""

import torch
from torch import Tensor

from bgswap.evaluation.metric import ratio

ROLES = ("predicted", "mask")
VARIANTS = ("distance", "high-band")
BETTER, BEST, UNIT = "lower", 0.0, "ln"
SEQUENCE = True
CURVES = ("person", "place")

LUMA = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709
HIGH = 0.125  # cycles a frame: a quarter of the Nyquist frequency
SHORTEST = 8  # ours: fewer frames have no more than one frequency below HIGH
BLOCK = 1 << 16  # ours: pixels a block, so that a plane of it stays in a core's cache
FLOOR = 1e-5  # ours: of brightness 0..1; mean brightness of 10,000 pixels of 8 bits is no finer than 1e-5


def features(predicted: Tensor, mask: Tensor) -> Tensor:
    """Mean brightness of the person and of the rest in each frame.

    Brightness is luma as it is seen: BT.709 weights on sRGB values, not on linear light. Seed 003 says "average
    brightness" only. Soft pixels count to both in their shares.

    predicted: (B, 3, H, W) sRGB 0..1; mask: (B, 1, H, W) 0..1, 1 where the person is. Returns (B, 2) float64, 0 to 1:
    inside, outside; NaN where there is no such pixel.
    """
    batch, _, height, width = predicted.shape
    inside, everywhere, covered = torch.zeros(3, batch, dtype=torch.float64, device=predicted.device)
    step = max(1, BLOCK // (batch * width))
    for top in range(0, height, step):
        rows, share = predicted[:, :, top : top + step], mask[:, 0, top : top + step]
        luma = rows[:, 0] * LUMA[0]
        luma.add_(rows[:, 1], alpha=LUMA[1]).add_(rows[:, 2], alpha=LUMA[2])
        # single sums over megapixels would wander by more than real flicker
        everywhere += luma.sum((1, 2))
        inside += luma.mul_(share).sum((1, 2))
        covered += share.sum((1, 2))
    light = torch.stack([inside, everywhere - inside], 1)
    return ratio(light, torch.stack([covered, height * width - covered], 1))


def curves(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Frequencies in cycles a frame, above 0 up to 0.5, and the spectra of the person and the place there.

    features: (N, 2) of N frames in order. The mean is taken off, a periodic Hann window laid over, and |FFT| / N
    taken; not below FLOOR, so that logarithms exist. Returns three (N // 2,) tensors, float64.
    """
    series = features.double().T
    window = torch.hann_window(series.shape[1], dtype=torch.float64, device=series.device)
    changes = (series - series.mean(1, keepdim=True)) * window
    spectra = (torch.fft.rfft(changes).abs() / series.shape[1]).clamp_min(FLOOR)
    frequencies = torch.fft.rfftfreq(series.shape[1], dtype=torch.float64, device=series.device)
    return frequencies[1:], spectra[0, 1:], spectra[1, 1:]


def band_ratio(features: Tensor) -> float:
    """Energy of the person's spectrum above HIGH over that of the place's: 1 is ideal, more flickers, less is numb."""
    frequencies, person, place = curves(features)
    high = frequencies > HIGH
    return float(person[high].square().sum() / place[high].square().sum())


def of_set(
    predicted: Tensor,
    true: Tensor | None = None,  # noqa: ARG001 - every of_set takes it
    variant: str = "distance",
) -> float:
    """How far the spectrum of the person's brightness is from that of the place, after seed 003, section 4.5, figure 8.

    The paper shows curves and no number; in a steady video both have like energy at all frequencies. "distance": the
    sum over frequencies of |ln F - ln B|; it grows with the number of frames, so compare videos of one length.
    "high-band": |ln| of the energy above a quarter of the Nyquist frequency, person over place; 0.69 is twice or half.
    Without the logarithm (band_ratio) 1 would be best and neither higher nor lower better: more is flicker that the
    place does not have, less is a person that does not take part in its changes.

    predicted: (N, 2), features of one video's frames in order; true is not used. NaN for fewer than 8 frames, or where
    a frame shows nobody or nothing else. A person as bright as the place at all times is 0 away:

    >>> light = torch.rand(16, 1, generator=torch.Generator().manual_seed(0))
    >>> of_set(light.expand(16, 2))
    0.0
    """
    if len(predicted) < SHORTEST:
        return float("nan")
    if variant == "high-band":
        return abs(float(torch.tensor(band_ratio(predicted), dtype=torch.float64).log()))
    _, person, place = curves(predicted)
    return float((person.log() - place.log()).abs().sum())
