"""Errors of shadows: of the pictures, whole and inside the true shadow, and of the masks."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from bgswap.errors import UsageError
from bgswap.evaluation.metric import find
from bgswap.evaluation.metrics import shadow_ber as ber_file
from bgswap.evaluation.metrics import shadow_rmse as rmse_file
from bgswap.evaluation.metrics.shadow_ber import shadow_ber
from bgswap.evaluation.metrics.shadow_rmse import shadow_rmse

Scene = tuple[Tensor, Tensor, Tensor, Tensor]


def as_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return torch.from_numpy(planes / np.float32(255))[None]


@pytest.fixture(scope="module")
def cast(photo) -> Scene:
    """The photo under a soft slanted shadow, the same 9 pixels aside and weaker, and both shadows' masks."""
    rows, columns = np.mgrid[:512, :512]
    soft = np.clip(1 - np.hypot((columns - rows / 2 - 120) / 90, (rows - 300) / 160), 0, 0.25) * 4
    moved = np.roll(soft, 9, axis=1)
    true = np.rint(photo * (1 - 0.5 * soft[..., None])).astype(np.uint8)
    predicted = np.rint(photo * (1 - 0.4 * moved[..., None])).astype(np.uint8)
    masks = (as_tensor(np.rint(255 * mask).astype(np.uint8)) for mask in (moved, soft))
    return as_tensor(predicted), as_tensor(true), *masks


def levels(picture: Tensor) -> NDArray[np.float64]:
    return np.rint(picture[0].numpy().astype(np.float64) * 255)


def test_thirty_levels_on_a_tenth_of_the_pixels_are_thirty_there_and_a_root_of_ten_less_in_all():
    mask = torch.zeros(1, 1, 2, 5)
    mask[..., 0, 3] = 1
    true = torch.full((1, 3, 2, 5), 0.5)
    predicted = true + mask * 30 / 255
    assert float(shadow_rmse(predicted, true)) == pytest.approx(30 / math.sqrt(10), rel=1e-6)
    assert float(shadow_rmse(predicted, true, mask, variant="local")) == pytest.approx(30, rel=1e-6)


def test_errors_of_a_real_picture_are_those_of_scikit_image(cast):
    from skimage.metrics import mean_squared_error

    predicted, true, _, mask = cast
    one, other, inside = levels(predicted), levels(true), levels(mask)[0] >= 127.5
    whole = math.sqrt(mean_squared_error(one, other))
    there = math.sqrt(mean_squared_error(one[:, inside], other[:, inside]))
    assert whole > 1
    assert there > 2 * whole
    assert float(shadow_rmse(predicted, true)) == pytest.approx(whole, rel=1e-6)
    assert float(shadow_rmse(predicted, true, mask, variant="local")) == pytest.approx(there, rel=1e-6)


def test_error_rates_of_real_masks_are_those_of_scikit_learn(cast):
    metrics = pytest.importorskip("sklearn.metrics")
    _, _, moved, true = cast
    marked, shadow = (levels(mask).ravel() >= 127.5 for mask in (moved, true))
    region = torch.ones_like(true)
    balanced = 1 - metrics.balanced_accuracy_score(shadow, marked)
    missed = 1 - metrics.recall_score(shadow, marked)
    assert balanced > 0.02
    assert float(shadow_ber(moved, true, region)) == pytest.approx(balanced, abs=1e-12)
    assert float(shadow_ber(moved, true, region, variant="s-ber")) == pytest.approx(missed, abs=1e-12)


def test_half_missed_and_a_quarter_falsely_marked_is_three_eighths():
    true = torch.tensor([1, 1, 1, 1, 0, 0, 0, 0.0]).view(1, 1, 2, 4)
    marked = torch.tensor([1, 1, 0, 0, 1, 0, 0, 0.0]).view(1, 1, 2, 4)
    whole = torch.ones_like(true)
    assert float(shadow_ber(marked, true, whole)) == 0.375
    assert float(shadow_ber(marked, true, whole, variant="s-ber")) == 0.5
    upper = torch.tensor([1, 1, 1, 1, 0, 1, 1, 1.0]).view(1, 1, 2, 4)  # the false mark does not count
    assert float(shadow_ber(marked, true, upper)) == 0.25


