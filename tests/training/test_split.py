"""Held-out photos are whole blocks of neighbors, the same every time, and never trained on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgswap.errors import UsageError
from bgswap.training.split import natural, split

KEYS = st.lists(st.text("ab019/", min_size=1, max_size=4), min_size=2, max_size=60)


def numbered(count: int) -> list[str]:
    return [f"shoot/{number}" for number in range(count)]


@given(KEYS, st.floats(0.01, 0.99), st.integers(1, 12))
def test_no_key_is_on_both_sides_and_none_is_lost(keys, held_out, block):
    if len(set(keys)) < 2:
        with pytest.raises(UsageError, match="two"):
            split(keys, held_out, block)
        return
    train, held = split(keys, held_out, block)
    assert sorted(train + held) == list(range(len(keys)))
    assert train
    assert held
    assert not {keys[i] for i in train} & {keys[i] for i in held}


@given(st.randoms())
@settings(max_examples=20)
def test_the_order_in_which_photos_are_named_changes_nothing(random):
    shuffled = numbered(70)
    random.shuffle(shuffled)
    sides = split(numbered(70), 0.2, 10), split(shuffled, 0.2, 10)
    assert [[numbered(70)[i] for i in side] for side in sides[0]] == [[shuffled[i] for i in side] for side in sides[1]]


def test_every_fifth_block_of_neighbors_is_held_out():
    train, held = split(numbered(100), 0.2, 10)
    assert held == [*range(40, 50), *range(90, 100)]
    assert train == [*range(40), *range(50, 90)]


@pytest.mark.parametrize("held_out", [0.05, 0.1, 0.25, 0.29, 0.5, 0.8])
def test_the_share_that_is_held_out_is_the_one_asked_for(held_out):
    assert len(split(numbered(1000), held_out, 10)[1]) == round(1000 * held_out)


def test_numbers_in_keys_count_as_numbers():
    assert sorted(["a/10", "a/9", "b", "a/100"], key=natural) == ["a/9", "a/10", "a/100", "b"]
    assert split(["p10", "p9", "p1", "p2"], 0.5, 2)[1] == [1, 0]


@pytest.mark.parametrize(("count", "held"), [(2, [1]), (8, [4]), (15, [12, 13, 14])])
def test_few_photos_make_smaller_blocks(count, held):
    assert split(numbered(count), 0.2, 10)[1] == held


def listed(tmp_path, name, *keys):
    path = tmp_path / name
    path.write_bytes(b"".join(f"{key}\r\n".encode() for key in keys))
    return path


def test_key_lists_say_who_stands_where(tmp_path):
    keys, some = numbered(6), listed(tmp_path, "some", "shoot/1", "shoot/4")
    assert split(keys, 0.2, 10, train_keys=some) == ([1, 4], [0, 2, 3, 5])
    assert split(keys, 0.2, 10, validation_keys=some) == ([0, 2, 3, 5], [1, 4])
    assert split(keys, 0.2, 10, some, listed(tmp_path, "other", "shoot/0")) == ([1, 4], [0])


def test_key_lists_that_make_no_sense_are_refused(tmp_path):
    keys, some = numbered(6), listed(tmp_path, "some", "shoot/1")
    strange = listed(tmp_path, "strange", "shoot/1", *(f"x{n}" for n in range(5)))
    with pytest.raises(UsageError, match="'x0', 'x1', 'x2' and 2 more"):
        split(keys, 0.2, 10, train_keys=strange)
    with pytest.raises(UsageError, match="'shoot/1' would be both"):
        split(keys, 0.2, 10, some, some)
    with pytest.raises(UsageError, match="no photo to validate on"):
        split(keys, 0.2, 10, train_keys=listed(tmp_path, "all", *keys))
    with pytest.raises(UsageError, match="no photo to train on"):
        split(keys, 0.2, 10, train_keys=listed(tmp_path, "none"))
    with pytest.raises(UsageError, match="gone"):
        split(keys, 0.2, 10, train_keys=tmp_path / "gone")
