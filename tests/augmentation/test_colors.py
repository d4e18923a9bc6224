"""Changes of color: against hand calculations, scikit-image, and the laws that each promises."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import color
from torch import Tensor

from bgswap.augmentation import colors as c
from bgswap.augmentation.tensors import to_tensor
from bgswap.compositing.harmonize import reinhard as on_arrays

WARM = torch.tensor([200, 120, 80]) / 255
OFFSETS = [0.05, 0.1, -0.1, 0.08, -0.05], [0.0, -0.1, 0.1, 0.0, 0.0], [0.02, 0.0, 0.1, 0.1, -0.1]
TABLE = (torch.rand(81, generator=torch.Generator().manual_seed(1)) * 0.2 - 0.1).tolist()
CHANGES = {
    "lab": c.lab_from_srgb,
    "back": lambda x: c.srgb_from_lab(x * 60 + 10),
    "linear": c.to_linear,
    "srgb": c.to_srgb,
    "white balance": lambda x: c.white_balance(x, (0.75, 1.0, 1.3)),
    "exposure": lambda x: c.exposure(x, 0.5),
    "temperature": lambda x: c.temperature(x, 4000),
    "saturation": lambda x: c.saturation(x, 0.6),
    "curves": lambda x: c.curves(x, OFFSETS),
    "lut": lambda x: c.lut(x, TABLE),
    "shoulder": lambda x: c.shoulder(x, 0.8),
    "scaled": lambda x: c.scaled(x, (torch.tensor([1.0, 2.0, 0.5]), torch.tensor([0.1, 0.0, -0.1]))),
}


@pytest.fixture(scope="module")
def picture(photo) -> Tensor:
    return to_tensor(photo[::4, ::4])


def test_lab_of_a_warm_color_is_the_one_worked_out_in_double_precision():
    assert c.lab_from_srgb(WARM).tolist() == pytest.approx([58.3156, 27.4593, 35.0425], abs=2e-4)


def test_lab_of_a_photo_and_of_all_dark_colors_is_scikit_images(photo):
    dark = np.stack(np.meshgrid(*[np.arange(0, 24, dtype=np.uint8)] * 3), -1).reshape(-1, 24, 3)
    for pixels in (photo, dark):
        ours = c.lab_from_srgb(to_tensor(pixels)).permute(1, 2, 0).numpy()
        srgb = pixels / 255
        light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
        assert np.abs(ours - color.xyz2lab(light @ np.array(c.TO_XYZ).T)).max() < 1e-3
        assert np.abs(ours - color.rgb2lab(pixels)).max() < 6e-3  # its primaries have 6 digits, ours IEC's 7


def test_lab_is_the_one_of_composites_reinhard(picture):
    rows = picture.flatten(1).T.numpy()
    assert np.abs(c.lab_from_srgb(picture).flatten(1).T.numpy() - on_arrays.lab_from_srgb(rows)).max() < 1e-3


def test_a_photo_comes_back_from_lab_and_from_linear_light(picture):
    assert (c.srgb_from_lab(c.lab_from_srgb(picture)) - picture).abs().max() < 1e-5
    assert (c.to_srgb(c.to_linear(picture)) - picture).abs().max() < 1e-6


def test_colors_outside_the_gamut_are_not_clipped():
    out = c.srgb_from_lab(torch.tensor([50.0, 0.0, -100.0]))
    assert out.min() < 0
    assert out.max() > 1
    assert c.lab_from_srgb(out).tolist() == pytest.approx([50, 0, -100], abs=1e-2)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_list_of_colors_changes_as_the_picture_does_and_one_color_too(change, picture):
    whole = change(picture)
    assert whole.shape == picture.shape
    assert torch.allclose(change(picture.flatten(1)), whole.flatten(1), atol=1e-5)
    assert torch.allclose(change(picture[:, 60, 60]), whole[:, 60, 60], atol=1e-4)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_no_change_writes_into_its_input(change, picture):
    before = picture.clone()
    change(picture)
    assert torch.equal(picture, before)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changes_can_be_differentiated(change):
    inside = torch.rand(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 0.8 + 0.1
    assert torch.autograd.gradcheck(change, inside.requires_grad_(), atol=1e-3)


def test_moments_count_pixels_by_their_weight():
    colors = torch.tensor([[0.0, 1.0, 9.0], [2.0, 2.0, 9.0], [0.0, 4.0, 9.0]])
    mean, deviation = c.moments(colors, torch.tensor([0.25, 0.75, 0.0]))
    assert mean.tolist() == pytest.approx([0.75, 2, 3])
    assert deviation.tolist() == pytest.approx([math.sqrt(3) / 4, 0, math.sqrt(3)])


def test_moments_of_nobody_are_zero():
    mean, deviation = c.moments(torch.ones(3, 5), torch.zeros(5))
    assert mean.tolist() == deviation.tolist() == [0, 0, 0]


def test_reinhard_of_two_pixels_is_the_one_worked_out_by_hand():
    # own: mean 20, deviation 10; other: mean 50, deviation 15: x' = (x - 20) * 1.5 + 50
    own = c.moments(torch.tensor([[10.0, 30.0]] * 3), torch.ones(2))
    other = c.moments(torch.tensor([[35.0, 65.0]] * 3), torch.ones(2))
    moved = c.scaled(torch.tensor([[10.0, 30.0]] * 3), c.reinhard(own, other, (0.3, 3.0)))
    assert all(row == pytest.approx([35, 65]) for row in moved.tolist())
    half = c.scaled(torch.tensor([[10.0, 30.0]] * 3), c.reinhard(own, other, (0.3, 3.0), 0.5))
    assert half[0].tolist() == pytest.approx([(10 + 35) / 2, (30 + 65) / 2])


def test_reinhard_keeps_its_ratio_in_bounds_and_leaves_flat_colors_flat():
    mean = torch.zeros(3)
    own, other = (mean, torch.tensor([1.0, 1.0, 0.0])), (mean + 5, torch.tensor([9.0, 0.1, 4.0]))
    scale, shift = c.reinhard(own, other, (0.5, 2.0))
    assert scale.tolist() == [2, 0.5, 1]
    assert shift.tolist() == [5, 5, 5]
    assert c.reinhard(own, other, (0.5, 2.0), reach=3)[1].tolist() == [3, 3, 3]


def test_a_brightened_person_is_flattened_until_its_face_stays_below_white():
    dark_with_a_face = torch.cat([torch.full((95,), 20.0), torch.full((5,), 80.0)])  # mean 23
    scale, shift = c.within((torch.tensor(1.0), torch.tensor(40.0)), dark_with_a_face, (4.0, 95.0), 0.3)
    assert float(dark_with_a_face.mean() * scale + shift) == pytest.approx(63)  # where it was to go
    assert float(80 * scale + shift) == pytest.approx(95)
    still = torch.tensor(1.0), torch.tensor(2.0)
    assert [float(x) for x in c.within(still, dark_with_a_face, (4.0, 95.0), 0.3)] == pytest.approx([1, 2])


def test_white_balance_of_a_half_with_gain_1_3_is_the_one_worked_out_by_hand():
    assert c.white_balance(torch.full((3,), 0.5), (1.3, 1.0, 0.75)).tolist() == pytest.approx(
        [0.5633294, 0.5, (0.5**2.2 * 0.75) ** (1 / 2.2)], abs=1e-6
    )


def test_white_balance_keeps_the_mixing_of_soft_edges(picture):
    person, place = picture, picture.flip(2)
    gains, alpha = (0.8, 1.1, 1.3), 0.3
    mixed = alpha * c.white_balance(person, gains) + (1 - alpha) * c.white_balance(place, gains)
    assert torch.allclose(c.white_balance(alpha * person + (1 - alpha) * place, gains), mixed, atol=1e-6)


def test_one_stop_doubles_the_light(picture):
    assert torch.allclose(c.exposure(picture, 1) ** 2.2, 2 * picture**2.2, atol=1e-5)
    assert torch.equal(c.exposure(picture, 0), picture)


def test_the_light_of_a_tungsten_lamp_has_the_color_of_illuminant_a():
    light = torch.tensor(c._black_body(2856), dtype=torch.float64)
    xyz = torch.tensor(c.TO_XYZ, dtype=torch.float64) @ light
    assert (xyz[:2] / xyz.sum()).tolist() == pytest.approx([0.44757, 0.40745], abs=5e-4)  # CIE 15


def test_temperature_turns_white_warm_or_cold_and_keeps_its_luminance():
    for kelvin in (1500, 3000, 5000, 6504, 9000, 15000):
        gains = c.temperature_gains(kelvin)
        assert sum(w * g for w, g in zip(c.LUMA, gains, strict=True)) == pytest.approx(1)
        assert (gains[0] > 1 > gains[2]) == (kelvin < 6504)
    assert c.temperature_gains(c.DAYLIGHT) == pytest.approx((1, 1, 1))


def test_saturation_scales_the_distance_from_gray(picture):
    luma = (picture * torch.tensor(c.LUMA).view(3, 1, 1)).sum(0)
    assert torch.allclose(c.saturation(picture, 0), luma.expand(3, -1, -1), atol=1e-5)
    assert torch.allclose(c.saturation(picture, 1), picture, atol=1e-6)
    assert torch.allclose(c.saturation(picture, 1.5), luma + 1.5 * (picture - luma), atol=1e-5)


def test_a_curve_is_the_bezier_polynomial_of_its_control_values():
    x = torch.linspace(0, 1, 11).expand(3, -1)
    lifted = c.curves(x, [[0.0, 0.25, 0.0]] * 3)  # 2 x (1 - x) / 4 above the line
    assert torch.allclose(lifted, x + 0.5 * x * (1 - x), atol=1e-6)
    assert torch.equal(c.curves(x, [[0.0] * 5] * 3), x)
    assert c.curves(torch.tensor([-0.5, 1.0, 1.5]), [[0.1, 0.0, -0.1]] * 3).tolist() == pytest.approx([-0.4, 0.9, 1.4])


@settings(max_examples=60)
@given(st.lists(st.lists(st.floats(-1, 1), min_size=5, max_size=5), min_size=3, max_size=3))
def test_no_curve_ever_falls(offsets):
    ramp = torch.linspace(-0.2, 1.2, 200, dtype=torch.float64).expand(3, -1)
    assert c.curves(ramp, offsets).diff(dim=1).min() >= -1e-12


def test_a_table_shifts_its_corners_by_their_own_entries():
    table = torch.tensor(TABLE).reshape(3, 3, 3, 3)
    for red, green, blue in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1)):
        corner = torch.tensor([red, green, blue], dtype=torch.float32)
        assert torch.allclose(c.lut(corner, TABLE), corner + table[2 * red, 2 * green, 2 * blue], atol=1e-6)


def test_a_tables_middle_moves_mid_gray_by_an_eighth_and_equal_entries_move_all_alike(picture):
    table = torch.zeros(3, 3, 3, 3)
    table[1, 1, 1] = torch.tensor([0.8, 0.0, -0.8])
    assert c.lut(torch.full((3,), 0.5), table).tolist() == pytest.approx([0.6, 0.5, 0.4])
    assert torch.allclose(c.lut(picture, [0.05, 0.0, -0.05] * 27) - picture, torch.tensor([[[0.05]], [[0]], [[-0.05]]]))


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.01, 0.5))
def test_a_table_never_shifts_by_more_than_its_largest_entry(seed, largest):
    random = torch.Generator().manual_seed(seed)
    table = (torch.rand(81, generator=random) * 2 - 1) * largest
    colors = torch.rand(3, 200, generator=random) * 1.4 - 0.2
    assert (c.lut(colors, table) - colors).abs().max() <= largest + 1e-6


def test_the_shoulder_changes_nothing_below_its_knee_and_keeps_all_above_apart_and_below_one():
    ramp = torch.linspace(-0.1, 1.4, 200).expand(3, -1)
    bent = c.shoulder(ramp, 0.85)
    assert torch.allclose(bent[ramp <= 0.85], ramp[ramp <= 0.85], atol=1e-7)
    assert bent.max() < 1
    assert bent.diff(dim=1).min() > 0
