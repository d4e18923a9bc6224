"""The recipe that learns to fill holes: what its losses count, its discriminator, and what validation says."""

from dataclasses import replace

import pytest
import torch

from bgswap.errors import UsageError
from bgswap.training.recipes import ffc_inpaint
from bgswap.training.recipes.ffc_inpaint import RECIPE, hole_metrics, judged
from bgswap.training.settings import changed
from bgswap.training.steps import Stepper
from tests.training.recipes.harness import build, eight, fit, where, without_gradient

THIN = {"widths": (8, 12, 16), "shared": 12, "blocks": 2, "perceptual": "none", "warmup": 0}
GAN = {**THIN, "adversarial": 0.1, "matching": 0.5, "judge_width": 4}


@pytest.fixture(scope="module")
def batch():
    """Eight real places with holes of 64 pixels."""
    whole = eight("hole")
    return {role: whole[role] for role in RECIPE.roles}


def counted(method, batch):
    return where(counts={name: value.float() for name, value in method.counts(batch).items()})


def test_gradients_reach_every_parameter_once_the_last_layer_is_not_zero_any_more(batch):
    for settings in (THIN, GAN):
        method, chosen = build(RECIPE, **settings)
        torch.nn.init.normal_(method.network.head.weight, std=0.01)
        assert without_gradient(method, chosen, batch) == []


@pytest.mark.parametrize("name", ["hole", "known"])
def test_l1_counts_only_what_lies_inside_or_only_what_lies_outside(batch, name):
    method, _ = build(RECIPE, **THIN)
    inside = batch["mask"] if name == "hole" else 1 - batch["mask"]
    made = batch["photo_true"] + 0.25 * inside
    found = method.losses(batch, (made, made), counted(method, batch))
    other = {"hole": "known", "known": "hole"}[name]
    assert float(found[name]) == pytest.approx(0.25, rel=1e-4)
    assert float(found[other]) == pytest.approx(0, abs=1e-6)


def test_the_perceptual_loss_looks_at_the_pasted_picture_only(batch):
    method, _ = build(RECIPE, **{**THIN, "perceptual": "self"})
    true = batch["photo_true"]
    step = counted(method, batch)
    assert float(method.losses(batch, (torch.rand_like(true), true), step)["perceptual"]) == pytest.approx(0, abs=1e-6)
    worse = torch.where(batch["mask"] > 0, 0.5, true)
    assert float(method.losses(batch, (true, worse), step)["perceptual"]) > 0.01
    assert "perceptual" in method.evaluate(method.network.eval(), batch, where())


def test_a_batch_in_parts_makes_the_same_step(batch):
    """Holes differ in area: each part divides by the whole batch's. Batch norm apart, which sees parts."""
    losses = []
    for parts in (1, 2):
        method, settings = build(RECIPE, **THIN, accumulate=parts)
        stepper = Stepper(method, settings)
        split = [{role: one.chunk(parts)[part] for role, one in batch.items()} for part in range(parts)]
        losses.append(stepper.step(split, 0, 10))
    assert float(losses[0]["hole"]) == pytest.approx(float(losses[1]["hole"]), rel=1e-4)


def test_the_discriminator_takes_patches_for_false_only_where_they_see_the_hole(batch):
    method, _ = build(RECIPE, **GAN)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :20] = 1
    reached = ffc_inpaint._reached(mask, torch.zeros(1, 1, 6, 6))
    assert reached[0, 0, 0].tolist() == [1, 1, 0, 0, 0, 0]
    found = method.judge_losses(batch, (None, batch["photo_true"]), where())
    assert set(found) == {"real", "fake", "r1"}
    assert float(found["r1"].detach()) > 0
    assert batch["photo_true"].grad is None
    logits, seen = judged(method.judge, torch.cat([batch["photo_true"], batch["mask"]], dim=1))
    assert torch.equal(logits, method.judge(torch.cat([batch["photo_true"], batch["mask"]], dim=1)))
    assert len(seen) == 4


def test_two_players_train_and_the_judge_learns_first(batch):
    method, settings = build(RECIPE, **GAN)
    assert [phase.name for phase in method.phases] == ["judge", "fill"]
    told = fit(method, settings, batch, 3)
    assert set(told[-1]) == {"hole", "known", "adversarial", "matching", "real", "fake", "r1"}


def test_it_fits_eight_samples_better_than_the_smooth_fill(batch):
    method, settings = build(RECIPE, **THIN, lr=5e-3, ema=0.5)
    fit(method, settings, batch, 25)
    with torch.no_grad():
        found = method.evaluate(method.network, batch, where())  # batch norm by the batch: a few steps leave no mean
    assert float(found["l1_hole"].mean()) < 0.85 * float(found["l1_hole_smooth"].mean())
    assert float(found["psnr_hole"].mean()) > float(found["psnr_hole_smooth"].mean()) + 1


def test_metrics_count_the_hole_alone_in_levels_and_decibels():
    true, mask = torch.full((2, 3, 8, 8), 0.5), torch.zeros(2, 1, 8, 8)
    mask[0, :, :2], mask[1, :, :4] = 1, 1
    made = true + torch.tensor([10 / 255, 1.0]).view(2, 1, 1, 1) * mask + 0.3 * (1 - mask)
    found = hole_metrics(made, true, mask)
    assert found["l1_hole"].tolist() == pytest.approx([10, 127.5], rel=1e-4)  # cut at 1: 0.5 off
    assert found["psnr_hole"].tolist() == pytest.approx([28.1308, 6.0206], rel=1e-4)  # 20 log10(255 / 10), of 2


def test_it_shows_holes_start_output_and_truth(batch):
    method, _ = build(RECIPE, **THIN)
    columns = method.show(method.network.eval(), batch, where())
    assert [tuple(one.shape) for one in columns] == [(8, 3, 64, 64)] * 4
    assert torch.equal(columns[3], batch["photo_true"])
    assert (columns[0][(batch["mask"] > 0).expand(-1, 3, -1, -1)] == 0.5).all()


def test_samples_are_places_with_holes():
    made = RECIPE.samples(replace(RECIPE.settings, seed=3), (128, 128))
    assert (made.methods, made.seed, made.size) == (("hole",), 3, (128, 128))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["widths=8,16"], "three numbers"),
        (["shared=128"], "fewer than the 128 channels"),
        (["matching=1"], "set adversarial above 0"),
        (["adversarial=0.1", "size=16"], "at least 24 pixels"),
    ],
)
def test_settings_that_do_not_fit_each_other_are_told(words, told):
    with pytest.raises(UsageError, match=told):
        changed(RECIPE.settings, words)
