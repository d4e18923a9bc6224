"""The membrane over a hole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgswap.inpainting.membrane import stretch


def test_a_slope_with_a_hole_is_a_slope_again():
    rows, columns = np.mgrid[0:60, 0:80].astype(np.float32)
    slope = (rows + 2 * columns)[..., None]
    known = np.ones(slope.shape[:2], bool)
    known[20:40, 30:50] = False
    assert np.abs(stretch(slope, known) - slope).max() < 1  # of 60 levels across the hole


@settings(max_examples=30, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), channels=st.integers(1, 4), seed=st.integers(0, 99))
def test_known_values_stay_and_the_rest_lies_between_them(height, width, channels, seed):
    rng = np.random.default_rng(seed)
    values = rng.random((height, width, channels), np.float32)
    known = rng.random((height, width)) < 0.3
    known[rng.integers(height), rng.integers(width)] = True
    surface = stretch(values, known)
    assert surface.shape == values.shape
    assert (surface[known] == values[known]).all()
    assert surface.min() >= values[known].min() - 1e-5
    assert surface.max() <= values[known].max() + 1e-5


def test_a_studio_backdrop_comes_back_almost_as_it_was(photo):
    import cv2

    backdrop = cv2.GaussianBlur(photo, (0, 0), 40).astype(np.float32)[:200, 300:500]
    known = np.ones(backdrop.shape[:2], bool)
    known[40:160, 80:120] = False
    off = np.abs(stretch(backdrop, known) - backdrop)[~known].mean()
    assert off < 0.3 * np.abs(backdrop[known].mean(0) - backdrop)[~known].mean()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nothing_known_gives_zero_and_everything_known_stays(share):
    values = np.full((5, 7, 3), 9, np.float32)
    assert (stretch(values, np.full((5, 7), share > 0)) == values * share).all()
