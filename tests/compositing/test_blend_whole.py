"""Ways that look at the whole frame first, and the small changes that they add at full size."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bgswap.compositing.blend import multi_stream, over, poisson
from bgswap.compositing.blend._edges import SmallChange
from bgswap.compositing.compose import compose
from bgswap.compositing.decisions import Blend, Decisions, Place
from bgswap.compositing.light import to_unit
from bgswap.compositing.outline import trace
from bgswap.compositing.scene import Layers
from bgswap.errors import UsageError


def layers_of(near, alpha, far):
    return Layers(*(to_unit(one) for one in (near, alpha, far)))


def disc(size=(240, 320), radius=80, at=(160, 120)):
    alpha = np.zeros(size, np.uint8)
    cv2.circle(alpha, at, radius, 255, -1)
    return alpha


@pytest.fixture(scope="module")
def fusion():
    from bgswap.zoo import loader

    return loader.load("multi-stream-small", device="cpu")


# Small changes


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_small_change_is_enlarged_as_by_bilinear_interpolation(photo, depth):
    change = (to_unit(photo[100:130, 100:140]) - 0.5) * 0.2
    middle = np.full((300, 400, 3), np.iinfo(depth).max // 2, depth)
    added = SmallChange(change, (300, 400)).add(middle, (0, 0))
    expected = cv2.resize(change, (400, 300), interpolation=cv2.INTER_LINEAR)
    assert np.abs(to_unit(added) - to_unit(middle) - expected).max() < 0.6 / 255


def test_a_small_change_is_cut_at_black_and_white_and_leaves_alone_what_it_does_not_touch():
    change = np.zeros((10, 10, 3), np.float32)
    change[2:4, 2:4], change[7:9, 7:9] = 0.5, -0.5
    light, dark = (SmallChange(change, (100, 100)).add(np.full((100, 100, 3), v, np.uint8), (0, 0)) for v in (250, 5))
    assert light.max() == 255
    assert dark.min() == 0
    assert (light[45:60] == 250).all()
    assert (light[25:35, 25:35] == 255).all()


# Poisson


def test_a_rim_of_constant_difference_shifts_the_inside_by_it(photo):
    """As seamlessClone does: a patch of the place itself, darker all over by 9 levels, disappears in it."""
    far = cv2.GaussianBlur(photo[60:300, 60:380], (0, 0), 15).clip(20, 235)  # the cut-out ends where its colors do
    alpha, near = disc(), far - 9
    prepared = poisson.prepare(
        lambda: layers_of(np.where(alpha[..., None] > 0, near, 0), alpha, far), None, alpha.shape, 1
    )
    mixed = prepared.blend(near, alpha, far, light="srgb", at=(0, 0))
    inner = disc(radius=76) > 0
    assert np.abs(mixed[inner].astype(float) - near[inner] - 9).mean() < 2
    cloned = cv2.seamlessClone(near, far, alpha, (160, 120), cv2.NORMAL_CLONE)
    assert np.abs(cloned[inner].astype(int) - far[inner]).mean() < 1.5
    assert np.abs(mixed[inner].astype(int) - cloned[inner]).mean() < 2.5


def test_a_flat_difference_shifts_by_itself_and_a_large_one_by_no_more_than_the_bound():
    alpha = disc()
    for step, expected in ((6, 6), (90, poisson.MOST * 255)):
        near, far = (np.full((240, 320, 3), value, np.uint8) for value in (80, 80 + step))
        change = 255 * poisson.membrane(layers_of(near, alpha, far), 2)[alpha > 0]
        assert np.abs(change - expected).max() < 0.1


def test_differences_on_two_sides_meet_smoothly_inside():
    alpha = disc()
    far = np.full((240, 320, 3), 100, np.uint8)
    far[:, :160] = 110
    near = np.full_like(far, 105)
    change = 255 * poisson.membrane(layers_of(near, alpha, far), 2)[120, 85:235, 0]
    assert (np.diff(change) <= 0.02).all()
    assert change[0] > 4
    assert change[-1] < -4
    assert abs(change[75]) < 1  # a harmonic surface is the mean of its rim in the middle


def test_where_the_frame_cuts_the_person_there_is_no_rim():
    alpha = np.zeros((240, 320), np.uint8)
    alpha[100:, :] = 255  # only its upper edge is one
    far = np.full((240, 320, 3), 90, np.uint8)
    change = 255 * poisson.membrane(layers_of(far - 5, alpha, far), 2)
    assert np.abs(change[alpha > 0] - 5).max() < 0.1
    assert not poisson.membrane(layers_of(far - 5, np.full_like(alpha, 255), far), 2).any()


# Multi-stream


def spoiled(half_length, photo):
    """A person whose soft edges hold another place's colors; without these they would give `true`."""
    near, alpha = half_length[..., :3].astype(float), half_length[..., 3]
    cover = alpha[..., None] / 255
    old, far = np.full_like(near, 235.0), photo[::-1, ::-1].astype(float)
    contaminated, true = (cover * near + (1 - cover) * other for other in (old, far))
    person = np.where(alpha[..., None] > 0, contaminated, 0).round().astype(np.uint8)
    rows, columns = slice(0, 230), slice(130, 320)  # the head
    return (one[rows, columns].copy() for one in (person, alpha, photo[::-1, ::-1], true))


