"""Color changes: a ColorMap on strips and on tensors, its fit to known changes, and its bounds."""

import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bgswap.compositing.colors import IDENTITY, Recolor, bounded, fit_grid, fit_local_grid, recolor
from bgswap.compositing.colors.bounds import skin_of
from bgswap.compositing.decisions import ColorMap, Globals, Place
from bgswap.compositing.harmonize import reinhard
from bgswap.compositing.light import to_unit
from bgswap.compositing.outline import trace
from bgswap.compositing.scene import Scene

WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
DEPTHS = pytest.mark.parametrize("depth", [np.uint8, np.uint16])


def at_depth(pixels, depth):
    return pixels if depth == np.uint8 else pixels.astype(np.uint16) * np.uint16(257)


def whole(color, pixels, frame=None, at=(0, 0)):
    alpha = np.full(pixels.shape[:2], np.iinfo(pixels.dtype).max, pixels.dtype)
    return Recolor(color, frame or pixels.shape[:2]).apply(pixels, alpha, *at)


def drawn(seed, rows=5, columns=4, bins=8, spread=0.15):
    """A change of all parts, near identity."""
    random = np.random.default_rng(seed)
    grid = IDENTITY + random.normal(0, spread, (rows, columns, bins, 12))
    shading = random.normal(0, 0.5, (3, 6))
    return ColorMap("drawn", 0.8, Globals(0.4, -0.3, 0.2, 0.25), grid.astype(np.float32), shading.astype(np.float32))


def linear(srgb):
    return np.where(srgb <= 0.04045, srgb / 12.92, ((np.maximum(srgb, 0) + 0.055) / 1.055) ** 2.4)


def srgb_of(light):
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


def corners(count, length, start, total):
    at = np.clip((np.arange(length) + start + 0.5) * count / total - 0.5, 0, count - 1)
    low = np.minimum(at.astype(int), max(0, count - 2))
    return [(low, low + 1 - at), (np.minimum(low + 1, count - 1), at - low)]


def by_definition(color, pixels, frame, at):
    """The formula in float64, one step after another, in levels and not rounded."""
    top, strength = np.iinfo(pixels.dtype).max, color.strength
    colors, told = pixels / top, color.globals
    stops = np.array([told.temperature / 2 - told.tint / 3, 2 * told.tint / 3, -told.temperature / 2 - told.tint / 3])
    colors = srgb_of(linear(colors) * 2 ** (strength * (stops + told.exposure)))
    gray = (colors @ WEIGHTS)[..., None]
    colors = gray + (1 + strength * told.saturation) * (colors - gray)
    grid = IDENTITY + strength * (color.grid.astype(np.float64) - IDENTITY)
    down, over = (corners(grid.shape[axis], pixels.shape[axis], at[axis], frame[axis]) for axis in range(2))
    bin_at = np.clip(colors @ WEIGHTS, 0, 1) * (grid.shape[2] - 1)
    low = np.minimum(bin_at.astype(int), max(0, grid.shape[2] - 2))
    up = [(low, low + 1 - bin_at), (np.minimum(low + 1, grid.shape[2] - 1), bin_at - low)]
    affine = sum(
        (r[:, None] * c * b)[..., None] * grid[row[:, None], column, bin_]
        for row, r in down
        for column, c in over
        for bin_, b in up
    ).reshape(*pixels.shape, 4)
    colors = (affine[..., :3] @ colors[..., None])[..., 0] + affine[..., 3]
    down, over = (corners(color.shading.shape[axis], pixels.shape[axis], at[axis], frame[axis]) for axis in range(2))
    shading = color.shading.astype(np.float64)
    logs = sum(r[:, None] * c * shading[row[:, None], column] for row, r in down for column, c in over)
    return np.clip(srgb_of(linear(colors) * np.exp(strength * logs)[..., None]), 0, 1) * top


def as_tensors(color, pixels):
    picture = torch.from_numpy(to_unit(pixels).transpose(2, 0, 1).copy())[None]
    told = color.globals
    globals_ = torch.tensor([[told.exposure, told.temperature, told.tint, told.saturation]])
    return picture, globals_, torch.from_numpy(color.grid)[None], torch.from_numpy(color.shading)[None]


