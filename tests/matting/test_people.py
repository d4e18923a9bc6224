"""Who stays."""

import numpy as np
import pytest

from bgswap.errors import UsageError
from bgswap.matting.people import Who, choose, find_people, parse_who, share_of


@pytest.fixture
def three():
    """A small matte of three people, the middle one the largest, and a speck."""
    alpha = np.zeros((200, 300), np.float32)
    alpha[100:180, 20:50] = 1
    alpha[40:190, 120:170] = 1
    alpha[90:180, 240:270] = 0.9
    alpha[10:15, 5:12] = 0.8
    return alpha


def test_people_are_counted_from_left_to_right_and_specks_are_nobody(three):
    people = find_people(three)
    assert [box[0] for box in people.boxes] == [20, 120, 240]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [("all", [0, 1, 2]), ("largest", [1]), ("1", [0]), ("3", [2]), ("4", []), ("0.85,0.7", [2]), ("0.5,0.02", [])],
)
def test_who_picks(three, text, chosen):
    assert choose(find_people(three), parse_who(text)) == chosen


def test_the_share_of_one_person_holds_all_of_that_one_and_nothing_of_the_others(three):
    people = find_people(three)
    kept = three * share_of(people, [0])
    assert np.array_equal(kept[:, :60][20:], three[:, :60][20:])
    assert not kept[:, 100:].any()


def test_a_speck_is_left_out_even_of_all(three):
    assert not (three * share_of(find_people(three), [0, 1, 2]))[5:20, :20].any()


def test_an_empty_matte_has_nobody_to_choose():
    people = find_people(np.zeros((20, 30), np.float32))
    assert len(people) == 0
    assert choose(people, Who("all")) == []


@pytest.mark.parametrize("text", ["", "some", "0", "-1", "1.5", "0.2,1.3", "0.1,0.2,0.3", "nan,0.5"])
def test_what_is_no_choice_is_refused_with_the_choices(text):
    with pytest.raises(UsageError, match="largest"):
        parse_who(text)
