"""Spoiled mattes: each kind of fault, alone; nothing lost, nothing that depends on how a batch is shared out."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bgswap.training.spoil import MOST_PATCHES, spoil
from tests.training.recipes.harness import eight, where

OFF = {"edge": (0, 0), "patches": (0, 0), "blur": 0.0, "coarse": 1}
SIDE = 256  # the frame that lengths are told for


def square(count: int = 16, side: int = SIDE, half: int = 60) -> torch.Tensor:
    alpha = torch.zeros(count, 1, side, side)
    alpha[..., side // 2 - half : side // 2 + half, side // 2 - half : side // 2 + half] = 1
    return alpha


def test_with_every_fault_off_a_matte_stays_as_it_is():
    alpha = eight("matting")["alpha_true"]
    assert torch.equal(spoil(alpha, where(), **OFF), alpha)


def test_an_edge_moves_by_as_many_pixels_as_asked_out_in_or_both():
    alpha = square()
    spoiled = spoil(alpha, where(SIDE), **OFF | {"edge": (7, 7)})
    assert set(spoiled.unique().tolist()) == {0.0, 1.0}
    widths = {int(one[0, SIDE // 2].sum()) for one in spoiled}
    wide, narrow = 120 + 14, 120 - 14
    assert {wide, narrow} <= widths
    assert min(widths) >= narrow
    assert max(widths) <= wide
    mixed = [one for one in spoiled if (one > alpha[0]).any() and (one < alpha[0]).any()]
    assert 1 <= len(mixed) < len(spoiled)


def test_corners_are_not_reached_as_far_as_sides():
    dot = torch.zeros(16, 1, SIDE, SIDE)
    dot[..., 128, 128] = 1
    spoiled = spoil(dot, where(SIDE), **OFF | {"edge": (10, 10)})
    widest = spoiled[spoiled.flatten(1).sum(1).argmax(), 0]
    assert 0.8 < float(widest.sum()) / (3.1416 * 10**2) < 1.25  # near the disk's area; a square's is 1.4 times it
    assert widest[128, 118]
    assert widest[118, 128]
    assert not widest[119, 119]


def test_patches_are_at_most_three_squares_of_all_or_nothing():
    alpha = torch.full((32, 1, SIDE, SIDE), 0.5)
    spoiled = spoil(alpha, where(SIDE), **OFF | {"patches": (16, 16)})
    areas = (spoiled != 0.5).flatten(1).sum(1)
    assert set(spoiled.unique().tolist()) == {0.0, 0.5, 1.0}
    assert int(areas.max()) <= MOST_PATCHES * 16 * 16
    assert int(areas.min()) == 0
    assert 16 * 16 in areas.tolist()


def test_a_blur_keeps_the_area_and_softens_by_different_amounts():
    alpha = square()
    spoiled = spoil(alpha, where(SIDE), **OFF | {"blur": 3.0})
    assert torch.allclose(spoiled.sum((1, 2, 3)), alpha.sum((1, 2, 3)), rtol=1e-4)
    soft = ((spoiled > 0.01) & (spoiled < 0.99)).flatten(1).sum(1)
    assert int(soft.max()) > 2 * int(soft.min())


def test_about_half_of_the_masks_come_from_small_ones():
    board = (torch.arange(SIDE)[:, None] + torch.arange(SIDE)).remainder(2).float().expand(32, 1, SIDE, SIDE)
    spoiled = spoil(board, where(SIDE), **OFF | {"coarse": 4})
    gray = [bool((one - 0.5).abs().max() < 1e-5) for one in spoiled]
    same = [torch.equal(one, board[0]) for one in spoiled]
    assert sum(gray) + sum(same) == 32
    assert 8 <= sum(gray) <= 24


def test_lengths_follow_the_frame():
    small = spoil(square(8, 64, 15), where(), **OFF | {"edge": (8, 8)})
    assert max(int(one[0, 32].sum()) for one in small) == 30 + 4  # 8 pixels of 256 are 2 of 64


def test_the_same_step_spoils_alike_however_the_batch_is_shared_out_and_the_next_one_otherwise():
    alpha = eight("matting")["alpha_true"]
    whole = spoil(alpha, where())
    parts = [spoil(alpha[4 * part : 4 * part + 4], where(share=(part, 2))) for part in range(2)]
    assert torch.allclose(whole, torch.cat(parts), atol=1e-6)
    assert not torch.allclose(whole, spoil(alpha, replace(where(), index=1)))
    assert not torch.allclose(whole[0], whole[1])


@pytest.mark.parametrize("size", [(64, 64), (37, 91), (3, 5)])
def test_odd_sizes_and_bf16_autocast_are_kept_in_range(size):
    alpha = torch.rand(3, 1, *size, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        spoiled = spoil(alpha, where())
    assert (spoiled.shape, spoiled.dtype) == (alpha.shape, torch.float32)
    spoiled.sum().backward()
    assert alpha.grad is not None


@settings(deadline=None, max_examples=15)
@given(index=st.integers(0, 10_000))
def test_a_soft_matte_stays_in_range_and_is_not_written_into(index):
    alpha = torch.rand(4, 1, 32, 48, generator=torch.Generator().manual_seed(index))
    before = alpha.clone()
    spoiled = spoil(alpha, replace(where(), index=index))
    assert torch.equal(alpha, before)
    assert 0 <= float(spoiled.min()) <= float(spoiled.max()) <= 1