@DEPTHS
@pytest.mark.parametrize("shape", [(5, 4, 8), (1, 1, 8), (16, 16, 1), (2, 7, 3)])
def test_strips_are_within_half_a_level_of_the_definition(photo, depth, shape):
    pixels, color = at_depth(photo[:130, :211], depth), drawn(1, *shape)
    exact = by_definition(color, pixels, (400, 333), (37, 50))
    off = np.abs(whole(color, pixels, (400, 333), (37, 50)) - exact)
    assert np.abs(exact - pixels).mean() > 0.05 * np.iinfo(depth).max
    assert off.max() < 0.51 if depth == np.uint8 else off.max() < 3


@given(
    grid=arrays(np.float16, (3, 4, 8, 12), elements=st.floats(-0.5, 0.5, width=16)),
    shading=arrays(np.float16, (2, 3), elements=st.floats(-2, 2, width=16)),
    told=st.tuples(*[st.floats(-1, 1, width=16)] * 4),
    strength=st.floats(0, 1),
)
@settings(max_examples=20, deadline=None)
def test_tensors_and_strips_are_within_one_level(photo, grid, shading, told, strength):
    pixels = photo[60:124, 180:300]
    color = ColorMap("any", strength, Globals(*told), IDENTITY + grid.astype(np.float32), shading.astype(np.float32))
    window = (0.1, 0.25, 0.1 + 64 / 300, 0.25 + 120 / 360)
    trained = recolor(*as_tensors(color, pixels), strength, window)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(trained - whole(color, pixels, (300, 360), (30, 90))).max() <= 1


def test_tensors_and_strips_agree_on_a_real_person(person_of):
    pixels, color = person_of("0003")[..., :3], drawn(2, 16, 16)
    trained = recolor(*as_tensors(color, pixels), color.strength)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(trained - whole(color, pixels)).max() < 0.51


def test_gradients_reach_every_input_and_are_right(photo):
    color = drawn(3, 2, 3, 4)
    given_ = [one.double().requires_grad_() for one in as_tensors(color, photo[200:204, 200:205])]
    assert torch.autograd.gradcheck(lambda *all_: recolor(*all_, 0.7), given_, eps=1e-6, atol=1e-4)
    black = torch.zeros(1, 3, 4, 4, requires_grad=True)
    recolor(black, torch.zeros(1, 4), None, torch.zeros(1, 2, 2)).sum().backward()
    assert torch.isfinite(black.grad).all()


@pytest.mark.parametrize("name", ["globals", "grid", "shading"])
def test_every_part_alone_is_what_it_is_beside_identities_of_the_others(photo, name):
    pixels, color = photo[100:180, 100:210], drawn(4)
    nothing = {"globals": Globals(), "grid": np.tile(IDENTITY, (2, 2, 8, 1)), "shading": np.zeros((2, 2))}
    alone = ColorMap("one", 1.0, **{name: getattr(color, name)})
    beside = ColorMap("one", 1.0, **(nothing | {name: getattr(color, name)}))
    assert np.abs(whole(alone, pixels).astype(int) - whole(beside, pixels)).max() <= 1
    assert np.abs(whole(alone, pixels).astype(int) - pixels).mean() > 3


@DEPTHS
@given(rows=st.integers(1, 4), columns=st.integers(1, 4), bins=st.integers(1, 9))
@settings(max_examples=10, deadline=None)
def test_a_grid_of_identities_of_any_shape_gives_the_very_pixels(photo, depth, rows, columns, bins):
    pixels = at_depth(photo[100:140, 100:150], depth)
    assert np.array_equal(whole(ColorMap("same", 1, None, np.tile(IDENTITY, (rows, columns, bins, 1))), pixels), pixels)


def test_no_strength_and_no_change_give_the_very_array_back(photo):
    for color in (ColorMap(), replace(drawn(5), strength=0.0), ColorMap("same", 1, Globals())):
        assert whole(color, photo) is photo


@DEPTHS
def test_no_pixel_depends_on_where_its_strip_begins(photo, depth):
    pixels, color = at_depth(photo, depth), drawn(6, 16, 16)
    recolor_, alpha = Recolor(color, (512, 512)), np.full((512, 512), 255, depth)
    once = recolor_.apply(pixels, alpha, 0, 0)
    for strip in (64, 192):
        pieces = [
            recolor_.apply(pixels[top : top + strip, 64:], alpha[top : top + strip, 64:], top, 64)
            for top in range(0, 512, strip)
        ]
        assert np.array_equal(np.concatenate(pieces), once[:, 64:])


