"""Laws that every metric of mattes keeps, on mattes of noise."""

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from bgswap.evaluation import metric

ADDING = ("alpha-mad", "alpha-mse", "sad", "dice", "dice:hard", "iou", "iou:soft")
NAMES = (*ADDING, "grad", "conn")
law = settings(deadline=None, max_examples=60)
SIDES = st.integers(1, 40)


@cache
def found(name: str) -> metric.Metric:
    return metric.find([name])[0]


def drawn(seed: int, *shape: int) -> list[Tensor]:
    """Predicted, true and region of (B, 1, H, W)."""
    random = torch.Generator().manual_seed(seed)
    predicted, true, region = (torch.rand(shape, generator=random) for _ in range(3))
    return [predicted, true, (region > 0.3).float()]


@law
@given(st.sampled_from(NAMES), SIDES, SIDES, st.integers(0, 10**6))
def test_a_perfect_matte_gets_the_best_value(name: str, height: int, width: int, seed: int) -> None:
    _, true, _ = drawn(seed, 1, 1, height, width)
    best, rounding = found(name).best, 1e-15 if name == "grad" else 0  # filters round by where in memory a row begins
    assert abs(float(found(name)(true, true.clone(), torch.ones_like(true))) - best) <= rounding
    assert float(found(name)(true * 0, true * 0, torch.ones_like(true))) == best  # nobody there, nobody found


@law
@given(st.sampled_from(NAMES), SIDES, SIDES, st.integers(0, 10**6))
def test_values_are_symmetric_and_in_range(name: str, height: int, width: int, seed: int) -> None:
    predicted, true, region = drawn(seed, 1, 1, height, width)
    region[..., 0, 0] = 1
    value = float(found(name)(predicted, true, region))
    assert value == pytest.approx(float(found(name)(true, predicted, region)), rel=1e-6)
    assert 0 <= value <= (1 + 1e-6 if name not in ("sad", "grad", "conn") else np.inf)


@law
@given(st.sampled_from(NAMES), st.integers(2, 4), SIDES, SIDES, st.integers(0, 10**6))
def test_a_batch_is_scored_as_one_by_one(name: str, count: int, height: int, width: int, seed: int) -> None:
    planes = drawn(seed, count, 1, height, width)
    kept = [plane.clone() for plane in planes]
    together = found(name)(*planes)
    assert together.shape == (count,)
    alone = [float(found(name)(*(plane[i : i + 1] for plane in planes))) for i in range(count)]
    assert together.tolist() == pytest.approx(alone, rel=1e-5, nan_ok=True)
    assert all(torch.equal(*pair) for pair in zip(planes, kept, strict=True))  # nothing was written into


@law
@given(st.sampled_from(ADDING), st.integers(1, 60), st.integers(1, 30), st.integers(0, 10**6))
def test_sums_over_strips_are_those_of_the_whole(name: str, height: int, strip: int, seed: int) -> None:
    planes = drawn(seed, 2, 1, height, 7)
    strips = [[plane[:, :, top : top + strip] for plane in planes] for top in range(0, height, strip)]
    added = torch.stack([found(name).sums(*strip) for strip in strips]).sum(0)
    assert added.dtype == torch.float64
    torch.testing.assert_close(found(name).score(added), found(name)(*planes), rtol=1e-5, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_region_has_no_value(name: str) -> None:
    predicted, true, _ = drawn(0, 1, 1, 9, 9)
    assert torch.isnan(found(name)(predicted, true, torch.zeros_like(true))).all()


@pytest.mark.parametrize("name", [*NAMES, "shadow-ber"])
def test_no_region_counts_every_pixel_as_a_region_of_ones_does(name: str, photo: NDArray[np.uint8]) -> None:
    true = torch.from_numpy(photo[None, None, :, :300, 1] / 255).float()
    predicted = true.roll(5, 3) * 0.9
    expected = float(found(name)(predicted, true, torch.ones_like(true)))
    assert float(found(name)(predicted, true)) == pytest.approx(expected, rel=1e-6)
    if found(name).adds_up:
        assert float(found(name).score(found(name).sums(predicted, true, None))) == pytest.approx(expected, rel=1e-6)
