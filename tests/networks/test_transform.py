"""The network that decides of place, colors and shadow."""

import math

import numpy as np
import onnxruntime
import pytest
import torch

from bgswap.networks import transform
from bgswap.networks.transform import BINS, FOUND, LOWEST, PARTS, SCALES, STEP, TransformConfig, TransformNet
from bgswap.zoo.export import halve, to_onnx

ALL = TransformConfig()


def planes_of(photo, size=(64, 96)):
    """The photo as person with a disc of alpha, over its mirror image."""
    cut = torch.from_numpy(np.ascontiguousarray(photo[: size[0], : size[1]]).astype(np.float32) / 255).permute(2, 0, 1)
    y, x = torch.meshgrid(torch.linspace(-1, 1, size[0]), torch.linspace(-1, 1, size[1]), indexing="ij")
    alpha = ((x**2 + y**2) < 0.5).float()[None]
    return torch.cat([cut * alpha, alpha, cut.flip(2)])[None]


def shaken(config=ALL):
    """A network whose last layers, zero at first, say something."""
    torch.manual_seed(0)
    network = TransformNet(config).eval()
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, 0, 0.02)
    return network


def test_it_has_at_most_four_million_parameters():
    with torch.device("meta"):
        assert sum(p.numel() for p in TransformNet().parameters()) <= 4_000_000


@pytest.mark.parametrize("parts", [PARTS, ("colors",), ("place",), ("shadow",), ("place", "shadow")])
def test_any_part_may_be_missing_and_what_is_there_is_told_in_order(photo, parts):
    network = shaken(TransformConfig(parts))
    shapes = {
        "places": (1, FOUND, 6),
        "globals": (1, 4),
        "grid": (1, 4, 6, BINS, 12),
        "shading": (1, 4, 6),
        "shadow": (1, 5),
    }
    with torch.no_grad():
        told = network(planes_of(photo))
    assert [tuple(one.shape) for one in told] == [shapes[name] for name in network.config.gives]
    assert all(one.isfinite().all() for one in told)


@pytest.mark.parametrize("config", [ALL, TransformConfig(("place",), 32, 48), TransformConfig(("colors",))])
def test_a_network_is_recognized_by_names_and_shapes_alone(config):
    with torch.device("meta"):
        state = transform.build(config).state_dict()
    assert transform.recognize({name: tuple(value.shape) for name, value in state.items()}) == config
    assert transform.recognize({"person.features.0.weight": (64, 3, 3, 3)}) is None


def test_an_untrained_one_leaves_colors_as_they_are(photo):
    with torch.no_grad():
        told = TransformNet(TransformConfig(("colors",))).eval().tell(planes_of(photo))
    assert not told["globals"].any()
    assert not told["shading"].any()
    assert torch.equal(told["grid"], torch.tensor(transform.AFFINE).float().expand_as(told["grid"]))


def test_counted_colors_are_those_of_the_covered_pixels_alone():
    picture = torch.zeros(1, 3, 8, 8)
    picture[:, 0, :4], picture[:, :, 4:] = 0.5, 1.0
    weight = torch.zeros(1, 1, 8, 8)
    weight[..., :4, :] = 1
    told = transform.statistics(picture, weight)[0]
    assert torch.allclose(told[:3], torch.tensor([0.5, 0, 0]))
    assert told[3:6].max() < 2e-3
    share = told[6 : 6 + BINS]
    assert abs(float(share.sum()) - 1) < 1e-5
    assert share[:2].sum() > 0.99


def test_places_are_the_highest_peaks_best_first_and_each_is_told_once():
    logits = torch.zeros(1, SCALES, 6, 8)
    logits[0, 7, 4, 2], logits[0, 7, 4, 3], logits[0, 3, 1, 6] = 9, 8, 7  # the second is the first one's neighbor
    moves = torch.zeros(1, 3, SCALES, 6, 8)
    moves[0, :, 7, 4, 2] = torch.tensor([0.25, -0.5, 0.5])
    places = transform.best_places(logits, moves, torch.tensor([[3.0, -1.0]]))[0]
    height = math.exp(LOWEST + STEP * 8.0)
    assert places[0, :3].tolist() == pytest.approx([2.75 / 8, 4 / 6 + height / 2, height], rel=1e-5)
    assert places[1, 0].item() == pytest.approx(6.5 / 8)
    assert places[1, 5] < places[0, 5] < 0
    assert places[:, 3].tolist() == [3.0] * FOUND
    assert places[:, 4].tolist() == [-1.0] * FOUND
    assert (places[2:, 5] < places[1, 5]).all()
    assert places[:, 5].isfinite().all()


def test_its_onnx_file_says_the_same_of_pictures_of_several_sizes(photo):
    network = shaken().half().float()
    session = onnxruntime.InferenceSession(halve(to_onnx(network)), providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_outputs()] == list(network.config.gives)
    for size in ((64, 64), (96, 160)):
        planes = planes_of(photo, size)
        with torch.no_grad():
            expected = dict(zip(network.config.gives, network(planes), strict=True))
        for name, got in zip(expected, session.run(None, {"planes": planes.numpy()}), strict=True):
            assert np.abs(got - expected[name].numpy()).max() < 2e-3, name
