import numpy as np
import pytest
import torch
from skimage import filters, transform

from bgswap.augmentation.tensors import gaussian, over, premultiplied, resize, straight, to_pixels, to_tensor, warp

STILL = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def test_a_still_affine_changes_nothing(photo):
    picture = to_tensor(photo[:100, :120])
    assert torch.allclose(warp(picture, STILL, (100, 120)), picture, atol=1e-5)


def test_a_whole_shift_moves_pixels_and_leaves_nothing_behind(photo):
    picture = to_tensor(photo[:80, :90])
    moved = warp(picture, [[1, 0, 7], [0, 1, -3]], (80, 90))
    assert torch.allclose(moved[:, :77, 7:], picture[:, 3:, :83], atol=1e-5)
    assert moved[:, :, :6].abs().max() < 1e-5


def test_a_turn_is_the_turn_of_scikit_image(photo):
    picture = to_tensor(photo)
    cos, sin = np.cos(0.3), np.sin(0.3)
    matrix = [[1.2 * cos, -1.2 * sin, 40.0], [1.2 * sin, 1.2 * cos, -60.0]]
    mine = warp(picture, matrix, (400, 420)).permute(1, 2, 0).numpy()
    # scikit-image counts from pixel centers
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    back = np.linalg.inv(np.linalg.inv(half) @ np.vstack([matrix, [0, 0, 1]]) @ half)
    theirs = transform.warp(photo / 255, back, order=3, output_shape=(400, 420))
    inside = transform.warp(np.ones((512, 512)), back, output_shape=(400, 420)) > 0.999
    assert np.abs(mine - np.clip(theirs, 0, 1))[inside].mean() < 0.004


def test_shrinking_averages_instead_of_skipping():
    stripes = torch.zeros(1, 128, 128)
    stripes[:, :, ::2] = 1
    small = warp(stripes, [[0.25, 0, 0], [0, 0.25, 0]], (32, 32))
    assert (small[:, 2:-2, 2:-2] - 0.5).abs().max() < 0.05


def test_a_cut_out_goes_through_premultiplied_and_comes_back(astronaut):
    photo, alpha = to_tensor(astronaut[0]), to_tensor(astronaut[1])
    colors, cover = straight(premultiplied(photo, alpha))
    assert torch.equal(cover, alpha)
    assert (colors - photo).abs()[(alpha > 0.02).expand(3, -1, -1)].max() < 1e-4


def test_blur_is_scipys(photo):
    picture = to_tensor(photo[:90, :70])
    theirs = filters.gaussian(photo[:90, :70] / 255, 2.5, mode="nearest", truncate=3.2, channel_axis=2)
    assert np.abs(gaussian(picture, 2.5).permute(1, 2, 0).numpy() - theirs).max() < 2e-3
    assert torch.equal(gaussian(picture, 0.0), picture)


def test_over_keeps_the_background_bit_for_bit_where_alpha_is_0(astronaut):
    photo, alpha = to_tensor(astronaut[0]), to_tensor(astronaut[1])
    behind = torch.rand(photo.shape, generator=torch.Generator().manual_seed(0))
    outside = (alpha == 0).expand(3, -1, -1)
    assert outside.any()
    assert torch.equal(over(photo, alpha, behind)[outside], behind[outside])


def test_hidden_pixels_are_written_as_nothing():
    rgba = torch.full((4, 2, 2), 0.5)
    rgba[3, 0] = 0.001
    assert to_pixels(rgba)[0].max() == 0
    assert to_pixels(rgba)[1].min() == 128


def test_a_wide_blur_made_at_half_the_size_is_scipys_to_a_level_away_from_borders(photo):
    theirs = filters.gaussian(photo[::2, ::2] / 255, 6.0, mode="nearest", truncate=3.2, channel_axis=2)
    apart = np.abs(gaussian(to_tensor(photo[::2, ::2]), 6.0).permute(1, 2, 0).numpy() - theirs)
    assert apart[20:-20, 20:-20].max() < 1.5 / 255
    assert apart.mean() < 0.5 / 255
    assert gaussian(torch.rand(1, 1, 3), 9.0).shape == (1, 1, 3)


def test_a_blur_of_two_sigmas_spreads_each_way_by_its_own(photo):
    dot = torch.zeros(1, 41, 41)
    dot[:, 20, 20] = 1
    blurred = gaussian(dot, (3.0, 1.0))[0]
    at = torch.arange(41) - 20
    assert (blurred.sum(1) * at**2).sum().sqrt() == pytest.approx(3.0, abs=0.06)
    assert (blurred.sum(0) * at**2).sum().sqrt() == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("size", [(64, 64), (30, 90)])
def test_resizing_keeps_the_mean(photo, size):
    picture = to_tensor(photo)
    assert resize(picture, size).mean() == pytest.approx(float(picture.mean()), abs=2e-3)
