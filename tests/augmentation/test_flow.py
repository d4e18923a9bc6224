"""Flow of affines and of video, and its 16-bit picture."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bgswap.augmentation import flow
from bgswap.augmentation.tensors import to_pixels, to_tensor

TURN = [[math.cos(0.02), math.sin(0.02), 3.0], [-math.sin(0.02), math.cos(0.02), -1.5]]


@given(side=st.integers(1, 9), seed=st.integers(0, 999), reach=st.floats(0, 511))
def test_flow_comes_back_from_its_picture_to_a_hundred_and_twenty_eighth_of_a_pixel(
    side: int, seed: int, reach: float
) -> None:
    random = np.random.default_rng(seed)
    truth = random.uniform(-reach, reach, (side, side + 1, 2)).astype(np.float32)
    valid = random.random((side, side + 1)) < 0.7
    levels = flow.encode(truth, valid)
    again, seen = flow.decode(levels)
    assert levels.dtype == np.uint16
    assert np.array_equal(seen, valid)
    assert np.abs(again - truth)[valid].max(initial=0) <= 1 / 128 + 1e-4
    assert not again[~valid].any()
    assert np.array_equal(flow.encode(again, seen), levels)


def test_the_picture_is_written_as_kitti_writes_it() -> None:
    levels = flow.encode(np.array([[[1.0, -2.0], [0.0, 0.0]]], np.float32), np.array([[True, False]]))
    assert levels.tolist() == [[[2**15 + 64, 2**15 - 128, 1], [0, 0, 0]]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 512.0, -513.0])
def test_flow_that_the_picture_cannot_hold_is_not_valid(bad: float) -> None:
    levels = flow.encode(np.array([[[bad, 0.0]]], np.float32), np.array([[True]]))
    assert levels.tolist() == [[[0, 0, 0]]]


def test_a_sample_s_flow_is_encoded_channel_by_channel() -> None:
    truth = torch.tensor([[[1.0, 5.0]], [[-2.0, 5.0]], [[1.0, 0.0]]])
    assert flow.to_pixels(truth).tolist() == [[[2**15 + 64, 2**15 - 128, 1], [0, 0, 0]]]


def test_an_affine_and_its_inverse_leave_points_where_they_are() -> None:
    at = flow.centers((4, 5), torch.zeros(1, dtype=torch.float64))
    assert torch.allclose(flow.through(flow.through(at, TURN), flow.inverse(TURN)), at)
    assert torch.allclose(flow.through(at, flow.chained(TURN, flow.inverse(TURN))), at)


def test_a_shift_to_the_right_was_to_the_left_before() -> None:
    at = flow.centers((3, 4), torch.zeros(1))
    still, right = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]
    shift = flow.of_affines(still, right, at)
    assert torch.equal(shift, torch.tensor([-2.0, 0.0])[:, None, None].expand(2, 3, 4))


def test_sampling_at_the_centers_gives_the_picture_back(photo: NDArray[np.uint8]) -> None:
    picture = to_tensor(photo[100:164, 200:250])
    assert torch.allclose(flow.sample(picture, flow.centers((64, 50), picture)), picture, atol=1e-5)


def test_the_flow_of_a_real_photo_that_moved_is_found_where_it_is_valid(photo: NDArray[np.uint8]) -> None:
    before = to_tensor(photo)
    at = flow.centers(photo.shape[:2], before)
    now = flow.sample(before, flow.through(at, flow.inverse(TURN)))
    truth = flow.of_affines([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], TURN, at)
    found, valid = flow.estimate(photo, to_pixels(now))
    error = np.abs(np.moveaxis(found, 2, 0) - truth.numpy()).max(axis=0)[valid]
    assert valid.mean() > 0.8
    assert np.median(error) < 0.3
    y, x = np.nonzero(valid)
    to_x, to_y = x + found[valid][:, 0], y + found[valid][:, 1]
    assert to_x.min() >= 0
    assert to_x.max() <= 511
    assert to_y.min() >= 0
    assert to_y.max() <= 511


def test_what_a_passing_square_hides_has_no_valid_flow(photo: NDArray[np.uint8]) -> None:
    before, now = photo.copy(), photo.copy()
    square = np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)
    before[200:280, 100:180], now[200:280, 130:210] = square, square
    _, valid = flow.estimate(before, now)
    assert valid[205:275, 105:125].mean() < 0.5  # seen now, hidden before


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (15, 15)])
def test_frames_too_small_to_follow_have_no_valid_flow(size: tuple[int, int]) -> None:
    found, valid = flow.estimate(np.zeros((*size, 3), np.uint8), np.zeros((*size, 3), np.uint8))
    assert found.shape == (*size, 2)
    assert not valid.any()
