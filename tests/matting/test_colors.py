"""Cut-outs, holes and plain backgrounds."""

import numpy as np
import pytest

from bgswap.matting.colors import cut_out, flatten, hole


@pytest.fixture(scope="module")
def mixed(photo):
    """The astronaut's middle over green through a soft disk: photo, alpha, true colors."""
    person = photo[100:356, 60:316]
    rows, columns = np.mgrid[:256, :256]
    distance = np.hypot(rows - 128, columns - 128)
    alpha = np.rint(np.clip((100 - distance) / 12 + 0.5, 0, 1) * 255).astype(np.uint8)
    share = alpha[..., None] / 255
    return np.rint(person * share + np.array([0, 220, 0]) * (1 - share)).astype(np.uint8), alpha, person


def test_the_old_background_leaves_the_soft_edge(mixed):
    photo, alpha, person = mixed
    soft = (alpha > 10) & (alpha < 245)
    errors = [
        np.abs(cut_out(photo, alpha, way)[..., :3][soft].astype(float) - person[soft]).mean()
        for way in ("photo", "own")
    ]
    assert errors[1] < 0.4 * errors[0]


@pytest.mark.parametrize("way", ["own", "photo"])
def test_hidden_pixels_are_zero_and_solid_ones_are_the_photos(mixed, way):
    photo, alpha, _ = mixed
    cut = cut_out(photo, alpha, way)
    assert not cut[alpha == 0].any()
    assert np.array_equal(cut[alpha == 255][:, :3], photo[alpha == 255])
    assert np.array_equal(cut[..., 3], alpha)


def test_sixteen_bit_cutouts_keep_their_depth(mixed):
    photo, alpha, _ = mixed
    deep = cut_out(photo.astype(np.uint16) * 257, alpha.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - cut_out(photo, alpha)).mean() < 0.1  # means are taken of 8 or of 16 bits


def test_cutout_and_hole_share_the_photo_between_them(mixed):
    photo, alpha, _ = mixed
    left = hole(photo, alpha)
    assert np.array_equal(left[..., 3], 255 - alpha)
    assert not left[alpha == 255].any()


def test_the_hole_of_a_transparent_photo_stays_transparent(mixed):
    photo, alpha, _ = mixed
    veil = np.full(alpha.shape, 100, np.uint8)
    assert hole(np.dstack([photo, veil]), alpha)[..., 3].max() == 100


def test_flattening_is_plain_compositing(mixed):
    photo, alpha, _ = mixed
    cut = cut_out(photo, alpha)
    share = alpha[..., None] / 255
    expected = cut[..., :3] * share + np.array([10, 200, 30]) * (1 - share)
    assert np.abs(flatten(cut, (10, 200, 30)) - expected).max() <= 0.51


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (70, 1), (65, 33)])
def test_any_size_and_any_alpha_can_be_cut(photo, size):
    part = photo[: size[0], : size[1]]
    for value in (0, 77, 255):
        cut = cut_out(part, np.full(size, value, np.uint8))
        assert cut.shape == (*size, 4)
