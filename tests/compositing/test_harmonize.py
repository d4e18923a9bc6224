"""Color changes: the grid, its fit, and the ways of harmonize/."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2lab

from bgswap.compositing.colors import IDENTITY, Recolor, fit_grid
from bgswap.compositing.decisions import ColorMap
from bgswap.compositing.harmonize import none, reinhard
from bgswap.compositing.light import to_unit


def unit(person):
    return to_unit(person[..., :3]), to_unit(person[..., 3])


def applied(grid, pixels, strength=1.0):
    return Recolor(ColorMap("reinhard", strength, grid), pixels.shape[:2]).apply(
        pixels, np.full(pixels.shape[:2], 255, np.uint8), 0, 0
    )


def test_lab_agrees_with_scikit_image_and_comes_back(photo):
    colors = to_unit(photo[::8, ::8].reshape(-1, 3))
    lab = reinhard.lab_from_srgb(colors)
    assert np.abs(lab - rgb2lab(colors[None].astype(np.float64))[0]).max() < 0.02
    assert np.abs(reinhard.srgb_from_lab(lab) - colors).max() < 1e-4


def test_the_exact_transfer_gives_the_person_the_places_mean_and_spread(half_length, place):
    colors, alpha = unit(half_length)
    weight = alpha.reshape(-1)
    calm = 0.25 + 0.5 * to_unit(place).reshape(-1, 3)  # a calm place: no color leaves the gamut, so none is clipped
    lab = reinhard.lab_from_srgb(reinhard.transfer(colors.reshape(-1, 3), weight, calm))
    target = reinhard.lab_from_srgb(calm)
    mean = (weight[:, None] * lab).sum(0) / weight.sum()
    spread = np.sqrt((weight[:, None] * (lab - mean) ** 2).sum(0) / weight.sum())
    assert mean == pytest.approx(target.mean(0), abs=0.5)
    assert spread[0] == pytest.approx(target.std(0)[0], rel=0.1)


def test_the_grid_is_close_to_the_exact_transfer_on_a_real_photo(half_length, place):
    colors, alpha = unit(half_length)
    grid = reinhard.harmonize(colors, alpha, to_unit(place))
    seen = half_length[..., 3] > 127
    exact = reinhard.transfer(colors.reshape(-1, 3), alpha.reshape(-1), to_unit(place).reshape(-1, 3))
    change = np.abs(exact.reshape(colors.shape) * 255 - half_length[..., :3])[seen]
    off = np.abs(applied(grid, half_length[..., :3]) - exact.reshape(colors.shape) * 255)[seen]
    assert change.mean() > 15
    assert off.mean() < 2.0
    assert np.quantile(off, 0.99) < 12


def test_no_way_and_no_strength_leave_every_pixel_alone(half_length, place):
    colors, alpha = unit(half_length)
    assert none.harmonize(colors, alpha, to_unit(place)) is None
    grid = reinhard.harmonize(colors, alpha, to_unit(place))
    assert np.array_equal(applied(grid, half_length[..., :3], strength=0), half_length[..., :3])


@given(rows=st.integers(1, 4), columns=st.integers(1, 4), bins=st.integers(1, 9), wide=st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_grid_of_identities_of_any_shape_is_identity(photo, rows, columns, bins, wide):
    pixels = photo[100:140, 100:150].astype(np.uint16) * 257 if wide else photo[100:140, 100:150]
    assert np.array_equal(applied(np.tile(IDENTITY, (rows, columns, bins, 1)), pixels), pixels)


def test_cells_of_a_grid_act_where_they_lie():
    grid = np.tile(IDENTITY, (2, 2, 8, 1))
    grid[0, 1, :, 3] = 0.5  # upper right: half more red
    moved = applied(grid, np.full((80, 80, 3), 100, np.uint8))
    assert moved[5, 75].tolist() == [228, 100, 100]
    assert moved[75, 75].tolist() == moved[5, 5].tolist() == [100, 100, 100]
    assert 100 < moved[40, 75, 0] < 228


def test_a_grid_follows_luminance():
    grid = np.tile(IDENTITY, (1, 1, 8, 1))
    grid[0, 0, 0, [3, 7, 11]] = 0.2  # lift the blacks
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
    moved = applied(grid, ramp)[0, :, 0].astype(int)
    assert moved[0] == 51
    assert np.array_equal(moved[40:], np.arange(40, 256))
    assert (np.diff(moved[:40]) >= -1).all()


def test_a_change_that_is_one_affine_is_found(photo):
    colors = to_unit(photo[::4, ::4].reshape(-1, 3))
    after = colors @ np.diag([0.8, 0.7, 0.9]).astype(np.float32) + np.float32(0.05)
    grid = fit_grid(colors, after, np.ones(len(colors), np.float32))
    moved = applied(grid, photo)
    off = np.abs(moved - (photo * [0.8, 0.7, 0.9] + 0.05 * 255))
    assert off.mean() < 0.4  # rounding alone is 0.25
    assert off.max() < 4  # colors that hardly occur are held toward identity


@pytest.mark.parametrize("person", [0, 128, 255])
@pytest.mark.parametrize("place", [0, 128, 255])
def test_flat_people_and_flat_places_give_finite_colors_and_the_places_mean(person, place):
    colors, alpha = np.full((20, 30, 3), person / 255, np.float32), np.ones((20, 30), np.float32)
    grid = reinhard.harmonize(colors, alpha, np.full((9, 9, 3), place / 255, np.float32))
    moved = applied(grid, np.full((20, 30, 3), person, np.uint8))
    assert np.abs(moved.astype(int) - place).max() <= 2


def test_an_empty_matte_asks_for_nothing(photo):
    assert reinhard.harmonize(to_unit(photo), np.zeros(photo.shape[:2], np.float32), to_unit(photo)) is None


def test_only_pixels_that_have_alpha_are_recolored(half_length, place):
    colors, alpha = unit(half_length)
    recolor = Recolor(ColorMap("reinhard", 1, reinhard.harmonize(colors, alpha, to_unit(place))), alpha.shape)
    moved = recolor.apply(half_length[..., :3], half_length[..., 3], 0, 0)
    empty = half_length[..., 3] == 0
    assert np.array_equal(moved[empty], half_length[..., :3][empty])
    assert (moved[~empty] != half_length[..., :3][~empty]).any(1).mean() > 0.95
