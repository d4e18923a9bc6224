"""ResNet against the published parameter counts and the blind loader's rules."""

import pytest
import torch

from bgswap import extensions
from bgswap.networks.resnet import BLOCKS, ResNetConfig, build, recognize
from bgswap.zoo.modules import load_network
from tests.networks.trunks import count, shapes_of

CLASSES = 1000
SMALL = ResNetConfig("resnet18", 4)


# 11,689,512, 21,797,672 and 25,557,032 parameters: what torchvision publishes of resnet18, resnet34 and resnet50
@pytest.mark.parametrize(
    ("kind", "published"), [("resnet18", 11_689_512), ("resnet34", 21_797_672), ("resnet50", 25_557_032)]
)
def test_it_has_the_published_parameters_but_for_the_classifiers(kind, published):
    config = ResNetConfig(kind)
    with torch.device("meta"):
        assert count(build(config)) == published - (config.channels[-1] + 1) * CLASSES


def test_the_keys_of_published_files_are_its_own():
    with torch.device("meta"):
        keys = shapes_of(build(ResNetConfig("resnet50")))
    # as torch prints them for torchvision's resnet50, which has 320 keys, fc.weight and fc.bias among them
    assert len(keys) == 318
    assert keys["layer3.5.conv2.weight"] == (256, 256, 3, 3)
    assert keys["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)
    assert keys["layer4.0.downsample.1.running_var"] == (2048,)
    assert "layer4.1.downsample.0.weight" not in keys


@pytest.mark.parametrize("config", [*map(ResNetConfig, BLOCKS), SMALL, ResNetConfig("resnet50", 8)])
def test_its_kind_is_read_off_names_and_shapes_with_or_without_a_classifier(config):
    with torch.device("meta"):
        shapes = shapes_of(build(config))
    assert recognize(shapes) == config
    assert recognize(shapes | {"fc.weight": (CLASSES, config.channels[-1]), "fc.bias": (CLASSES,)}) == config
    assert recognize({key: one for key, one in shapes.items() if not key.endswith("num_batches_tracked")}) == config


def test_other_networks_and_one_cut_short_are_not_taken_for_it():
    with torch.device("meta"):
        shapes = shapes_of(build(SMALL))
    assert recognize({key: shape for key, shape in shapes.items() if not key.startswith("layer4.1.")}) is None
    assert recognize(shapes | {"layer4.2.conv1.weight": (32, 32, 3, 3)}) is None
    assert recognize(shapes | {"layer1.0.conv1.weight": (8, 4, 3, 3)}) is None  # as of a wide one
    assert recognize({"conv1.weight": ()}) is None
    assert recognize({}) is None


def test_a_file_with_a_classifier_is_loaded_blind_and_gives_the_same_maps(tmp_path):
    torch.manual_seed(0)
    network = build(SMALL).eval()
    more = {"fc.weight": torch.ones(CLASSES, 32), "fc.bias": torch.ones(CLASSES)}
    torch.save(network.state_dict() | more, tmp_path / "a.pth")
    loaded, model = load_network(tmp_path / "a.pth", "cpu")
    assert model.parts["model"].network == "resnet"
    photo = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        mine, theirs = network(photo), loaded(photo)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(mine, theirs, strict=True))


@pytest.mark.parametrize("kind", BLOCKS)
def test_maps_have_half_the_size_each(kind):
    config = ResNetConfig(kind, 4)
    maps = build(config).eval()(torch.rand(2, 3, 64, 96))
    for level, (one, channels) in enumerate(zip(maps, config.channels, strict=True), 1):
        assert one.shape == (2, channels, 64 // 2**level, 96 // 2**level)
        assert one.min() >= 0


def test_no_other_network_takes_it_for_its_own():
    with torch.device("meta"):
        shapes = shapes_of(build(ResNetConfig()))
    taken = [
        name
        for name in extensions.names("bgswap.networks")
        if extensions.load("bgswap.networks", name).recognize(shapes) is not None
    ]
    assert taken == ["resnet"]