def test_the_network_takes_old_surroundings_out_of_soft_edges(half_length, photo, fusion):
    near, alpha, far, true = spoiled(half_length, photo)
    prepared = multi_stream.prepare(lambda: layers_of(near, alpha, far), fusion, alpha.shape, 10)
    mixed = prepared.blend(near, alpha, far, light="srgb", at=(0, 0))
    plain = over.blend(near, alpha, far, light="srgb", width_px=0)
    soft = (alpha > 5) & (alpha < 250)
    errors = [((one[soft] - true[soft]) ** 2).mean() for one in (mixed, plain)]
    assert errors[0] < 0.85 * errors[1]


def test_beyond_the_band_pixels_are_those_of_over(half_length, photo, fusion):
    near, alpha, far, _ = spoiled(half_length, photo)
    prepared = multi_stream.prepare(lambda: layers_of(near, alpha, far), fusion, alpha.shape, 8)
    mixed = prepared.blend(near, alpha, far, light="linear", at=(0, 0))
    plain = over.blend(near, alpha, far, light="linear", width_px=0)
    distance = multi_stream.distance_to_edge(to_unit(alpha))
    assert np.array_equal(mixed[distance >= 8], plain[distance >= 8])
    assert (mixed != plain).mean() > 0.005
    assert np.array_equal(mixed[alpha == 0], far[alpha == 0])


def test_a_network_for_something_else_is_refused(fusion):
    other = replace(fusion, card=replace(fusion.card, takes=("photo", "alpha")))
    for model in (None, other):
        with pytest.raises(UsageError, match="photo, alpha, background"):
            multi_stream.prepare(lambda: None, model, (9, 9), 1)


def test_a_tiles_weight_is_gone_at_its_sides_but_not_at_the_frames():
    window = multi_stream._window((slice(0, 224), slice(160, 416)), (500, 500))[..., 0]
    assert (window > 0).all()
    assert window[0, 100] == 1
    assert max(window[-1].max(), window[:, 0].max(), window[:, -1].max()) < 0.01
    assert np.abs(np.diff(window, axis=1)).max() < 0.02


# In a frame larger than what is looked at


@pytest.mark.parametrize("blend", ["poisson", "multi-stream"])
def test_strips_of_any_height_give_the_same_picture_of_a_large_frame(half_length, photo, blend):
    far = cv2.resize(np.ascontiguousarray(photo[::-1]), (1300, 1200), interpolation=cv2.INTER_CUBIC)
    head = np.ascontiguousarray(half_length[:230, 130:320])
    place = Place(0.5, 0.75, trace(head).height / 1200)  # moved by whole pixels
    decisions = Decisions(place, blend=Blend(blend, "srgb", 0.01))
    whole, _ = compose(head, far, decisions, strip=64 * 100)
    cut, _ = compose(head, far, decisions, strip=64)
    assert np.array_equal(whole, cut)
    plain, _ = compose(head, far, Decisions(place))
    assert (whole != plain).any()
