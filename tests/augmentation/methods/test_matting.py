import dataclasses
import json
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bgswap.augmentation import edges
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.methods import matting
from bgswap.augmentation.ranges import MattingRanges
from bgswap.augmentation.tensors import to_tensor
from bgswap.errors import UsageError
from bgswap.folders.picture import read, read_mask
from bgswap.matting.colors import cut_out

SCENE = Scene((96, 96), (10.0, 20.0, 96.0, 80.0))
QUIET = {"person_noise": 0.0, "place_noise": 0.0, "resolution": 1.0, "jpeg": 0}  # nothing after compositing
STILL = {"rotation": 0.0, "zoom": 1.0, "person_blur": 0.0, "place_blur": 0.0}
SAME = {"exposure": 0.0, "red": 1.0, "blue": 1.0, "saturation": 1.0}
PLAIN = {**QUIET, **STILL, "person": SAME, "place": SAME}


def drawn(new_place=True, seed=4, **changes):
    return matting.draw(random.Random(seed), SCENE, MattingRanges()) | {"new_place": new_place} | changes


@pytest.fixture(scope="module")
def pictures(photo):
    """The astronaut, 96 x 96, cut by a hard mask that is roughly hers, and another place."""
    small = np.ascontiguousarray(photo[4:484:5, 4:484:5])
    y, x = np.mgrid[:96, :96]
    mask = ((np.hypot(x - 44, y - 25) < 18) | ((y > 38) & (abs(x - 44) < 30))).astype(np.uint8) * 255
    person = cut_out(small, mask)
    place = to_tensor(np.ascontiguousarray(photo[::-1][:480:5, :480:5]))
    return {
        "photo": to_tensor(small),
        "foreground": to_tensor(person[..., :3]),
        "alpha": to_tensor(mask),
        "background": place,
    }


@pytest.fixture(scope="module")
def hair(test_data, pictures):
    """A person with true soft alpha, 96 x 96 pixels of it, over the same place."""
    person = read(test_data / "varied" / "cutouts" / "layer01.png").pixels
    top = int(np.flatnonzero(person[..., 3].max(1))[0])
    left = int(np.median(np.flatnonzero(person[top + 20, :, 3]))) - 48
    part = to_tensor(np.ascontiguousarray(person[top : top + 96, max(0, left) : max(0, left) + 96]))
    return pictures | {"photo": part[:3], "foreground": part[:3], "alpha": part[3:]}


def outside(mask, distance):
    """Pixels further than `distance` from where the mask changes."""
    hard = (mask > 0.5).float()[None]
    side = 2 * distance + 1
    pooled = torch.nn.functional.max_pool2d
    grown, shrunk = pooled(hard, side, 1, distance), 1 - pooled(1 - hard, side, 1, distance)
    return (grown == shrunk)[0]


def test_a_sample_over_a_new_place_is_what_its_alpha_says(hair):
    made = matting.apply(hair, drawn(**PLAIN))
    assert tuple(made) == matting.OUTPUTS
    alpha = hair["alpha"]
    assert torch.equal(made["alpha_true"], alpha)
    by_hand = alpha * hair["foreground"] + (1 - alpha) * hair["background"]
    assert torch.allclose(made["image"], by_hand, atol=1e-6)


def test_the_person_is_the_persons_where_alpha_is_1_and_the_place_shows_only_below_1(pictures):
    made = matting.apply(pictures, drawn(**PLAIN))
    solid, empty = ((made["alpha_true"] == level).expand(3, -1, -1) for level in (1, 0))
    assert solid.sum() > 3000
    assert empty.sum() > 3000
    assert torch.allclose(made["image"][solid], pictures["foreground"][solid], atol=1e-6)
    assert torch.equal(made["image"][empty], pictures["background"][empty])
    other = matting.apply(pictures | {"background": 1 - pictures["background"]}, drawn(**PLAIN))
    assert torch.equal(other["image"][solid], made["image"][solid])


def test_turned_blurred_and_softened_picture_and_truth_still_agree(pictures):
    """White person over black: the picture is then the alpha itself, whatever was done to both."""
    shining = torch.where(pictures["alpha"] > 0, 1.0, 0.0).expand(3, -1, -1)
    black = torch.zeros_like(pictures["background"])
    white_on_black = pictures | {"foreground": shining, "background": black}
    how = drawn(**QUIET, person=SAME, place=SAME, rotation=6.0, zoom=1.1, person_blur=0.7, place_blur=0.0, soften=0.8)
    made = matting.apply(white_on_black, how)
    assert ((made["alpha_true"] > 0.1) & (made["alpha_true"] < 0.9)).sum() > 100
    assert torch.allclose(made["image"], made["alpha_true"].expand(3, -1, -1), atol=2e-3)


