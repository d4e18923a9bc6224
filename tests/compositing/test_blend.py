"""The ways of blend/, each on one piece."""

import numpy as np
import pytest

from bgswap import extensions
from bgswap.compositing.blend import feather, laplacian, over
from bgswap.compositing.edges import extend_colors
from bgswap.compositing.light import to_linear, to_srgb

WAYS = "bgswap.compositing.blend"


@pytest.fixture(scope="module")
def piece(half_length, photo):
    return half_length[..., :3].copy(), half_length[..., 3].copy(), np.ascontiguousarray(photo[::-1, ::-1])


@pytest.mark.parametrize("light", ["srgb", "linear"])
@pytest.mark.parametrize("name", extensions.names(WAYS))
def test_full_alpha_is_the_foreground_and_empty_alpha_the_background(piece, name, light):
    near, alpha, far = piece
    way = extensions.load(WAYS, name)
    for value, expected in ((255, near), (0, far)):
        assert np.array_equal(way.blend(near, np.full_like(alpha, value), far, light=light, width_px=5), expected)


@pytest.mark.parametrize("light", ["srgb", "linear"])
@pytest.mark.parametrize("name", extensions.names(WAYS))
def test_equal_pictures_blend_to_themselves(piece, name, light):
    near, alpha, _ = piece
    flat = np.full_like(near, 77)
    mixed = extensions.load(WAYS, name).blend(flat, alpha, flat, light=light, width_px=6)
    assert np.abs(mixed.astype(int) - 77).max() <= 1


@pytest.mark.parametrize("width_px", [-9.0, -2.0, 3.0, 16.0])
@pytest.mark.parametrize("name", extensions.names(WAYS))
def test_nothing_changes_beyond_the_reach_of_the_edge(piece, name, width_px):
    import cv2

    near, alpha, far = piece
    way = extensions.load(WAYS, name)
    mixed = way.blend(near, alpha, far, light="srgb", width_px=width_px)
    around = np.ones((2 * way.reach(width_px) + 1,) * 2, np.uint8)
    solid, empty = (cv2.erode((alpha == level).astype(np.uint8), around) > 0 for level in (255, 0))
    assert np.abs(mixed[solid].astype(int) - near[solid]).max(initial=0) <= 1
    assert np.abs(mixed[empty].astype(int) - far[empty]).max(initial=0) <= 1


def test_linear_light_makes_a_half_covered_pixel_brighter():
    near, far = np.full((1, 1, 3), 255, np.uint8), np.zeros((1, 1, 3), np.uint8)
    alpha = np.full((1, 1), 128, np.uint8)
    assert over.blend(near, alpha, far, light="srgb", width_px=0)[0, 0, 0] == 128
    assert over.blend(near, alpha, far, light="linear", width_px=0)[0, 0, 0] == 188  # sRGB's own middle of light


def test_light_goes_there_and_back():
    levels = np.linspace(0, 1, 65536, dtype=np.float32)
    assert np.abs(to_srgb(to_linear(levels)) - levels).max() < 1e-5


def test_feathering_inward_only_takes_from_the_person_and_outward_only_adds():
    alpha = np.zeros((60, 60), np.uint8)
    alpha[:, :30] = 255
    near, far = np.full((60, 60, 3), 255, np.uint8), np.zeros((60, 60, 3), np.uint8)
    inward = feather.blend(near, alpha, far, light="srgb", width_px=6)[30, :, 0].astype(int)
    outward = feather.blend(near, alpha, far, light="srgb", width_px=-6)[30, :, 0].astype(int)
    assert (inward[30:] == 0).all()
    assert inward[29] < 80
    assert (inward[:20] == 255).all()
    assert (outward[:30] == 255).all()
    assert outward[30] > 175
    assert (outward[40:] == 0).all()


def test_feathering_outward_carries_the_persons_color_and_not_what_lay_under_empty_alpha():
    alpha = np.zeros((60, 60), np.uint8)
    alpha[:, :30] = 255
    near = np.zeros((60, 60, 3), np.uint8)
    near[:, :30] = (200, 0, 0)
    mixed = feather.blend(near, alpha, np.full((60, 60, 3), (200, 0, 0), np.uint8), light="srgb", width_px=-8)
    assert np.abs(mixed.astype(int) - (200, 0, 0)).max() <= 2


def test_extended_colors_keep_the_person_and_continue_it(half_length):
    near = half_length[..., :3].copy()
    near[half_length[..., 3] == 0] = 0
    extended = extend_colors(near, half_length[..., 3], 8)
    solid = half_length[..., 3] == 255
    assert np.abs(extended[solid].astype(int) - near[solid]).max() <= 1
    first = int(np.flatnonzero(half_length[400, :, 3])[0])
    inside, beyond = extended[400, first + 10], extended[400, first - 8 : first]
    assert not near[400, first - 8 : first].any()
    assert np.abs(beyond.astype(int) - inside).max() < 60


def test_a_hairs_own_color_outweighs_its_neighbors():
    alpha, near = np.zeros((40, 40), np.uint8), np.zeros((40, 40, 3), np.uint8)
    alpha[:, :15], near[:, :15] = 255, (250, 250, 250)
    alpha[20, 15:30], near[20, 15:30] = 60, (90, 40, 10)
    assert np.abs(extend_colors(near, alpha, 8)[20, 16:30].astype(int) - (90, 40, 10)).max() <= 1


def test_bands_mix_wide_differences_softly_and_fine_ones_sharply():
    alpha = np.zeros((128, 128), np.uint8)
    alpha[:, :64] = 255
    near, far = np.full((128, 128, 3), 160, np.uint8), np.full((128, 128, 3), 100, np.uint8)
    mixed = laplacian.blend(near, alpha, far, light="srgb", width_px=8)[64, :, 0].astype(int)
    steps = -np.diff(mixed)
    assert steps.max() < 40  # `over` steps by 60 at once
    assert (steps >= -1).all()
    assert (mixed[:20] == 160).all()
    assert (mixed[108:] == 100).all()
