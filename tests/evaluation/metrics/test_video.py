"""Flicker: spectra of brightness, and the error of what changes from frame to frame."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from bgswap.evaluation.metric import find
from bgswap.evaluation.metrics import spectrum, temporal

FRAMES = 32


def sine(frames: int, cycles: int, amplitude: float) -> Tensor:
    return amplitude * torch.sin(2 * math.pi * cycles * torch.arange(frames, dtype=torch.float64) / frames)


@pytest.fixture(scope="module")
def still(photo) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The astronaut at 128 pixels, levels, and a round soft mask over her face and suit."""
    small = photo.reshape(128, 4, 128, 4, 3).mean((1, 3))
    rows, columns = np.mgrid[:128, :128]
    return small, np.clip(40 - np.hypot(columns - 56, rows - 70), 0, 4) / 4


def video(still, person: NDArray[np.float64], place: NDArray[np.float64]) -> Tensor:
    """Features of frames whose person and place are brightened by factors, saved as 8 bits. (N,), (N,) -> (N, 2)."""
    small, mask = still
    alpha = torch.from_numpy(mask).float()[None, None]
    frames = []
    for inside, outside in zip(person, place, strict=True):
        light = mask * inside + (1 - mask) * outside
        levels = np.rint((small * light[..., None]).clip(0, 255)).astype(np.float32)
        frames.append(spectrum.features(torch.from_numpy(levels.transpose(2, 0, 1) / 255)[None], alpha))
    return torch.cat(frames)


LIGHT = 0.8 + 0.1 * np.sin(2 * np.pi * 2.3 * np.arange(FRAMES) / FRAMES)  # clouds: two slow waves


def test_a_person_lit_as_the_place_is_steady_and_one_whose_brightness_alternates_is_not(still):
    alternating = LIGHT + 0.02 * (-1.0) ** np.arange(FRAMES)
    steady, flicker, numb = (video(still, person, LIGHT) for person in (LIGHT, alternating, np.full(FRAMES, 0.8)))
    assert spectrum.of_set(flicker) > 2 * spectrum.of_set(steady)
    assert spectrum.of_set(numb) > 2 * spectrum.of_set(steady)
    assert spectrum.band_ratio(flicker) > 50
    assert spectrum.band_ratio(numb) < 0.1
    assert 0.6 < spectrum.band_ratio(steady) < 1.6
    bands = [spectrum.of_set(one, None, "high-band") for one in (steady, flicker, numb)]
    assert bands[0] < 0.5 < 2.3 < min(bands[1:])


def test_twice_the_wave_is_the_logarithm_of_two_in_the_three_bins_that_a_hann_window_gives_it():
    """Bin 16 of 64 holds a quarter of the amplitude, both neighbors an eighth, all others nothing: 3 ln 2."""
    place = 0.5 + sine(64, 16, 0.1)
    person = 0.3 + sine(64, 16, 0.2)
    features = torch.stack([person, place], 1)
    frequencies, high, low = spectrum.curves(features)
    assert frequencies[15] == 0.25
    assert low[14:17].tolist() == pytest.approx([0.0125, 0.025, 0.0125])
    assert high[15] == pytest.approx(0.05)
    assert (high[:14] == spectrum.FLOOR).all()
    assert spectrum.of_set(features) == pytest.approx(3 * math.log(2))
    assert spectrum.band_ratio(features) == pytest.approx(4, rel=1e-5)
    assert spectrum.of_set(features, None, "high-band") == pytest.approx(2 * math.log(2), rel=1e-5)


def test_slow_waves_do_not_count_as_high_band():
    """Bins 4 to 6 of 64, all below a quarter of Nyquist, bin 8."""
    features = torch.stack([0.3 + sine(64, 5, 0.2), 0.5 + sine(64, 5, 0.1)], 1)
    assert spectrum.of_set(features, None, "high-band") == 0
    assert spectrum.of_set(features) == pytest.approx(3 * math.log(2))


