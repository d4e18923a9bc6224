"""Boxes against boxes, and scores of the true place against scores of moved ones."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from bgswap.evaluation.metric import find
from bgswap.evaluation.metrics.box_auc import box_auc
from bgswap.evaluation.metrics.box_center import box_center
from bgswap.evaluation.metrics.box_iou import box_iou
from bgswap.evaluation.metrics.box_scale import box_scale
from bgswap.evaluation.metrics.box_topk import box_topk

GRID = 32  # boxes of whole cells of this grid are exact in float32

cells = st.integers(0, GRID - 1).flatmap(lambda low: st.tuples(st.just(low), st.integers(low + 1, GRID)))
corners = st.tuples(cells, cells)  # (left, right), (top, bottom)


def box_of(corner: tuple[tuple[int, int], tuple[int, int]]) -> list[float]:
    (left, right), (top, bottom) = corner
    return [(left + right) / 2 / GRID, bottom / GRID, (right - left) / GRID, (bottom - top) / GRID]


def painted(corner: tuple[tuple[int, int], tuple[int, int]]) -> NDArray[np.bool_]:
    (left, right), (top, bottom) = corner
    picture = np.zeros((GRID, GRID), bool)
    picture[top:bottom, left:right] = True
    return picture


def boxes(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)


MAN = [0.5, 0.9, 0.2, 0.5]
UNKNOWN = [math.nan] * 4


def test_a_box_half_a_width_aside_shares_a_third():
    """Shared 0.1 x 0.5, both 2 x 0.2 x 0.5 - 0.05 = 0.15."""
    assert float(box_iou(boxes(MAN), boxes([0.6, 0.9, 0.2, 0.5]))) == pytest.approx(1 / 3, abs=1e-6)


@given(first=corners, second=corners)
def test_overlap_is_that_of_the_painted_boxes(first, second):
    one, other = painted(first), painted(second)
    expected = (one & other).sum() / (one | other).sum()
    assert float(box_iou(boxes(box_of(first)), boxes(box_of(second)))) == pytest.approx(expected, abs=1e-6)


@given(first=corners, second=corners)
def test_overlap_and_distances_do_not_depend_on_which_box_is_the_true_one(first, second):
    one, other = boxes(box_of(first)), boxes(box_of(second))
    for metric in (box_iou, box_center, box_scale):
        assert torch.allclose(metric(one, other), metric(other, one), atol=1e-6)


@given(told=corners)
def test_the_true_box_itself_has_the_best_values(told):
    one = boxes(box_of(told))
    assert (float(box_iou(one, one)), float(box_center(one, one)), float(box_scale(one, one))) == (1, 0, 0)
    assert float(box_topk(one[:, None], one)) == 1


def test_boxes_that_only_touch_or_lie_apart_share_nothing():
    aside, far = [0.7, 0.9, 0.2, 0.5], [0.9, 0.3, 0.1, 0.1]
    assert box_iou(boxes(MAN, MAN), boxes(aside, far)).tolist() == pytest.approx([0, 0], abs=1e-6)


def test_what_reaches_out_of_the_frame_counts():
    """Half of the second box lies below the frame: 0.5 x 0.5 of 1 x 0.5 + 0.5 x 0.5 = 0.25 of 0.75 are shared."""
    value = box_iou(boxes([0.5, 1.0, 0.5, 0.5]), boxes([0.5, 1.5, 0.5, 1.0]))
    assert float(value) == pytest.approx(0.25 / 0.5, abs=1e-6)


def test_centers_lie_half_a_height_above_the_feet_and_widths_do_not_count():
    """Feet 0.4 lower and the box 0.2 higher: the center is 0.3 lower; with 0.4 aside that makes 0.5."""
    assert float(box_center(boxes([0.9, 0.9, math.nan, 0.4]), boxes([0.5, 0.5, 0.2, 0.2]))) == pytest.approx(0.5)


@given(height=st.floats(0.05, 1), factor=st.floats(0.1, 10))
def test_a_person_that_is_too_big_by_a_factor_is_wrong_by_its_logarithm(height, factor):
    value = box_scale(boxes([0.5, 0.9, 0.1, height * factor]), boxes([0.2, 0.8, math.nan, height]))
    assert float(value) == pytest.approx(abs(math.log(factor)), abs=1e-5)


@pytest.mark.parametrize("name", ["box-iou", "box-center", "box-scale"])
def test_where_a_box_is_not_told_there_is_no_value(name):
    (metric,) = find([name])
    values = metric(boxes(MAN, UNKNOWN, MAN, UNKNOWN), boxes(MAN, MAN, UNKNOWN, UNKNOWN))
    assert values.isnan().tolist() == [False, True, True, True]


def test_a_box_without_area_or_height_has_no_value():
    flat = boxes([0.5, 0.9, 0.2, 0.0])
    assert box_iou(flat, flat).isnan()
    assert box_scale(flat, boxes(MAN)).isnan()


@settings(deadline=None, max_examples=25)
@given(rows=st.lists(st.tuples(corners, corners), min_size=1, max_size=6))
def test_a_batch_has_the_values_of_its_rows_one_by_one(rows):
    first, second = (boxes(*(box_of(row[i]) for row in rows)) for i in (0, 1))
    for metric in (box_iou, box_center, box_scale):
        alone = [float(metric(first[i : i + 1], second[i : i + 1])) for i in range(len(rows))]
        assert metric(first, second).tolist() == alone


def test_a_hit_counts_from_the_candidate_on_that_overlaps_by_half():
    """A box half as high within the true one overlaps by exactly 0.5."""
    true = [0.5, 0.75, 0.25, 0.5]
    candidates = boxes([0.1, 0.2, 0.1, 0.1], [0.5, 0.75, 0.25, 0.25], true)[None]
    assert [float(box_topk(candidates, boxes(true), variant=k)) for k in ("1", "5", "10")] == [0, 1, 1]
    assert float(box_topk(candidates[:, :2], boxes(true), variant="5")) == 1
    less = boxes([0.5, 0.75, 0.25, 0.2497])[None]
    assert float(box_topk(less, boxes(true), variant="5")) == 0


@settings(deadline=None, max_examples=40)
@given(told=st.lists(corners, min_size=1, max_size=12), true=corners, padding=st.integers(0, 3))
def test_top_k_finds_what_the_painted_boxes_say_and_padding_changes_nothing(told, true, padding):
    candidates = boxes(*map(box_of, told), *[UNKNOWN] * padding)[None]
    wanted = painted(true)
    overlaps = [(painted(one) & wanted).sum() / (painted(one) | wanted).sum() for one in told]
    for k in ("1", "5", "10"):
        assert float(box_topk(candidates, boxes(box_of(true)), variant=k)) == float(max(overlaps[: int(k)]) >= 0.5)


def test_top_k_has_no_value_without_candidates_or_truth():
    candidates = boxes(UNKNOWN, UNKNOWN)[None].repeat(2, 1, 1)
    assert box_topk(candidates, boxes(MAN, MAN), variant="5").isnan().all()
    assert box_topk(boxes(MAN)[None], boxes(UNKNOWN)).isnan().all()


def test_a_true_place_above_two_of_four_and_level_with_one_is_at_five_eighths():
    """Wins 2, tie 1 counts half: 2.5 of 4."""
    assert float(box_auc(torch.tensor([[0.6]]), torch.tensor([[0.2, 0.1, 0.6, 0.9]]))) == 0.625


scores = st.integers(0, 6).map(lambda level: level / 8)  # few levels, so that ties happen


@settings(deadline=None, max_examples=50)
@given(true=scores, moved=st.lists(scores, min_size=1, max_size=9), padding=st.integers(0, 3))
def test_auc_is_the_area_under_the_curve_of_scikit_learn(true, moved, padding):
    metrics = pytest.importorskip("sklearn.metrics")
    expected = metrics.roc_auc_score([1] + [0] * len(moved), [true, *moved])
    row = torch.tensor([[*moved, *[math.nan] * padding]])
    assert float(box_auc(torch.tensor([[true]]), row)) == pytest.approx(expected, abs=1e-6)


def test_auc_has_no_value_without_a_true_score_or_a_moved_one():
    moved = torch.tensor([[0.1, 0.2], [math.nan, math.nan], [-math.inf, 0.2]])
    values = box_auc(torch.tensor([[math.nan], [0.5], [0.1]]), moved)
    assert values.isnan().tolist() == [True, True, False]
    assert float(values[2]) == 0.5