@pytest.mark.parametrize("sigma", [0.4, 0.9, 1.5])
def test_a_hard_mask_gets_a_soft_edge_over_a_new_place_and_never_a_wider_one_than_stated(pictures, sigma):
    alpha = matting.apply(pictures, drawn(**PLAIN, soften=sigma))["alpha_true"]
    soft = (alpha > 0) & (alpha < 1)
    assert 0.5 * sigma < edges.edge_width(alpha) < 6 * sigma + 2
    assert not soft[outside(pictures["alpha"], int(np.ceil(3 * sigma)))].any()
    assert float((alpha - pictures["alpha"]).sum().abs()) < 0.02 * float(pictures["alpha"].sum())


def test_a_hard_mask_stays_as_it_is_in_its_own_photo(pictures):
    made = matting.apply(pictures, drawn(new_place=False, **PLAIN))
    assert torch.equal(made["alpha_true"], pictures["alpha"])
    assert torch.equal(made["image"], pictures["photo"])


def test_a_photo_that_is_turned_takes_its_mask_along_and_nothing_softens_it_further(pictures):
    how = drawn(new_place=False, **{**PLAIN, "rotation": 5.0, "zoom": 1.05})
    made = matting.apply(pictures | {"photo": pictures["alpha"].expand(3, -1, -1)}, how)
    assert torch.allclose(made["image"], made["alpha_true"].expand(3, -1, -1), atol=1e-6)
    assert torch.equal(made["alpha_true"], matting.apply(pictures, how | {"soften": 1.5})["alpha_true"])
    assert edges.edge_width(made["alpha_true"]) < 2.5  # bilinear sampling spreads a step over two pixels


def test_a_true_soft_matte_is_never_softened(hair):
    assert edges.edge_width(hair["alpha"]) > edges.HARD
    made = [matting.apply(hair, drawn(**PLAIN, soften=sigma))["alpha_true"] for sigma in (0.4, 1.5)]
    assert torch.equal(made[0], made[1])


def test_edge_width_tells_hard_masks_of_real_photos_from_true_mattes(test_data):
    masks = sorted((test_data / "people" / "masks").glob("*.png"))[:4]
    hard = [edges.edge_width(to_tensor(read_mask(path).pixels)) for path in masks]
    cutouts = sorted((test_data / "varied" / "cutouts").glob("*.png"))
    true = [edges.edge_width(to_tensor(np.ascontiguousarray(read(path).pixels[..., 3]))) for path in cutouts]
    assert max(hard) < edges.HARD < min(true)


def test_edge_width_of_a_ramp_is_the_ramps():
    ramp = torch.arange(-10, 30).float().div(12).clamp(0, 1).expand(1, 20, 40)
    assert edges.edge_width(ramp) == pytest.approx(11 * 20 / 19, abs=0.01)  # 11 partial steps of 20 rows; 19 counted
    assert edges.edge_width(torch.zeros(1, 5, 5)) == 0
    assert edges.edge_width(torch.ones(1, 1, 1)) == 0


def test_the_old_backgrounds_color_next_to_a_hard_mask_does_not_come_along(pictures):
    """A red rim of one pixel just inside the mask, as masks that are a pixel off have it, is mostly gone."""
    rim = (pictures["alpha"] > 0.5) & ~outside(pictures["alpha"], 1)
    gray = torch.full((3, 96, 96), 0.5) * (pictures["alpha"] > 0)
    rimmed = torch.where(rim, torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1), gray)
    colors, soft = matting.softened(rimmed, pictures["alpha"], 0.7)
    redness = ((colors[0] - colors[1]) * soft[0]).sum()
    assert float(redness) < 0.5 * float(rim.sum())
    assert float((colors[:, soft[0] == 1] - rimmed[:, soft[0] == 1]).abs().max()) < 1e-6


def test_corners_are_never_black_after_a_turn(pictures):
    white = {role: torch.ones_like(one) for role, one in pictures.items()}
    for new_place in (True, False):
        made = matting.apply(white, drawn(new_place, **{**PLAIN, "rotation": 7.0}))
        assert float(made["image"].min()) > 0.999
        assert float(made["alpha_true"].min()) > 0.999


def test_a_turn_is_counter_clockwise_about_the_middle():
    bar = torch.zeros(1, 101, 101)
    bar[:, 10:15, 48:53] = 1  # above the middle
    turned = matting._turned(bar, {"rotation": 7.0, "zoom": 1.0})[0]
    y, x = (float((turned.sum(1 - axis) * torch.arange(101)).sum() / turned.sum()) for axis in (0, 1))
    # radius 38 px: moves left by 38 sin 7 deg = 4.63 and down by 38 (1 - cos 7 deg) = 0.28
    assert (x, y) == (pytest.approx(50 - 4.63, abs=0.15), pytest.approx(12 + 0.28, abs=0.15))