@settings(deadline=None, max_examples=30)
@given(frames=st.integers(8, 40), seed=st.integers(0, 999))
def test_spectra_are_those_of_the_transform_summed_term_by_term(frames, seed):
    from scipy.signal import get_window

    features = np.random.default_rng(seed).random((frames, 2))
    changes = (features - features.mean(0)) * get_window("hann", frames)[:, None]
    times = np.arange(frames)
    direct = np.array([np.exp(-2j * np.pi * k * times / frames) @ changes for k in range(1, frames // 2 + 1)])
    wanted = np.maximum(np.abs(direct) / frames, 1e-5)
    frequencies, *spectra = spectrum.curves(torch.from_numpy(features))
    assert frequencies.tolist() == pytest.approx([k / frames for k in range(1, frames // 2 + 1)])
    assert np.allclose(torch.stack(spectra, 1).numpy(), wanted, rtol=1e-9)
    expected = np.abs(np.diff(np.log(wanted), axis=1)).sum()
    assert spectrum.of_set(torch.from_numpy(features)) == pytest.approx(expected, rel=1e-9)


def test_brightness_is_luma_weighted_by_the_mask_and_by_what_it_leaves(still):
    small, mask = still
    frame = torch.from_numpy(small.transpose(2, 0, 1) / 255).float()[None]
    luma = (small / 255) @ [0.2126, 0.7152, 0.0722]
    wanted = [np.average(luma, weights=mask), np.average(luma, weights=1 - mask)]
    values = spectrum.features(frame, torch.from_numpy(mask).float()[None, None])
    assert values.tolist() == [pytest.approx(wanted, rel=1e-6)]


def test_large_frames_are_averaged_finer_than_the_floor_of_the_spectra():
    random = torch.Generator().manual_seed(0)
    frame = torch.rand(1, 3, 1000, 1500, generator=random)
    mask = torch.rand(1, 1, 1000, 1500, generator=random)
    luma = (frame[0].double().numpy() * np.array([0.2126, 0.7152, 0.0722])[:, None, None]).sum(0)
    weights = mask[0, 0].double().numpy()
    wanted = [np.average(luma, weights=weights), np.average(luma, weights=1 - weights)]
    assert np.abs(spectrum.features(frame, mask)[0].numpy() - wanted).max() < spectrum.FLOOR / 100


def test_a_video_that_is_short_or_has_a_frame_of_nobody_has_no_value():
    light = torch.rand(16, 2, generator=torch.Generator().manual_seed(1))
    assert math.isnan(spectrum.of_set(light[:7]))
    assert not math.isnan(spectrum.of_set(light[:8]))
    empty = spectrum.features(torch.rand(1, 3, 4, 4), torch.zeros(1, 1, 4, 4))
    assert empty.isnan().tolist() == [[True, False]]
    assert math.isnan(spectrum.of_set(torch.cat([light, empty])))


def test_a_video_in_which_nothing_changes_is_perfect():
    assert spectrum.of_set(torch.full((16, 2), 0.5)) == 0
    assert spectrum.of_set(torch.full((16, 2), 0.5), None, "high-band") == 0


def test_the_registry_hands_frames_in_order_to_the_set():
    for metric in find(["spectrum", "spectrum:high-band"]):
        assert metric.sequence
        assert metric.of_set
        assert not metric.against_true
        features = metric(torch.rand(2, 3, 4, 4), torch.full((2, 1, 4, 4), 0.5))
        assert features.shape == (2, 2)
        assert metric.of_features(features.repeat(8, 1), None) >= 0


# Temporal error


def test_a_picture_that_brightens_by_four_levels_is_off_by_four():
    dark, bright = torch.full((1, 3, 2, 2), 0.2), torch.full((1, 3, 2, 2), 0.2 + 4 / 255)
    assert float(temporal.temporal(bright, dark, dark, dark)) == pytest.approx(4, abs=1e-4)
    assert float(temporal.temporal(dark, bright, dark, dark)) == pytest.approx(4, abs=1e-4)
    assert float(temporal.temporal(bright, dark, bright, dark)) == 0  # wrong, but as wrong as before


def test_dtssd_of_two_pixels_is_the_root_of_their_mean_square():
    """Changes 0.1 and 0.7 where the truth stays: sqrt((0.01 + 0.49) / 2) = 0.5, as printed x 100: 50."""
    alpha, still = torch.tensor([0.1, 0.7]).view(1, 1, 1, 2), torch.zeros(1, 1, 1, 2)
    value = temporal.temporal(alpha, still, still, still, variant="dtssd-alpha")
    assert float(value) / 2.55 == pytest.approx(50, rel=1e-6)


def test_errors_of_real_frames_are_those_of_numpy_in_double(photo):
    """A pan over the photo, its second frame too bright in the middle and with a little noise."""
    true_previous, true = photo[:400, :400].astype(np.float64), photo[:400, 3:403].astype(np.float64)
    noise = np.random.default_rng(0).normal(0, 2, true.shape)
    previous, predicted = true_previous, true + noise
    predicted[100:300, 100:300] += 6
    told = [predicted, true, previous, true_previous]
    batch = [torch.from_numpy(np.ascontiguousarray(one.transpose(2, 0, 1) / 255)).float()[None] for one in told]
    change = (predicted - previous) - (true - true_previous)
    assert float(temporal.temporal(*batch)) == pytest.approx(np.abs(change).mean(), rel=1e-5)
    mattes = [one[:, :1] for one in batch]
    expected = np.sqrt((change[..., 0] ** 2).mean())
    assert float(temporal.temporal(*mattes, variant="dtssd-alpha")) == pytest.approx(expected, rel=1e-5)


@settings(deadline=None)
@given(
    seed=st.integers(0, 999),
    batch=st.integers(1, 3),
    rows=st.integers(2, 8),
    variant=st.sampled_from(temporal.VARIANTS),
)
def test_strips_add_up_batches_equal_their_frames_and_inputs_stay(seed, batch, rows, variant):
    random = torch.Generator().manual_seed(seed)
    pictures = [torch.rand(batch, 3, rows, 5, generator=random) for _ in range(4)]
    kept = [one.clone() for one in pictures]
    values = temporal.temporal(*pictures, variant=variant)
    strips = [temporal.sums(*(one[:, :, at] for one in pictures), variant=variant) for at in (slice(1), slice(1, None))]
    assert torch.allclose(temporal.score(strips[0] + strips[1], variant), values, rtol=1e-6)
    alone = [temporal.temporal(*(one[i : i + 1] for one in pictures), variant=variant) for i in range(batch)]
    assert torch.allclose(torch.cat(alone), values, rtol=1e-6)
    assert ((values > 0) & (values <= 510)).all()
    assert (temporal.temporal(pictures[0], pictures[0], pictures[1], pictures[1], variant=variant) == 0).all()
    assert all(torch.equal(*pair) for pair in zip(kept, pictures, strict=True))
