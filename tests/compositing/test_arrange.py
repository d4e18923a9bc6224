"""Several people on one place: kept apart, painted in order, told in a line."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgswap.compositing.decider import Networks
from bgswap.compositing.decisions import Place
from bgswap.compositing.outline import Outline, trace
from bgswap.compositing.place import fit
from bgswap.compositing.place._borders import shape
from bgswap.compositing.placement import arrange, candidates, farthest_first, find_all, ways_of
from bgswap.errors import UsageError
from bgswap.evaluation.boxes import of_fields

FRAME = (600, 900)


def standing(top: int, left: int, bottom: int, right: int, *cut: str) -> Outline:
    box = (top, left, bottom, right)
    return Outline(box, box, (400, 300), frozenset(cut))


def fitted(outlines: list[Outline], ways: list[str] | None = None, frame: tuple[int, int] = FRAME) -> list[Place]:
    people = [(np.zeros((400, 300, 4), np.uint8), outline) for outline in outlines]
    found = find_all(ways or ["fit"] * len(people), people, np.zeros((6, 9, 3), np.uint8), frame, "", Networks())
    return [places[0] for places in found]


def ends(place: Place, outline: Outline, frame: tuple[int, int] = FRAME) -> tuple[float, float]:
    half = place.height * shape(outline, frame) / 2
    return place.x - half, place.x + half


@given(
    widths=st.lists(st.tuples(st.integers(60, 380), st.integers(20, 290)), min_size=2, max_size=3),
    wide=st.integers(800, 1600),
)
def test_whole_people_stand_side_by_side_from_left_to_right_as_given(widths, wide):
    outlines = [standing(390 - tall, 5, 390, 5 + broad) for tall, broad in widths]
    frame = (600, wide)
    placed = fitted(outlines, frame=frame)
    spans = [ends(place, outline, frame) for place, outline in zip(placed, outlines, strict=True)]
    heights = [place.height for place in placed]
    if sum(b - a for a, b in spans) < 1:
        for (_, right), (left, _) in pairwise(spans):
            assert right <= left + 1e-9
    assert [place.x for place in placed] == sorted(place.x for place in placed)
    assert spans[0][0] >= -1e-9
    assert spans[-1][1] <= 1 + 1e-9
    assert max(heights) <= 0.59


def test_two_people_of_one_height_stand_on_one_line():
    first, second = fitted([standing(20, 100, 390, 180), standing(20, 60, 390, 260)])
    assert (first.y, first.height) == (second.y, second.height)


def test_they_share_the_width():
    placed = fitted([standing(20, 100, 390, 180)] * 4)
    assert [place.x for place in placed] == pytest.approx([1 / 8, 3 / 8, 5 / 8, 7 / 8])


def test_feet_that_were_found_stay_where_there_is_room():
    outlines = [standing(20, 100, 390, 180)] * 2
    places = [Place(0.5, 0.81, 0.3, score=0.4), Place(0.5, 0.97, 0.55, 4.0, True)]
    first, second = arrange(outlines, places, FRAME)
    assert (first.y, first.height, first.score) == (0.81, 0.3, 0.4)
    assert (second.y, second.height, second.rotation, second.flip) == (0.97, 0.55, 4.0, True)


def test_who_is_smaller_stands_farther_up():
    first, second = fitted([standing(20, 100, 390, 180), standing(200, 60, 390, 120)])
    assert second.height < first.height
    assert second.y < first.y


def test_who_is_cut_by_a_side_keeps_to_it_and_leaves_it_to_nobody_else():
    outlines = [
        standing(60, 20, 390, 300, "right"),
        standing(60, 100, 390, 160),
        standing(60, 100, 390, 160),
        standing(90, 0, 400, 90, "left", "bottom"),
    ]
    placed = fitted(outlines)
    spans = [ends(place, outline) for place, outline in zip(placed, outlines, strict=True)]
    assert spans[3][0] == pytest.approx(0)
    assert spans[0][1] == pytest.approx(1)
    for left, right in ((3, 1), (1, 2), (2, 0)):
        assert spans[left][1] < spans[right][0]
    assert placed[3].y == 1.0


def test_half_length_people_too_wide_for_the_frame_get_smaller_and_stay_on_its_lower_border():
    outlines = [standing(40, 10, 400, 290, "bottom") for _ in range(3)]
    placed = fitted(outlines, frame=(600, 700))
    assert {place.y for place in placed} == {1.0}
    assert max(place.height for place in placed) < 0.6
    spans = [ends(place, outline, (600, 700)) for place, outline in zip(placed, outlines, strict=True)]
    assert spans[0][1] <= spans[1][0] + 1e-9


def test_people_with_numbers_of_their_own_stay():
    outlines = [standing(20, 100, 390, 180)] * 3
    placed = fitted(outlines, ["fit", "0.5,0.9,0.7,5,flip", "keep"])
    assert placed[1] == Place(0.5, 0.9, 0.7, 5.0, True)
    assert placed[2].height == pytest.approx(370 / 400)
    assert placed[0].height < 0.59


def test_one_person_alone_is_left_as_found():
    outline = standing(20, 100, 390, 180)
    place = Place(0.5, 0.97, 0.9, 3.0, True, 0.4)
    assert arrange([outline], [place], FRAME) == [place]
    background = np.zeros((6, 9, 3), np.uint8)
    assert fitted([outline]) == [fit.find_place(outline, background, FRAME)]


def test_real_people_are_told_the_same_number_of_places_each(whole_person, half_length, place):
    people = [(person, trace(person)) for person in (whole_person, half_length)]
    found = find_all(["learned", "fit"], people, place, place.shape[:2], "", Networks())
    assert len(found[0]) == len(found[1]) > 1
    assert {one.y for one in found[1]} == {1.0}
    for one, other in zip(*found, strict=True):
        assert one.x < other.x


def test_who_stands_lower_is_painted_later_and_equal_ones_in_order():
    places = [Place(0.1, 1.0, 0.8), Place(0.3, 0.8, 0.3), None, Place(0.5, 1.0, 0.2), Place(0.7, 0.9, 0.4)]
    assert farthest_first(places) == [2, 1, 4, 0, 3]


def test_the_last_way_counts_for_all_people_beyond():
    assert ways_of("fit", 3) == ["fit"] * 3
    assert ways_of("0.2,0.9,0.5 ; keep", 4) == ["0.2,0.9,0.5", "keep", "keep", "keep"]


@pytest.mark.parametrize("text", ["fit;", ";", "", "fit;;keep"])
def test_an_empty_way_is_refused(text):
    with pytest.raises(UsageError, match="empty"):
        ways_of(text, 3)


def test_more_ways_than_people_are_refused():
    with pytest.raises(UsageError, match="3 places for 2 people"):
        ways_of("fit;keep;fit", 2)


def test_candidates_of_a_line_are_what_eval_reads():
    places = [Place(0.5, 0.9, 0.4, 3.0, True, 0.25), Place(np.float32(0.25), 1.0, 0.8, score=0.75)]
    line = json.loads(json.dumps({"candidates": candidates(places)}))
    assert line["candidates"] == [[0.5, 0.9, 0.4, 3.0, True, 0.25], [0.25, 1.0, 0.8, 0.0, False, 0.75]]
    boxes = of_fields(line, "candidates", 0.5)[0]
    assert boxes[:, 0].tolist() == [0.25, 0.5]  # by falling score
    assert of_fields({"candidates": candidates([Place(0.5, 0.9, 0.4)])}, "candidates").shape == (1, 1, 4)
