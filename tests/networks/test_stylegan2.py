"""StyleGAN2's generator: its counts, its formula for styles, and that weights alone rebuild it."""

import dataclasses
import typing

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bgswap import extensions
from bgswap.networks.stylegan2 import Modulated, StyleGAN2, StyleGAN2Config, Synthesis, build, enlarge, recognize
from bgswap.zoo.recognize import network_of
from tests.networks.trunks import count, shapes_of

SMALL = StyleGAN2Config(size=32, cap=8, style=16, layers=2)
FORMS = [SMALL, StyleGAN2Config(size=64, multiplier=1, cap=320, style=24, layers=3), StyleGAN2Config(size=8, cap=5)]
BINOMIAL = torch.tensor([1.0, 3.0, 3.0, 1.0])
FILTER = (BINOMIAL[:, None] * BINOMIAL / 64).double()


def made(config, seed=0):
    """In evaluation mode, every parameter and the mean drawn, noise strengths too."""
    torch.manual_seed(seed)
    network = build(config)
    for name, parameter in network.named_parameters():
        if name.endswith(("bias", "strength")):
            nn.init.normal_(parameter, std=0.1)
    network.mapping.average.normal_()
    return network.eval()


@pytest.mark.parametrize(
    ("size", "multiplier", "total"),
    [  # field.md 1.0
        (256, 2, 30_034_338),
        (512, 2, 30_276_583),
        (1024, 2, 30_370_060),
        (256, 1, 24_767_458),
        (512, 1, 24_860_935),
    ],
)
def test_it_has_as_many_parameters_as_the_papers(size, multiplier, total):
    with torch.device("meta"):
        network = build(StyleGAN2Config(size, multiplier))
    assert count(network) == total
    assert count(network.mapping) == 2_101_248


