"""The hole: how the mask grows, where the feet are stretched, and which boxes are filled together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgswap.errors import PictureError
from bgswap.inpainting.hole import Box, hole_of, islands, share_of_fill


@pytest.fixture
def standing():
    """A figure of 120 x 40 pixels in a frame of 200 x 160, feet in the picture."""
    matte = np.zeros((200, 160), np.uint8)
    matte[40:160, 60:100] = 255
    return matte


def test_soft_edges_belong_to_the_hole_and_traces_do_not(standing):
    standing[39, 60:100], standing[38, 60:100] = 30, 5
    hole = hole_of(standing, threshold=0.05, dilate=0, below=0)
    assert hole[39, 80]
    assert not hole[38, 80]


def test_a_16_bit_matte_makes_the_same_hole(standing):
    wide = standing.astype(np.uint16) * 257
    assert (hole_of(wide) == hole_of(standing)).all()


def test_growth_is_a_round_distance_in_pixels(standing):
    hole = hole_of(standing, dilate=10, below=0)
    assert hole[30, 80]
    assert not hole[29, 80]
    assert hole[100, 50]
    assert not hole[100, 49]
    assert not hole[31, 51]  # the corner: 9 down and 9 across are 12.7 away


def test_growth_below_one_is_a_share_of_the_short_side(standing):
    assert (hole_of(standing, dilate=0.05) == hole_of(standing, dilate=8)).all()


@settings(max_examples=25, deadline=None)
@given(tall=st.integers(1, 1200), seed=st.integers(0, 99))
def test_strips_grow_a_mask_as_the_whole_does(tall, seed):
    rng = np.random.default_rng(seed)
    matte = np.zeros((tall, 24), np.uint8)
    matte[rng.integers(tall), rng.integers(24)] = 255
    row, column = np.argwhere(matte)[0]
    far = np.hypot(*np.meshgrid(np.arange(tall) - row, np.arange(24) - column, indexing="ij"))
    if (far <= 7.5).all():
        return
    hole = hole_of(matte, dilate=7, below=0)
    assert hole[far <= 6.5].all()  # OpenCV's distances are within 2 % of the true ones
    assert not hole[far > 7.5].any()


def test_feet_are_stretched_down_and_sideways_and_heads_are_not(standing):
    plain = hole_of(standing, dilate=0, below=0)
    hole = hole_of(standing, dilate=0, below=0.1)
    assert hole[160:171, 80].all()
    assert hole[158, 45]
    assert (hole[:140] == plain[:140]).all()


def test_a_person_cut_by_the_lower_border_has_no_feet_to_stretch(standing):
    standing[40:, 60:100] = 255
    assert (hole_of(standing, dilate=0, below=0.1) == (standing > 0)).all()


def test_everybody_stands_on_their_own_feet(standing):
    standing[20:80, 130:150] = 255
    hole = hole_of(standing, dilate=0, below=0.1)
    assert hole[80:86, 140].all()
    assert hole[160:171, 80].all()


def test_a_mask_of_everything_is_an_error_and_a_mask_of_nothing_is_no_hole():
    with pytest.raises(PictureError, match="whole photo"):
        hole_of(np.full((20, 30), 255, np.uint8))
    assert not hole_of(np.zeros((20, 30), np.uint8)).any()


def test_near_holes_are_filled_together_and_far_ones_apart():
    hole = np.zeros((300, 900), bool)
    hole[100:140, 100:120] = hole[100:140, 140:160] = hole[100:140, 700:720] = True
    (first, room), (second, _) = islands(hole)
    assert first == Box(100, 100, 140, 160)
    assert second == Box(100, 700, 140, 720)
    assert room == Box(70, 70, 170, 190)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), height=st.integers(1, 90), width=st.integers(1, 2100))
def test_every_hole_pixel_lies_in_exactly_one_room_with_no_foreign_hole(seed, height, width):
    hole = np.random.default_rng(seed).random((height, width)) < 0.002
    covered = np.zeros(hole.shape, int)
    for box, room in islands(hole):
        covered[room.slices] += 1
        assert hole[box.slices].sum() == hole[room.slices].sum()
    assert (covered[hole] == 1).all()


def test_the_fill_shows_fully_inside_and_fades_toward_the_rim():
    hole = np.zeros((60, 60), bool)
    hole[10:50, 10:50] = True
    share = share_of_fill(hole, slice(0, 60), 4)
    assert (share[~hole] == 0).all()
    assert (share[15:45, 15:45] == 1).all()
    assert 0 < share[10, 30] < share[12, 30] < 1
    assert (share_of_fill(hole, slice(30, 36), 4) == share[30:36]).all()
    assert (share_of_fill(hole, slice(0, 60), 0)[hole] == 1).all()
