import numpy as np
import pytest
import torch

from bgswap.augmentation import degrade
from bgswap.augmentation.tensors import to_tensor


@pytest.fixture(scope="module")
def picture(photo):
    return to_tensor(photo[::4, ::4])


def test_noise_has_the_spread_that_was_asked_for_and_follows_its_seed():
    gray = torch.full((3, 200, 200), 0.5)
    noisy = degrade.noise(gray, 0.02, seed=5)
    assert abs(float((noisy - gray).std()) - 0.02) < 0.0005  # 120,000 draws: 3 standard errors are 0.00012
    assert torch.equal(noisy, degrade.noise(gray, 0.02, seed=5))
    assert not torch.equal(noisy, degrade.noise(gray, 0.02, seed=6))
    assert torch.equal(gray, torch.full((3, 200, 200), 0.5))


def test_noise_can_differ_from_pixel_to_pixel():
    gray = torch.full((3, 100, 100), 0.5)
    sigma = torch.zeros(1, 100, 100)
    sigma[:, 50:] = 0.05
    noisy = degrade.noise(gray, sigma, seed=1)
    assert torch.equal(noisy[:, :50], gray[:, :50])
    assert abs(float((noisy[:, 50:] - 0.5).std()) - 0.05) < 0.002


def test_no_noise_leaves_the_very_pixels(picture):
    assert torch.equal(degrade.noise(picture, 0.0, seed=1), picture)


def test_coarsening_takes_detail_and_keeps_the_mean(picture):
    half = degrade.coarsen(picture, 0.5)
    detail = [float(one.diff(dim=2).abs().mean()) for one in (picture, half)]
    assert half.shape == picture.shape
    assert detail[1] < 0.8 * detail[0]
    assert abs(float(half.mean() - picture.mean())) < 1e-3


def test_jpeg_gives_the_same_pixels_each_time_and_loses_more_at_lower_quality(picture):
    errors = [float((degrade.jpeg(picture, quality) - picture).square().mean()) for quality in (95, 60, 20)]
    assert errors == sorted(errors)
    assert 0 < errors[0] < 0.002
    assert torch.equal(degrade.jpeg(picture, 60), degrade.jpeg(picture, 60))


def test_jpeg_keeps_red_red():
    red = torch.zeros(3, 16, 16)
    red[0] = 1
    assert np.allclose(degrade.jpeg(red, 90).mean((1, 2)), [1, 0, 0], atol=0.02)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 2)])
def test_the_smallest_pictures_pass_every_step(size):
    tiny = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    for made in (
        degrade.noise(tiny, 0.1, 1),
        degrade.coarsen(tiny, 0.1),
        degrade.jpeg(tiny, 1),
    ):
        assert made.shape == tiny.shape
        assert bool(torch.isfinite(made).all())
