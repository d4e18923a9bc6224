"""Decisions applied to full-size pixels."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgswap.compositing.compose import compose
from bgswap.compositing.decide import CompositeSettings, decide
from bgswap.compositing.decisions import Blend, Decisions, Place, ShadowLayer
from bgswap.compositing.saved import from_line, to_line
from bgswap.errors import PictureError

PLAIN = CompositeSettings(place="keep", shadow="none")
WAYS = ["over", "feather", "laplacian"]


def made(person, place, choices=PLAIN, **options):
    return compose(person, place, decide(person, place, choices), choices, **options)


def plain_float(person, place, top=0, left=0):
    """alpha F + (1 - alpha) B over whole float pictures, the person's frame at (top, left)."""
    full = np.zeros((*place.shape[:2], 4))
    full[top : top + person.shape[0], left : left + person.shape[1]] = person
    alpha = full[..., 3:] / 255
    return alpha * full[..., :3] + (1 - alpha) * place


@pytest.mark.parametrize("blend", WAYS)
@pytest.mark.parametrize("shadow", ["none", "contact"])
def test_an_empty_cut_out_gives_the_place_back_bit_for_bit_and_says_so(whole_person, place, blend, shadow):
    nobody = whole_person.copy()
    nobody[..., 3] = 0
    choices = CompositeSettings(blend=blend, shadow=shadow, harmonize="reinhard")
    decisions = decide(nobody, place, choices)
    pixels, warnings = compose(nobody, place, decisions, choices)
    assert np.array_equal(pixels, place)
    assert len({*decisions.warnings, *warnings}) == 1


def test_with_decisions_at_identity_the_persons_own_pixels_come_out(half_length, photo):
    surroundings = photo[::-1]
    pixels, _ = made(half_length, surroundings)
    solid, empty = half_length[..., 3] == 255, half_length[..., 3] == 0
    assert np.array_equal(pixels[solid], half_length[solid][:, :3])
    assert np.array_equal(pixels[empty], surroundings[empty])


@given(row=st.integers(-250, 250), column=st.integers(-250, 250))
@settings(max_examples=20, deadline=None)
def test_a_whole_pixel_shift_moves_pixels_untouched(half_length, photo, row, column):
    frame = np.ascontiguousarray(photo[::-1])
    at = decide(half_length, frame, PLAIN).place
    moved = Decisions(replace(at, x=at.x + column / 512, y=at.y + row / 512))
    pixels, _ = compose(half_length, frame, moved)
    solid = np.argwhere(half_length[..., 3] == 255) + np.array([row, column])
    inside = ((solid >= 0) & (solid < 512)).all(1)
    y, x = solid[inside].T
    assert np.array_equal(pixels[y, x], half_length[y - row, x - column, :3])


def test_over_equals_the_float_formula_within_half_a_level(half_length, photo):
    frame = photo[::-1]
    pixels, _ = made(half_length, frame)
    assert np.abs(pixels - plain_float(half_length, frame)).max() <= 0.501


def test_mirrored_people_are_exact_mirrors(half_length, photo):
    frame = np.zeros_like(photo)
    at = decide(half_length, frame, PLAIN).place
    pixels, _ = compose(half_length, frame, Decisions(replace(at, x=1 - at.x, flip=True)))
    straight, _ = compose(half_length, frame, Decisions(at))
    assert np.array_equal(pixels, straight[:, ::-1])