def by_weights(layer, x, w):
    """Equations 1 and 3 word for word: one scaled weight a picture, and one convolution a picture."""
    rows = []
    for picture, style in zip(x, layer.affine(w), strict=True):
        weight = layer.weight * layer.scale * style[None, :, None, None]
        if layer.demodulate:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if layer.blur is None:
            rows.append(F.conv2d(picture[None], weight, padding=weight.shape[-1] // 2))
        else:
            large = F.conv_transpose2d(picture[None], weight.transpose(0, 1), stride=2)
            flat = F.pad(large, (1, 1, 1, 1))[0][:, None]
            rows.append(F.conv2d(flat, 4 * FILTER[None, None])[:, 0][None])
    return torch.cat(rows)


@pytest.mark.parametrize(
    ("size", "up", "demodulate"), [(3, False, True), (3, True, True), (1, False, False), (3, True, False)]
)
def test_scaling_maps_is_the_papers_scaling_of_weights(size, up, demodulate):
    torch.manual_seed(1)
    layer = Modulated(5, 7, 6, size, up=up, demodulate=demodulate).double()
    x, w = torch.randn(3, 5, 8, 6).double(), torch.randn(3, 6).double()
    answer = layer(x, w)
    assert answer.shape == (3, 7, 16 if up else 8, 12 if up else 6)
    torch.testing.assert_close(answer, by_weights(layer, x, w), rtol=1e-9, atol=1e-9)


def test_demodulated_maps_of_unit_noise_have_unit_spread():
    torch.manual_seed(0)
    layer = Modulated(64, 64, 8, 3)
    answer = layer(torch.randn(16, 64, 16, 16), 3 * torch.randn(16, 8))[..., 1:-1, 1:-1]
    assert abs(float(answer.detach().std()) - 1) < 0.05


def test_pictures_are_enlarged_through_the_filter_1_3_3_1():
    x = torch.rand(2, 3, 5, 4, dtype=torch.float64)
    spaced = torch.zeros(2, 3, 10, 8, dtype=torch.float64)
    spaced[:, :, ::2, ::2] = x
    by_hand = F.conv2d(F.pad(spaced, (2, 1, 2, 1)).flatten(0, 1)[:, None], 4 * FILTER[None, None]).view(2, 3, 10, 8)
    torch.testing.assert_close(enlarge(x), by_hand)


@pytest.mark.parametrize("config", FORMS)
def test_pictures_are_of_the_configs_size_and_within_0_and_1(config):
    with torch.no_grad():
        pictures = made(config)(torch.randn(3, config.style))
    assert pictures.shape == (3, 3, config.size, config.size)
    assert 0 <= float(pictures.min()) < float(pictures.max()) <= 1


@pytest.mark.parametrize("config", FORMS)
def test_a_network_is_recognized_among_all_and_rebuilt_from_its_weights_alone(config):
    network, z = made(config), torch.randn(2, config.style)
    name, _, found = network_of(shapes_of(network))
    assert (name, found) == ("stylegan2", config)
    again = build(found)
    again.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(network(z, psi=0.7), again.eval()(z, psi=0.7))


def test_where_the_cap_rules_all_channels_the_multiplier_does_not_matter():
    one, two = (build(dataclasses.replace(SMALL, multiplier=m)) for m in (1, 2))
    assert shapes_of(one) == shapes_of(two)
    assert recognize(shapes_of(one)) == SMALL


def test_other_networks_are_not_taken_for_this_one():
    asked = 0
    for name in extensions.names("bgswap.networks"):
        module = extensions.load("bgswap.networks", name)
        told = typing.get_type_hints(module.recognize)["return"] if hasattr(module, "recognize") else None
        for config in (one for one in typing.get_args(told) if dataclasses.is_dataclass(one)):
            if name != "stylegan2" and hasattr(module, "build"):
                with torch.device("meta"):
                    assert recognize(shapes_of(module.build(config()))) is None, name
                asked += 1
    assert asked > 5
    assert recognize({}) is None


@pytest.mark.parametrize("size", [4, 48, 0])
def test_a_size_that_is_no_power_of_two_is_refused(size):
    with pytest.raises(ValueError, match="8, 16, 32"):
        StyleGAN2Config(size=size)


def test_each_setting_changes_the_network():
    usual = StyleGAN2Config(size=128, cap=512)
    for field in dataclasses.fields(StyleGAN2Config):
        value = getattr(usual, field.name)
        with torch.device("meta"):
            one, other = build(usual), build(dataclasses.replace(usual, **{field.name: value // 2}))
        assert shapes_of(one) != shapes_of(other), field.name


def test_a_hook_sees_the_maps_of_every_resolution_from_8_on_and_its_answer_takes_their_place():
    synthesis: Synthesis = made(SMALL).synthesis
    w, seen = torch.randn(2, 16), []

    def look(resolution, x):
        assert x.shape == (2, synthesis.channels(resolution), resolution, resolution)
        seen.append(resolution)
        return x

    with torch.no_grad():
        plain = synthesis(w)
        assert torch.equal(synthesis(w, hook=look), plain)
        assert seen == [8, 16, 32]
        for resolution in seen:
            answer = synthesis(w, hook=lambda r, x, wanted=resolution: x + 1 if r == wanted else x)
            assert (answer - plain).abs().max() > 1e-3


def test_in_use_z_alone_decides_and_in_training_noise_is_drawn_anew():
    network, z = made(SMALL), torch.randn(2, 16)
    with torch.no_grad():
        assert torch.equal(network(z), network(z))
        torch.testing.assert_close(network(z)[:1], network(z[:1]))  # nor does its batch matter
        network.synthesis.train()
        w = network.mapping(z)
        assert not torch.equal(network.synthesis(w), network.synthesis(w))
        still = [torch.zeros(1, 1, side, side) for side in (4, 8, 8, 16, 16, 32, 32)]
        assert torch.equal(network.synthesis(w, still), network.synthesis(w, still))


def test_every_layer_takes_its_own_style():
    network = made(SMALL)
    w = torch.randn(1, 16)
    layers = w[:, None].repeat(1, SMALL.styles, 1)
    with torch.no_grad():
        plain = network.synthesis(w)
        assert torch.equal(network.synthesis(layers), plain)
        for layer in range(SMALL.styles):
            changed = layers.clone()
            changed[:, layer] = -w
            assert (network.synthesis(changed) - plain).abs().max() > 1e-4, layer


def test_w_hangs_on_zs_direction_and_truncation_leads_to_the_mean():
    network = made(SMALL)
    z = torch.randn(4, 16)
    with torch.no_grad():
        torch.testing.assert_close(network.mapping(5 * z), network.mapping(z), rtol=1e-4, atol=1e-5)
        mean = network(z, psi=0.0)
        torch.testing.assert_close(mean[1:], mean[:1].expand(3, -1, -1, -1))
        w = network.mapping(z)
        half = network.mapping.truncate(w, 0.5)
        torch.testing.assert_close(half, (w + network.mapping.average) / 2)


def test_the_mean_style_follows_in_training_only():
    network = build(SMALL)
    with torch.no_grad():
        network.eval().mapping(torch.randn(8, 16))
        assert not network.mapping.average.any()
        network.train()
        given = [network.mapping(torch.randn(64, 16)).mean(0) for _ in range(2000)]
    torch.testing.assert_close(network.mapping.average, torch.stack(given).mean(0), rtol=0.2, atol=0.02)


def test_gradients_reach_every_parameter():
    network = made(SMALL).train()
    network(torch.randn(2, 16)).square().sum().backward()
    assert not [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum()]


def test_path_lengths_can_be_learned_from_gradients_of_gradients():
    network = StyleGAN2(StyleGAN2Config(size=8, cap=3, style=4, layers=1)).double().eval()
    w = torch.randn(2, network.config.styles, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(network.synthesis, (w,), atol=1e-4, fast_mode=True)
