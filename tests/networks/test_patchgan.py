"""Discriminators: their counts and patches, that both are told apart, and that weights alone rebuild them."""

import pytest
import torch
from safetensors.torch import load, save

from bgswap import extensions
from bgswap.networks import patchgan
from bgswap.networks._initialize import normal_, xavier_
from bgswap.networks.patchgan import PatchGANConfig, PixelWiseConfig

SMALL = [
    PatchGANConfig(6, 4, 3),
    PatchGANConfig(4, 4, 1, "instance"),
    PatchGANConfig(3, 8, 0, "none"),
    PatchGANConfig(3, 4, 0, "batch"),
    PixelWiseConfig(6, 4, 4),
    PixelWiseConfig(7, 2, 2, "instance"),
    PixelWiseConfig(3, 2, 1, "none"),
]


@pytest.mark.parametrize(
    ("channels", "count"), [(3, 2_765_633), (4, 2_766_657), (6, 2_768_705), (7, 2_769_729), (10, 2_772_801)]
)
def test_at_full_width_it_has_as_many_parameters_as_the_authors_code(channels, count):
    with torch.device("meta"):
        network = patchgan.build(PatchGANConfig(channels))
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize(("layers", "patch"), [(0, 1), (1, 16), (2, 34), (3, 70), (4, 142)])
def test_a_logit_sees_a_patch_of_the_published_size(layers, patch):
    network = patchgan.build(PatchGANConfig(1, 2, layers, "none"))
    planes = torch.rand(1, 1, 256, 256, requires_grad=True)
    logits = network(planes)
    middle = logits.shape[-1] // 2
    logits[0, 0, middle, middle].backward()
    columns = (planes.grad[0, 0].abs().sum(0) > 0).nonzero()[:, 0]
    assert int(columns[-1] - columns[0]) + 1 == patch


def test_a_picture_of_256_pixels_has_30_by_30_patches():
    assert patchgan.build(PatchGANConfig(6, 4))(torch.rand(1, 6, 256, 256)).shape == (1, 1, 30, 30)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (64, 35)])
def test_the_pixel_wise_discriminator_answers_for_every_pixel_of_any_size(size):
    for config in SMALL[2:]:
        assert patchgan.build(config)(torch.rand(2, config.channels, *size)).shape == (2, 1, *size)


@pytest.mark.parametrize(("config", "side"), [(PatchGANConfig(3, 2), 24), (PixelWiseConfig(3, 2), 32)])
def test_a_side_below_the_least_is_refused_with_a_sentence(config, side):
    network = patchgan.build(config)
    network(torch.rand(2, 3, side, side))
    with pytest.raises(ValueError, match=f"at least {side} pixels"):
        network(torch.rand(2, 3, 64, side - 1))


@pytest.mark.parametrize("config", SMALL)
def test_gradients_reach_every_parameter(config):
    network = patchgan.build(config)
    network(torch.rand(2, config.channels, 32, 32)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("config", SMALL)
def test_weights_alone_rebuild_it(config):
    network = patchgan.build(config).eval()
    state = load(save(network.state_dict()))
    found = patchgan.recognize({name: tuple(value.shape) for name, value in state.items()})
    assert found == config
    again = patchgan.build(found).eval()
    again.load_state_dict(state)
    planes = torch.rand(1, config.channels, 33, 40)
    assert torch.equal(again(planes), network(planes))


def test_no_other_network_is_taken_for_a_discriminator():
    import typing

    for name in extensions.names("bgswap.networks"):
        other = extensions.load("bgswap.networks", name)
        if name == "patchgan" or not hasattr(other, "recognize"):
            continue
        for config in SMALL:
            mine = {key: tuple(value.shape) for key, value in patchgan.build(config).state_dict().items()}
            assert other.recognize(mine) is None, name
        kinds = typing.get_args(typing.get_type_hints(other.recognize)["return"])
        try:
            with torch.device("meta"):
                state = other.build(kinds[0]()).state_dict()
        except TypeError:  # no defaults
            continue
        assert patchgan.recognize({key: tuple(value.shape) for key, value in state.items()}) is None, name


def test_norms_other_than_batch_keep_pictures_apart_in_training():
    for norm in ("instance", "none"):
        for config in (PatchGANConfig(3, 4, 2, norm), PixelWiseConfig(3, 4, 2, norm)):
            network = patchgan.build(config).train()
            planes = torch.rand(3, 3, 32, 32)
            assert torch.allclose(network(planes)[:1], network(planes[:1]), atol=1e-5)


def test_first_weights_have_the_spread_that_each_paper_names():
    torch.manual_seed(0)
    network = patchgan.build(PatchGANConfig(6, 32, 2))
    weight, scale = network.patch_blocks[1].conv.weight, network.patch_blocks[2].norm.weight
    xavier_(network)
    bound = (6 / (16 * (32 + 64))) ** 0.5  # Glorot and Bengio, equation 16: 16 taps of 32 and 64 channels
    assert 0.98 * bound < weight.abs().max() <= bound
    assert torch.equal(scale, torch.ones_like(scale))
    normal_(network)
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert scale.std().item() == pytest.approx(0.02, rel=0.3)
    assert scale.mean().item() == pytest.approx(1.0, abs=0.01)
    assert network.patch_head.bias.abs().sum() == 0
