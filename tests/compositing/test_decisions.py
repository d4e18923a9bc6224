"""Decisions as JSON lines."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgswap.compositing.decisions import Blend, ColorMap, Decisions, Place, ShadowLayer, read_lines
from bgswap.compositing.placement import parse_place
from bgswap.errors import UsageError

numbers = st.floats(-2, 2, allow_nan=False)
places = st.builds(Place, numbers, numbers, st.floats(0.01, 3), numbers, st.booleans(), st.none() | numbers)


def grid_of(seed: int, rows: int = 1, columns: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (rows, columns, 8, 12)).astype(np.float32)


@given(place=places, seed=st.integers(0, 9), name=st.text(max_size=8))
def test_what_is_written_as_a_line_reads_back_equal(place, seed, name):
    decisions = Decisions(
        place,
        harmonize=ColorMap("reinhard", 0.5, grid_of(seed, 2, 3)),
        shadow=ShadowLayer(softness=0.1, contact=0.3),
        blend=Blend("feather", "linear", 0.01),
        size=(30, 40),
        key=name,
        person=name,
    )
    line = decisions.to_json()
    assert "\n" not in line
    assert Decisions.from_json(line) == decisions


def test_the_line_has_the_form_that_other_programs_are_told():
    grid = grid_of(0, 16, 16)
    line = json.loads(Decisions(Place(0.5, 1, 0.8), ColorMap("reinhard", 1, grid), size=(3, 4)).to_json())
    assert line["version"] == 1
    assert line["size"] == [3, 4]
    assert set(line["place"]) == {"x", "y", "height", "rotation", "flip", "score"}
    assert line["harmonize"]["grid"]["shape"] == [16, 16, 8, 12]
    assert len(line["harmonize"]["grid"]["f16"]) == 4 * -(-16 * 16 * 8 * 12 * 2 // 3)


def test_a_grid_read_back_gives_the_very_numbers_that_were_in_use():
    color = ColorMap("reinhard", 1, grid_of(3))
    again = Decisions.from_json(Decisions(None, color).to_json()).harmonize
    assert again is not None
    assert np.array_equal(again.grid, color.grid)


def test_any_part_may_be_missing():
    assert Decisions.from_json('{"version": 1}') == Decisions(None)
    assert Decisions.from_json('{"version":1,"place":{"x":0.5,"y":1,"height":0.5}}').place == Place(0.5, 1, 0.5)


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "{}",
        '{"version": 2}',
        '{"version": 1, "size": [3]}',
        '{"version": 1, "place": {"x": 0.5}}',
        '{"version": 1, "place": {"x": "left", "y": 1, "height": 1}}',
        '{"version": 1, "place": {"x": NaN, "y": 1, "height": 1}}',
        '{"version": 1, "place": {"x": 0.5, "y": 1, "height": 1, "flip": "no"}}',
        '{"version": 1, "place": {"x": 0.5, "y": 1, "height": 1, "wide": 2}}',
        '{"version": 1, "harmonize": {"grid": {"shape": [1, 1, 8, 12], "f16": "AAAA"}}}',
        '{"version": 1, "harmonize": {"globals": {"exposure": 1}}}',
        '{"version": 1, "place": {"x": 0.5, "y": 1, "height": 0}}',
        '{"version": 1, "place": 7}',
        '{"version": 1, "harmonize": "strong"}',
    ],
)
def test_a_line_that_cannot_be_applied_is_refused_with_its_number(line):
    with pytest.raises(UsageError, match="line 2"):
        list(read_lines(['{"version": 1}\n', line + "\n"]))


def test_numbers_typed_by_hand_become_a_place():
    assert parse_place("0.5,0.95,0.6") == Place(0.5, 0.95, 0.6)
    assert parse_place(" .3, 1 ,0.5,-10,flip") == Place(0.3, 1.0, 0.5, -10.0, flip=True)


@pytest.mark.parametrize(
    "text", ["0.5,1", "a,b,c", "0.5,1,0", "0.5,1,-1", "0.5,1,1,0,flop", "nan,1,1", "1,1,1,0,flip,2"]
)
def test_numbers_that_are_no_place_say_what_one_looks_like(text):
    with pytest.raises(UsageError):
        parse_place(text)
