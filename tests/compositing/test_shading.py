"""Darkness laid over full-size pixels."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from bgswap.compositing.compose import compose
from bgswap.compositing.decisions import Decisions, Place, ShadowLayer
from bgswap.compositing.geometry import placement_matrix
from bgswap.compositing.light import to_levels, to_linear, to_srgb, to_unit
from bgswap.compositing.outline import trace
from bgswap.compositing.resample import PlacedCutout
from bgswap.compositing.shading import Shading
from bgswap.compositing.shadow import cast
from bgswap.errors import UsageError

LAYERS = {
    "contact": ShadowLayer(softness=0.03, contact=0.7),
    "cast": ShadowLayer(70, 1.2, 0.03, 0.5, 0.7, (0.85, 1.0, 1.15), "cast"),
    "behind": ShadowLayer(-150, 3.0, 0.05, 0.6, 0.5, (1.0, 1.0, 1.0), "cast"),
}
PLACE = Place(0.45, 0.85, 0.5)


def shading(person, place, layer):
    outline = trace(person)
    matrix = placement_matrix(PLACE, outline, place.shape[:2])
    return Shading(layer, person[..., 3], matrix, outline, place.shape[:2])


def deep(picture):
    """The same picture in 16 bits, with a low byte that 8 bits cannot hold."""
    return picture.astype(np.uint16) * 257 // 3 * 3


@pytest.mark.parametrize("name", LAYERS)
def test_strips_of_any_height_and_any_thread_give_the_same_pixels(whole_person, place, name):
    given = Decisions(PLACE, shadow=LAYERS[name])
    tall = np.concatenate([place, place[::-1]])
    whole = [compose(whole_person, picture, given, strip=64)[0] for picture in (tall, deep(tall))]
    for before, picture in zip(whole, (tall, deep(tall)), strict=True):
        assert (compose(whole_person, picture, given, strip=256)[0] == before).all()
        assert (before != compose(whole_person, picture, Decisions(PLACE))[0]).any()
    shade = shading(whole_person, place, LAYERS[name])
    rows = [*range(0, 360, 37), 360]
    with ThreadPoolExecutor(4) as pool:
        pieces = pool.map(lambda ends: shade.apply(place[ends[0] : ends[1]], ends[0], 0), pairwise(rows))
        assert (np.concatenate(list(pieces)) == shade.apply(place, 0, 0)).all()
    assert (shade.apply(place[:, 101:], 0, 101) == shade.apply(place, 0, 0)[:, 101:]).all()


@pytest.mark.parametrize("name", LAYERS)
def test_16_bits_tell_more_finely_what_8_bits_tell(whole_person, place, name):
    shade = shading(whole_person, place, LAYERS[name])
    fine, coarse = shade.apply(place.astype(np.uint16) * 257, 0, 0), shade.apply(place, 0, 0)
    assert fine.dtype == np.uint16
    assert coarse.dtype == np.uint8
    assert np.abs(fine / 257 - coarse).max() < 0.75
    changed = (coarse != place).any(2)
    assert (fine[changed] % 257 != 0).any()


def test_the_place_is_not_written_and_its_far_parts_are_the_very_same(whole_person, place):
    before = place.copy()
    shade = shading(whole_person, place, LAYERS["cast"])
    lost = place.astype(int) - shade.apply(place, 0, 0)
    assert (place == before).all()
    assert lost.max() > 20
    (first, past), (left, right) = shade.rows, shade.columns
    lost[max(0, first) : past, max(0, left) : right] = 0
    assert not lost.any()
    assert shade.apply(place[: first - 1], 0, 0) is not None
    assert (shade.apply(place[: first - 1], 0, 0) == place[: first - 1]).all()


def test_light_is_lost_in_linear_light_by_the_share_that_the_layer_tells(whole_person, place):
    """Under the full cast shadow, half of the light is left, as the tint tints it."""
    layer = ShadowLayer(90, 1.0, 0.002, 0.5, 0.0, (0.9, 1.0, 1.1), "cast")
    for level in (30, 120, 255):
        flat = np.full_like(place, level)
        shaded = shading(whole_person, place, layer).apply(flat, 0, 0)
        darkest = shaded.reshape(-1, 3)[shaded.reshape(-1, 3).sum(1).argmin()]
        left = to_linear(np.float32([level / 255])) * np.float32([0.45, 0.5, 0.55])
        assert np.abs(darkest - 255 * to_srgb(left)).max() <= 1.5, level


def test_specks_below_the_feet_move_no_shadow(whole_person, place):
    speckled = whole_person.copy()
    speckled[380:383, 150:153, 3] = 255
    plain, moved = (shading(person, place, LAYERS["cast"]) for person in (whole_person, speckled))
    both = [one.apply(np.full_like(place, 200), 0, 0).astype(int) for one in (plain, moved)]
    assert trace(speckled).box == trace(whole_person).box
    assert np.abs(both[0] - both[1]).max() <= 2


def test_a_shadow_goes_on_to_the_frame_s_border(whole_person, place):
    layer = ShadowLayer(180, 1.5, 0.01, 0.5, 0.0, way="cast")
    lost = 200 - shading(whole_person, place, layer).apply(np.full_like(place, 200), 0, 0).astype(int)
    assert lost[-1].max() > 30


def test_both_forms_lay_the_same_darkness(place):
    torch = pytest.importorskip("torch")
    from bgswap.compositing import shading as module

    dark = np.linspace(0, 1, place.shape[1], dtype=np.float32)[None].repeat(place.shape[0], 0)
    for layer in (LAYERS["cast"], LAYERS["behind"], ShadowLayer(contact=0.7, tint=(0.8, 1.0, 1.2))):
        strip = place.copy()
        lines = [np.arange(length, dtype=np.float32) for length in place.shape[:2]]
        tables = module._tables(False)
        module.compiled(module._darken)(strip, np.zeros(2, int), dark, (*lines,), module._kept(layer), *tables, False)
        laid = module.lay(
            torch.from_numpy(to_unit(place)).permute(2, 0, 1)[None],
            torch.from_numpy(dark)[None, None],
            torch.tensor([layer.tint]),
            torch.tensor([layer.density]),
        )
        levels = to_levels(laid[0].permute(1, 2, 0).numpy(), np.uint8)
        assert np.abs(levels.astype(int) - strip).max() <= 1


def test_darkness_that_is_laid_can_be_learned(place):
    torch = pytest.importorskip("torch")
    from bgswap.compositing.shading import lay

    dark = torch.full((1, 1, 8, 8), 0.3, requires_grad=True)
    tint = torch.tensor([[0.9, 1.0, 1.1]], requires_grad=True)
    black_and_white = torch.cat([torch.zeros(1, 3, 8, 4), torch.ones(1, 3, 8, 4)], 3)
    laid = lay(black_and_white, dark, tint, torch.tensor([0.5]))
    laid.sum().backward()
    assert (laid[..., :4] == 0).all()
    assert torch.isfinite(dark.grad).all()
    assert (dark.grad[..., 4:] < 0).all()
    assert (tint.grad[0] > 0).all()


def test_a_layer_that_nothing_draws_is_refused(whole_person, place):
    for way in ("none", "learned"):
        with pytest.raises(UsageError, match="'contact' or 'cast'"):
            shading(whole_person, place, ShadowLayer(way=way))


@pytest.mark.parametrize("azimuth", [-120, 0, 60, 180])
def test_what_is_drawn_about_the_person_is_what_the_whole_frame_would_show(whole_person, place, azimuth):
    layer = ShadowLayer(azimuth, 0.8, 0.02, 0.5, 0.7, way="cast")
    frame, outline, high = place.shape[:2], trace(whole_person), Place(0.45, 0.5, 0.35)
    matrix = placement_matrix(high, outline, frame)
    cutout = PlacedCutout(whole_person, matrix, outline, frame)
    alpha = to_unit(cutout.piece(0, 0, *frame, np.uint8)[1])
    dark = cast.shade(layer, alpha, frame_px=frame[0], person_px=high.height * frame[0])
    white = np.full_like(place, 255)
    expected = to_srgb(1 - dark) * 255
    shaded = Shading(layer, whole_person[..., 3], matrix, outline, frame).apply(white, 0, 0)
    outside = alpha == 0  # edges of the matte are resampled in two ways
    assert np.abs(shaded[..., 1] - expected)[outside].max() < 20
    assert np.abs(shaded[..., 1] - expected)[outside].mean() < 0.1
