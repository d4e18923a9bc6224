"""Push and pull: what is known stays, and what is filled comes from around it."""

import pytest
import torch

from bgswap.networks._push_pull import push_pull

WAYS = pytest.mark.parametrize("saturate", [True, False])


def known(size: tuple[int, int], rows: slice, columns: slice) -> torch.Tensor:
    """1 but in a rectangle, (1, 1, H, W)."""
    weight = torch.ones(1, 1, *size)
    weight[..., rows, columns] = 0
    return weight


@WAYS
@pytest.mark.parametrize("size", [(64, 64), (33, 50), (1, 9)])
def test_known_pixels_stay_to_the_bit_and_the_fill_within_their_colors(saturate, size, photo):
    small = torch.from_numpy(photo[: size[0], : size[1]].copy()).permute(2, 0, 1)[None].float() / 255
    weight = known(size, slice(None), slice(2 * size[1] // 3, None))
    filled = push_pull(small, weight, saturate=saturate)
    there = (weight > 0).expand_as(small)
    assert torch.equal(filled[there], small[there])
    low, high = float(small[there].min()), float(small[there].max())
    assert low - 1e-5 <= float(filled.min()) <= float(filled.max()) <= high + 1e-5


@WAYS
def test_a_plain_wall_is_filled_with_its_color(saturate):
    filled = push_pull(torch.full((1, 3, 40, 56), 0.3), known((40, 56), slice(5, 38), slice(9, 50)), saturate=saturate)
    assert torch.allclose(filled, torch.tensor(0.3), atol=1e-5)


@WAYS
def test_what_is_not_known_has_no_part_in_the_fill(saturate, photo):
    small = torch.from_numpy(photo[::8, ::8].copy()).permute(2, 0, 1)[None].float() / 255
    weight = known((64, 64), slice(20, 50), slice(24, 40))
    other = small * weight + torch.rand(1, 3, 64, 64) * (1 - weight)
    assert torch.equal(push_pull(small, weight, saturate=saturate), push_pull(other, weight, saturate=saturate))


def test_a_lone_known_pixel_fills_everything_where_weights_saturate_and_else_gray_has_a_share():
    picture, weight = torch.full((1, 1, 16, 16), 0.9), torch.zeros(1, 1, 16, 16)
    weight[..., 0, 0] = 1
    assert torch.allclose(push_pull(picture, weight, saturate=True), torch.tensor(0.9), atol=1e-5)
    far = push_pull(picture, weight, saturate=False)[0, 0, 15, 15]
    assert float(far) == pytest.approx(0.5 + 4 / 256 * 0.4, abs=1e-5)  # one of 256, four times over


@WAYS
def test_where_nothing_is_known_it_is_gray(saturate):
    assert (push_pull(torch.rand(2, 3, 7, 12), torch.zeros(2, 1, 7, 12), saturate=saturate) == 0.5).all()


def test_saturated_weights_follow_the_rim_more_closely():
    """Left of the hole lies a thin white band on black: from it the paper's weights carry more into the hole."""
    picture = torch.zeros(1, 1, 64, 64)
    picture[..., 24:26] = 1
    weight = known((64, 64), slice(None), slice(26, None))
    near, even = (push_pull(picture, weight, saturate=one)[..., 26:40].mean() for one in (True, False))
    assert float(near) > 1.1 * float(even)
