"""HPBNet: sizes, counts, what is read off its weights, its color step and its lighter generator."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bgswap import extensions
from bgswap.networks import hpbnet, stylegan2
from bgswap.networks._color_step import color_step
from bgswap.networks._mobile_synthesis import MobileSynthesis, SeparableStyled, lightened
from bgswap.networks.hpbnet import HPBNetConfig
from bgswap.networks.stylegan2 import StyleGAN2Config

TINY = StyleGAN2Config(16, 2, 8, 12, 2)
SMALL = HPBNetConfig(16, 4, TINY)
KINDS = [
    SMALL,
    HPBNetConfig(32, 6, None, color_step="linear", detail=True),
    HPBNetConfig(16, 4, StyleGAN2Config(16, 2, 12, 8, 3), "mobile", "none"),
]


def shapes_of(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def made(config: HPBNetConfig) -> hpbnet.HPBNet:
    torch.manual_seed(0)
    return hpbnet.build(config).eval()


def count(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_at_full_width_parts_have_the_parameters_that_their_layers_add_up_to():
    with torch.device("meta"):
        network = hpbnet.build(HPBNetConfig())
    c = (64, 128, 256, 512, 512, 512, 512)
    conv = lambda inputs, outputs, area=9: inputs * outputs * area + outputs  # noqa: E731
    contract = sum(conv(a, b) + 2 * conv(b, b) for a, b in zip((4, *c), c, strict=False))
    expand = sum(conv(a + b + 3, b) + 2 * conv(b, b) + conv(b, 3, 1) for a, b in zip((*c[1:], 512), c, strict=True))
    assert (count(network.contract), count(network.expand)) == (contract, expand)
    assert count(network.prior) == 30_276_583  # StyleGAN2 at 512 pixels, multiplier 2: the field's arithmetic
    assert count(network.code) == conv(4 * 4 * 512, 512, 1)
    assert count(network) == 107_503_548


@pytest.mark.parametrize(("size", "scales"), [(512, 7), (256, 6), (128, 5), (64, 4)])
def test_seven_scales_at_512_and_one_less_at_each_half(size, scales):
    config = HPBNetConfig(size, 4, None)
    assert config.scales == scales
    _, pictures = made(config).forward_scales(torch.rand(1, 4, size // 4, size // 4))
    assert len(pictures) == scales


@pytest.mark.parametrize("size", [(32, 32), (40, 56), (8, 72)])
def test_without_a_prior_any_multiple_goes_in_and_a_picture_of_every_scale_comes_out(size):
    network = made(replace(SMALL, size=32, prior=None))
    stacked = torch.rand(2, 4, *size)
    output, pictures = network.forward_scales(stacked)
    assert [p.shape[-2:] for p in pictures] == [(size[0] // n, size[1] // n) for n in (4, 2, 1)]
    assert output is pictures[-1]
    answer = network(stacked)
    assert answer.shape == (2, 3, *size)
    assert 0 <= answer.min() <= answer.max() <= 1


def test_wrong_sides_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match="prior makes 16x16; scale the input"):
        made(SMALL)(torch.rand(1, 4, 32, 32))
    with pytest.raises(ValueError, match="multiples of 4"):
        made(replace(SMALL, prior=None))(torch.rand(1, 4, 16, 18))
    with pytest.raises(ValueError, match="power of two"):
        HPBNetConfig(96, 4, None)
    with pytest.raises(ValueError, match="fits no HPBNet"):
        HPBNetConfig(32, 4, TINY)


def test_training_begins_with_pictures_of_the_prior():
    network = made(SMALL)
    stacked = torch.rand(2, 4, 16, 16)
    x = stacked * 2 - 1
    for contract in network.contract:
        _, x = contract(x)
    plain = network.prior.synthesis(network.prior.mapping(network.code(x.flatten(1))))
    assert torch.allclose(network.forward_scales(stacked)[0], plain / 2 + 0.5, atol=1e-5)


def test_once_trained_the_joined_maps_of_the_unet_count():
    network = made(SMALL)
    stacked = torch.rand(1, 4, 16, 16)
    before = network.forward_scales(stacked)[0]
    for join in network.join.values():
        torch.nn.init.normal_(join.weight)
    assert (network.forward_scales(stacked)[0] - before).abs().max() > 0.01


def test_the_prior_is_the_same_in_training_mode():
    network = made(SMALL)
    stacked = torch.rand(2, 4, 16, 16)
    in_use = network.forward_scales(stacked)[0]
    average = network.prior.mapping.average.clone()
    assert torch.equal(network.train().forward_scales(stacked)[0], in_use)
    assert torch.equal(network.prior.mapping.average, average)


@pytest.mark.parametrize("config", KINDS)
def test_a_batch_gives_what_its_pictures_give_alone(config):
    network, stacked = made(config), torch.rand(3, 4, config.size, config.size)
    alone = torch.cat([network(one[None]) for one in stacked])
    assert torch.allclose(network(stacked), alone, atol=1e-5)


@pytest.mark.parametrize("config", KINDS)
def test_weights_alone_rebuild_the_network(config, tmp_path):
    from safetensors.torch import load_file, save_file

    network, stacked = made(config), torch.rand(1, 4, config.size, config.size)
    save_file(network.state_dict(), tmp_path / "hpbnet.safetensors")
    state = load_file(tmp_path / "hpbnet.safetensors")
    found = hpbnet.recognize({key: tuple(value.shape) for key, value in state.items()})
    assert found == config
    again = hpbnet.build(found).eval()
    again.load_state_dict(state)
    assert torch.equal(again(stacked), network(stacked))


@pytest.mark.parametrize("changes", [{"color_step": "linear"}, {"color_step": "none"}, {"detail": True}])
def test_a_setting_without_weights_changes_the_output_and_is_told_by_the_state_dict(changes):
    stacked = torch.rand(1, 4, 16, 16) * torch.tensor([1, 1, 0.5, 1])[None, :, None, None]
    one, other = made(replace(SMALL, prior=None)), made(replace(SMALL, prior=None, **changes))
    assert hpbnet.recognize(shapes_of(other)) == other.config != one.config
    assert (one(stacked) - other(stacked)).abs().max() > 0.01


def test_with_detail_an_untrained_network_nearly_repeats_the_composite():
    config = HPBNetConfig(32, 8, None, color_step="none")
    ramp = torch.linspace(0.2, 0.8, 32).expand(1, 3, 32, 32) + 0.1 * torch.eye(32)
    stacked = torch.cat([ramp, torch.zeros(1, 1, 32, 32)], 1)
    network = made(replace(config, detail=True))
    for expand in network.expand:
        torch.nn.init.zeros_(expand.residual.weight)
    assert torch.allclose(network(stacked), ramp, atol=1e-5)


def test_no_other_network_is_taken_for_this_one_nor_this_one_for_another():
    mine = shapes_of(made(SMALL)), shapes_of(made(replace(SMALL, prior=None)))
    for name in extensions.names("bgswap.networks"):
        module = extensions.load("bgswap.networks", name)
        if name == "hpbnet" or not hasattr(module, "recognize"):
            continue
        assert all(module.recognize(shapes) is None for shapes in mine), name
    with torch.device("meta"):
        assert hpbnet.recognize(shapes_of(stylegan2.build(TINY))) is None
    assert hpbnet.recognize({"conv1.weight": (64, 3, 7, 7)}) is None


# the color step


def pictures(seed: int, count: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    return (
        0.2 + 0.3 * torch.rand(count, 3, 12, 10),
        0.2 + 0.3 * torch.rand(count, 3, 12, 10),
        torch.rand(count, 1, 12, 10),
    )


@given(seed=st.integers(0, 999))
@settings(max_examples=25, deadline=None)
def test_the_printed_step_gives_the_background_the_given_mean(seed):
    output, composite, mask = (one.double() for one in pictures(seed))
    stepped = color_step(output, composite, mask, "printed")
    means = [((1 - mask) * one).sum((2, 3)) for one in (stepped, composite)]
    assert torch.allclose(*means, rtol=1e-12)


def linear_by_hand(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def srgb_by_hand(value: float) -> float:
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


@pytest.mark.parametrize("darker", [1.0, 0.1])  # the second asks for gains beyond what is allowed
def test_the_linear_step_is_what_a_computation_by_hand_gives(darker):
    output, composite, mask = (one.numpy().astype(np.float64) for one in pictures(3, 1))
    output = output * darker
    wanted = np.zeros_like(output)
    for c in range(3):
        light = np.vectorize(linear_by_hand)
        given_sum = (light(composite[0, c]) * (1 - mask[0, 0])).sum()
        gain = min(max(given_sum / (light(output[0, c]) * (1 - mask[0, 0])).sum(), 0.5), 2.0)
        person = np.vectorize(srgb_by_hand)(light(output[0, c]) * gain)
        wanted[0, c] = person * mask[0, 0] + composite[0, c] * (1 - mask[0, 0])
    found = color_step(*(torch.from_numpy(one) for one in (output, composite, mask)), "linear")
    assert np.abs(found.numpy() - wanted).max() < 1e-12


def test_where_there_is_next_to_no_background_linear_leaves_the_person_alone():
    output, composite, _ = pictures(1)
    mask = torch.ones(2, 1, 12, 10)
    mask[1, 0, 0, 0] = 0  # one pixel of 120: under 1 %
    stepped = color_step(output, composite, mask, "linear")
    assert torch.allclose(stepped[:, :, 1:], output[:, :, 1:], atol=1e-6)
    assert torch.equal(stepped[1, :, 0, 0], composite[1, :, 0, 0])
    mask[1, 0, 0, :2] = 0  # two pixels are enough
    assert (color_step(output, composite, mask, "linear") - output)[1, :, 1:].abs().max() > 0.01


@pytest.mark.parametrize("kind", ["printed", "linear", "none"])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_flat_pictures_full_and_empty_masks_give_numbers(kind, level):
    output, composite = torch.full((1, 3, 8, 8), level), torch.full((1, 3, 8, 8), 0.5)
    for mask in (torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)):
        stepped = color_step(output, composite, mask, kind)
        assert torch.isfinite(stepped).all()
        if mask.min() == 1:
            assert torch.allclose(stepped, output)  # nothing to go by


def test_the_given_pictures_are_not_written_into():
    given_pictures = pictures(5)
    before = [one.clone() for one in given_pictures]
    for kind in ("printed", "linear", "none"):
        color_step(*given_pictures, kind)
    assert all(torch.equal(a, b) for a, b in zip(given_pictures, before, strict=True))


# the lighter generator


@pytest.mark.parametrize("up", [False, True])
def test_a_lightened_convolution_is_the_same_where_its_weights_are_such_products(up):
    torch.manual_seed(0)
    whole, light = stylegan2.Styled(6, 8, 10, up=up), SeparableStyled(6, 8, 10, up=up)
    whole.convolution.weight.data = torch.einsum("oi,oyx->oiyx", torch.randn(8, 6), torch.randn(8, 3, 3))
    torch.nn.init.normal_(whole.bias)
    name = "blocks.1.up." if up else "blocks.1.keep."
    state = lightened({name + key: value for key, value in whole.state_dict().items()})
    light.load_state_dict({key.removeprefix(name): value for key, value in state.items()})
    x, w = torch.randn(2, 6, 9, 9), torch.randn(2, 10)
    difference = (whole(x, w, torch.zeros(1, 1, 1, 1)) - light(x, w)).abs()[
        ..., 2:-2, 2:-2
    ]  # zeros beyond borders differ
    assert difference.max() < 1e-5


def test_a_lightened_synthesis_fills_the_light_one_which_has_under_a_third_of_the_parameters():
    with torch.device("meta"):
        whole, light = stylegan2.Synthesis(StyleGAN2Config(512)), MobileSynthesis(StyleGAN2Config(512))
    assert count(light) < 0.3 * count(whole)
    whole, light = stylegan2.Synthesis(TINY), MobileSynthesis(TINY)
    light.load_state_dict(lightened(whole.state_dict()))
    assert light(torch.randn(2, 12)).shape == (2, 3, 16, 16)
    assert torch.equal(light.constant, whole.constant)
