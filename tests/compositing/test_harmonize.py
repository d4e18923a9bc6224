"""Reinhard's transfer, and no way: harmonize/ by statistics."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from bgswap.compositing.colors import Recolor
from bgswap.compositing.decisions import ColorMap, Place
from bgswap.compositing.harmonize import none, reinhard
from bgswap.compositing.light import to_unit
from bgswap.compositing.outline import trace
from bgswap.compositing.scene import Scene


def unit(person):
    return to_unit(person[..., :3]), to_unit(person[..., 3])


def applied(grid, pixels, strength=1.0):
    alpha = np.full(pixels.shape[:2], 255, np.uint8)
    return Recolor(ColorMap("reinhard", strength, grid=grid), pixels.shape[:2]).apply(pixels, alpha, 0, 0)


def scene_of(person, place):
    return Scene(person, trace(person), Place(0.5, 1.0, 0.8), place, place.shape[:2])


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
    grid = reinhard.grid_of(colors, alpha, to_unit(place))
    seen = half_length[..., 3] > 127
    exact = reinhard.transfer(colors.reshape(-1, 3), alpha.reshape(-1), to_unit(place).reshape(-1, 3))
    change = np.abs(exact.reshape(colors.shape) * 255 - half_length[..., :3])[seen]
    off = np.abs(applied(grid, half_length[..., :3]) - exact.reshape(colors.shape) * 255)[seen]
    assert change.mean() > 15
    assert off.mean() < 2.0
    assert np.quantile(off, 0.99) < 12


def test_no_way_asks_for_nothing_and_reinhard_for_a_grid_of_the_person_at_its_place(half_length, place):
    scene = scene_of(half_length, place)
    assert none.harmonize(scene) is None
    color = reinhard.harmonize(scene)
    seen = scene.whole
    assert color.way == "reinhard"
    assert color == ColorMap("reinhard", grid=reinhard.grid_of(seen.foreground, seen.alpha, seen.background))


def test_no_strength_leaves_every_pixel_alone(half_length, place):
    grid = reinhard.grid_of(*unit(half_length), to_unit(place))
    assert np.array_equal(applied(grid, half_length[..., :3], strength=0), half_length[..., :3])


@pytest.mark.parametrize("person", [0, 128, 255])
@pytest.mark.parametrize("place", [0, 128, 255])
def test_flat_people_and_flat_places_give_finite_colors_and_the_places_mean(person, place):
    colors, alpha = np.full((20, 30, 3), person / 255, np.float32), np.ones((20, 30), np.float32)
    grid = reinhard.grid_of(colors, alpha, np.full((9, 9, 3), place / 255, np.float32))
    moved = applied(grid, np.full((20, 30, 3), person, np.uint8))
    assert np.abs(moved.astype(int) - place).max() <= 2


def test_an_empty_matte_asks_for_nothing(photo):
    assert reinhard.grid_of(to_unit(photo), np.zeros(photo.shape[:2], np.float32), to_unit(photo)) is None
