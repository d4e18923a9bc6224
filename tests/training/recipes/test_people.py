"""The default matting network's recipe."""

import pytest
import torch

from bgswap.training.recipes.people import RECIPE
from tests.training.recipes.harness import build, eight, fit, where, without_gradient

THIN = {"widths": (8, 12, 16, 24, 32), "depths": (0, 0, 1, 1, 1)}


def test_at_full_width_it_has_as_many_parameters_as_the_shipped_card_says():
    method, _ = build(RECIPE)
    assert sum(p.numel() for p in method.networks["network"].parameters()) == 3_228_600


def test_gradients_reach_every_parameter():
    method, settings = build(RECIPE, **THIN)
    unreached = without_gradient(method, settings, eight("matting"))
    assert unreached == ["network.ups.0.side.bias", "network.ups.0.side.weight"]  # the coarsest matte is not looked at


@pytest.mark.slow
def test_it_overfits_eight_samples():
    method, settings = build(RECIPE, **THIN, lr=5e-3)
    batch = eight("matting")
    told = fit(method, settings, batch, 150)
    assert told[-1]["l1"] < 0.2 * told[0]["l1"]
    network = method.networks["network"].eval()
    with torch.no_grad():
        found = method.evaluate(network, batch, where())
    assert float(found["iou"].mean()) > 0.9


@pytest.mark.parametrize("size", [(32, 32), (96, 64)])
def test_it_answers_in_the_size_that_it_is_asked(size):
    method, _ = build(RECIPE, **THIN)
    assert method.networks["network"].eval()(torch.zeros(1, 3, *size)).shape == (1, 1, *size)
