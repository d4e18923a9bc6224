"""Decoys: shapes of other people beside the true hole, and a plate that is filled in all of them."""

import json
import random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bgswap.augmentation.decoys import MOST, decoys_of, draw_decoys, holes, with_decoys
from bgswap.errors import PictureError
from bgswap.inpainting.fill import Filler, InpaintSettings

FILLER = Filler(InpaintSettings(model="telea", side=128))  # the fastest way: which one it is does not matter here


def body(height: int, width: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    matte = np.zeros((height, width), np.uint8)
    top, left, bottom, right = box
    matte[top:bottom, left:right] = 255
    return matte


@pytest.fixture
def own() -> NDArray[np.uint8]:
    """A person of 60 x 20 pixels in the middle of 128 x 128."""
    return body(128, 128, (40, 54, 100, 74))


@pytest.fixture
def plate(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(photo[::4, ::4])


OTHER = body(90, 70, (10, 10, 70, 40))  # 60 x 30


def at(*decoys: tuple[float, float, float, bool], turn: int = 0) -> dict[str, Any]:
    return {"decoys": [list(one) for one in decoys], "turn": turn}


def test_a_decoy_lies_where_it_was_drawn_in_heights_of_the_true_person(own):
    only = holes(own, [OTHER], at((0.25, 0.5, 0.5, False))) - own
    rows, columns = np.flatnonzero(only.any(1)), np.flatnonzero(only.any(0))
    assert (rows[0], rows[-1] + 1) == (49, 79)  # 30 rows about 64
    assert (columns[0], columns[-1] + 1) == (24, 39)  # 15 columns about 32, half of them before it


def test_a_mirrored_decoy_is_the_mirrored_shape(own):
    leaning = OTHER.copy()
    leaning[10:40, 10:25] = 0
    here, mirrored = (holes(own, [leaning], at((0.25, 0.5, 1.0, flip)))[34:94, 17:47] for flip in (False, True))
    assert (here == mirrored[:, ::-1]).all()
    assert (here != mirrored).any()


def test_the_photos_border_cuts_a_decoy(own):
    only = holes(own, [OTHER], at((0.0, 0.0, 1.0, False))) - own
    assert (only[:30, :15] == 255).all()
    assert only.sum() == 255 * 30 * 15


@pytest.mark.parametrize(
    ("box", "flip", "side"),
    [
        ((10, 10, 90, 40), False, np.s_[-1, :]),
        ((0, 10, 60, 40), False, np.s_[0, :]),
        ((10, 0, 70, 40), False, np.s_[:, 0]),
        ((10, 0, 70, 40), True, np.s_[:, -1]),
    ],
)
def test_a_shape_that_its_photo_cuts_ends_at_the_same_border(own, box, flip, side):
    assert not own[side].any()
    assert holes(own, [body(90, 70, box)], at((0.5, 0.5, 0.6, flip)))[side].any()


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_pixels_outside_of_all_holes_keep_their_bytes_and_the_holes_are_filled(own, plate, turn):
    drawn = at((0.15, 0.4, 0.8, False), (0.85, 0.6, 0.8, True), turn=turn)
    before, kept = plate.copy(), own.copy()
    decoyed = with_decoys(plate, own, [OTHER], drawn, FILLER)
    changed = (decoyed != plate).any(2)
    assert not changed[FILLER.fill(plate, holes(own, [OTHER], drawn)).hole == 0].any()
    for decoy in decoys_of(own, [OTHER], drawn):
        assert changed[decoy > 0].mean() > 0.8  # her black sky stays black
    assert changed[own > 0].any() == (turn > 0)  # the true hole anew, unless it came first
    assert (plate == before).all()
    assert (own == kept).all()


def test_the_fill_shows_nothing_of_what_was_under_a_decoy(own, plate):
    drawn = at((0.15, 0.4, 0.8, False), turn=1)
    red = plate.copy()
    red[decoys_of(own, [OTHER], drawn)[0] > 0] = (255, 0, 0)
    assert (with_decoys(red, own, [OTHER], drawn, FILLER) == with_decoys(plate, own, [OTHER], drawn, FILLER)).all()


def test_where_holes_cross_the_one_that_was_filled_last_lies_above(own, plate):
    across = (0.5, 0.5, 0.5, False)
    first, last = (with_decoys(plate, own, [OTHER], at(across, turn=turn), FILLER) for turn in (0, 1))
    assert (last == FILLER.fill(first, own).pixels).all()
    assert (first == FILLER.fill(plate, decoys_of(own, [OTHER], at(across))[0]).pixels).all()


def test_what_would_leave_too_little_to_fill_from_is_left_out(own):
    wide = body(90, 300, (10, 0, 80, 300))
    many = holes(own, [wide, OTHER], at((0.5, 0.5, 2.0, False), (0.1, 0.5, 0.5, False)))
    assert (many > 0).mean() <= MOST
    assert (many > own).any()  # the second one is there


@pytest.mark.parametrize("shapes", [[], [np.zeros((20, 20), np.uint8)]])
def test_nobody_elses_shape_leaves_the_true_hole_alone(own, shapes):
    assert (holes(own, shapes, at((0.2, 0.2, 1.0, False))) == own).all()


def test_nobody_at_all_leaves_the_plate_as_it_is(plate):
    nobody = np.zeros(plate.shape[:2], np.uint8)
    assert (with_decoys(plate, nobody, [OTHER], at((0.2, 0.2, 1.0, False)), FILLER) == plate).all()


def test_a_person_all_over_the_photo_is_refused_by_name(plate):
    with pytest.raises(PictureError, match="nothing is left to fill"):
        with_decoys(plate, np.full(plate.shape[:2], 255, np.uint8), [OTHER], at((0.5, 0.5, 0.5, False), turn=1), FILLER)


def test_draws_are_json_of_one_form_and_cover_the_photo_evenly():
    drawn = draw_decoys(random.Random(1), 2000, (0.6, 1.1))
    assert json.loads(json.dumps(drawn, allow_nan=False)) == drawn
    x, y, height, flip = np.array(drawn["decoys"], float).T
    for values in (x, y):
        gap = np.abs(np.sort(values) - np.linspace(0, 1, len(values))).max()
        assert gap < 1.95 / len(values) ** 0.5  # Kolmogorov-Smirnov at 0.1 %
    assert height.min() >= 0.6
    assert height.max() <= 1.1
    assert abs(flip.mean() - 0.5) < 0.05
    assert draw_decoys(random.Random(1), 0, (0.6, 1.1)) == {"decoys": [], "turn": 0}
    assert {draw_decoys(random.Random(seed), 2, (0.6, 1.1))["turn"] for seed in range(40)} == {0, 1, 2}