def test_pixels_without_alpha_and_the_given_array_stay_as_they_are(half_length):
    before = half_length.copy()
    moved = Recolor(drawn(7), (512, 512)).apply(half_length[..., :3], half_length[..., 3], 0, 0)
    empty = half_length[..., 3] == 0
    assert np.array_equal(half_length, before)
    assert np.array_equal(moved[empty], half_length[..., :3][empty])
    assert (moved[~empty] != half_length[..., :3][~empty]).any(1).mean() > 0.95


def test_a_stop_doubles_light_and_temperature_keeps_the_product_of_gains():
    gray = np.full((4, 4, 3), 100, np.uint8)
    brighter = whole(ColorMap("a", 1, Globals(exposure=1)), gray)[0, 0] / 255
    assert linear(brighter) == pytest.approx(2 * linear(np.full(3, 100 / 255)), rel=0.01)
    warm = linear(whole(ColorMap("a", 1, Globals(temperature=1)), gray)[0, 0] / 255)
    assert warm[0] / warm[2] == pytest.approx(2, rel=0.02)
    assert warm.prod() ** (1 / 3) == pytest.approx(linear(100 / 255), rel=0.02)
    green = linear(whole(ColorMap("a", 1, Globals(tint=1)), gray)[0, 0] / 255)
    assert green[1] / np.sqrt(green[0] * green[2]) == pytest.approx(2, rel=0.02)


def test_cells_act_where_they_lie_and_bins_where_it_is_as_bright():
    grid = np.tile(IDENTITY, (2, 2, 8, 1))
    grid[0, 1, :, 3] = 0.5  # upper right: half more red
    moved = whole(ColorMap("a", 1, None, grid), np.full((80, 80, 3), 100, np.uint8))
    assert moved[5, 75].tolist() == [228, 100, 100]
    assert moved[75, 75].tolist() == moved[5, 5].tolist() == [100, 100, 100]
    assert 100 < moved[40, 75, 0] < 228
    grid = np.tile(IDENTITY, (1, 1, 8, 1))
    grid[0, 0, 0, [3, 7, 11]] = 0.2  # lift the blacks
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
    moved = whole(ColorMap("a", 1, None, grid), ramp)[0, :, 0].astype(int)
    assert moved[0] == 51
    assert np.array_equal(moved[40:], np.arange(40, 256))


def test_absurd_numbers_of_a_file_neither_crash_nor_leave_the_range(photo):
    pixels = photo[:40, :90]
    wild = np.full((2, 2, 8, 12), 60000, np.float32) * np.sign(np.arange(12) - 5)
    for told in (Globals(1e30, -1e30, 0, 0), Globals(0, 0, 0, 1e30)):
        assert whole(ColorMap("a", 1, told, wild, np.full((2, 2), 60000)), pixels).shape == pixels.shape


