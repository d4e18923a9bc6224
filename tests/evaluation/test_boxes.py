"""Boxes of mattes and of places, held against the pixels that compositing and augmentation make."""

import json
import math
import random

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from bgswap.augmentation.frame import Scene
from bgswap.augmentation.methods import placement
from bgswap.augmentation.ranges import PlacementRanges
from bgswap.augmentation.tensors import to_tensor
from bgswap.compositing.compose import compose
from bgswap.compositing.decisions import Blend, Decisions, Place
from bgswap.compositing.outline import trace
from bgswap.errors import PictureError, UsageError
from bgswap.evaluation.boxes import Silhouette, box_of_alpha, box_of_place, of_fields
from bgswap.evaluation.metrics.box_iou import box_iou
from bgswap.folders import picture
from tests.commands.harness import call

Matte = NDArray[np.uint8]
NAN = math.nan


@pytest.fixture(scope="module")
def figure() -> Matte:
    """A lopsided soft figure with one arm out, 300 x 200, drawn by hand."""
    matte = np.zeros((300, 200), np.uint8)
    outline = [[80, 60], [70, 110], [30, 90], [34, 105], [75, 140], [60, 250], [95, 250], [110, 130], [104, 60]]
    cv2.fillPoly(matte, [np.array(outline)], 255)
    cv2.circle(matte, (92, 45), 22, 255, -1)
    return cv2.GaussianBlur(matte, (0, 0), 1.2)


@pytest.fixture(scope="module", params=["0003", "0045", "0082"])
def walker(request, test_data) -> Matte:
    """Mattes of real people in the street, 640 pixels high."""
    return picture.read_mask(test_data / "people" / "masks" / f"{request.param}.png").pixels


def alpha_of(matte: Matte) -> Tensor:
    return to_tensor(matte)[None]


def as_pixels(box: Tensor, frame: tuple[int, int]) -> NDArray[np.float64]:
    """top, left, bottom, right."""
    x, y, width, height = box.double().tolist()
    return np.array([y - height, x - width / 2, y, x + width / 2]) * [frame[0], frame[1], frame[0], frame[1]]


def shown(matte: Matte, place: Place, frame: tuple[int, int]) -> Matte:
    """What the compositor shows of a white person over black: their alpha in the frame."""
    cutout = np.dstack([np.full((*matte.shape, 3), 255, np.uint8), matte])
    decisions = Decisions(place, blend=Blend("over"))
    return compose(cutout, np.zeros((*frame, 3), np.uint8), decisions)[0][..., 0]


def test_the_box_of_a_matte_holds_its_pixels_of_at_least_half():
    """Columns 2 and 3 of 8, rows 1 to 3 of 4: middle 3/8, lower edge 4/4, width 2/8, height 3/4."""
    alpha = torch.full((1, 1, 4, 8), 0.49)
    alpha[0, 0, 1:4, 2] = 0.5
    alpha[0, 0, 3, 3] = 1
    assert box_of_alpha(alpha).tolist() == [[0.375, 1.0, 0.25, 0.75]]


@given(seed=st.integers(0, 999), share=st.floats(0, 0.2))
@settings(deadline=None, max_examples=40)
def test_boxes_of_mattes_are_those_of_their_marked_pixels_one_by_one(seed, share):
    alpha = (torch.rand(3, 1, 7, 9, generator=torch.Generator().manual_seed(seed)) < share).float()
    for box, matte in zip(box_of_alpha(alpha), alpha[:, 0].numpy(), strict=True):
        rows, columns = np.nonzero(matte)
        if rows.size:
            wanted = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
            assert as_pixels(box, (7, 9)) == pytest.approx(np.array(wanted), abs=1e-5)
        else:
            assert box.isnan().all()


