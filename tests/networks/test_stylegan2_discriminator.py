"""StyleGAN2's discriminator: its counts, its spread, and gradients of its gradients, which R1 needs."""

import dataclasses

import pytest
import torch

from bgswap import extensions
from bgswap.networks.stylegan2 import StyleGAN2Config
from bgswap.networks.stylegan2_discriminator import build, recognize, spread
from bgswap.zoo.recognize import network_of
from tests.networks.trunks import count, shapes_of

SMALL = StyleGAN2Config(size=16, cap=8)
FORMS = [SMALL, StyleGAN2Config(size=64, multiplier=1, cap=320), StyleGAN2Config(size=8, cap=3)]


def made(config, seed=0):
    torch.manual_seed(seed)
    return build(config)


@pytest.mark.parametrize(
    ("size", "multiplier", "total"),
    [  # field.md 1.0
        (256, 2, 28_864_129),
        (512, 2, 28_982_849),
        (1024, 2, 29_012_513),
        (256, 1, 24_001_089),
        (512, 1, 24_030_753),
    ],
)
def test_it_has_as_many_parameters_as_the_papers(size, multiplier, total):
    with torch.device("meta"):
        assert count(build(StyleGAN2Config(size, multiplier))) == total


@pytest.mark.parametrize("config", FORMS)
def test_a_network_is_recognized_among_all_and_rebuilt_from_its_weights_alone(config):
    network, picture = made(config).eval(), torch.rand(2, 3, config.size, config.size)
    name, _, found = network_of(shapes_of(network))
    assert (name, found) == ("stylegan2-discriminator", config)
    again = build(found)
    again.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(network(picture), again.eval()(picture))


def test_other_networks_are_not_taken_for_this_one():
    asked = 0
    for name in extensions.names("bgswap.networks"):
        module = extensions.load("bgswap.networks", name)
        kinds = [one for one in vars(module).values() if dataclasses.is_dataclass(one) and isinstance(one, type)]
        for config in (one for one in kinds if one.__module__ == module.__name__ and one.__name__.endswith("Config")):
            if hasattr(module, "build") and hasattr(module, "recognize"):
                with torch.device("meta"):
                    assert recognize(shapes_of(module.build(config()))) is None, name
                asked += 1
    assert asked > 5
    assert recognize({}) is None


def test_a_picture_of_another_size_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match="sees 16 x 16, not 32 x 16"):
        made(SMALL)(torch.zeros(1, 3, 16, 32))


def test_pictures_0_to_1_and_minus_1_to_1_are_the_same_to_it():
    network, picture = made(SMALL), torch.rand(4, 3, 16, 16)
    torch.testing.assert_close(network(picture), network.forward_signed(picture * 2 - 1))


def test_the_spread_of_a_group_is_its_standard_deviation():
    x = torch.rand(8, 5, 4, 4)
    answer = spread(x)
    assert answer.shape == (8, 1, 4, 4)
    for group in (0, 1):  # of four pictures each: 0, 2, 4, 6 and 1, 3, 5, 7
        wanted = x[group::2].std(0, unbiased=False).mean()
        torch.testing.assert_close(answer[group::2], wanted.expand(4, 1, 4, 4))


@pytest.mark.parametrize(("batch", "group"), [(1, 1), (2, 2), (3, 3), (6, 3), (7, 1), (12, 4)])
def test_groups_divide_any_batch(batch, group):
    x = torch.rand(batch, 2, 4, 4)
    answer = spread(x)
    wanted = x.view(group, -1, 2, 4, 4).std(0, unbiased=False).mean((1, 2, 3)) if group > 1 else torch.zeros(batch)
    torch.testing.assert_close(answer[: batch // group, 0, 0, 0], wanted, atol=2e-4, rtol=1e-4)


def test_in_use_a_picture_is_judged_alone_and_in_training_with_its_group():
    network, picture = made(SMALL), torch.rand(4, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(picture)[:1], network(picture[:1]))
        assert (network.train()(picture)[:1] - network(picture[:1])).abs() > 1e-4


def test_gradients_reach_every_parameter():
    network = made(SMALL)
    network(torch.rand(4, 3, 16, 16)).square().sum().backward()
    assert not [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum()]


def test_r1_can_be_learned_from_gradients_of_gradients():
    network = made(StyleGAN2Config(size=8, cap=3)).double()
    picture = torch.rand(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(network.forward_signed, (picture,), atol=1e-4, fast_mode=True)


def test_the_penalty_of_r1_reaches_the_weights_also_in_half_precision():
    network = made(SMALL)
    picture = torch.rand(4, 3, 16, 16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network.forward_signed(picture).float()
        (gradient,) = torch.autograd.grad(logits.sum(), picture, create_graph=True)
    gradient.float().square().sum().backward()
    weights = [p.grad for name, p in network.named_parameters() if name.endswith("weight")]
    assert all(one is not None and bool(one.isfinite().all()) and bool(one.abs().sum() > 0) for one in weights)
