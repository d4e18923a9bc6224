"""Triple U-Net: its counts, its joins, and that weights alone rebuild it."""

import dataclasses
import typing

import pytest
import torch

from bgswap import extensions
from bgswap.networks.triple_unet import TripleUNet, TripleUNetConfig, build, recognize
from bgswap.zoo.recognize import network_of

SMALL = TripleUNetConfig(width=4, depth=4)
THREE = TripleUNetConfig(width=4, depth=4, decoder="three")
STACKED = TripleUNetConfig(width=4, depth=4, inputs="stacked", join="plain")
FORMS = [
    SMALL,
    THREE,
    STACKED,
    TripleUNetConfig(width=6, depth=2, join="plain", norm="instance"),
    TripleUNetConfig(width=4, depth=6, decoder="three", join="plain"),
]


def shapes_of(network):
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def made(config, seed=0):
    """In evaluation mode, its weights and gates drawn."""
    torch.manual_seed(seed)
    network = build(config)
    if network.gates is not None:
        torch.nn.init.normal_(network.gates)
    return network.eval()


@pytest.mark.parametrize(
    ("config", "count"),
    [
        # field.md 1.0 and 1.1: pix2pix's U-Net-256 has 54,404,736 + 1024 Cin + 2049 Cout; 132.55, 33.15 and 163.24 M
        (TripleUNetConfig(inputs="stacked", join="plain"), 54_418_051),
        (TripleUNetConfig(decoder="three", join="plain"), 2 * 54_413_955 + 54_411_907),
        (TripleUNetConfig(join="plain"), 132_552_835),
        (TripleUNetConfig(), 132_552_835 + 3 * 8),  # and three weights a layer
        (TripleUNetConfig(decoder="three"), 163_239_817 + 3 * 9),
        (TripleUNetConfig(width=32, join="plain"), 33_147_971),
        (TripleUNetConfig(depth=7, inputs="stacked", join="plain"), 41_819_776 + 1024 * 7 + 2049 * 3),
    ],
)
def test_it_has_as_many_parameters_as_the_field_notes_count_without_the_head(config, count):
    with torch.device("meta"):
        network = build(config)
    assert sum(p.numel() for name, p in network.named_parameters() if not name.startswith("place.")) == count


@pytest.mark.parametrize("config", FORMS)
@pytest.mark.parametrize("size", [(64, 64), (64, 192), (128, 64)])
def test_composite_and_place_come_at_any_size_that_divides(config, size):
    network = made(config)
    with torch.no_grad():
        picture, place = network(torch.rand(2, 7, *size))
    assert picture.shape == (2, 3, *size)
    assert place.shape == (2, 5)
    assert 0 <= float(picture.min()) < float(picture.max()) <= 1
    assert (place[:, 2] > 0).all()


@pytest.mark.parametrize("planes", [(1, 7, 64, 65), (1, 7, 40, 64), (1, 6, 64, 64)])
def test_what_does_not_fit_is_refused_with_a_sentence(planes):
    with pytest.raises(ValueError, match="7 planes with sides that are multiples of 16"):
        build(SMALL)(torch.rand(planes))


@pytest.mark.parametrize("config", FORMS)
def test_a_network_is_recognized_among_all_and_rebuilt_from_its_weights_alone(config):
    network, planes = made(config), torch.rand(1, 7, 64, 128)
    name, _, found = network_of(shapes_of(network))
    assert (name, found) == ("triple-unet", config)
    again = build(found)
    again.load_state_dict(network.state_dict())
    with torch.no_grad():
        one, other = network(planes), again.eval()(planes)
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])


def test_other_networks_are_not_taken_for_this_one():
    asked = 0
    for name in extensions.names("bgswap.networks"):
        module = extensions.load("bgswap.networks", name)
        told = typing.get_type_hints(module.recognize)["return"] if hasattr(module, "recognize") else None
        for config in (one for one in typing.get_args(told) if dataclasses.is_dataclass(one)):
            if config is not TripleUNetConfig and hasattr(module, "build"):
                with torch.device("meta"):
                    assert recognize(shapes_of(module.build(config()))) is None, name
                asked += 1
    assert asked > 5
    assert recognize({}) is None


@pytest.mark.parametrize("wrong", [{"depth": 1}, {"depth": 9}, {"inputs": "stacked"}])
def test_a_network_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"halvings are possible|one stream"):
        TripleUNetConfig(**wrong)


@pytest.mark.parametrize("config", [SMALL, THREE])
@pytest.mark.parametrize(("stream", "planes"), [(0, slice(0, 3)), (1, slice(3, 4)), (2, slice(4, 7))])
def test_a_stream_without_weight_at_any_layer_is_not_seen(config, stream, planes):
    network, given = made(config), torch.rand(1, 7, 32, 32)
    other = given.clone()
    other[:, planes] = 1 - other[:, planes]
    with torch.no_grad():
        before, after = network(given), network(other)
        assert (before[0] - after[0]).abs().max() > 1e-3
        assert (before[1] - after[1]).abs().max() > 1e-4
        network.gates[:, stream] = -80.0
        before, after = network(given), network(other)
    torch.testing.assert_close(before, after)


@pytest.mark.parametrize("level", range(4))
def test_each_layer_has_its_own_weights_of_the_streams(level):
    network, given = made(SMALL), torch.rand(1, 7, 32, 32)
    with torch.no_grad():
        before = network(given)[0]
        network.gates[level] = network.gates[level].flip(0)
        assert (network(given)[0] - before).abs().max() > 1e-5
    assert network.shares().shape == (4, 3)
    torch.testing.assert_close(network.shares().sum(1), torch.ones(4))


@pytest.mark.parametrize("config", [SMALL, THREE])
def test_equal_weights_are_the_plain_join(config):
    torch.manual_seed(0)
    dynamic, plain = build(config).eval(), build(dataclasses.replace(config, join="plain")).eval()
    assert plain.gates is None
    assert plain.shares() is None
    plain.load_state_dict({name: value for name, value in dynamic.state_dict().items() if name != "gates"})
    given = torch.rand(1, 7, 32, 32)
    torch.testing.assert_close(dynamic(given), plain(given))


def test_a_batch_equals_one_by_one_in_use():
    network, given = made(SMALL), torch.rand(3, 7, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(given)[0], torch.cat([network(one[None])[0] for one in given]))


def test_the_layers_that_drop_are_those_of_pix2pix():
    def dropped(depth):
        network = TripleUNet(TripleUNetConfig(width=1, depth=depth), dropout=0.5)
        return [one.dropout.p > 0 for one in network.decoders["joint"].doublings]

    assert dropped(8) == [False, True, True, True, False, False, False, False]
    assert not any(dropped(5))
    assert not any(one.dropout.p for one in TripleUNet(SMALL, dropout=0.0).decoders["joint"].doublings)


def test_the_head_tells_where_something_is():
    network = made(TripleUNetConfig(width=4, depth=2))
    left = torch.zeros(1, 7, 64, 64)
    left[:, :, 24:40, 8:24] = 1
    with torch.no_grad():
        apart = network(left)[1] - network(left.roll(32, dims=3))[1]
    assert apart.abs().max() > 1e-4