def test_masks_are_cut_between_the_levels_127_and_128():
    just, under = torch.full((1, 1, 1, 1), 128 / 255), torch.full((1, 1, 1, 1), 127 / 255)
    lit = torch.zeros(1, 1, 1, 1)
    true = torch.cat([just, under], 3)
    assert float(shadow_ber(torch.cat([just, lit], 3), true, torch.ones_like(true))) == 0
    dark, black = torch.ones(1, 3, 1, 2), torch.zeros(1, 3, 1, 2)
    black[..., 1] = 0.5
    assert float(shadow_rmse(dark, black, true, variant="local")) == pytest.approx(255)


def test_a_picture_without_shadow_or_without_light_has_no_value():
    empty, full = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    picture = torch.zeros(1, 3, 4, 4)
    assert shadow_rmse(picture, picture, empty, variant="local").isnan()
    assert float(shadow_rmse(picture, picture)) == 0
    assert shadow_ber(empty, empty, full).isnan()
    assert shadow_ber(full, full, full).isnan()
    assert shadow_ber(empty, empty, full, variant="s-ber").isnan()
    assert float(shadow_ber(empty, full, full, variant="s-ber")) == 1
    assert shadow_ber(full, full, empty).isnan()


def test_the_local_error_without_a_mask_says_what_is_missing():
    picture = torch.zeros(1, 3, 4, 4)
    with pytest.raises(UsageError, match="true shadow"):
        shadow_rmse(picture, picture, variant="local")


def drawn(seed: int, batch: int, rows: int) -> Scene:
    random = torch.Generator().manual_seed(seed)
    predicted, true = (torch.rand(batch, 3, rows, 5, generator=random) for _ in range(2))
    marked, mask = (torch.rand(batch, 1, rows, 5, generator=random) for _ in range(2))
    return predicted, true, marked, mask


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999), rows=st.integers(2, 9), cut=st.integers(1, 8))
def test_sums_over_strips_add_up_to_those_of_the_picture(seed, rows, cut):
    predicted, true, marked, mask = drawn(seed, 2, rows)
    region = (predicted[:, :1] > 0.2).float()
    strips = (slice(0, min(cut, rows - 1)), slice(min(cut, rows - 1), rows))
    calls = [
        (rmse_file.sums, (predicted, true), "global"),
        (rmse_file.sums, (predicted, true, mask), "local"),
        (ber_file.sums, (marked, mask, region), "ber"),
        (ber_file.sums, (marked, mask, region), "s-ber"),
    ]
    for sums, pictures, variant in calls:
        parts = sum(sums(*(p[:, :, strip] for p in pictures), variant=variant) for strip in strips)
        assert torch.allclose(parts, sums(*pictures, variant=variant), rtol=1e-6)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999), batch=st.integers(1, 4))
def test_a_batch_has_the_values_of_its_pictures_within_range_and_the_best_for_the_truth(seed, batch):
    predicted, true, marked, mask = drawn(seed, batch, 6)
    given = {"predicted": predicted, "true": true, "mask": mask, "predicted_alpha": marked, "true_alpha": mask}
    perfect = {**given, "predicted": true, "predicted_alpha": mask}
    for one in (given, perfect):
        one["region"] = torch.ones_like(mask)
    kept = {role: picture.clone() for role, picture in given.items()}
    for metric in find(["shadow-rmse", "shadow-rmse:local", "shadow-ber", "shadow-ber:s-ber"]):
        values = metric(*(given[role] for role in metric.roles))
        alone = [metric(*(given[r][i : i + 1] for r in metric.roles)) for i in range(batch)]
        assert torch.allclose(values, torch.cat(alone), rtol=1e-6)
        assert ((values >= 0) & (values <= (255 if metric.unit else 1))).all()
        assert (metric(*(perfect[role] for role in metric.roles)) == metric.best).all()
    assert all(torch.equal(kept[role], given[role]) for role in given)
