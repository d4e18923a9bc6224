"""The ways of shadow/, and the ground that they darken."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bgswap.compositing.compose import compose
from bgswap.compositing.decide import CompositeSettings, decide
from bgswap.compositing.decisions import Place, ShadowLayer
from bgswap.compositing.outline import trace
from bgswap.compositing.scene import Scene
from bgswap.compositing.shadow import cast, contact, none

FEET = 0.9  # where people stand here, share of the frame's height
TALL = 0.6  # how tall they are
SUNNY = ShadowLayer(azimuth=60, length=1, softness=0.03, density=0.5, contact=0.7, way="cast")


def scene(person, background, x=0.5, y=FEET, rotation=0.0):
    outline = trace(person)
    assert outline is not None
    return Scene(person, outline, Place(x, y, TALL, rotation), background, background.shape[:2])


def darkened(person, place, shadow, where=f"0.5,{FEET},{TALL}", **numbers):
    """How many levels each pixel of the place loses to the shadow."""
    with_shadow, without = (
        compose(person, place, decide(person, place, CompositeSettings(place=where, shadow=way, **numbers)))[0]
        for way in (shadow, "none")
    )
    return without.astype(int) - with_shadow


@pytest.fixture(scope="module")
def figure():
    """A matte (300, 300) of a figure 200 pixels tall with legs apart and arms out, feet at row 250."""
    alpha = np.zeros((300, 300), np.float32)
    for part in ([140, 120, 20, 60], [110, 130, 80, 10], [135, 180, 8, 70], [157, 180, 8, 70]):
        x, y, wide, tall = part
        alpha[y : y + tall, x : x + wide] = 1
    cv2.circle(alpha, (150, 66), 16, 1, -1)
    alpha[80:120, 146:154] = 1
    return alpha


@pytest.mark.parametrize("way", [contact, cast])
def test_a_person_cut_by_the_lower_border_or_leaning_or_below_the_frame_casts_none(
    half_length, whole_person, place, way
):
    assert way.cast(scene(half_length, place, y=1.0)) is None
    assert way.cast(scene(whole_person, place, y=1.2)) is None
    assert way.cast(scene(whole_person, place, rotation=80)) is None
    assert way.cast(scene(whole_person, place, rotation=-370)) is not None
    assert way.cast(scene(whole_person, place)) is not None
    assert none.cast(scene(whole_person, place)) is None


@pytest.mark.parametrize("way", ["contact", "cast"])
def test_the_ground_darkens_about_the_feet_and_nowhere_else(whole_person, place, way):
    lost = darkened(whole_person, np.full_like(place, 200), way, shadow_softness=0.03).max(2)
    assert lost.min() >= 0
    feet, rows = int(FEET * 360), np.flatnonzero(lost.any(1))
    assert 40 < lost[feet : feet + 3].max() < 160
    assert rows.min() > feet - 0.35 * TALL * 360
    assert rows.max() < feet + 0.16 * TALL * 360
    assert lost[feet + 2, 270] > lost[feet + 8, 270] > lost[feet + 16, 270]


@pytest.mark.parametrize("way", ["contact", "cast"])
def test_the_person_itself_is_not_darkened(whole_person, place, way):
    black = np.dstack([np.zeros((400, 300, 3), np.uint8), whole_person[..., 3]])
    where = decide(whole_person, place, CompositeSettings(place=f"0.5,{FEET},{TALL}", shadow="none"))
    solid = compose(black, np.full_like(place, 255), where)[0].max(2) == 0
    assert solid.any()
    assert (darkened(whole_person, place, way)[solid] == 0).all()


@pytest.mark.parametrize("scale", [0.5, 3])
@pytest.mark.parametrize("way", ["contact", "cast"])
def test_the_shadow_is_the_same_at_every_resolution(whole_person, place, scale, way):
    def small(factor):
        frame = np.full((int(360 * factor), int(540 * factor), 3), 200, np.uint8)
        person = cv2.resize(whole_person, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        lost = (
            darkened(person, frame, way, shadow_azimuth=70, shadow_length=1, shadow_density=0.5)
            .max(2)
            .astype(np.float32)
        )
        return cv2.resize(lost, (135, 90), interpolation=cv2.INTER_AREA)

    first, second = small(scale), small(1)
    assert second.max() > 20
    assert np.abs(first - second).mean() < 0.45  # with what the person's edges differ by


def test_a_stronger_layer_darkens_more_and_an_empty_matte_nothing(figure):
    for way in (contact, cast):
        weak, strong = (
            way.shade(replace(SUNNY, contact=c, density=c / 2), figure, frame_px=300, person_px=200) for c in (0.2, 0.8)
        )
        assert (strong >= weak - 1e-6).all()
        assert strong.max() > weak.max() + 0.3
        assert strong.max() <= 1
        assert not way.shade(SUNNY, figure * 0, frame_px=300, person_px=200).any()


@pytest.mark.parametrize(
    ("azimuth", "right", "down"), [(90, 1, 0), (-90, -1, 0), (0, 0, -1), (180, 0, 1), (45, 1, -1), (135, 1, 1)]
)
def test_the_shadow_falls_towards_its_azimuth(figure, azimuth, right, down):
    alone = replace(SUNNY, azimuth=azimuth, contact=0.0, length=0.8)
    lost = cast.shade(alone, figure, frame_px=300, person_px=200)
    rows, columns = np.indices(lost.shape)
    x, y = ((lost * at).sum() / lost.sum() for at in (columns - 150, rows - 250))
    assert abs(x) < 4 if right == 0 else x * right > 15
    assert abs(y) < 6 if down == 0 else y * down > 5


def test_a_shadow_to_the_side_is_as_long_as_its_length_says(figure):
    for length in (0.6, 0.7):  # shorter, and the arm would reach farther than the head's shadow
        alone = replace(SUNNY, azimuth=90, contact=0.0, softness=0.002, length=length)
        lost = cast.shade(alone, figure, frame_px=300, person_px=200)
        end = np.flatnonzero((lost > 0.25).any(0)).max()
        assert end - 150 == pytest.approx(length * 200, abs=10)


def test_the_shadow_is_softer_at_the_head_than_at_the_feet(figure):
    wide = np.pad(figure, ((0, 0), (0, 150)))
    lost = cast.shade(
        replace(SUNNY, azimuth=90, contact=0.0, softness=0.06, length=1.2), wide, frame_px=300, person_px=200
    )
    trunk = lost[:, 330].max()  # of the distance at which the trunk's shadow lies
    steep = np.abs(np.diff(lost[:, 180])).max() / lost[:, 180].max()
    gentle = np.abs(np.diff(lost[:, 330])).max() / trunk
    assert trunk > 0.05
    assert steep > 2 * gentle


def test_a_foot_that_stands_farther_back_touches_its_shadow(figure):
    apart = figure.copy()
    apart[238:250, 157:165] = 0  # the right leg ends higher in the picture: it stands farther away
    lost = cast.shade(replace(SUNNY, azimuth=-90, softness=0.005, contact=0.0), apart, frame_px=300, person_px=200)
    assert lost[238:241, 155].max() > 0.3  # just left of the right sole


def test_no_shadow_is_drawn_beyond_four_heights_and_none_ends_in_a_line(figure):
    frame = np.zeros((300, 1200), np.float32)
    frame[:, :300] = figure
    lost = cast.shade(replace(SUNNY, azimuth=90, length=20, contact=0.0), frame, frame_px=300, person_px=200)
    assert lost[:, 600].max() > 0.05
    assert lost[245:255, 150 + 4 * 200 + 20 :].max() == 0
    assert np.abs(np.diff(lost, axis=1))[:, 300:].max() < 0.03


def test_the_feet_s_room_holds_the_whole_shadow(figure):
    frame = np.pad(figure, ((300, 400), (600, 600)))
    for azimuth in range(-180, 180, 60):
        for length in (0.4, 1.5):
            layer = replace(SUNNY, azimuth=azimuth, length=length)
            lost = cast.shade(layer, frame, frame_px=900, person_px=200)
            above, below, left, right = cast.room(layer, frame_share=4.5, half_width=0.2)
            rows, columns = np.flatnonzero((lost > 1 / 512).any(1)), np.flatnonzero((lost > 1 / 512).any(0))
            assert rows[0] - 550 >= -200 * above - 1
            assert rows[-1] - 550 <= 200 * below + 1
            assert columns[0] - 750 >= -200 * left - 1
            assert columns[-1] - 750 <= 200 * right + 1


def test_options_replace_single_numbers(whole_person, place):
    chosen = CompositeSettings(place="0.5,0.9,0.6", shadow="cast", shadow_azimuth=33.0, shadow_density=0.2)
    layer = decide(whole_person, place, chosen).shadow
    found = cast.cast(scene(whole_person, place))
    assert layer == replace(found, azimuth=33.0, density=0.2)


def test_both_forms_draw_the_same_and_bend_with_their_numbers(figure):
    torch = pytest.importorskip("torch")
    layers = [
        replace(SUNNY, azimuth=-50, length=0.7, softness=0.02),
        replace(SUNNY, azimuth=120, length=0.5, softness=0.1, density=0.3, contact=0.4),
    ]
    strips = [cast.shade(layer, figure, frame_px=300, person_px=200) for layer in layers]
    names = ("azimuth", "length", "softness", "density", "contact")
    numbers = [torch.tensor([float(getattr(layer, name)) for layer in layers]).requires_grad_() for name in names]
    alpha = torch.from_numpy(figure).expand(2, 1, -1, -1)
    tall = torch.full((2,), 200.0)
    drawn = cast.shade_tensors(alpha, *numbers, frame_px=300, person_px=tall)
    assert np.abs(drawn[:, 0].detach().numpy() - np.stack(strips)).max() < 1e-4
    # Each number's gradient leads towards the picture of another number.
    for name, number, step in zip(names, numbers, (15.0, 0.2, 0.03, 0.1, 0.1), strict=True):
        moved = [other.detach() + step * (other is number) for other in numbers]
        wanted = cast.shade_tensors(alpha, *moved, frame_px=300, person_px=tall)
        off = ((cast.shade_tensors(alpha, *numbers, frame_px=300, person_px=tall) - wanted) ** 2).sum()
        (slope,) = torch.autograd.grad(off, [number])
        assert (slope < 0).all(), (name, slope)


def test_both_forms_of_contact_are_the_same(figure):
    torch = pytest.importorskip("torch")
    layer = ShadowLayer(softness=0.04, contact=0.6)
    drawn = contact.shade_tensors(
        torch.from_numpy(figure)[None, None],
        torch.tensor([0.04]),
        torch.tensor([0.6]),
        frame_px=300,
        person_px=torch.tensor([200.0]),
    )
    strip = contact.shade(layer, figure, frame_px=300, person_px=200)
    assert strip.max() > 0.5
    assert np.abs(drawn[0, 0].numpy() - strip).max() < 1e-4


@pytest.mark.parametrize("way", ["contact", "cast"])
def test_real_people_on_a_real_street_get_a_shadow_that_stays_subtle(person_of, place_of, way):
    for number in ("0700", "0410"):
        lost = darkened(person_of(number), place_of("p145"), way, "0.5,0.95,0.7")
        assert 15 < lost.max() < 170
        assert (lost > 2).any(2).mean() < 0.1
