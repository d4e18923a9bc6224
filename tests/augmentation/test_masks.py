"""Masks told as pictures, label maps, polygons and runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from bgswap.augmentation.masks import decode_counts, mask_of
from bgswap.errors import PictureError


def _runs(mask):
    """Run lengths down the columns, the first of zeros: straight from COCO's description, one pixel at a time."""
    counts, value = [0], 0
    for pixel in (mask.T > 0).ravel().astype(int).tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


def _compressed(counts):
    """COCO's string of runs: 5 bits a character, lowest first, from the third on less the run before last."""
    text = ""
    for number, count in enumerate(counts):
        left = count - counts[number - 2] if number > 2 else count
        while True:
            bits, left = left & 31, left >> 5
            last = left == (-1 if bits & 16 else 0)
            text += chr(48 + (bits if last else bits | 32))
            if last:
                break
    return text


@st.composite
def _masks(draw):
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    inside = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    return np.array(inside, np.uint8).reshape(height, width) * np.uint8(255)


@settings(deadline=None)
@given(mask=_masks())
def test_runs_and_their_compressed_form_come_back_as_the_mask(mask):
    counts, size = _runs(mask), list(mask.shape)
    assert (mask_of(None, {"rle": {"counts": counts, "size": size}}) == mask).all()
    assert (mask_of(None, {"rle": {"counts": _compressed(counts), "size": size}}) == mask).all()


@settings(deadline=None)
@given(counts=st.lists(st.integers(0, 2**20), max_size=30))
def test_compressed_runs_of_any_length_decode_to_themselves(counts):
    assert decode_counts(_compressed(counts)) == counts
    assert decode_counts(_compressed(counts).encode()) == counts


def test_a_compressed_string_of_the_reference_decoder_is_understood():
    # pycocotools 2.0: frPyObjects({"counts": [672, 1615, 319, 2144, 2132], ...}) begins so
    assert decode_counts("Pe0_b1o9a`0eh1")[:5] == [672, 1615, 319, 2144, 2132]


def test_runs_go_down_the_columns_and_start_outside():
    mask = mask_of(None, {"rle": {"counts": [1, 2, 3], "size": [3, 2]}})
    assert mask.tolist() == [[0, 0], [255, 0], [255, 0]]


@pytest.mark.parametrize(
    "runs",
    [
        {"counts": [1, 2], "size": [3, 2]},
        {"counts": [7, -1], "size": [3, 2]},
        {"counts": [1, 2, 3], "size": [0, 2]},
        {"counts": [1, 2, 3], "size": [3]},
        {"counts": ["a"], "size": [3, 2]},
        {"counts": "\x10", "size": [3, 2]},
        {"counts": "Pe", "size": [3, 2]},
        {"size": [3, 2]},
        [1, 2, 3],
    ],
)
def test_runs_that_do_not_fit_are_refused(runs):
    with pytest.raises(PictureError):
        mask_of(None, {"rle": runs})


def test_a_polygon_holds_the_pixels_whose_centers_it_holds():
    square = {"polygons": [[1.4, 1.6, 4.4, 1.6, 4.4, 3.6, 1.4, 3.6]], "size": [5, 6]}
    expected = np.zeros((5, 6), np.uint8)
    expected[2:4, 1:4] = 255  # centers at 1.5, 2.5, 3.5 across and 2.5, 3.5 down
    assert (mask_of(None, square) == expected).all()


def test_several_polygons_are_one_mask_and_touching_ones_leave_no_seam():
    halves = [[0, 0, 3.3, 0, 3.3, 5, 0, 5], [3.3, 0, 6, 0, 6, 5, 3.3, 5]]
    assert (mask_of(None, {"polygons": halves, "size": [5, 6]}) == 255).all()
    twice = {"polygons": [halves[0], halves[0]], "size": [5, 6]}
    assert (mask_of(None, twice) == mask_of(None, {"polygons": halves[:1], "size": [5, 6]})).all()


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), corners=st.integers(3, 40))
def test_any_polygon_equals_scikit_images(seed, corners):
    points = np.random.default_rng(seed).uniform(-8, 56, (corners, 2))
    ours = mask_of(None, {"polygons": [points.ravel().tolist()], "size": [40, 48]})
    theirs = polygon2mask((40, 48), points[:, ::-1] - 0.5)  # there pixel centers are whole numbers, (row, column)
    assert ((ours > 0) == theirs).all()


