"""Places with holes of people's shapes: what is cut, how large, and that the same line makes the same sample."""

import dataclasses
import importlib.util
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from bgswap.augmentation import samples
from bgswap.augmentation.fly import make_one
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.methods import hole
from bgswap.augmentation.ranges import RANGES, HoleRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.errors import PictureError, UsageError


def figure(height: int = 120, width: int = 60) -> np.ndarray:
    """A matte (160, 100) of somebody standing: a head over a body, one arm out to the right."""
    matte = np.zeros((160, 100), np.uint8)
    matte[20 : 20 + height, 20 : 20 + width // 2] = 255
    matte[50:60, 20 : 20 + width] = 255
    return matte


@pytest.fixture
def place():
    """scikit-learn's photo of a garden in China, (427, 640, 3)."""
    folder = Path(importlib.util.find_spec("sklearn").origin).parent
    return np.asarray(Image.open(folder / "datasets/images/china.jpg").convert("RGB"))


@pytest.fixture
def read(photo, place):
    """The astronaut, whose outline is a rough one, and a real place."""
    matte = np.zeros(photo.shape[:2], np.uint8)
    matte[60:500, 120:300] = 255
    return {"photo": photo, "foreground": np.dstack([photo, matte]), "background": place}


def test_the_place_stays_the_truth_and_its_holes_are_gray(read):
    made, line = make_one(read, [], "hole", {"size": 96, "copy": 2})
    mask = made["mask"] > 127
    assert made["photo_true"].shape == (96, 96, 3)
    assert set(np.unique(made["mask"])) == {0, 255}
    assert (made["holed"][mask] == 128).all()
    assert np.array_equal(made["holed"][~mask], made["photo_true"][~mask])
    assert made["photo_true"][mask].std() > 5
    assert line["parameters"]["hole"]["size"] == [96, 96]


def test_the_truth_is_a_window_of_the_place_and_nothing_of_the_person(read):
    whole, _ = make_one(read, [], "hole", {"size": 64, "crop": (1.0, 1.0), "flip": 0})
    read["photo"] = np.zeros_like(read["photo"])
    again, _ = make_one(read, [], "hole", {"size": 64, "crop": (1.0, 1.0), "flip": 0})
    assert np.array_equal(whole["photo_true"], again["photo_true"])


def test_a_hole_has_the_persons_shape_size_and_place():
    (size, people) = (200, 300), [[0, 0.5, 0.5, 0.9, False]]
    laid = hole.laid_holes(size, [figure()], people, 0.0, 1.0) > 0
    rows, columns = np.nonzero(laid.any(1))[0], np.nonzero(laid.any(0))[0]
    assert (rows[0], rows[-1] + 1) == pytest.approx((80, 180), abs=1)
    assert columns[-1] + 1 - columns[0] == pytest.approx(50, abs=1)
    assert (columns[0] + columns[-1] + 1) / 2 == pytest.approx(150, abs=1)
    assert laid[109, columns[-1] - 1]  # the arm is out to the right
    mirrored = hole.laid_holes(size, [figure()], [[0, 0.5, 0.5, 0.9, True]], 0.0, 1.0) > 0
    assert (mirrored == laid[:, ::-1]).mean() > 0.999


def test_holes_grow_all_around_and_other_people_lend_other_shapes():
    people = [[0, 0.5, 0.5, 0.9, False]]
    laid, grown = (hole.laid_holes((200, 300), [figure()], people, grow, 1.0) > 0 for grow in (0.0, 0.05))
    assert grown.any(1).sum() == laid.any(1).sum() + 20
    assert grown.any(0).sum() == laid.any(0).sum() + 20
    other = hole.laid_holes((200, 300), [figure(), figure(40, 60)], [[1, 0.5, 0.5, 0.9, False]], 0.0, 1.0)
    assert (other > 0).sum() > 2 * laid.sum()  # as tall, and wider


def test_holes_leave_something_to_fill_from():
    people = [[0, 0.95, x, 1.0, False] for x in (0.1, 0.5, 0.9)]
    covered = [(hole.laid_holes((90, 90), [figure(100, 90)], people, 0.05, most) > 0).mean() for most in (1.0, 0.3)]
    assert covered[0] > 0.5
    assert 0.2 < covered[1] <= 0.3


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 9999), height=st.integers(16, 120), width=st.integers(16, 120))
@example(seed=466, height=16, width=16)  # of the person nothing but a thin arm was in the frame
def test_whatever_is_drawn_makes_a_hole_within_its_bounds(seed, height, width):
    ranges = HoleRanges()
    drawn = hole.draw(random.Random(seed), Scene((height, width), (0.0, 0.0, 1.0, 1.0)), ranges)
    laid = hole.laid_holes((height, width), [figure()], drawn["people"], drawn["grow"], drawn["most"])
    assert 0 < (laid > 0).mean() <= ranges.most
    assert 1 <= len(drawn["people"]) <= 3


@pytest.mark.parametrize("name", [one.name for one in dataclasses.fields(HoleRanges)])
def test_every_range_changes_what_is_drawn(name):
    value = getattr(HoleRanges(), name)
    other = {"people": (4, 6), "most": 0.2}.get(name) or (value[1] + 0.1, value[1] + 0.2)
    scene = Scene((64, 64), (0.0, 0.0, 1.0, 1.0))
    drawn = [hole.draw(random.Random(1), scene, HoleRanges(**more)) for more in ({}, {name: other})]
    assert drawn[0] != drawn[1]


def test_a_sample_is_made_again_from_its_json_line_and_nothing_is_written_into_the_pictures(read):
    chosen = SampleSettings(("hole",), size=(48, 64))
    before = {role: pixels.copy() for role, pixels in read.items()}
    made = samples.make(read, "picture", 3, chosen)
    again = samples.apply(read, made.fields["parameters"], chosen, samples.Tools())
    assert tuple(made.pictures) == hole.OUTPUTS
    assert all(torch.equal(made.pictures[role], again.pictures[role]) for role in hole.OUTPUTS)
    assert all(np.array_equal(read[role], pixels) for role, pixels in before.items())


def test_without_a_place_or_anybody_it_says_what_is_missing(read):
    nobody = {**read, "foreground": read["foreground"] * np.array([1, 1, 1, 0], np.uint8)}
    with pytest.raises(PictureError, match="shows nobody"):
        make_one(nobody, [], "hole", {})
    with pytest.raises(UsageError, match="hole needs a background"):
        make_one({role: read[role] for role in ("photo", "foreground")}, [], "hole", {})
    with pytest.raises(PictureError, match="leaves a hole"):
        hole.laid_holes((40, 40), [np.zeros((9, 9), np.uint8)], [[0, 0.5, 0.5, 0.9, False]], 0.0, 1.0)


def test_it_is_a_method_with_ranges():
    assert RANGES["hole"] is HoleRanges
