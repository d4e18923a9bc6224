"""Normals guessed from a person's cut-out: round where the matte ends, going on where only the frame does."""

import pytest
import torch
from torch import Tensor

from bgswap.augmentation.normals import estimate_normals
from bgswap.augmentation.tensors import resize, to_tensor

FLAT = torch.tensor([0.0, 0.0, 1.0]).view(3, 1, 1)


def disk(side: int, center: tuple[float, float], radius: float) -> Tensor:
    """A soft disk as alpha (1, side, side); center is (x, y)."""
    at = torch.arange(side) + 0.5
    far = ((at[None] - center[0]) ** 2 + (at[:, None] - center[1]) ** 2).sqrt()
    return (radius - far + 0.5).clamp(0, 1)[None]


def plain(alpha: Tensor) -> Tensor:
    return torch.full((3, *alpha.shape[1:]), 0.5)


@pytest.fixture(scope="module")
def astronaut(photo) -> tuple[Tensor, Tensor]:
    """A real person's colors and a hand-made soft matte of head and shoulders, cut by the lower border, 256 x 256."""
    colors = resize(to_tensor(photo), (256, 256))
    at = torch.arange(256) + 0.5
    head = 1 - ((at[None] - 112) / 36) ** 2 - ((at[:, None] - 62) / 48) ** 2
    body = 1 - ((at[None] - 112) / 104) ** 2 - ((at[:, None] - 250) / 150) ** 2
    return colors, (torch.maximum(head, body) * 8 + 0.5).clamp(0, 1)[None]


def test_normals_have_length_1_and_face_the_viewer(astronaut):
    normals = estimate_normals(*astronaut)
    assert torch.allclose(normals.square().sum(0), torch.ones(256, 256), atol=1e-4)
    assert (normals[2] > 0.25).all()


def test_a_disk_turns_to_all_sides_like_a_ball():
    alpha = disk(128, (64, 64), 40)
    normals = estimate_normals(plain(alpha), alpha)
    assert normals[0, 64, 96] > 0.4  # right of the middle: to the right
    assert normals[0, 64, 31] < -0.4
    assert normals[1, 31, 64] > 0.4  # above: upward
    assert normals[1, 96, 64] < -0.4
    assert normals[2, 64, 64] > 0.99
    outward = [float(normals[0, 64, column]) for column in (68, 76, 84, 92, 100)]
    assert outward == sorted(outward)


def test_a_person_cut_by_the_frame_does_not_turn_away_there(astronaut):
    colors, alpha = astronaut
    normals = estimate_normals(colors, alpha, relief=0)
    assert (normals[1, -1, 60:160].abs() < 0.1).all()
    inside = torch.cat([alpha[:, :226], torch.zeros(1, 30, 256)], 1)  # the same person ending above the border
    assert (estimate_normals(colors, inside, relief=0)[1, 224, 60:160] < -0.4).all()


def test_a_matte_that_ends_a_pixel_before_the_frame_counts_as_cut(astronaut):
    colors, alpha = astronaut
    short = alpha.clone()
    short[:, -1] = 0
    assert (estimate_normals(colors, short, relief=0)[1, -3, 60:160].abs() < 0.15).all()


def test_a_mirrored_person_has_mirrored_normals(astronaut):
    normals = estimate_normals(*astronaut)
    mirrored = estimate_normals(*(picture.flip(2) for picture in astronaut)).flip(2)
    assert torch.allclose(mirrored * torch.tensor([-1.0, 1, 1]).view(3, 1, 1), normals, atol=2e-3)


def test_each_of_two_people_is_round_by_itself():
    alpha = torch.maximum(disk(128, (32, 64), 24), disk(128, (96, 64), 24))
    normals = estimate_normals(plain(alpha), alpha)
    for center in (32, 96):
        assert normals[0, 64, center - 20] < -0.4
        assert normals[0, 64, center + 20] > 0.4


def test_weak_shading_bends_the_surface_and_strong_print_does_not():
    alpha = torch.ones(1, 96, 96)
    across = torch.linspace(0, 6 * torch.pi, 96).sin().expand(3, 96, 96)
    tilts = [estimate_normals(0.5 + size * across, alpha)[0].abs().max() for size in (0.05, 0.4)]
    assert tilts[0] > 0.1
    stripes = 0.5 + 0.4 * torch.linspace(0, 20 * torch.pi, 96).sin().sign().expand(3, 96, 96)
    assert estimate_normals(stripes, alpha)[0].abs().max() < 0.12
    assert estimate_normals(0.5 + 0.05 * across, alpha, relief=0)[0].abs().max() < 1e-3


def test_colors_where_alpha_is_0_do_not_matter(astronaut):
    colors, alpha = astronaut
    other = torch.where(alpha > 0, colors, 1 - colors)
    assert torch.equal(estimate_normals(colors, alpha), estimate_normals(other, alpha))


def test_the_surface_has_the_same_shape_at_twice_the_size(astronaut):
    small = estimate_normals(*astronaut, relief=0)
    large = estimate_normals(*(resize(picture, (512, 512)) for picture in astronaut), relief=0)
    sure = astronaut[1][0] > 0.99
    assert (resize(large, (256, 256)) - small)[:, sure].abs().mean() < 0.01


@pytest.mark.parametrize("case", ["empty", "one pixel", "full", "one by one", "a hair", "faint"])
def test_odd_mattes_give_finite_unit_normals(case):
    alpha = torch.zeros(1, *((1, 1) if case == "one by one" else (40, 60)))
    if case == "one pixel":
        alpha[0, 10, 20] = 1
    elif case in ("full", "one by one"):
        alpha += 1
    elif case == "a hair":
        alpha[0, :, 30] = 0.6
    elif case == "faint":
        alpha += 0.004
    normals = estimate_normals(torch.rand(3, *alpha.shape[1:]), alpha)
    assert torch.allclose(normals.square().sum(0), torch.ones(alpha.shape[1:]), atol=1e-4)
    if case in ("empty", "faint"):
        assert torch.equal(normals, FLAT.expand_as(normals))
