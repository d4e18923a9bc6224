"""The segmentation recipe of deep image compositing."""

from dataclasses import replace

import pytest
import torch

from bgswap.training.recipes.segment import RECIPE
from bgswap.training.steps import rate
from tests.training.recipes.harness import build, eight, fit, where, without_gradient

THIN = {"width": 0.25}


def test_the_defaults_are_the_papers():
    told = RECIPE.settings
    assert (told.lr, told.batch, told.size) == (2e-3, (8,), ((256, 256),))
    assert RECIPE.samples(told, (256, 256)).of("matting").new_place == 0
    assert RECIPE.samples(replace(told, new_place=0.3), (256, 256)).of("matting").new_place == 0.3


def test_gradients_reach_every_parameter():
    method, settings = build(RECIPE, **THIN)
    assert without_gradient(method, settings, eight("matting")) == []


@pytest.mark.slow
def test_it_overfits_eight_samples():
    method, settings = build(RECIPE, **THIN, lr=5e-3)
    batch = eight("matting")
    told = fit(method, settings, batch, 50)
    assert told[-1]["bce"] < 0.2 * told[0]["bce"]
    with torch.no_grad():
        found = method.evaluate(method.networks["network"].eval(), batch, where())
    assert float(found["iou"].mean()) > 0.9


def test_width_and_schedule_are_read():
    full, thin = (
        sum(p.numel() for p in build(RECIPE, width=width)[0].networks["network"].parameters()) for width in (0.5, 0.25)
    )
    assert full > 3 * thin
    schedules = [build(RECIPE, **THIN, schedule=one)[0].phases[0].optimizer.schedule for one in ("flat", "linear")]
    assert [rate(one, 90, 100) for one in schedules] == pytest.approx([1.0, 0.1])


def test_it_shows_input_output_and_truth():
    method, _ = build(RECIPE, **THIN)
    columns = method.show(method.networks["network"].eval(), eight("matting"), where())
    assert [one.shape[1] for one in columns] == [3, 1, 1]
