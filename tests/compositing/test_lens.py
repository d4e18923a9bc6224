"""Grain, sharpness and the lens's disc."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from bgswap.compositing.compose import compose, compose_people
from bgswap.compositing.decisions import Decisions, Lens, Place
from bgswap.compositing.lens import PersonLens, apply_lens, match
from bgswap.compositing.lens.defocus import Defocus, half_widths
from bgswap.compositing.lens.grain import add_grain, grain_field
from bgswap.compositing.light import to_levels, to_linear, to_srgb, to_unit
from bgswap.compositing.outline import trace
from bgswap.compositing.scene import Scene


def deep(picture):
    """The same in 16 bits."""
    return picture.astype(np.uint16) * 257


def scene_of(person, place):
    return Scene(person, trace(person), Place(0.5, 1.0, 0.8), place, place.shape[:2])


def feet_at(y, height=0.5, **lens):
    return Decisions(Place(0.5, y, height), lens=Lens(**lens))


@pytest.mark.parametrize("levels", [6.0, 10.0])
def test_grain_that_the_place_has_more_of_is_found_within_a_sixth(half_length, photo, levels):
    place = add_grain(photo, np.full(photo.shape[:2], 255, np.uint8), (100, 100), levels)
    assert match(scene_of(half_length, place)).grain == pytest.approx(levels, rel=1 / 6)


def test_blur_that_the_place_has_more_of_is_found(half_length, photo):
    place = cv2.GaussianBlur(photo, (0, 0), 1.5)
    assert 1.0 < match(scene_of(half_length, place)).blur * len(place) < 1.8


def test_a_person_is_left_alone_at_a_place_of_its_own_camera(half_length, photo):
    assert match(scene_of(half_length, photo)) == Lens()


def test_what_is_asked_of_the_person_is_bounded(half_length, photo):
    full = np.full(photo.shape[:2], 255, np.uint8)
    assert match(scene_of(half_length, add_grain(photo, full, (0, 0), 30.0))).grain == 12
    assert match(scene_of(half_length, cv2.GaussianBlur(photo, (0, 0), 6))).blur * len(photo) <= 3.001


def test_texture_is_not_taken_for_grain(person_of, place_of):
    for name in ("p017", "p041", "p079", "p161"):  # foliage and grass all over
        assert match(scene_of(person_of("0023"), place_of(name))).grain == 0, name


def test_a_reduced_place_and_a_person_out_of_sight_say_nothing(half_length, photo):
    place = add_grain(photo, np.full(photo.shape[:2], 255, np.uint8), (0, 0), 6.0)
    small = Scene(half_length, trace(half_length), Place(0.5, 1.0, 0.8), place, (1024, 1024))
    away = Scene(half_length, trace(half_length), Place(-3.0, 1.0, 0.8), place, (512, 512))
    assert match(small) == match(away) == Lens()


def test_no_grain_and_no_blur_is_no_lens():
    assert PersonLens.of(None, (400, 600)) is PersonLens.of(Lens(defocus=0.1), (400, 600)) is None
    assert PersonLens.of(Lens(grain=1.0), (400, 600)).reach == 0


def test_grain_is_as_strong_as_told_and_mostly_without_color():
    gray = np.full((300, 300, 3), 128, np.uint8)
    noise = add_grain(gray, np.full((300, 300), 255, np.uint8), (40, 900), 5.0).astype(float) - 128
    assert noise.std((0, 1)) == pytest.approx([5, 5, 5], rel=0.05)
    assert abs(noise.mean()) < 0.1
    assert noise.mean(2).std() > 4.5
    assert 0.4 < np.corrcoef(noise[:, 1:, 1].ravel(), noise[:, :-1, 1].ravel())[0, 1] < 0.6


def test_grain_spares_black_and_white_and_whatever_is_transparent():
    steps = np.zeros((60, 90, 3), np.uint8)
    steps[:, 30:60] = 255
    steps[:, 60:] = 128
    alpha = np.full((60, 90), 255, np.uint8)
    alpha[:30] = 0
    grained = add_grain(steps, alpha, (0, 0), 8.0)
    assert np.array_equal(grained[:, :60], steps[:, :60])
    assert np.array_equal(grained[:30], steps[:30])
    assert not np.array_equal(grained[30:, 60:], steps[30:, 60:])


def test_the_grain_field_is_one_wherever_it_is_cut():
    whole = grain_field((500, 500), (60, 70))
    assert np.array_equal(whole[20:, 30:], grain_field((520, 530), (40, 40)))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("lens", [Lens(grain=4.0), Lens(blur=0.004), Lens(grain=4.0, blur=0.004)])
def test_a_persons_lens_in_torch_agrees_within_one_level(half_length, lens, depth):
    torch = pytest.importorskip("torch")
    person = half_length if depth == np.uint8 else deep(half_length)
    colors, alpha = PersonLens.of(lens, (512, 512)).apply(person[..., :3].copy(), person[..., 3].copy(), (37, 501))
    given, noise = (
        torch.from_numpy(plane.transpose(2, 0, 1).copy())[None]
        for plane in (to_unit(person), grain_field((37, 501), (512, 512)))
    )
    theirs = apply_lens(given[:, :3], given[:, 3:], noise, blur_px=lens.blur * 512, grain=lens.grain)
    seen = alpha > 0.05 * np.iinfo(depth).max  # fainter edges are divided by little: their color hardly counts
    assert np.abs(to_unit(alpha) - theirs[1][0, 0].numpy()).max() <= 1 / 255
    assert np.abs(to_unit(colors) - theirs[0][0].numpy().transpose(1, 2, 0))[seen].max() <= 1 / 255


def test_the_torch_form_passes_gradients_to_colors_alpha_and_grain():
    torch = pytest.importorskip("torch")
    colors, alpha = torch.rand(2, 3, 9, 9, requires_grad=True), torch.rand(2, 1, 9, 9, requires_grad=True)
    grain = torch.full((2, 1, 1, 1), 3.0, requires_grad=True)
    out = apply_lens(colors, alpha, torch.randn(2, 3, 9, 9), blur_px=1.0, grain=grain)
    (out[0].sum() + out[1].sum()).backward()
    assert all(one.grad is not None and one.grad.abs().max() > 0 for one in (colors, alpha, grain))


def test_blurred_edges_keep_the_persons_color_and_nothing_is_written_into():
    colors = np.zeros((40, 40, 3), np.uint8)
    alpha = np.zeros((40, 40), np.uint8)
    colors[:, 20:], alpha[:, 20:] = (200, 90, 30), 255
    before = colors.copy(), alpha.copy()
    soft, cover = PersonLens(2.0, 0.0).apply(colors, alpha, (0, 0))
    assert np.array_equal(colors, before[0])
    assert np.array_equal(alpha, before[1])
    assert 0 < cover[20, 18] < cover[20, 21] < 255
    assert np.abs(soft[cover > 0].astype(int) - (200, 90, 30)).max() <= 1


def test_the_lens_reaches_as_far_as_it_says():
    lens = PersonLens(1.3, 0.0)
    colors, alpha = np.full((41, 41, 3), 90, np.uint8), np.zeros((41, 41), np.uint8)
    alpha[20, 20] = 255
    assert np.ptp(np.argwhere(PersonLens(0.9, 0.0).apply(colors, alpha, (0, 0))[1])) <= 2 * lens.reach
    one, other = (np.full((80, 41), 255, np.uint8) for _ in range(2))
    other[: 40 - lens.reach] = 0
    seen = [lens.apply(np.full((80, 41, 3), 90, np.uint8), cover, (0, 0))[1][40:] for cover in (one, other)]
    assert np.array_equal(*seen)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_no_pixel_depends_on_strips_or_threads(half_length, photo, depth):
    place = np.ascontiguousarray(photo[::-1])
    person = half_length
    if depth == np.uint16:
        person, place = deep(person), deep(place)
    height = trace(person).height / 512  # moved, not resampled: only the lens is in question here
    decisions = Decisions(Place(0.4, 0.9, height), lens=Lens(grain=5.0, blur=0.003, defocus=0.04))
    made = [compose(person, place, decisions, strip=strip)[0] for strip in (64, 256)]
    assert np.array_equal(*made)
    assert not np.array_equal(made[0], place)


def test_pieces_may_begin_anywhere_and_run_side_by_side(photo):
    defocus = Defocus.of([feet_at(0.95, defocus=0.05)], photo.shape[:2])
    whole = defocus.apply(photo, (0, 0))
    assert defocus.reach < 70

    def part(start):
        top, end = max(0, start - defocus.reach), min(512, start + 37 + defocus.reach)
        return defocus.apply(photo[top:end], (top, 0))[start - top : start - top + 37]

    with ThreadPoolExecutor(3) as pool:
        assert np.array_equal(np.concatenate(list(pool.map(part, range(0, 512, 37)))), whole)
    left = defocus.apply(photo[:, 100:], (0, 100))[:, defocus.reach :]
    assert np.abs(left.astype(int) - whole[:, 100 + defocus.reach :]).max() <= 1


def test_ground_in_front_of_the_feet_stays_and_far_above_is_blurred_in_full(photo):
    defocus = Defocus.of([feet_at(0.8, 0.5, defocus=0.03), feet_at(0.4, 0.2)], (512, 512))
    radii = defocus.radii(np.arange(512) + 0.5)
    assert (radii[410:] == 0).all()
    assert radii[:160] == pytest.approx(0.03 * 512)
    assert (np.diff(radii) <= 0).all()
    assert defocus.radii(np.array([(0.8 - 0.93 * 0.25) * 512])) == pytest.approx(0.015 * 512)  # halfway up to the eyes
    blurred = defocus.apply(photo, (0, 0))
    assert np.array_equal(blurred[410:], photo[410:])
    assert cv2.Laplacian(blurred[:160], cv2.CV_64F).std() < 0.2 * cv2.Laplacian(photo[:160], cv2.CV_64F).std()


def test_who_is_cut_below_has_everything_behind_them_blurred():
    for people in ([feet_at(1.0, defocus=0.02)], [feet_at(0.7), feet_at(1.3, defocus=0.02)]):
        radii = Defocus.of(people, (300, 400)).radii(np.arange(300) + 0.5)
        assert radii == pytest.approx(6.0)
    assert Defocus.of([feet_at(0.9)], (300, 400)) is None
    assert Defocus.of([], (300, 400)) is None


def plain_disc(picture, radius):
    """The same by a drawn kernel over the whole float picture."""
    half = half_widths(np.array([radius]))[0]
    pad = len(half)
    kernel = np.zeros((2 * pad + 1, 2 * pad + 1))
    for y in range(-pad + 1, pad):
        kernel[y + pad] = np.clip(half[abs(y)] - np.abs(np.arange(-pad, pad + 1)) + 0.5, 0, 1)
    light = to_linear(to_unit(picture)).astype(np.float64)
    soft = cv2.filter2D(light, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    return to_srgb(soft.astype(np.float32))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize(("radius", "near"), [(1.2, 1.0), (3.5, 1.0), (15.9, 1.0), (16.1, 4.0), (33.0, 5.0)])
def test_discs_are_those_of_the_plain_formula(photo, radius, near, depth):
    """Small ones within a level; large ones come from a smaller picture, whose pixels soften their rims."""
    picture = photo[:300, :400] if depth == np.uint8 else deep(photo[:300, :400])
    blurred = Defocus(radius, 300, 300, (300, 400), least=1.0).apply(picture, (0, 0))
    gap = np.abs(to_unit(blurred) - plain_disc(picture, radius)) * 255
    assert np.quantile(gap, 0.999) <= near
    assert gap.mean() < 0.4


def test_the_discs_area_is_exact_and_a_light_becomes_a_disc():
    half = half_widths(np.array([5.3]))[0]
    assert 2 * half[0] + 4 * half[1:].sum() == pytest.approx(np.pi * 5.3**2)
    night = np.zeros((200, 200, 3), np.uint8)
    night[96:104, 96:104] = 255
    blurred = Defocus(30.0, 200, 200, (200, 200), least=1.0).apply(night, (0, 0))[..., 1]
    expected = to_levels(to_srgb(np.array([64 / (np.pi * 900)], np.float32)), np.uint8)[0]
    assert abs(int(blurred[100, 100]) - int(expected)) <= 2
    assert abs(int(blurred[100, 78]) - int(expected)) <= 2  # as bright near its rim: a disc, no bell
    assert blurred[100, 140] == blurred[130, 130] == 0


@pytest.mark.parametrize("level", [0, 1, 37, 128, 254, 255])
@pytest.mark.parametrize("radius", [2.0, 11.0, 130.0])
def test_a_flat_place_stays_as_it_is(level, radius):
    flat = np.full((70, 90, 3), level, np.uint8)
    assert np.array_equal(Defocus(radius, 70, 70, (70, 90), least=1.0).apply(flat, (0, 0)), flat)


def test_the_person_is_never_mixed_into_the_blurred_place(half_length, photo):
    place = np.ascontiguousarray(photo[::-1])
    decisions = Decisions(Place(0.5, 1.0, 0.8), lens=Lens(defocus=0.05))
    mask = np.zeros((512, 512), np.uint8)
    made, _ = compose_people([(half_length, decisions)], place, mask=mask)
    sharp, _ = compose(half_length, place, Decisions(decisions.place))
    expected = Defocus.of([decisions], (512, 512)).apply(place, (0, 0))
    assert np.array_equal(made[mask == 0], expected[mask == 0])
    assert np.array_equal(made[mask == 255], sharp[mask == 255])
