"""Outlines, and where the ways of place/ put them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgswap.compositing.decide import CompositeSettings, decide
from bgswap.compositing.decisions import Place
from bgswap.compositing.geometry import bounds, placement_matrix, scale_of
from bgswap.compositing.outline import Outline, trace
from bgswap.compositing.place import fit, keep

FRAME = (600, 900)
BARE = np.zeros((60, 90, 3), np.uint8)  # a place without anything: the horizon is taken to be at half its height


def box_alpha(top: int, left: int, bottom: int, right: int, size: tuple[int, int] = (400, 300)) -> np.ndarray:
    alpha = np.zeros(size, np.uint8)
    alpha[top:bottom, left:right] = 255
    return alpha


def box_in_frame(outline: Outline, place: Place, frame: tuple[int, int] = FRAME) -> np.ndarray:
    return np.array(bounds(placement_matrix(place, outline, frame), outline.box))


def test_the_box_of_a_matte_is_where_it_is_at_least_half():
    alpha = box_alpha(50, 60, 350, 200)
    alpha[40:50, 60:200] = 100
    outline = trace(alpha)
    assert outline is not None
    assert (outline.box, outline.support, outline.cut) == ((50, 60, 350, 200), (40, 60, 350, 200), frozenset())


def test_a_speck_far_off_does_not_widen_the_box():
    alpha = box_alpha(50, 60, 350, 200)
    alpha[5:8, 280:283] = 255
    outline = trace(alpha)
    assert outline is not None
    assert outline.box == (50, 60, 350, 200)
    assert outline.support == (5, 60, 350, 283)


def test_an_empty_matte_has_no_outline():
    assert trace(np.zeros((20, 30), np.uint8)) is None


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        ((50, 60, 400, 200), {"bottom"}),
        ((0, 60, 380, 200), {"top"}),
        ((50, 0, 380, 200), {"left"}),
        ((50, 90, 400, 300), {"bottom", "right"}),
        ((0, 0, 400, 300), {"top", "bottom", "left", "right"}),
        ((2, 2, 398, 298), set()),
    ],
)
def test_borders_that_the_person_lies_on_cut_it(box, cut):
    outline = trace(box_alpha(*box))
    assert outline is not None
    assert outline.cut == cut


def test_an_elbow_tip_on_the_border_cuts_nothing():
    alpha = box_alpha(50, 60, 380, 200)
    alpha[200:203, 0:60] = 255
    outline = trace(alpha)
    assert outline is not None
    assert outline.cut == set()


@given(
    top=st.integers(1, 380),
    left=st.integers(1, 280),
    height=st.integers(10, 398),
    width=st.integers(10, 298),
    frame=st.tuples(st.integers(50, 900), st.integers(50, 900)),
)
def test_a_whole_person_always_fits_inside_the_frame_and_is_never_stretched(top, left, height, width, frame):
    outline = Outline((top, left, top + height, left + width), (0, 0, 0, 0), (400, 300))
    if top + height >= 400 or left + width >= 300:
        return
    place = fit.find_place(outline, BARE, frame)
    y0, x0, y1, x1 = box_in_frame(outline, place, frame)
    assert min(y0, x0) >= -1.5  # a whole-pixel shift may round outward, one pixel at most each way
    assert y1 <= frame[0] + 1.5
    assert x1 <= frame[1] + 1.5
    assert (x1 - x0) / (y1 - y0) == pytest.approx(width / height)


def test_a_whole_person_is_no_taller_than_the_horizon_has_it_and_no_smaller_than_a_third_of_the_frame():
    tiny, huge = Outline((300, 100, 340, 120), (0,) * 4, (400, 300)), Outline((2, 100, 398, 200), (0,) * 4, (400, 300))
    assert fit.find_place(tiny, BARE, FRAME).height == 0.35
    low, high = (np.zeros((60, 90, 3), np.uint8) for _ in range(2))
    low[:36], high[:27] = 200, 200
    low[36::2, ::2], high[27::2, ::2] = 90, 90
    sizes = [fit.find_place(huge, place, FRAME) for place in (low, BARE, high)]
    assert sizes[0].height < sizes[1].height < sizes[2].height <= 0.65
    assert all(place.y == 0.97 for place in sizes)


def test_bigger_people_stand_lower():
    feet = [
        fit.find_place(Outline((380 - tall, 100, 380, 150), (0,) * 4, (400, 300)), BARE, FRAME).y
        for tall in (140, 200, 280, 360)
    ]
    assert feet == sorted(feet)
    assert 0.75 < feet[0] < feet[-1] <= 0.97


@pytest.mark.parametrize("frame", [(600, 900), (900, 600), (300, 1200)])
@pytest.mark.parametrize(
    ("box", "edge"),
    [((50, 60, 400, 200), 2), ((0, 60, 380, 200), 0), ((50, 0, 380, 200), 1), ((50, 90, 380, 300), 3)],
)
def test_the_border_that_cuts_a_person_goes_on_cutting_it(box, edge, frame):
    outline = trace(box_alpha(*box))
    assert outline is not None
    placed = box_in_frame(outline, fit.find_place(outline, BARE, frame), frame)
    assert placed[edge] == pytest.approx((0, 0, frame[0], frame[1])[edge], abs=0.51)


def test_a_half_length_person_touches_the_lower_border_of_the_place(half_length, place):
    decisions = decide(half_length, place, CompositeSettings())
    assert decisions.place is not None
    assert decisions.place.y == 1.0
    assert decisions.shadow is None
    assert decisions.warnings == ()


def test_a_cut_that_would_show_is_told(half_length, place):
    decisions = decide(half_length, place, CompositeSettings(place="0.5,0.7,0.5"))
    assert any("bottom" in warning for warning in decisions.warnings)


def test_keep_on_a_place_of_the_photos_size_moves_nothing(whole_person):
    outline = trace(whole_person[..., 3])
    assert outline is not None
    matrix = placement_matrix(keep.find_place(outline, whole_person, (400, 300)), outline, (400, 300))
    assert np.array_equal(matrix, [[1, 0, 0], [0, 1, 0]])


@given(x=st.floats(0, 1), y=st.floats(0, 1), height=st.floats(0.1, 1.5), turn=st.floats(-180, 180), flip=st.booleans())
def test_the_middle_of_the_boxs_lower_edge_lands_where_it_was_asked_for(x, y, height, turn, flip):
    outline = Outline((50, 60, 350, 200), (50, 60, 350, 200), (400, 300))
    matrix = placement_matrix(Place(x, y, height, turn, flip), outline, FRAME)
    landed = matrix @ [130, 350, 1]
    assert landed == pytest.approx([x * FRAME[1], y * FRAME[0]], abs=0.51)
    assert scale_of(matrix) * 300 == pytest.approx(height * FRAME[0], abs=0.76)
    assert (np.linalg.det(matrix[:, :2]) < 0) == flip


def test_a_positive_rotation_turns_counter_clockwise():
    outline = Outline((50, 60, 350, 200), (50, 60, 350, 200), (400, 300))
    head = placement_matrix(Place(0.5, 0.8, 0.5, 90), outline, FRAME) @ [130, 50, 1]
    assert head[0] < 450 - 200  # the head lies to the left of the feet
    assert head[1] == pytest.approx(0.8 * 600)