def test_a_quarter_turn_keeps_every_pixel(whole_person):
    frame = np.zeros((500, 500, 3), np.uint8)
    upright, _ = compose(whole_person, frame, Decisions(Place(0.5, 0.5, 171 / 500)))
    turned, _ = compose(whole_person, frame, Decisions(Place(0.5, 0.5, 171 / 500, 90)))
    # The box's middle lies between pixels, so that the turn is about a point half a pixel off the frame's middle.
    expected = np.rot90(upright)
    shifts = [np.roll(expected, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    assert min(np.abs(turned.astype(int) - other).max() for other in shifts) <= 1


@pytest.mark.parametrize("scale", [0.11, 0.37, 0.5, 0.81, 1.7])
def test_resampling_agrees_with_pillows_premultiplied_filter(whole_person, scale):
    from PIL import Image

    height, width = whole_person.shape[:2]
    frame = np.full((round(height * scale), round(width * scale), 3), 90, np.uint8)
    exact = frame.shape[0] / height, frame.shape[1] / width
    person = Image.fromarray(whole_person).resize((frame.shape[1], frame.shape[0]), Image.Resampling.BICUBIC)
    expected = plain_float(np.asarray(person), frame)
    assert abs(exact[0] / exact[1] - 1) < 0.03
    pixels, _ = made(whole_person, frame, replace(PLAIN, max_enlarge=3))
    assert np.abs(pixels - expected).mean() < 1.0  # filters differ in sharpness, not in position: half a pixel off is 4


@pytest.mark.parametrize("height", [0.27, 0.72])
def test_shrinking_fine_stripes_gives_their_mean_and_no_moire(height):
    stripes = np.zeros((400, 400, 4), np.uint8)
    stripes[:, ::2, :3] = 255
    stripes[20:380, 20:380, 3] = 255
    frame = np.zeros((300, 300, 3), np.uint8)
    pixels, _ = made(stripes, frame, replace(PLAIN, place=f"0.5,0.95,{height}"))
    inner = pixels[220:280, 120:180].astype(int)
    assert np.abs(inner - 127).max() <= 32  # sampled without a filter the stripes beat between 0 and 255


def test_a_cut_person_set_in_the_middle_ends_where_its_photo_ends(half_length, place):
    frame = np.zeros_like(place)
    white = np.dstack([np.full((512, 512, 3), 255, np.uint8), half_length[..., 3]])
    for where in ("0.5,0.75,0.5", "0.5,0.75,0.7"):
        pixels, _ = made(white, frame, replace(PLAIN, place=where))
        assert (pixels[269, 230:290] == 255).all()
        assert (pixels[270:] == 0).all()


def test_no_dark_or_light_rim_where_a_resampled_edge_meets_its_own_color(whole_person):
    flat = whole_person.copy()
    flat[..., :3] = (200, 120, 60)
    flat[flat[..., 3] == 0] = 0  # black under empty alpha must not bleed in
    frame = np.full((700, 900, 3), (200, 120, 60), np.uint8)
    for where in ("0.5,0.9,0.31", "0.5,0.9,0.77,17"):
        pixels, _ = made(flat, frame, replace(PLAIN, place=where, max_enlarge=9))
        assert np.abs(pixels.astype(int) - frame).max() <= 1


def test_a_cut_person_stays_opaque_down_to_the_frames_border(half_length, place):
    solid = half_length.copy()
    solid[400:, :, 3] = np.where(solid[400:, :, 3] > 127, 255, 0)
    solid[..., :3] = 255
    pixels, _ = made(solid, np.zeros_like(place), CompositeSettings())
    middle = place.shape[1] * 245 // 512
    assert (pixels[-3:, middle - 40 : middle + 40] == 255).all()


@pytest.mark.parametrize("blend", WAYS)
@pytest.mark.parametrize("where", ["fit", "0.47,0.93,0.63,12"])
def test_strips_of_any_height_give_the_same_picture(whole_person, place, blend, where):
    choices = CompositeSettings(place=where, blend=blend, harmonize="reinhard", feather=6)
    decisions = decide(whole_person, place, choices)
    whole, _ = compose(whole_person, place, decisions, choices, strip=64 * 100)
    cut, _ = compose(whole_person, place, decisions, choices, strip=64)
    assert np.abs(whole.astype(int) - cut).max() <= 1
    assert (whole != cut).mean() < 0.001


@pytest.mark.parametrize("blend", WAYS)
def test_sixteen_bits_stay_sixteen_bits_and_agree_with_eight(whole_person, place, blend):
    choices = CompositeSettings(blend=blend, harmonize="reinhard")
    narrow, _ = made(whole_person, place, choices)
    wide, _ = made(whole_person.astype(np.uint16) * 257, place.astype(np.uint16) * 257, choices)
    mixed, _ = made(whole_person, place.astype(np.uint16) * 257, choices)
    assert wide.dtype == mixed.dtype == np.uint16
    assert np.abs(wide / 257 - narrow).max() <= 2.1  # colors, shadow and edge are each rounded to 8 bits in one of them
    assert np.abs(wide / 257 - narrow).mean() < 0.1
    assert np.abs(wide.astype(int) - mixed).max() <= 257 * 2


def test_white_stays_white_between_depths(whole_person):
    white = np.full((*whole_person.shape[:2], 4), 255, np.uint8)
    frame = np.zeros((*white.shape[:2], 3), np.uint16)
    assert (made(white, frame)[0] == 65535).all()
    assert (made(white.astype(np.uint16) * 257, frame.astype(np.uint8))[0] == 255).all()


def test_a_scale_that_is_off_by_less_than_a_pixel_leaves_the_pixels_sharp(half_length, photo):
    frame = np.ascontiguousarray(photo[::-1])
    at = decide(half_length, frame, PLAIN).place
    exact, _ = compose(half_length, frame, Decisions(at))
    rounded, _ = compose(half_length, frame, Decisions(replace(at, height=at.height + 0.5 / 512)))
    assert np.array_equal(exact, rounded)


def test_inputs_are_never_written_into_unless_the_caller_owns_them(whole_person, place):
    person, frame = whole_person.copy(), place.copy()
    choices = CompositeSettings(blend="laplacian", harmonize="reinhard")
    pixels, _ = made(person, frame, choices)
    assert np.array_equal(person, whole_person)
    assert np.array_equal(frame, place)
    painted, _ = made(person, frame, choices, out=frame)
    assert painted is frame
    assert np.array_equal(frame, pixels)


def test_saved_decisions_give_the_same_bytes(whole_person, place):
    choices = CompositeSettings(blend="feather", harmonize="reinhard", light="linear")
    decisions = decide(whole_person, place, choices)
    fresh, _ = compose(whole_person, place, decisions)
    again, _ = compose(whole_person, place, from_line(to_line(decisions)))
    assert np.array_equal(fresh, again)


def test_a_decision_made_small_puts_the_person_where_the_full_size_one_does(half_length, place):
    import cv2

    big = cv2.resize(place, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    small = decide(half_length, place, CompositeSettings(), place_frame=big.shape[:2]).place
    full = decide(half_length, big, CompositeSettings()).place
    assert (small.x, small.y, small.height) == pytest.approx((full.x, full.y, full.height), abs=1e-3)


def test_framed_by_the_person_the_place_is_cropped_never_stretched(half_length):
    rings = np.hypot(*np.mgrid[-300:300, -500:500])
    place = np.repeat(np.where(rings < 200, 255, 0).astype(np.uint8)[..., None], 3, 2)
    nobody = half_length.copy()
    nobody[..., 3] = 0
    choices = replace(PLAIN, frame="person")
    pixels, warnings = made(nobody, place, choices)
    assert pixels.shape == (512, 512, 3)
    disk = pixels[..., 0] > 127
    assert abs(int(disk.any(0).sum()) - int(disk.any(1).sum())) <= 1
    assert int(disk.any(0).sum()) == pytest.approx(400 * 512 / 600, abs=2)
    assert any("cropped" in warning for warning in warnings)
    assert any("enlarged" in warning for warning in made(half_length, place[250:350], choices)[1])


def test_enlarging_a_person_much_is_told(whole_person, place):
    import cv2

    big = cv2.resize(place, None, fx=3, fy=3)
    assert any("enlarged" in warning for warning in made(whole_person, big)[1])
    assert made(whole_person, big, replace(PLAIN, max_enlarge=9))[1] == []


def test_a_person_outside_the_frame_leaves_the_place_alone_and_is_told(whole_person, place):
    decisions = decide(whole_person, place, CompositeSettings(place="5,5,0.3"))
    pixels, _ = compose(whole_person, place, decisions)
    assert np.array_equal(pixels, place)
    assert any("outside" in warning for warning in decisions.warnings)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3), (17, 300)])
