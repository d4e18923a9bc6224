"""VGG against the published parameter counts, table 1 of the paper and the blind loader's rules."""

import pytest
import torch

from bgswap.errors import PictureError
from bgswap.networks.vgg import VGG, VGG16, VGG19, VGGConfig, build, recognize
from tests.networks.trunks import count, rows_seen, saved_blind, seeded, shapes_of

CLASSIFIER = 25088 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000  # three layers, which are not built
SMALL = VGGConfig(((2, 3), (4, 4), (5, 5, 5), (6, 6, 6), (7, 7, 7)))


# 138,357,544 and 143,667,240 parameters: what torchvision publishes of vgg16 and vgg19
@pytest.mark.parametrize(("blocks", "published"), [(VGG16, 138_357_544), (VGG19, 143_667_240)])
def test_it_has_the_published_parameters_but_for_the_classifiers(blocks, published):
    with torch.device("meta"):
        assert count(VGG(VGGConfig(blocks))) == published - CLASSIFIER


def test_the_keys_of_published_files_are_its_own():
    with torch.device("meta"):
        keys = {key: shape for key, shape in shapes_of(VGG(VGGConfig(VGG16))).items() if key.endswith("weight")}
    # as torch prints them for torchvision's vgg16
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    assert list(keys) == [f"features.{place}.weight" for place in places]
    assert keys["features.17.weight"] == (512, 256, 3, 3)


@pytest.mark.parametrize("config", [VGGConfig(VGG16), VGGConfig(VGG19), SMALL])
def test_its_blocks_are_read_off_names_and_shapes_with_or_without_a_classifier(config):
    with torch.device("meta"):
        shapes = shapes_of(build(config))
    assert recognize(shapes) == config
    assert recognize(shapes | {"classifier.0.weight": (4096, 25088), "classifier.0.bias": (4096,)}) == config


def test_a_vgg_with_batch_norm_and_one_cut_short_are_not_taken_for_it():
    with torch.device("meta"):
        shapes = shapes_of(VGG(SMALL))
    assert recognize(shapes | {"features.1.weight": (2,), "features.1.running_mean": (2,)}) is None
    assert recognize({key: shape for key, shape in shapes.items() if not key.startswith("features.5.")}) is None
    assert recognize({}) is None


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (45, 33)])
def test_taps_have_the_channels_of_the_table_and_half_the_size_with_every_block(size):
    taps = seeded(VGG(SMALL))(torch.rand(2, 3, *size))
    for name, tap in taps.items():
        block, place = map(int, name.removeprefix("relu").split("_"))
        halved = 2 ** (block - 1)
        assert tuple(tap.shape) == (2, SMALL.blocks[block - 1][place - 1], size[0] // halved, size[1] // halved)
        assert tap.min() >= 0
    assert len(taps) == 13


def test_a_tap_is_the_same_whatever_else_is_asked_for_and_nothing_behind_the_last_is_computed(photo):
    network = seeded(VGG(SMALL))
    picture = torch.from_numpy(photo[:48, :40].copy()).permute(2, 0, 1)[None] / 255
    every, two = network(picture), network(picture, ("relu2_2", "relu1_1"))
    assert list(two) == ["relu1_1", "relu2_2"]
    assert all(torch.equal(tap, every[name]) for name, tap in two.items())
    network.features[9] = torch.nn.Linear(1, 1)  # the pool behind block 2... would fail if it were run
    network.features[10] = torch.nn.Linear(1, 1)
    network(picture, ["relu2_2"])
    with pytest.raises(RuntimeError):
        network(picture, ["relu3_1"])


def test_the_input_is_left_as_it_was_and_a_ten_by_ten_picture_suffices_for_the_first_blocks():
    picture = torch.rand(1, 3, 10, 10)
    before = picture.clone()
    network = seeded(VGG(SMALL))
    assert network(picture, ["relu4_3"])["relu4_3"].shape == (1, 6, 1, 1)
    assert torch.equal(picture, before)
    with pytest.raises(PictureError, match="10 x 10 pixels are too few: both sides must have at least 16"):
        network(picture)
    with pytest.raises(ValueError, match="no tap is called relu6_1"):
        network(picture, ["relu6_1"])


def test_another_pool_takes_the_place_of_every_max_pool():
    network, picture = seeded(VGG(SMALL)), torch.rand(1, 3, 37, 37)
    sizes = [
        tap.shape[2]
        for tap in network(picture, ["relu1_2", "relu2_2", "relu3_3"], pool=lambda x: x[..., ::3, ::3]).values()
    ]
    assert sizes == [37, 13, 5]


@pytest.mark.parametrize(
    ("tap", "stride", "before", "after"), [("relu1_2", 1, 2, 2), ("relu2_2", 2, 6, 7), ("relu5_3", 16, 90, 105)]
)
def test_an_output_row_sees_the_input_rows_that_its_reach_tells(tap, stride, before, after):
    network = VGG(VGGConfig(((1, 1), (1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1))))
    reach = network.reach(tap)
    assert (reach.stride, reach.before, reach.after) == (stride, before, after)
    assert rows_seen(network, tap) == (before, after)


def test_a_published_file_is_loaded_blind_and_its_classifier_passed_over(tmp_path):
    network, picture = seeded(VGG(SMALL)), torch.rand(1, 3, 33, 47)
    loaded = saved_blind(network, tmp_path / "a.pth", {"classifier.0.weight": torch.ones(3, 3)})
    assert torch.allclose(loaded(picture)["relu5_3"], network(picture)["relu5_3"], atol=1e-5)
