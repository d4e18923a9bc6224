"""The ways of shadow/."""

import numpy as np
import pytest

from bgswap.compositing.compose import compose
from bgswap.compositing.decide import CompositeSettings, decide
from bgswap.compositing.decisions import Place, ShadowLayer
from bgswap.compositing.outline import trace
from bgswap.compositing.shadow import contact, none


def darkened(person, place, where="0.5,0.9,0.6"):
    """How many levels each pixel of the place loses to the shadow."""
    with_shadow, without = (
        compose(person, place, decide(person, place, CompositeSettings(place=where, shadow=shadow)))[0]
        for shadow in ("contact", "none")
    )
    return without.astype(int) - with_shadow


def test_a_person_cut_by_the_lower_border_or_leaning_casts_none(half_length, whole_person):
    cut, whole = trace(half_length[..., 3]), trace(whole_person[..., 3])
    assert cut is not None
    assert whole is not None
    assert contact.cast(cut, Place(0.5, 1, 0.9)) is None
    assert contact.cast(whole, Place(0.5, 1.2, 0.9)) is None
    assert contact.cast(whole, Place(0.5, 0.9, 0.5, 80)) is None
    assert contact.cast(whole, Place(0.5, 0.9, 0.5)) is not None
    assert none.cast(whole, Place(0.5, 0.9, 0.5)) is None


def test_the_ground_darkens_about_the_feet_and_nowhere_else(whole_person, place):
    lost = darkened(whole_person, np.full_like(place, 200)).max(2)
    assert lost.min() >= 0
    feet, rows = int(0.9 * 360), np.flatnonzero(lost.any(1))
    assert 40 < lost[feet : feet + 3].max() < 160
    assert rows.min() > feet - 0.25 * 0.6 * 360
    assert rows.max() < feet + 0.15 * 0.6 * 360
    assert lost[feet + 2, 270] > lost[feet + 8, 270] > lost[feet + 16, 270]


def test_the_person_itself_is_not_darkened(whole_person, place):
    solid = (
        compose(
            np.dstack([np.zeros((400, 300, 3), np.uint8), whole_person[..., 3]]),
            np.full_like(place, 255),
            decide(whole_person, place, CompositeSettings(place="0.5,0.9,0.6", shadow="none")),
        )[0].max(2)
        == 0
    )
    assert (darkened(whole_person, place)[solid] == 0).all()


@pytest.mark.parametrize("scale", [0.5, 1, 3])
def test_the_shadow_is_the_same_at_every_resolution(whole_person, place, scale):
    import cv2

    def small(factor):
        frame = np.full((int(360 * factor), int(540 * factor), 3), 200, np.uint8)
        person = cv2.resize(whole_person, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        lost = darkened(person, frame).max(2).astype(np.float32)
        return cv2.resize(lost, (135, 90), interpolation=cv2.INTER_AREA)

    assert np.abs(small(scale) - small(1)).mean() < 0.35


def test_a_stronger_layer_darkens_more_and_an_empty_matte_nothing():
    alpha = np.zeros((200, 100), np.float32)
    alpha[20:150, 40:60] = 1
    weak, strong = (
        contact.shade(ShadowLayer(softness=0.04, contact=c), alpha, frame_px=200, person_px=130) for c in (0.2, 0.8)
    )
    assert (strong >= weak).all()
    assert strong.max() > weak.max() + 0.3
    assert strong.max() <= 1
    assert not contact.shade(ShadowLayer(softness=0.04, contact=1), alpha * 0, frame_px=200, person_px=130).any()


def test_real_people_on_a_real_street_get_a_shadow_that_stays_subtle(person_of, place_of):
    for number in ("0700", "0410"):
        lost = darkened(person_of(number), place_of("p145"), "0.5,0.95,0.7")
        assert 15 < lost.max() < 140
        assert (lost > 2).any(2).mean() < 0.05