def test_white_balance_is_a_gain_in_linear_light_of_gamma_2_2():
    gray = torch.full((3, 2, 2), 0.5)
    red = matting.recolored(gray, SAME | {"red": 1.25})[0, 0, 0]
    assert float(red) == pytest.approx((0.5**2.2 * 1.25) ** (1 / 2.2), abs=1e-6)
    brighter = matting.recolored(gray, SAME | {"exposure": 0.5})
    assert float(brighter.mean()) == pytest.approx((0.5**2.2 * 2**0.5) ** (1 / 2.2), abs=1e-6)
    pale = matting.recolored(torch.tensor([0.8, 0.2, 0.4]).view(3, 1, 1), SAME | {"saturation": 0.0})
    assert torch.allclose(pale, torch.full((3, 1, 1), 0.2126 * 0.8 + 0.7152 * 0.2 + 0.0722 * 0.4), atol=1e-6)


def test_person_and_place_differ_in_noise(pictures):
    how = drawn(**PLAIN | {"person_noise": 0.03}, noise_seed=1)
    made, clean = matting.apply(pictures, how), matting.apply(pictures, drawn(**PLAIN))
    solid, empty = ((made["alpha_true"] == level).expand(3, -1, -1) for level in (1, 0))
    inner = solid & (clean["image"] > 0.15) & (clean["image"] < 0.85)  # where clipping takes nothing
    assert abs(float((made["image"] - clean["image"])[inner].std()) - 0.03) < 0.002
    assert torch.equal(made["image"][empty], clean["image"][empty])


@pytest.mark.parametrize("seed", range(6))
def test_a_sample_is_made_again_from_its_json_line(pictures, seed):
    how = drawn(new_place=seed % 2 == 0, seed=seed, person_noise=0.02, jpeg=70)
    first, again = matting.apply(pictures, how), matting.apply(pictures, json.loads(json.dumps(how, allow_nan=False)))
    assert all(torch.equal(first[role], again[role]) for role in matting.OUTPUTS)


def test_draws_have_the_same_keys_and_types_and_the_shares_that_were_asked():
    draws = [matting.draw(random.Random(i), SCENE, MattingRanges()) for i in range(2000)]
    kinds = [{key: type(value) for key, value in one.items()} for one in draws]
    assert all(kind == kinds[0] for kind in kinds)
    for seen, share in (
        (sum(one["new_place"] for one in draws), 0.5),
        (sum(one["rotation"] != 0 for one in draws), 0.5),
        (sum(one["jpeg"] > 0 for one in draws), 0.5),
        (sum(one["resolution"] < 1 for one in draws), 0.2),
        (sum(one["place_blur"] > 0 for one in draws), 0.4),
    ):
        assert abs(seen / 2000 - share) < 0.05  # four standard errors and more


CHANGED = {"turned": 1.0, "new_place": 1.0, "defocused": 1.0, "coarse": 1.0, "jpeg": 1.0}  # everything on
WINDOWS = ("whole", "half_length", "head", "crop")


@pytest.mark.parametrize("name", [one.name for one in dataclasses.fields(MattingRanges) if one.name not in WINDOWS])
def test_every_range_changes_the_picture(pictures, name):
    on, large = MattingRanges(**CHANGED), dataclasses.replace(SCENE, size=(512, 512))  # blurs are shares of the frame
    value = getattr(on, name)
    other = dataclasses.replace(
        on, **{name: 0.0 if isinstance(value, float) else (value[0], (value[0] + value[1]) / 2)}
    )
    made = [matting.apply(pictures, matting.draw(random.Random(7), large, one))["image"] for one in (on, other)]
    assert not torch.equal(*made)


@pytest.mark.parametrize("name", WINDOWS)
def test_every_window_range_changes_the_windows(name):
    value = getattr(MattingRanges(), name)
    other = dataclasses.replace(MattingRanges(), **{name: 0.0 if isinstance(value, float) else (0.9, 1.0)})
    windows = [
        [matting.draw_window(random.Random(i), (600, 400), (50, 120, 580, 300), 1.0, one) for i in range(40)]
        for one in (MattingRanges(), other)
    ]
    assert windows[0] != windows[1]


@given(
    height=st.integers(1, 900),
    width=st.integers(1, 900),
    edges=st.lists(st.floats(0, 1), min_size=4, max_size=4),
    aspect=st.floats(0.3, 3.0),
    seed=st.integers(0, 10_000),
)
def test_a_window_is_always_inside_the_photo(height, width, edges, aspect, seed):
    top, bottom = sorted(edge * height for edge in edges[:2])
    left, right = sorted(edge * width for edge in edges[2:])
    box = (top, left, bottom, right)
    y, x, tall, wide = matting.draw_window(random.Random(seed), (height, width), box, aspect, MattingRanges())
    assert 0 <= y <= y + tall <= height
    assert 0 <= x <= x + wide <= width
    assert min(tall, wide) >= 1
    if min(tall, wide) > 20:
        assert abs(wide / tall / aspect - 1) < 0.1