PLACES = [
    Place(0.5, 0.9, 0.6),
    Place(0.3, 0.8, 0.45, flip=True),
    Place(0.6, 0.75, 0.5, rotation=25),
    Place(0.5, 0.7, 0.4, rotation=-70, flip=True),
    Place(0.45, 0.5, 0.3, rotation=180),
]


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_the_box_of_a_silhouette_is_that_of_the_pixels_that_the_compositor_shows(figure, place):
    frame = (360, 540)
    wanted = as_pixels(box_of_alpha(alpha_of(shown(figure, place, frame)))[0], frame)
    told = as_pixels(box_of_place(place, Silhouette(alpha_of(figure), frame)), frame)
    assert np.abs(told - wanted).max() <= 1.5


@pytest.mark.parametrize("place", PLACES[1::2], ids=str)
def test_boxes_of_real_people_are_where_the_compositor_shows_them(walker, place):
    frame = (500, 700)
    wanted = box_of_alpha(alpha_of(shown(walker, place, frame)))
    told = box_of_place(place, Silhouette(alpha_of(walker), frame))
    assert np.abs(as_pixels(told, frame) - as_pixels(wanted[0], frame)).max() <= 1.5
    assert float(box_iou(told[None], wanted)) > 0.97


@pytest.mark.parametrize("place", PLACES[:2], ids=str)
def test_of_unturned_people_the_proportions_tell_the_same_box(figure, place):
    frame = (360, 540)
    outline = trace(figure)
    assert outline is not None
    aspect = (outline.width / frame[1]) / (outline.height / frame[0])
    exact = box_of_place(place, Silhouette(alpha_of(figure), frame))
    assert box_of_place(place, aspect).tolist() == pytest.approx(exact.tolist(), abs=0.5 / 360 + 1e-6)


def test_a_place_without_a_known_person_has_a_height_but_no_width():
    box = box_of_place([0.5, 0.9, 0.6])
    assert box[[0, 1, 3]].tolist() == pytest.approx([0.5, 0.9, 0.6])
    assert box[2].isnan()
    assert box_of_place(None).isnan().all()
    assert box_of_place([0.5, 0.9, 0.6], Silhouette(torch.zeros(1, 1, 4, 4))).isnan().all()


@pytest.mark.parametrize(
    "told",
    [
        Place(0.4, 0.9, 0.5, 10, True, 0.7),
        [0.4, 0.9, 0.5, 10, True, 0.7],
        (0.4, 0.9, 0.5),
        {"x": 0.4, "y": 0.9, "height": 0.5, "score": None},
        "0.4,0.9,0.5,10,flip",
    ],
    ids=str,
)
def test_every_form_of_a_place_is_read(told):
    assert box_of_place(told, 0.2).tolist() == pytest.approx([0.4, 0.9, 0.1, 0.5])


@pytest.mark.parametrize(
    "told",
    [
        [0.4, 0.9],
        [0.4, 0.9, 0],
        [0.4, 0.9, "high"],
        [0.1] * 7,
        {"x": 0.4},
        {"x": 1, "y": 1, "height": 1, "z": 1},
        "left",
        3,
    ],
    ids=str,
)
def test_what_is_no_place_fails_the_record_and_is_shown(told):
    with pytest.raises(PictureError, match="a place is"):
        box_of_place(told)


@pytest.mark.parametrize("seed", range(6))
def test_what_augment_writes_leads_to_the_box_of_the_person_in_the_true_photo(figure, seed):
    """A drawn box: exact. The place that leads the turned layer back, with its silhouette: to what a pixel rounds."""
    outline = trace(figure)
    assert outline is not None
    scene = Scene(figure.shape, tuple(map(float, outline.box)), outline.cut)
    drawn = placement.draw(random.Random(seed), scene, PlacementRanges(height=(0.7, 0.9), inside=1.0))
    white = {"photo": torch.ones(3, *figure.shape), "foreground": torch.ones(3, *figure.shape)}
    made = placement.apply({**white, "alpha": to_tensor(figure), "plate": white["photo"]}, drawn)
    fields = json.loads(json.dumps({**placement.facts(made, drawn), "parameters": {"placement": drawn}}))
    wanted = box_of_alpha(alpha_of(figure))
    assert of_fields(fields, "true_box").tolist()[0] == pytest.approx(wanted.tolist()[0], abs=1e-6)
    told = of_fields({"box_true": fields["box_true"]}, "true_box", Silhouette(made["mask"][None]))
    assert np.abs(as_pixels(told[0], figure.shape) - as_pixels(wanted[0], figure.shape)).max() <= 2


