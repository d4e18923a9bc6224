from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgswap.augmentation.cutting import cut, cut_straight
from bgswap.augmentation.frame import Window, covering, draw_window, frame_size, scene_of
from bgswap.augmentation.ranges import FrameRanges
from bgswap.augmentation.tensors import over, to_pixels, to_tensor
from bgswap.compositing.outline import Outline, trace


@given(
    height=st.integers(20, 900),
    width=st.integers(20, 900),
    aspect=st.floats(0.3, 3),
    seed=st.integers(0, 999),
    low=st.floats(0.2, 1),
)
def test_a_window_lies_in_the_photo_has_the_asked_shape_and_shows_some_of_the_person(height, width, aspect, seed, low):
    box = (height // 4, width // 3, height // 2, width - 2)
    outline = Outline(box, box, (height, width))
    window = draw_window(Random(seed), outline, aspect, FrameRanges(crop=(low, 1.0)))
    assert window.top >= -1e-9
    assert window.left >= -1e-9
    assert window.top + window.height <= 1 + 1e-9
    assert window.left + window.width <= 1 + 1e-9
    assert window.width * width / (window.height * height) == pytest.approx(aspect)
    assert window.top * height < box[2]
    assert (window.top + window.height) * height > box[0]
    assert window.left * width < box[3]
    assert (window.left + window.width) * width > box[1]


def test_windows_differ_in_place_and_size_as_the_range_says(astronaut):
    outline = trace(astronaut[1])
    assert outline is not None
    windows = [draw_window(Random(i), outline, 1.0, FrameRanges(crop=(0.5, 0.9))) for i in range(200)]
    sizes = np.array([window.height for window in windows])
    assert 0.5 <= sizes.min() < 0.52
    assert 0.88 < sizes.max() <= 0.9
    assert np.std([window.left for window in windows]) > 0.05


def test_heads_and_feet_of_standing_people_come_about_as_often_as_their_middle():
    outline = Outline((30, 120, 610, 280), (30, 120, 610, 280), (640, 400))
    windows = [draw_window(Random(i), outline, 1.0, FrameRanges(crop=(0.5, 1.0))) for i in range(1000)]
    seen = [
        sum(window.top <= row <= window.top + window.height for window in windows) / 1000
        for row in (60 / 640, 320 / 640, 600 / 640)
    ]
    assert seen[0] > 0.3
    assert seen[2] > 0.2
    assert seen[1] < 0.85


def test_native_takes_the_photo_as_it_is(astronaut):
    photo, alpha = astronaut
    outline = trace(alpha)
    assert outline is not None
    window = draw_window(Random(0), outline, None, FrameRanges())
    assert frame_size(window, (512, 512), None) == (512, 512)
    assert np.array_equal(to_pixels(cut(photo, window, (512, 512))), photo)


def test_a_mirrored_window_mirrors_pictures_box_and_cut_sides_alike(astronaut):
    photo, alpha = astronaut
    straight, mirror = Window(0.1, 0.3, 0.6, 0.6), Window(0.1, 0.3, 0.6, 0.6, flip=True)
    one, other = (cut(photo, window, (100, 80)) for window in (straight, mirror))
    assert np.abs(to_pixels(one)[:, ::-1].astype(int) - to_pixels(other)).max() <= 1
    outline = trace(alpha)
    assert outline is not None
    here, there = (scene_of(outline, window, (100, 80)) for window in (straight, mirror))
    assert here.box[1] == pytest.approx(80 - there.box[3])
    assert ("left" in here.cut) == ("right" in there.cut)


def test_the_scene_tells_the_box_in_the_frame_and_which_borders_cut():
    outline = Outline((100, 50, 300, 150), (100, 50, 300, 150), (400, 200))
    scene = scene_of(outline, Window(0.5, 0.0, 0.5, 1.0), (100, 100))
    assert scene.box == (-50, 25, 50, 75)
    assert scene.cut == {"top"}


def test_pictures_that_were_decoded_smaller_are_cut_at_the_same_place(photo):
    window = Window(0.2, 0.1, 0.5, 0.6)
    half = photo.reshape(256, 2, 256, 2, 3).mean((1, 3)).round().astype(np.uint8)
    whole, small = (cut(pixels, window, (60, 72)) for pixels in (photo, half))
    assert (whole - small).abs().mean() < 0.01


def test_a_cut_out_keeps_its_colors_in_soft_edges_when_it_shrinks():
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[:, :24] = (200, 30, 10, 255)  # beside it lie black hidden pixels, which must not darken the edge
    colors, alpha = cut_straight(rgba, Window(), (20, 20))
    soft = (alpha[0] > 0) & (alpha[0] < 1)
    assert soft.any()
    assert np.allclose(colors[:, soft].numpy().T * 255, (200, 30, 10), atol=0.6)


def test_the_persons_solid_parts_come_out_as_the_photo_itself_does(astronaut):
    photo, alpha = astronaut
    opaque = np.dstack([photo, alpha])
    window = Window(0.05, 0.1, 0.7, 0.7)
    colors, cover = cut_straight(opaque, window, (128, 128))
    truth = cut(photo, window, (128, 128))
    solid = (cover == 1).expand(3, -1, -1)
    assert solid.float().mean() > 0.2
    assert (colors - truth).abs()[solid].max() < 0.004  # half a level of 8 bits, and what rounding leaves
    assert (over(colors, cover, truth) - truth).abs().mean() < 0.004


@given(
    high=st.integers(1, 300), wide=st.integers(1, 300), rows=st.integers(1, 90), columns=st.integers(1, 90)
)  # fmt: skip
def test_a_place_is_cropped_and_never_stretched(high, wide, rows, columns):
    window = covering((high, wide), (rows, columns), Random(high * wide), (0.5, 1.0))
    assert window.width * wide / (window.height * high) == pytest.approx(columns / rows)
    assert window.top + window.height <= 1 + 1e-9
    assert window.left + window.width <= 1 + 1e-9


def test_tensors_and_pixels_are_each_others_inverse(photo):
    assert np.array_equal(to_pixels(to_tensor(photo)), photo)
    assert np.array_equal(to_pixels(to_tensor(photo[..., 0])), photo[..., 0])
