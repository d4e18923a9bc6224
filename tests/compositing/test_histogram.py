"""The histogram way: the exact mapping, and the grid that holds it."""

import numpy as np
import pytest

from bgswap.compositing.colors import Recolor
from bgswap.compositing.decisions import ColorMap, Place
from bgswap.compositing.harmonize import histogram
from bgswap.compositing.light import to_unit
from bgswap.compositing.outline import trace
from bgswap.compositing.scene import Scene
from bgswap.evaluation.baselines import histogram as baseline


def seen(person, place):
    return to_unit(person[..., :3]), to_unit(person[..., 3]), to_unit(place)


def test_the_exact_mapping_is_that_of_the_baseline_of_eval(half_length):
    person = np.dstack([half_length[..., :3], np.where(half_length[..., 3] > 127, 255, 0).astype(np.uint8)])
    inside = person[..., 3] > 0
    colors = to_unit(person[..., :3])
    rest = 1 - to_unit(person[..., 3]).reshape(-1)
    cover = np.ones(inside.sum(), np.float32)
    moved = histogram.transfer(colors[inside], cover, colors.reshape(-1, 3), rest)
    expected = baseline.make(np.ascontiguousarray(person[..., :3]), person[..., 3])[inside]
    assert np.abs(moved * 255 - expected).max() <= 1


def test_a_level_goes_to_the_lowest_that_as_large_a_share_of_the_place_lies_below():
    person, place = np.zeros((2, 256))
    person[[10, 20]] = 1, 3
    place[[50, 200]] = 1, 3
    table = histogram.matched(person, place) * 255
    assert table[[10, 20]].tolist() == pytest.approx([50, 200])


def test_the_grid_is_near_the_exact_mapping_on_a_real_person(half_length, place):
    wide = np.ascontiguousarray(place[:, :512])
    person = np.ascontiguousarray(half_length[: wide.shape[0]])
    colors, alpha, background = seen(person, wide)
    grid = histogram.grid_of(colors, alpha, background)
    everywhere = np.full(alpha.shape, 255, np.uint8)
    moved = Recolor(ColorMap("histogram", grid=grid), alpha.shape).apply(person[..., :3], everywhere, 0, 0)
    solid = person[..., 3] > 250
    exact = histogram.transfer(
        colors.reshape(-1, 3), alpha.reshape(-1), background.reshape(-1, 3), 1 - alpha.reshape(-1)
    ).reshape(colors.shape)
    off = np.abs(moved.astype(float) - 255 * exact)[solid]
    change = np.abs(person[..., :3] - 255 * exact)[solid]
    assert change.mean() > 20
    assert off.mean() < 0.3 * change.mean()


def test_a_person_whose_place_is_flat_becomes_as_flat(half_length):
    colors, alpha, background = seen(half_length, np.full((512, 512, 3), (40, 120, 200), np.uint8))
    grid = histogram.grid_of(colors, alpha, background)
    everywhere = np.full(alpha.shape, 255, np.uint8)
    moved = Recolor(ColorMap("histogram", grid=grid), alpha.shape).apply(half_length[..., :3], everywhere, 0, 0)
    assert np.abs(moved[half_length[..., 3] > 250].astype(int) - [40, 120, 200]).mean() < 1


@pytest.mark.parametrize("level", [0, 255])
def test_without_a_person_or_without_a_place_nothing_changes(photo, level):
    colors, alpha = to_unit(photo), np.full(photo.shape[:2], level / 255, np.float32)
    assert histogram.grid_of(colors, alpha, colors) is None


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_scene_of_8_or_16_bits_gives_a_named_change(half_length, place, depth):
    scale = depth(257 if depth == np.uint16 else 1)
    person, background = half_length.astype(depth) * scale, place.astype(depth) * scale
    scene = Scene(person, trace(person), Place(0.5, 1, 0.9), background, place.shape[:2])
    color = histogram.harmonize(scene)
    assert color.way == "histogram"
    assert color.grid.shape == (1, 1, 8, 12)