@pytest.mark.parametrize("blend", WAYS)
def test_tiny_and_odd_frames_work(whole_person, size, blend):
    frame = np.full((*size, 3), 40, np.uint8)
    choices = CompositeSettings(blend=blend, harmonize="reinhard", max_enlarge=99)
    assert made(whole_person, frame, choices)[0].shape == frame.shape
    full = np.full((*size, 4), 255, np.uint8)
    assert (made(full, frame, replace(PLAIN, blend=blend))[0] == 255).all()


@pytest.mark.parametrize(
    ("person", "place"),
    [((5, 5, 3), (5, 5, 3)), ((5, 5, 4), (5, 5, 4)), ((5, 5), (5, 5, 3)), ((0, 5, 4), (5, 5, 3))],
)
def test_wrong_shapes_are_refused_in_words(person, place):
    with pytest.raises(PictureError, match="not"):
        decide(np.zeros(person, np.uint8), np.zeros(place, np.uint8), PLAIN)


def test_every_setting_changes_the_picture(whole_person, place):
    choices = CompositeSettings(harmonize="reinhard", blend="feather", feather=5)
    base, _ = made(whole_person, place, choices)
    others = {
        "place": "keep", "harmonize": "none", "strength": 0.9, "shadow": "none", "blend": "laplacian",
        "light": "linear", "feather": 9.0, "frame": "person",
    }  # fmt: skip
    for name, value in others.items():
        other, _ = made(whole_person, place, replace(choices, **{name: value}))
        assert other.shape != base.shape or not np.array_equal(other, base), name


def test_real_people_keep_their_pixels_at_identity(person_of):
    for number in ("0003", "0410"):
        person = person_of(number)
        frame = np.full((*person.shape[:2], 3), 128, np.uint8)
        pixels, _ = made(person, frame)
        solid = person[..., 3] == 255
        assert np.array_equal(pixels[solid], person[solid][:, :3])


def test_a_layer_and_a_blend_given_by_hand_are_applied(whole_person, place):
    at = Place(0.5, 0.9, 0.6)
    bare, _ = compose(whole_person, place, Decisions(at))
    dark, _ = compose(whole_person, place, Decisions(at, shadow=ShadowLayer(softness=0.03, contact=0.9)))
    soft, _ = compose(whole_person, place, Decisions(at, blend=Blend("feather", "srgb", 0.02)))
    assert (dark.astype(int) - bare).min() < -20
    assert (dark.astype(int) - bare).max() <= 0
    assert not np.array_equal(soft, bare)
