"""The parts of results.py that decide what is compared: splits, unseen colors, scores of places, the table itself."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # as for who runs the script

import results
import results_places
import results_unseen
from painted import Sample
from results_samples import Source, spread


@pytest.fixture
def people(tmp_path):
    folder = tmp_path / "people"
    (folder / "photos").mkdir(parents=True)
    for number in (5, 79, 80, 83, 89, 90, 99, 183, 1080):
        (folder / f"photos/{number:04}.jpg").touch()
    (folder / "bad.txt").write_text("# number\twhy\n0083\tbad mask\n")
    return tmp_path


@pytest.mark.parametrize(
    ("split", "numbers"),
    [
        ("training", ["0005", "0079"]),
        ("validation", ["0080", "0089", "0183", "1080"]),
        ("test", ["0090", "0099"]),
    ],
)
def test_splits_are_blocks_of_ten_numbers_without_bad_ones(people, split, numbers):
    assert Source(people, people, split).numbers() == numbers


def test_a_limit_takes_people_from_all_of_a_split():
    assert spread(list(range(100)), 4) == [0, 25, 50, 75]
    assert spread([1, 2], 4) == [1, 2]


def test_transferred_colors_are_spread_as_the_other_person_s(photo):
    random = np.random.default_rng(0)
    mine, theirs = (photo[rows, 100:200].reshape(-1, 3) / 255 for rows in (slice(0, 80), slice(300, 380)))
    moved = results_unseen.transfer(mine, theirs, random)
    assert np.abs(np.cov(mine.T) - np.cov(theirs.T)).max() > 0.02
    assert np.abs(np.cov(moved.T) - np.cov(theirs.T)).max() < 0.004
    assert np.abs(moved.mean(0) - theirs.mean(0)).max() < 0.01


def test_unseen_pairs_change_the_person_alone_and_are_the_same_every_time(photo):
    matte = np.zeros((128, 128), np.uint8)
    matte[30:, 40:90] = 255
    parts = [photo[top : top + 128, left : left + 128] for top in (0, 300) for left in (20, 200)]
    given = [Sample(part, matte, part) for part in parts]
    made, again = ([one.composite for one in results_unseen.unseen(given)] for _ in range(2))
    for new, same, old in zip(made, again, given, strict=True):
        assert (new == same).all()
        assert (new == old.true)[matte == 0].all()
        assert np.abs(new.astype(float) - old.true)[matte > 0].mean() > 3


def test_a_table_of_colors_gives_back_what_it_was_made_of():
    colors = np.random.default_rng(0).random((20_000, 3))
    table = results_unseen.as_table(colors, 0.1 - 0.2 * colors)  # red's shift by red, and so on: the axes' order counts
    inside = colors[((colors > 0.2) & (colors < 0.8)).all(1)]
    found = results_unseen.looked_up(table, inside[None])[0]
    assert np.abs(found - (0.1 - 0.2 * inside)).max() < 0.02


def test_a_box_is_scored_by_the_candidate_that_is_nearest():
    rows = np.array([[0.2, 0.9, 0.5, 0, 0, 1.0], [0.2, 0.9, 0.5, 9, 1, 3.0], [0.8, 0.9, 0.5, 0, 0, 2.0]])
    boxes = np.array([[0.25, 0.9, 0.5], [0.7, 0.8, 0.45]])
    assert results_places.of_candidates(rows, boxes).tolist() == [3.0, 2.0]


def test_a_box_counts_as_far_as_a_window_shows_it():
    assert results_places.seen((0, 10, 100, 30), (20, 0, 40, 40), mirrored=False) == (0.5, 1.0, 1.0)
    assert results_places.seen((30, 10, 50, 20), (20, 0, 40, 40), mirrored=True) == (0.625, 0.75, 0.5)
    assert results_places.seen((0, 50, 10, 60), (20, 0, 40, 40), mirrored=False) is None


def test_tables_fit_readme_and_show_a_dash_where_nothing_was_measured():
    assert results.cell(None, 2) == results.cell(float("nan"), 2) == "-"
    lines = results.published().splitlines()
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines[0]) <= results.WIDTH
