"""fid and kid against formulas worked out by hand and an independent NumPy version."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from torch import nn

from bgswap.evaluation.metric import Metric, find
from bgswap.evaluation.metrics import fid, kid

pytest.importorskip("torchmetrics")


class Colors(nn.Module):
    """Stands for Inception: means and spreads of the three colors."""

    def forward(self, x):
        return torch.cat([x.mean((2, 3)), x.std((2, 3))], 1)


def normal(mean, deviations, count=64):
    """Features whose mean and covariance are exactly these: a design, no draw. (count, 2) float64."""
    t = torch.arange(count, dtype=torch.float64) * (2 * math.pi / count)
    circle = torch.stack([t.cos(), t.sin()], 1) * math.sqrt(2 * (count - 1) / count)  # unit covariance, mean 0
    return circle * torch.tensor(deviations) + torch.tensor(mean)


def test_the_frechet_distance_of_two_normal_distributions_is_that_of_the_formula():
    # N(0, I) and N((1, 0), 4 I): 1 + tr(I + 4 I - 2 * 2 I) = 3 in two dimensions
    assert fid.of_set(normal((1.0, 0.0), (2.0, 2.0)), normal((0.0, 0.0), (1.0, 1.0))) == pytest.approx(3, abs=1e-9)
    # N(0, I) and N((0, 2), diag(9, 1/4)): 4 + (3 - 1)² + (1/2 - 1)² = 8.25
    assert fid.of_set(normal((0.0, 2.0), (3.0, 0.5)), normal((0.0, 0.0), (1.0, 1.0))) == pytest.approx(8.25, abs=1e-9)


def test_the_frechet_distance_of_draws_is_that_of_scipys_matrix_root():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(90, 12)) @ random.normal(size=(12, 12)), random.normal(size=(70, 12)) + 0.3
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(first @ second).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)
    assert fid.of_set(torch.from_numpy(a), torch.from_numpy(b)) == pytest.approx(expected, rel=1e-9)


def mmd(x, y):
    """Unbiased squared discrepancy of all of x and y, term by term (Bińkowski et al., equation 4)."""
    kernel = lambda a, b: (a @ b.T / x.shape[1] + 1) ** 3  # noqa: E731
    m, n = len(x), len(y)
    inside = [(kernel(a, a).sum() - np.trace(kernel(a, a))) / (k * (k - 1)) for a, k in ((x, m), (y, n))]
    return sum(inside) - 2 * kernel(x, y).mean()


def test_the_kernel_distance_of_equally_many_pictures_is_numpys():
    random = np.random.default_rng(1)
    a, b = random.random((40, 32)), random.random((40, 32)) * 1.2
    assert kid.of_set(torch.from_numpy(a), torch.from_numpy(b)) == pytest.approx(mmd(a, b), rel=1e-12)


def test_the_kernel_distance_of_unequal_sets_is_the_mean_over_draws_of_the_smaller_size():
    random = np.random.default_rng(2)
    a, b = random.random((30, 16)), random.random((47, 16)) * 1.3
    found = kid.of_set(torch.from_numpy(a), torch.from_numpy(b))
    draws = [mmd(a, b[random.permutation(47)[:30]]) for _ in range(100)]
    assert found == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / 10)
    assert found != pytest.approx(mmd(a, b[:30]), rel=1e-6)


def test_more_than_a_thousand_pictures_are_drawn_from_a_thousand_at_a_time():
    random = np.random.default_rng(3)
    a, b = random.random((1010, 4)), random.random((1010, 4)) + 0.5
    found = kid.of_set(torch.from_numpy(a), torch.from_numpy(b))
    assert found == pytest.approx(mmd(a, b), rel=0.01)
    assert found != pytest.approx(mmd(a, b), rel=1e-6)  # not all of them at once


def test_the_same_features_give_the_same_value_and_the_callers_generator_is_left_alone():
    torch.manual_seed(5)
    a, b = torch.rand(20, 8), torch.rand(33, 8)
    torch.manual_seed(6)
    first = kid.of_set(a, b)
    drawn = torch.rand(3)
    torch.manual_seed(6)
    assert torch.equal(torch.rand(3), drawn)
    assert kid.of_set(a, b) == first


@pytest.mark.parametrize("metric", [fid, kid])
@pytest.mark.parametrize(("predicted", "true"), [(0, 5), (1, 5), (5, 1)])
def test_fewer_than_two_pictures_have_no_value(metric, predicted, true):
    assert math.isnan(metric.of_set(torch.rand(predicted, 4), torch.rand(true, 4)))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), count=st.integers(4, 30))
def test_distances_are_symmetric_and_least_for_the_same_set_in_another_order(seed, count):
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, count, 3, generator=generator, dtype=torch.float64)
    for of_set in (fid.of_set, kid.of_set):
        assert of_set(a, b) == pytest.approx(of_set(b, a), abs=1e-9)
    assert fid.of_set(a.flip(0), a) == pytest.approx(0, abs=1e-7)
    assert fid.of_set(a, b) > -1e-7
    assert fid.of_set(a, b + 1) > fid.of_set(a, a)


@pytest.mark.parametrize("name", ["fid", "kid"])
def test_features_are_taken_through_the_trunk_a_batch_as_one_by_one(name, photo):
    (metric,) = find([name])
    assert (metric.roles, metric.against_true, metric.of_set, metric.best) == (("predicted",), True, True, 0)
    assert metric.lower_is_better
    assert metric.models == ("inception-fid",)
    trunk = metric.module.make_trunk([Colors()], "")
    pictures = torch.from_numpy(photo.reshape(4, 128, 512, 3).copy()).permute(0, 3, 1, 2) / 255
    batch = Metric(name)(pictures, trunk=trunk)
    assert batch.shape == (4, 6)
    single = torch.cat([Metric(name)(picture[None], trunk=trunk) for picture in pictures])
    assert torch.allclose(batch, single, atol=1e-6)


def test_a_blurred_set_of_real_pictures_is_farther_from_it_than_its_mirror_image(photo):
    tiles = torch.from_numpy(photo.reshape(8, 64, 8, 64, 3).copy()).permute(0, 2, 4, 1, 3).reshape(64, 3, 64, 64) / 255
    mirrored, blurred = tiles.flip(3), nn.functional.avg_pool2d(tiles, 9, 1, 4)
    for metric in (fid, kid):
        true, near, far = (metric.features(x, trunk=Colors()) for x in (tiles, mirrored, blurred))
        assert metric.of_set(far, true) > metric.of_set(near, true) + 1e-4