def test_what_composite_writes_leads_to_the_box_of_the_person_in_its_picture(figure, tmp_path):
    for folder, pixels in {
        "people": np.dstack([np.full((*figure.shape, 3), 255, np.uint8), figure]),
        "places": np.zeros((240, 400, 3), np.uint8),
    }.items():
        (tmp_path / folder).mkdir()
        cv2_pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR)
        (tmp_path / folder / "a.png").write_bytes(cv2.imencode(".png", cv2_pixels)[1].tobytes())
    out = tmp_path / "out"
    asked = ["--person", tmp_path / "people", "--bg", tmp_path / "places", "--place", "0.35,0.85,0.6", "-o", f"{out}/"]
    done = call("composite", *asked, "--harmonize", "none", "--shadow", "none", "--blend", "over", "--records")
    assert done.status == 0, done.err
    (line,) = map(json.loads, done.out.splitlines())
    told = of_fields(line, "predicted_box", Silhouette(alpha_of(figure), (240, 400)))
    wanted = box_of_alpha(alpha_of(picture.read(out / line["file_name"]).rgb[..., 0]))
    assert np.abs(as_pixels(told[0], (240, 400)) - as_pixels(wanted[0], (240, 400))).max() <= 1.5


def test_candidates_come_by_falling_score_where_all_have_one_else_as_listed():
    first, second = {"x": 0.1, "y": 0.9, "height": 0.5, "score": 0.2}, [0.7, 0.9, 0.5, 0, False, 0.8]
    assert of_fields({"candidates": [first, second]}, "candidates", 0.4)[0, :, 0].tolist() == pytest.approx([0.7, 0.1])
    listed = of_fields({"candidates": [first, second[:3]]}, "candidates", 0.4)
    assert listed.shape == (1, 2, 4)
    assert listed[0, :, 0].tolist() == pytest.approx([0.1, 0.7])
    assert listed[0, 0].tolist() == pytest.approx([0.1, 0.9, 0.2, 0.5])


def test_scores_are_read_and_null_is_none():
    fields = {"score_true": 0.75, "scores_moved": [0.5, None, 1]}
    assert of_fields(fields, "true_score").tolist() == [[0.75]]
    moved = of_fields(fields, "moved_scores")
    assert moved[0, [0, 2]].tolist() == [0.5, 1.0]
    assert moved.isnan().tolist() == [[False, True, False]]


@pytest.mark.parametrize("role", ["predicted_box", "true_box", "candidates", "true_score", "moved_scores"])
def test_a_line_that_tells_nothing_gives_no_numbers(role):
    told = of_fields({"place": None, "score_true": None, "parameters": {"window": {}}}, role)
    assert told.isnan().all()
    assert len(told) == 1


@pytest.mark.parametrize(
    ("fields", "role"),
    [
        ({"candidates": "many"}, "candidates"),
        ({"candidates": [[0.1, 0.2]]}, "candidates"),
        ({"score_true": "high"}, "true_score"),
        ({"scores_moved": 0.5}, "moved_scores"),
        ({"parameters": {"placement": {"true_box": [0, 1]}}}, "true_box"),
    ],
)
def test_fields_that_hold_something_else_fail_the_record(fields, role):
    with pytest.raises(PictureError, match="not "):
        of_fields(fields, role)


def test_an_unknown_role_is_refused():
    with pytest.raises(UsageError, match="predicted_box"):
        of_fields({}, "box")
