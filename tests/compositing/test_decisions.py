"""Decisions as JSON lines."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgswap.compositing.decisions import (
    PARTS,
    Blend,
    ColorMap,
    Decisions,
    Globals,
    Lens,
    Painting,
    Place,
    ShadowLayer,
)
from bgswap.compositing.placement import parse_place
from bgswap.compositing.saved import DecisionWriter, SavedDecisions, from_line, read_lines, to_line
from bgswap.errors import PictureError, UsageError

numbers = st.floats(-2, 2, allow_nan=False)
places = st.builds(Place, numbers, numbers, st.floats(0.01, 3), numbers, st.booleans(), st.none() | numbers)
globals_ = st.none() | st.builds(Globals, numbers, numbers, numbers, numbers)


def grid_of(seed: int, rows: int = 1, columns: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (rows, columns, 8, 12)).astype(np.float32)


@given(place=places, change=globals_, seed=st.integers(0, 9), name=st.text(max_size=8))
def test_what_is_written_as_a_line_reads_back_equal(place, change, seed, name):
    decisions = Decisions(
        place,
        harmonize=ColorMap("reinhard", 0.5, change, grid_of(seed, 2, 3), grid_of(seed)[0, 0, :, :8]),
        shadow=ShadowLayer(softness=0.1, contact=0.3, tint=(0.9, 1.0, 1.1)),
        blend=Blend("feather", "linear", 0.01),
        lens=Lens(grain=2.5),
        size=(30, 40),
        key=name,
        person=name,
    )
    line = to_line(decisions)
    assert "\n" not in line
    assert from_line(line) == decisions
    assert not from_line(line).missing


def test_the_line_has_the_form_that_other_programs_are_told():
    color = ColorMap("reinhard", 1, Globals(exposure=0.5), grid_of(0, 16, 16), np.zeros((8, 8)))
    line = json.loads(to_line(Decisions(Place(0.5, 1, 0.8), color, ShadowLayer(), size=(3, 4))))
    assert line["version"] == 1
    assert line["size"] == [3, 4]
    assert set(line["place"]) == {"x", "y", "height", "rotation", "flip", "score"}
    assert set(line["harmonize"]["globals"]) == {"exposure", "temperature", "tint", "saturation"}
    assert line["harmonize"]["grid"]["shape"] == [16, 16, 8, 12]
    assert len(line["harmonize"]["grid"]["f16"]) == 4 * -(-16 * 16 * 8 * 12 * 2 // 3)
    assert line["harmonize"]["shading"]["shape"] == [8, 8]
    assert {"azimuth", "length", "softness", "density", "contact"} <= set(line["shadow"])
    assert {"way", "light"} <= set(line["blend"])


def test_a_grid_read_back_gives_the_very_numbers_that_were_in_use():
    color = ColorMap("reinhard", 1, grid=grid_of(3))
    again = from_line(to_line(Decisions(None, color))).harmonize
    assert again is not None
    assert np.array_equal(again.grid, color.grid)


def test_any_part_may_be_missing_and_null_is_told_from_missing():
    assert from_line('{"version": 1}') == Decisions(None)
    assert from_line('{"version": 1}').missing == PARTS
    assert from_line('{"version":1,"place":{"x":0.5,"y":1,"height":0.5}}').place == Place(0.5, 1, 0.5)
    assert from_line('{"version":1,"shadow":null}').missing == PARTS - {"shadow"}
    assert not from_line(to_line(Decisions(None))).missing


def test_painted_pixels_are_refused_as_no_decision():
    painted = Decisions(Place(0.5, 1, 0.5), painting=Painting(np.zeros((2, 2, 3), np.float32)))
    with pytest.raises(UsageError, match="leave out --paint"):
        to_line(painted)


def test_lines_are_found_by_key_in_order_and_an_unknown_key_says_so(tmp_path):
    file = tmp_path / "d.jsonl"
    told = [Decisions(Place(x, 1, 0.5), key=key) for x, key in ((0.1, "a"), (0.2, "b"), (0.3, "a"))]
    file.write_text("".join(to_line(one) + "\n\n" for one in told))
    saved = SavedDecisions(file)
    assert saved.of("a") == [told[0], told[2]]
    assert saved.of("b") == [told[1]]
    with pytest.raises(PictureError, match="no decisions for the key 'c'"):
        saved.of("c")
    file.write_text(to_line(told[0]) + "\nnonsense\n")
    with pytest.raises(UsageError, match="line 2"):
        SavedDecisions(file)


def test_a_file_of_decisions_is_replaced_whole_and_keeps_what_was_left_alone(tmp_path):
    file = tmp_path / "d.jsonl"
    writer = DecisionWriter(file)
    for key in "abc":
        writer.add(key, [to_line(Decisions(Place(0.1, 1, 0.5), key=key))])
    assert not file.exists()
    writer.close()
    first = file.read_bytes()
    again = DecisionWriter(file, keep=True)
    again.add("a", [])
    again.add("b", [to_line(Decisions(Place(0.9, 1, 0.5), key="b"))])
    assert file.read_bytes() == first
    again.close()
    saved = SavedDecisions(file)
    assert [saved.of(key)[0].place.x for key in "abc"] == [0.1, 0.9, 0.1]
    DecisionWriter(file).close()  # of a run that ended before its first picture
    assert [saved.of(key)[0].place.x for key in "abc"] == [0.1, 0.9, 0.1]
    assert [path.name for path in tmp_path.iterdir()] == ["d.jsonl"]


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
        '{"version": 1, "harmonize": {"globals": {"exposure": "much"}}}',
        '{"version": 1, "harmonize": {"curve": 1}}',
        '{"version": 1, "harmonize": {"shading": {"shape": [8], "f16": "AAAAAAAAAAAAAAAAAAAAAA=="}}}',
        '{"version": 1, "shadow": {"tint": [1, 1]}}',
        '{"version": 1, "key": 3}',
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