@pytest.mark.parametrize("polygons", [[], [[1, 1, 4, 4]], [[-9, -9, -1, -9, -1, -1]], [[2, 2, 2, 2, 2, 2]]])
def test_polygons_without_area_or_outside_draw_nothing(polygons):
    assert not mask_of(None, {"polygons": polygons, "size": [9, 9]}).any()


def test_polygons_that_reach_outside_are_cut_at_the_border():
    mask = mask_of(None, {"polygons": [[-50, 2, 50, 2, 50, 90, -50, 90]], "size": [6, 7]})
    assert (mask[2:] == 255).all()
    assert not mask[:2].any()


@pytest.mark.parametrize("polygon", [[1, 2, 3], ["a", 1, 2, 3, 4, 5], [0, 0, float("nan"), 0, 4, 4], [[1, 2], [3]]])
def test_polygons_that_are_none_are_refused(polygon):
    with pytest.raises(PictureError, match="polygon"):
        mask_of(None, {"polygons": [polygon], "size": [9, 9]})


def test_without_an_outline_soft_values_are_kept_whatever_the_channels():
    soft = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (mask_of(soft, None) == soft).all()
    assert (mask_of(np.dstack([soft] * 3), None) == soft).all()
    assert (mask_of(soft.astype(np.uint16) * 257, None) == soft).all()
    cutout = np.dstack([np.full_like(soft, 90), np.full_like(soft, 20), np.full_like(soft, 7), soft])
    assert (mask_of(cutout, None) == soft).all()
    saved_by_a_browser = np.dstack([soft, soft, soft, np.full_like(soft, 255)])
    assert (mask_of(saved_by_a_browser, None) == soft).all()


def test_thresholds_values_and_nonzero_give_hard_masks():
    levels = np.array([[0, 1, 2], [127, 128, 255]], np.uint8)
    assert mask_of(levels, {"threshold": 128}).tolist() == [[0, 0, 0], [0, 255, 255]]
    assert mask_of(levels, {"values": [1, 255]}).tolist() == [[0, 255, 0], [0, 0, 255]]
    assert mask_of(levels, {"nonzero": True}).tolist() == [[0, 255, 255], [255, 255, 255]]
    colors = np.array([[[9, 0, 0], [0, 0, 9], [1, 1, 1]]], np.uint8)
    assert mask_of(colors, {"values": [[9, 0, 0]]}).tolist() == [[255, 0, 0]]
    assert mask_of(colors, {"values": [1]}).tolist() == [[0, 0, 255]]
    assert mask_of(colors, {"nonzero": True}).tolist() == [[255, 255, 255]]


@pytest.mark.parametrize("outline", [None, {"threshold": 128}, {"values": [1]}, {"nonzero": True}])
def test_a_mask_that_needs_its_picture_says_so(outline):
    with pytest.raises(PictureError, match="picture"):
        mask_of(None, outline)


@pytest.mark.parametrize("outline", [{}, {"circle": 3}, {"values": [[1, 2]]}])
def test_outlines_that_nobody_knows_are_refused(outline):
    with pytest.raises(PictureError):
        mask_of(np.zeros((4, 4), np.uint8), outline)


@pytest.mark.parametrize("outline", [None, {"threshold": 9}, {"values": [3]}, {"nonzero": True}])
def test_the_pixels_are_neither_written_nor_handed_back(photo, outline):
    grey = np.ascontiguousarray(photo[..., 0])
    before = grey.copy()
    mask_of(grey, outline)[:] = 7
    assert (grey == before).all()
