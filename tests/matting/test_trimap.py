"""Trimaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgswap.matting.bands import parts
from bgswap.matting.predict import Matter, MatteSettings
from bgswap.matting.trimap import read_trimap, trimap_from_alpha


def test_every_soft_pixel_of_a_real_matte_is_left_unknown(model, photo):
    alpha = Matter(model, MatteSettings()).estimate(photo).alpha
    trimap = trimap_from_alpha(alpha)
    assert (trimap[(alpha > 20) & (alpha < 235)] == 128).all()
    assert (trimap == 0).mean() > 0.2
    assert (trimap == 255).mean() > 0.2


@given(band=st.integers(0, 12), side=st.integers(1, 40), seed=st.integers(0, 99))
def test_a_wider_band_never_makes_a_pixel_more_certain(band, side, seed):
    alpha = (np.random.default_rng(seed).random((side, side)) > 0.9).astype(np.uint8) * 255
    narrow, wide = trimap_from_alpha(alpha, band), trimap_from_alpha(alpha, band + 1)
    assert (wide[narrow == 128] == 128).all()


def test_a_hard_edge_is_unknown_too():
    alpha = np.zeros((40, 40), np.uint8)
    alpha[:, 20:] = 255
    assert (trimap_from_alpha(alpha, 2)[:, 18:22] == 128).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grays_of_a_read_trimap_are_unknown(dtype):
    top = np.iinfo(dtype).max
    picture = np.array([[0, top // 3, top // 2, top - 1, top]], dtype)
    assert read_trimap(picture, 1, 5).tolist() == [[0, 128, 128, 255, 255]]


@given(
    rows=st.integers(1, 30), columns=st.integers(1, 30), height=st.integers(1, 400), width=st.integers(1, 400),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_parts_cover_the_whole_band_and_do_not_overlap(rows, columns, height, width, seed):
    band = (np.random.default_rng(seed).random((rows, columns)) > 0.8).astype(np.uint8)
    covered = np.zeros((height, width), int)
    for part in parts(band, height, width):
        assert part.bottom > part.top
        assert part.right > part.left
        covered[part.slices] += 1
    assert covered.max() <= 1
    down, across = np.arange(height) * rows // height, np.arange(width) * columns // width
    assert covered[band[down][:, across] > 0].all()