def test_colors_without_a_change_load_neither_torch_nor_numba():
    code = (
        "import sys; from bgswap.compositing.colors import Recolor; from bgswap.compositing.decisions import ColorMap;"
        "import numpy as np; z = np.zeros((4, 4, 3), np.uint8); Recolor(ColorMap(), (4, 4)).apply(z, z[..., 0], 0, 0);"
        "sys.exit(bool({'torch', 'numba'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_affine_for_all_is_found(photo):
    colors = to_unit(photo[::4, ::4].reshape(-1, 3))
    after = colors @ np.diag([0.8, 0.7, 0.9]).astype(np.float32) + np.float32(0.05)
    moved = whole(ColorMap("a", 1, None, fit_grid(colors, after, np.ones(len(colors), np.float32))), photo)
    off = np.abs(moved - (photo * [0.8, 0.7, 0.9] + 0.05 * 255))
    assert off.mean() < 0.4  # rounding alone is 0.25
    assert off.max() < 4


def test_bins_that_no_pixel_reaches_go_along_with_their_neighbors(photo):
    colors = to_unit(photo[::4, ::4].reshape(-1, 3)) * np.float32(0.5)  # nothing brighter than middle gray
    grid = fit_grid(colors, colors * np.float32(0.5), np.ones(len(colors), np.float32))
    bright = whole(ColorMap("a", 1, None, grid), np.full((1, 1, 3), 180, np.uint8))
    assert (np.abs(bright.astype(int) - 90) < 30).all()


def changed_locally(picture, seed):
    """A smooth change that differs from place to place: gains and offsets, (h, w, 3) -> the same."""
    random, size = np.random.default_rng(seed), picture.shape[1::-1]
    gains, lifts = (
        np.stack([cv2.resize(random.normal(0, a, (3, 3)), size, interpolation=cv2.INTER_CUBIC) for _ in "rgb"], 2)
        for a in (0.2, 0.04)
    )
    return np.clip(picture * np.exp(gains) + lifts, 0, 1).astype(np.float32)


def small(picture):
    scale = 256 / max(picture.shape[:2])
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def psnr(one, other, where):
    return -10 * np.log10(np.mean((one - other)[where] ** 2))


@pytest.fixture(scope="session")
def known_change(person_of):
    """A real person, (h, w, 3) 0..1 and alpha, and the same after a local change."""
    person = person_of("0003")
    before = to_unit(person[..., :3])
    return before, to_unit(person[..., 3]), changed_locally(before, 3)


def test_a_smooth_local_change_of_a_real_person_is_found_to_40_db(known_change):
    before, alpha, after = known_change
    grid = fit_local_grid(small(before), small(after), small(alpha))
    found = to_unit(whole(ColorMap("a", 1, None, grid), at_depth((before * 255).round().astype(np.uint8), np.uint16)))
    everywhere = fit_grid(*(small(one)[small(alpha) > 0.5] for one in (before, after, alpha)))
    one_for_all = to_unit(whole(ColorMap("a", 1, None, everywhere), (before * 255).round().astype(np.uint8)))
    assert grid.shape == (16, 16, 8, 12)
    assert psnr(found, after, alpha > 0.5) > 40
    assert psnr(one_for_all, after, alpha > 0.5) < 30


def test_a_networks_checkerboard_noise_and_blur_do_not_come_back(known_change):
    before, alpha, after = known_change
    little = small(after)
    rows, columns = np.indices(little.shape[:2])
    checker = np.where((rows + columns) % 2, 0.05, -0.05)[..., None] * [1, -0.6, 0.4]
    noise = np.random.default_rng(0).normal(0, 0.05, little.shape)
    for painted, least in ((little + checker, 40), (little + noise, 38), (cv2.GaussianBlur(little, (0, 0), 1.5), 30)):
        grid = fit_local_grid(small(before), painted.astype(np.float32), small(alpha))
        found = to_unit(whole(ColorMap("a", 1, None, grid), (before * 255).round().astype(np.uint8)))
        assert psnr(found, after, alpha > 0.5) > least


def test_cells_that_no_pixel_reaches_get_the_fit_of_all_pixels(photo):
    before = to_unit(photo[::4, ::4])
    weight = np.zeros(before.shape[:2], np.float32)
    weight[:, :40] = 1  # columns 0 to 4 of 16
    grid = fit_local_grid(before, changed_locally(before, 1), weight)
    assert np.ptp(grid[:, 8:], axis=(0, 1)).max() < 1e-5
    assert np.ptp(grid[:, :4], axis=(0, 1)).max() > 0.05
    nobody = fit_local_grid(before, before, np.zeros_like(weight))
    assert np.array_equal(nobody, np.tile(IDENTITY, (16, 16, 8, 1)))


def test_a_window_puts_the_change_where_it_was_seen(photo):
    before = to_unit(photo[::4, ::4])
    after = before.copy()
    after[:64] *= 0.6
    grid = fit_local_grid(before, after, np.ones(before.shape[:2], np.float32), (0.5, 0.0, 1.0, 1.0))
    gray = np.full((64, 64, 3), 128, np.uint8)
    moved = whole(ColorMap("a", 1, None, grid), gray)[..., 1].mean(1)
    assert moved[36] == pytest.approx(0.6 * 128, abs=8)
    assert moved[60] == pytest.approx(128, abs=8)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_flat_person_gives_a_finite_grid_that_makes_the_change(level):
    flat, alpha = np.full((60, 40, 3), level, np.float32), np.ones((60, 40), np.float32)
    wanted = np.clip(flat * 0.8 + 0.05, 0, 1)
    moved = whole(ColorMap("a", 1, None, fit_local_grid(flat, wanted, alpha)), (flat * 255).round().astype(np.uint8))
    assert np.abs(moved - wanted * 255).max() <= 3


def scene_of(person, place):
    return Scene(person, trace(person), Place(0.5, 0.95, 0.85), place, place.shape[:2])


def skin_turns(person, color):
    """Degrees that the hue of skin turns, (n,), for a change of all the frame."""
    skin = (person[..., 3] > 250) & skin_of(to_unit(person[..., :3]))
    moved = whole(color, person[..., :3])
    tones = [cv2.cvtColor(to_unit(one)[skin][None], cv2.COLOR_RGB2LAB)[0, :, 1:] @ [1, 1j] for one in (person, moved)]
    vivid = np.abs(tones[0]) > 15
    return np.abs(np.angle((tones[1] * tones[0].conj())[vivid], deg=True))


@pytest.mark.parametrize(
    "told", [Globals(), Globals(exposure=-1), Globals(0.2, 0.2), Globals(temperature=-0.2), Globals(saturation=-0.3)]
)
def test_a_moderate_change_is_not_touched(half_length, place, told):
    grid = IDENTITY * np.float32(0.9) + np.zeros((4, 4, 8, 12), np.float32)
    for color in (
        ColorMap("a", 1, told),
        ColorMap("a", 1, told, shading=np.full((2, 2), 0.1)),
        ColorMap("a", 1, grid=grid),
    ):
        assert bounded(color, scene_of(half_length, place)) is color


def test_exposure_and_contrast_are_held_within_their_bounds(half_length, place):
    scene, seen = scene_of(half_length, place), half_length[..., 3] > 127
    for stops in (-4, 4):
        held = bounded(ColorMap("a", 1, Globals(exposure=stops)), scene)
        light = [
            (linear(one[seen] / 255) @ WEIGHTS).mean()
            for one in (half_length[..., :3], whole(held, half_length[..., :3]))
        ]
        assert 0.3 < np.sign(stops) * np.log2(light[1] / light[0]) < 1.6


def test_contrast_is_not_more_than_halved(half_length, place):
    gray = half_length.copy()  # without colors, so that no bound of skin comes first
    gray[..., :3] = half_length[..., :3].mean(2, keepdims=True)
    seen = gray[..., 3] > 127
    flat = IDENTITY * np.float32(0.2) + np.array([0, 0, 0, 0.8 * gray[seen].mean() / 255] * 3, np.float32)
    held = bounded(ColorMap("a", 1, grid=flat.reshape(1, 1, 1, 12)), scene_of(gray, place))
    assert 0.45 < whole(held, gray[..., :3])[seen].std() / gray[..., :3][seen].std() < 0.6


def test_skin_keeps_its_hue_where_a_night_is_blue(half_length):
    night = np.zeros((300, 400, 3), np.uint8) + np.array([10, 20, 70], np.uint8)
    night[::3] += 25
    scene = scene_of(half_length, night)
    wild = reinhard.harmonize(scene)
    held = bounded(wild, scene)
    assert np.median(skin_turns(half_length, wild)) > 40
    assert np.quantile(skin_turns(half_length, held), 0.8) <= 18
    dark = whole(held, half_length[..., :3])[half_length[..., 3] > 127].mean()
    assert dark < 0.85 * half_length[..., :3][half_length[..., 3] > 127].mean()  # it is night all the same


def test_one_wild_cell_is_held_back_and_far_ones_are_not(half_length, place):
    scene = scene_of(half_length, place)
    grid = np.tile(IDENTITY * np.float32(0.95), (16, 16, 8, 1))
    top, left, bottom, right = scene.seen
    row, column = int(16 * (0.4 * top + 0.6 * bottom)), int(8 * (left + right))
    grid[row, column, :, [0, 5, 10]] = 6.0
    held = bounded(ColorMap("a", 1, grid=grid), scene)
    assert held.grid[row, column, 4, 0] < 4
    assert np.array_equal(held.grid[0], ColorMap("a", 1, grid=grid).grid[0])


def test_nobody_seen_and_nothing_changed_are_given_back(half_length, place):
    away = replace(scene_of(half_length, place), place=Place(5.0, 5.0, 0.3))
    wild = ColorMap("a", 1, Globals(exposure=5))
    assert bounded(wild, away) is wild
    same = ColorMap("a", 1)
    assert bounded(same, scene_of(half_length, place)) is same


def test_skin_of_light_and_of_dark_people_is_found_and_sky_and_grass_are_not():
    tones = [[255, 219, 172], [224, 172, 105], [141, 85, 36], [92, 56, 34]]  # light to dark
    others = [[110, 160, 230], [70, 130, 60], [128, 128, 128], [20, 20, 20]]
    assert skin_of(np.array(tones, np.float32) / 255).all()
    assert not skin_of(np.array(others, np.float32) / 255).any()
