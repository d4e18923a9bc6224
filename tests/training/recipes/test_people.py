"""The default matting network's recipe."""

import pytest
import torch

from bgswap.networks.squeezenet import SqueezeNet
from bgswap.training import losses
from bgswap.training.recipes.people import RECIPE
from tests.training.recipes.harness import build, eight, fit, where, without_gradient

THIN = {"widths": (8, 12, 16, 24, 32), "depth": 1}


def test_at_full_width_it_has_as_many_parameters_as_the_shipped_card_says():
    method, _ = build(RECIPE)
    assert sum(p.numel() for p in method.networks["network"].parameters()) == 2_662_192


def test_gradients_reach_every_parameter():
    method, settings = build(RECIPE, **THIN)
    unreached = without_gradient(method, settings, eight("matting"))
    assert unreached == ["network.ups.0.side.bias", "network.ups.0.side.weight"]  # the coarsest matte is not looked at


def test_what_the_truth_calls_unknown_costs_nothing_whatever_is_said_there():
    method, _ = build(RECIPE, **THIN)
    batch = dict(eight("matting"))
    batch["alpha_true"] = batch["alpha_true"].clone()
    batch["alpha_true"][..., 16:48, 16:48] = 128 / 255
    logits, coarse = torch.randn(8, 1, 64, 64), [torch.randn(8, 1, 4 << i, 4 << i) for i in range(4)]
    before = method.losses(batch, (logits, coarse), where())
    other, others = logits.clone(), [one.clone() for one in coarse]
    other[..., 16:48, 16:48] = 9.0
    for one in others[1:]:
        side = one.shape[-1]
        one[..., side // 4 : 3 * side // 4, side // 4 : 3 * side // 4] = 9.0
    after = method.losses(batch, (other, others), where())
    assert all(torch.equal(before[name], after[name]) for name in before)
    known = method.losses(batch | {"alpha_true": eight("matting")["alpha_true"]}, (logits, coarse), where())
    assert not torch.equal(known["bce"], before["bce"])


def test_a_soft_edge_is_known_though_it_passes_one_half():
    soft = torch.linspace(0, 1, 33).expand(1, 1, 16, 33)
    assert losses.known(soft).all()
    assert not losses.known(torch.full((1, 1, 16, 16), 128 / 255)).any()


def test_its_encoder_begins_as_imagenets_squeezenet_where_that_is_asked_for():
    class Given:
        def network(self, name, use, wanted):
            assert (name, wanted) == ("squeezenet1_1", "squeezenet")
            torch.manual_seed(7)
            return SqueezeNet()

    method, _ = build(RECIPE, Given(), **THIN, pretrained=True)
    network = method.networks["network"]
    torch.manual_seed(7)
    for name, value in SqueezeNet().state_dict().items():
        assert torch.equal(network.encoder.state_dict()[name], value)


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
