"""AlexNet against the published parameter count, the paper's layers and the blind loader's rules."""

import pytest
import torch

from bgswap.networks.alexnet import AlexNet, AlexNetConfig, build, recognize
from tests.networks.trunks import count, rows_seen, saved_blind, seeded, shapes_of

SMALL = AlexNetConfig((2, 3, 4, 5, 6))


def test_it_has_the_published_parameters_but_for_the_classifiers():
    classifier = 9216 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000
    with torch.device("meta"):
        assert count(AlexNet()) == 61_100_840 - classifier  # what torchvision publishes of alexnet


def test_the_keys_of_the_published_file_are_its_own():
    with torch.device("meta"):
        shapes = shapes_of(AlexNet())
    assert {key: shape for key, shape in shapes.items() if key.endswith("weight")} == {
        "features.0.weight": (64, 3, 11, 11),
        "features.3.weight": (192, 64, 5, 5),
        "features.6.weight": (384, 192, 3, 3),
        "features.8.weight": (256, 384, 3, 3),
        "features.10.weight": (256, 256, 3, 3),
    }


@pytest.mark.parametrize("config", [AlexNetConfig(), SMALL])
def test_its_channels_are_read_off_names_and_shapes(config):
    with torch.device("meta"):
        shapes = shapes_of(build(config))
    assert recognize(shapes | {"classifier.1.weight": (4096, 9216)}) == config
    assert recognize({key: shape for key, shape in shapes.items() if not key.startswith("features.10")}) is None


# sides by hand: (224 + 4 - 11) / 4 + 1 = 55, (55 - 3) / 2 + 1 = 27, 13; (63 + 4 - 11) / 4 + 1 = 15, 7, 3
@pytest.mark.parametrize(
    ("side", "sides"), [(224, (55, 27, 13, 13, 13)), (63, (15, 7, 3, 3, 3)), (31, (7, 3, 1, 1, 1))]
)
def test_taps_have_the_papers_sizes_and_channels(side, sides):
    taps = seeded(AlexNet(SMALL))(torch.rand(2, 3, side, side))
    assert list(taps) == ["relu1", "relu2", "relu3", "relu4", "relu5"]
    assert [tuple(tap.shape) for tap in taps.values()] == [
        (2, c, s, s) for c, s in zip(SMALL.widths, sides, strict=True)
    ]


@pytest.mark.parametrize(("tap", "told"), [("relu1", (2, 8)), ("relu2", (18, 32)), ("relu5", (66, 96))])
def test_an_output_row_sees_the_input_rows_that_its_reach_tells(tap, told):
    network = AlexNet(AlexNetConfig((1,) * 5))
    assert (network.reach(tap).before, network.reach(tap).after) == told
    assert rows_seen(network, tap) == told


def test_a_published_file_is_loaded_blind_and_its_classifier_passed_over(tmp_path):
    network, picture = seeded(AlexNet(SMALL)), torch.rand(1, 3, 65, 71)
    loaded = saved_blind(network, tmp_path / "a.pth", {"classifier.6.bias": torch.ones(3)})
    assert torch.allclose(loaded(picture)["relu5"], network(picture)["relu5"], atol=1e-5)