STANDING = (600, 400), (50.0, 120.0, 580.0, 300.0)  # photo, box of a whole figure: 530 px, head to 116


def windows_of(**shares):
    ranges = MattingRanges(**{"whole": 0.0, "half_length": 0.0, "head": 0.0} | shares)
    return [matting.draw_window(random.Random(i), *STANDING, 0.75, ranges) for i in range(300)]


def test_whole_windows_are_the_largest_that_fit():
    assert all((tall, wide) == (533, 400) for _, _, tall, wide in windows_of(whole=1.0))


def test_half_length_windows_hold_the_head_and_end_about_the_waist():
    for top, left, tall, wide in windows_of(half_length=1.0):
        assert top <= 50
        assert 0.4 <= (top + tall - 50) / 530 <= 0.6
        assert left < 210 < left + wide


def test_head_windows_hold_head_and_shoulders_only():
    for top, left, tall, wide in windows_of(head=1.0):
        assert top <= 50
        assert 0.19 <= (top + tall - 50) / 530 <= 0.31
        assert left < 210 < left + wide


def test_someone_cut_below_is_not_cut_to_a_forehead():
    """Half-length photo, box 300 wide and 350 high down to the border: a figure of about 750."""
    ranges = MattingRanges(whole=0.0, half_length=0.0, head=1.0)
    for i in range(50):
        top, _, tall, _ = matting.draw_window(random.Random(i), (400, 500), (50.0, 100.0, 400.0, 400.0), 1.0, ranges)
        assert top + tall - 50 >= 149  # a fifth of the figure


def test_the_shares_of_windows_are_as_asked():
    windows = [matting.draw_window(random.Random(i), *STANDING, 0.75, MattingRanges()) for i in range(2000)]
    whole = sum(tall == 533 for _, _, tall, _ in windows) / 2000
    head = sum(top <= 50 and top + tall < 50 + 0.31 * 530 and tall < 213 for top, _, tall, _ in windows) / 2000
    assert abs(whole - 0.25) < 0.05
    assert abs(head - 0.15) < 0.04  # crops are at least 0.4 of 533 = 213 high


def test_shares_above_one_are_refused():
    with pytest.raises(UsageError, match="more than 1"):
        windows_of(whole=0.5, half_length=0.5, head=0.5)


def test_a_new_place_that_is_missing_is_asked_for(pictures):
    with pytest.raises(UsageError, match="--background"):
        matting.apply({role: one for role, one in pictures.items() if role != "background"}, drawn())
    matting.apply({role: one for role, one in pictures.items() if role != "background"}, drawn(new_place=False))


@pytest.mark.parametrize("new_place", [True, False])
@pytest.mark.parametrize(
    ("size", "level"), [((96, 96), 0.0), ((96, 96), 1.0), ((96, 96), 0.5), ((1, 1), 1.0), ((3, 9), 0.0)]
)
def test_empty_full_flat_and_tiny_mattes_are_safe(pictures, size, level, new_place):
    cut = {role: one[:, : size[0], : size[1]] for role, one in pictures.items()}
    cut["alpha"] = torch.full_like(cut["alpha"], level)
    made = matting.apply(cut, drawn(new_place, rotation=3.0, zoom=1.1, jpeg=50, resolution=0.5, place_blur=6.0))
    assert made["image"].shape == (3, *size)
    for one in made.values():
        assert 0 <= float(one.min()) <= float(one.max()) <= 1
    if level in (0.0, 1.0):
        assert torch.allclose(made["alpha_true"], cut["alpha"], atol=1e-5)


def test_one_pixel_of_a_person_stays_where_it_is(pictures):
    one = torch.zeros_like(pictures["alpha"])
    one[:, 40, 30] = 1
    made = matting.apply(pictures | {"alpha": one}, drawn(**PLAIN, soften=0.5))["alpha_true"]
    assert int(made.argmax()) == 40 * 96 + 30


def test_nothing_is_written_into_the_pictures(pictures):
    before = {role: one.clone() for role, one in pictures.items()}
    for new_place in (True, False):
        for change in ({}, PLAIN):
            matting.apply(pictures, drawn(new_place, **change))
    assert all(torch.equal(before[role], one) for role, one in pictures.items())


def test_shares_of_windows_that_are_more_than_all_are_refused_at_once():
    with pytest.raises(UsageError, match="more than 1 together: lower one"):
        MattingRanges(whole=0.7, half_length=0.2, head=0.2)
