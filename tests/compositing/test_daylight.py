"""The light that a place's own picture tells of."""

import cv2
import numpy as np
import pytest

from bgswap.compositing.decisions import Place
from bgswap.compositing.outline import trace
from bgswap.compositing.scene import Scene
from bgswap.compositing.shadow._daylight import daylight, sky_of


def lit(person, place, x=0.5, y=0.93):
    outline = trace(person)
    assert outline is not None
    return daylight(Scene(person, outline, Place(x, y, 0.5), place, place.shape[:2]))


def street(sky=(90, 150, 230), ground=180, shade=None):
    """A place (300, 450, 3): sky over ground, with shade from some column on."""
    made = np.full((300, 450, 3), sky, np.uint8)
    made[130:] = ground
    if shade is not None:
        made[130:, shade:] = ground // 3
    return cv2.GaussianBlur(made, (0, 0), 2)


@pytest.fixture
def gray_person(whole_person):
    """The person without any shading of its own."""
    plain = whole_person.copy()
    plain[..., :3] = 128
    return plain


def test_a_blue_sky_over_bright_ground_is_sun_and_clouds_are_not(gray_person):
    sunny, cloudy = lit(gray_person, street()), lit(gray_person, street(sky=(215, 216, 218)))
    assert sunny.sun > 0.9
    assert cloudy.sun == 0
    assert sunny.density > cloudy.density + 0.2
    assert sunny.width < cloudy.width / 3
    assert sunny.tint[0] < 1 < sunny.tint[2]
    assert cloudy.tint == (1.0, 1.0, 1.0)


def test_feet_in_the_shade_cast_no_sun_s_shadow(gray_person):
    place = street(shade=225)
    assert lit(gray_person, place, x=0.25).sun > 0.9
    assert lit(gray_person, place, x=0.75).sun < 0.1


def test_the_shade_s_side_of_a_street_is_the_sun_s_side(gray_person):
    from_right, from_left = lit(gray_person, street(shade=225)), lit(gray_person, street(shade=225)[:, ::-1])
    assert -100 < from_right.azimuth < -20
    assert from_left.azimuth == pytest.approx(-from_right.azimuth, abs=3)


def test_where_nothing_tells_the_side_the_shadow_hides_behind_the_person(gray_person):
    assert abs(lit(gray_person, street()).azimuth) < 10


def test_the_person_s_own_light_decides_where_the_place_is_silent(gray_person):
    turned = gray_person.copy()
    turned[..., :3] = np.linspace(40, 220, turned.shape[1])[None, :, None]  # lit from the right
    assert lit(turned, street()).azimuth < -15


def test_a_low_sun_ahead_casts_towards_the_camera(gray_person):
    place = street(sky=(250, 190, 120), ground=20)
    assert abs(lit(gray_person, place).azimuth) > 150


def test_night_is_fainter_than_day(gray_person):
    day, night = lit(gray_person, street(sky=(200, 200, 200))), lit(gray_person, street(sky=(8, 8, 15), ground=30))
    assert night.density < 0.7 * day.density
    assert night.sun == 0


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_place_has_faint_soft_shadows(gray_person, level):
    light = lit(gray_person, np.full((200, 300, 3), level, np.uint8))
    assert light.sun == 0
    assert light.density < 0.3
    assert light.width > 0.1
    assert np.isfinite([light.azimuth, light.length, *light.tint]).all()


def test_light_is_the_same_in_8_and_16_bits(whole_person, place):
    fine, coarse = (lit(whole_person.astype(kind) * factor, place.astype(kind) * factor) for kind, factor in _DEPTHS)
    assert fine.azimuth == pytest.approx(coarse.azimuth, abs=0.1)
    assert fine.density == pytest.approx(coarse.density, abs=0.01)


_DEPTHS = ((np.uint16, np.uint16(257)), (np.uint8, np.uint8(1)))


def test_real_streets_in_the_sun_are_told_from_other_places(person_of, place_of):
    person = person_of("0700")
    assert all(lit(person, place_of(name), x=0.35).sun > 0.8 for name in ("p144", "p145", "p146", "p147"))
    assert lit(person, place_of("p147"), x=0.8).sun < 0.3  # the pavement under the houses
    for name in ("p041", "p001", "p016", "p030", "p148", "p055", "p087", "p068"):  # snow, dusk, night, rooms, clouds
        assert lit(person, place_of(name)).sun < 0.1, name


def test_the_sky_is_found_above_and_not_below():
    sky = sky_of(street().astype(np.float32) / 255)
    assert sky[:100].all()
    assert not sky[200:].any()
