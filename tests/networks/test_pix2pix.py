"""Pix2pix's U-Net: its counts, sizes and settings, and that its weights alone rebuild it."""

import pytest
import torch
from safetensors.torch import load, save

from bgswap import extensions
from bgswap.networks import pix2pix
from bgswap.networks.pix2pix import Pix2PixConfig
from bgswap.zoo.modules import load_network

SMALL = [
    Pix2PixConfig(width=4, depth=3),
    Pix2PixConfig(5, width=6, depth=2, norm="instance", keep=True),
    Pix2PixConfig(3, width=4, depth=4, fused=True),
]


def shapes_of(network):
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


@pytest.mark.parametrize(
    ("channels", "depth", "count"),
    [(4, 8, 54_414_979), (3, 8, 54_413_955), (7, 8, 54_418_051), (3, 7, 41_828_995)],
)
def test_at_full_width_it_has_as_many_parameters_as_the_authors_code(channels, depth, count):
    with torch.device("meta"):
        network = pix2pix.build(Pix2PixConfig(channels, depth=depth))
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize("size", [(8, 8), (24, 40), (48, 16)])
def test_any_multiple_of_its_halvings_gives_a_picture_of_that_size(size):
    network = pix2pix.build(SMALL[0]).eval()
    made = network(torch.rand(2, 4, *size))
    assert made.shape == (2, 3, *size)
    assert 0 <= made.min() < made.max() <= 1


def test_other_sides_and_other_planes_are_refused_with_a_sentence():
    network = pix2pix.build(SMALL[0])
    with pytest.raises(ValueError, match="divide by 8, not 20x16"):
        network(torch.rand(1, 4, 16, 20))
    with pytest.raises(ValueError, match="takes 4 planes, not 3"):
        network(torch.rand(1, 3, 16, 16))


def test_a_network_that_keeps_the_background_changes_only_what_the_mask_holds():
    network = pix2pix.build(Pix2PixConfig(width=4, depth=2, keep=True)).eval()
    planes = torch.rand(1, 4, 16, 16)
    planes[:, 3, :, :8], planes[:, 3, :, 8:] = 0, 1
    made = network(planes)
    assert torch.equal(made[..., :8], planes[:, :3, :, :8])
    assert (made[..., 8:] - planes[:, :3, :, 8:]).abs().max() > 0.01


def test_a_fused_network_gives_its_input_where_it_finds_nothing_to_change():
    network = pix2pix.build(SMALL[2]).eval()
    torch.nn.init.zeros_(network.pix_head.weight)
    network.pix_head.bias.data = torch.tensor([0.0, 0.0, 0.0, -50.0])
    planes = torch.rand(1, 3, 16, 16)
    assert torch.allclose(network(planes), planes)


@pytest.mark.parametrize(
    ("depth", "blocks"), [(8, [1, 2, 3]), (7, [1, 2]), (6, [1]), (5, [])]
)  # the authors' num_downs - 5 blocks outside the innermost one
def test_dropout_stands_where_the_authors_have_it(depth, blocks):
    network = pix2pix.Pix2Pix(Pix2PixConfig(width=2, depth=depth))
    assert [i for i, up in enumerate(network.pix_ups) if up.dropout.p == 0.5] == blocks


def test_in_use_a_picture_comes_out_the_same_twice_whatever_else_is_in_its_batch():
    network = pix2pix.build(Pix2PixConfig(width=2, depth=6)).eval()
    planes = torch.rand(3, 4, 64, 64)
    together = network(planes)
    assert torch.equal(together, network(planes))
    assert torch.allclose(together[:1], network(planes[:1]), atol=1e-6)


def test_with_instance_norm_training_too_keeps_pictures_apart():
    network = pix2pix.Pix2Pix(Pix2PixConfig(width=2, depth=6, norm="instance"), dropout=0.0).train()
    planes = torch.rand(3, 4, 64, 64)
    assert torch.allclose(network(planes)[:1], network(planes[:1]), atol=1e-6)


def test_gradients_reach_every_parameter():
    for config in SMALL:
        network = pix2pix.build(config)
        network(torch.rand(2, config.channels, 32, 32)).square().mean().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters()), config


@pytest.mark.parametrize("config", SMALL)
def test_weights_alone_rebuild_it(config):
    network = pix2pix.build(config).eval()
    state = load(save(network.state_dict()))
    found = pix2pix.recognize({name: tuple(value.shape) for name, value in state.items()})
    assert found == config
    again = pix2pix.build(found).eval()
    again.load_state_dict(state)
    planes = torch.rand(1, config.channels, 16, 32)
    assert torch.equal(again(planes), network(planes))


@pytest.mark.parametrize("name", [one for one in extensions.names("bgswap.networks") if one != "pix2pix"])
def test_no_other_network_is_taken_for_it_nor_it_for_another(name):
    import typing

    other = extensions.load("bgswap.networks", name)
    if not hasattr(other, "recognize"):
        return
    for config in SMALL:
        assert other.recognize(shapes_of(pix2pix.build(config))) is None
    hint = typing.get_type_hints(other.recognize)["return"]
    for kind in typing.get_args(hint):
        if kind is type(None):
            continue
        with torch.device("meta"):
            try:
                state = shapes_of(other.build(kind()))
            except TypeError:  # no defaults
                continue
        assert pix2pix.recognize(state) is None


def test_sides_tell_how_often_they_can_be_halved():
    found = [pix2pix.deepest(256), pix2pix.deepest(1024), pix2pix.deepest(320, 240), pix2pix.deepest(128, 256, 255)]
    assert found == [8, 8, 4, 0]


def test_all_encoder_layers_but_the_first_begin_with_a_leaky_relu():
    network = pix2pix.build(Pix2PixConfig(4, width=4, depth=3)).eval()
    first, second, _ = network.pix_downs
    x = torch.randn(1, 4, 8, 8)
    assert torch.equal(first(x), first.conv(x))
    assert torch.equal(second(x), second.norm(second.conv(torch.where(x > 0, x, 0.2 * x))))


def test_its_weights_are_opened_as_any_models_are(tmp_path):
    network = pix2pix.build(SMALL[1]).eval()
    file = tmp_path / "weights.safetensors"
    file.write_bytes(save(network.state_dict()))
    found, _ = load_network(file, "cpu")
    planes = torch.rand(1, 5, 8, 8)
    assert torch.allclose(found(planes), network(planes), atol=1e-6)
