"""SqueezeNet 1.1 against the published parameter count, and with real weights against NumPy in float64."""

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from safetensors.numpy import load_file

from bgswap.networks.squeezenet import SqueezeNet, SqueezeNetConfig, build, recognize
from bgswap.zoo.modules import load_network
from tests.networks.trunks import count, rows_seen, saved_blind, seeded, shapes_of

FILE = "weights/squeezenet1_1_imagenet_fp16.safetensors"
SMALL = SqueezeNetConfig(3, ((2, 2), (2, 3), (2, 4), (2, 5), (3, 6), (3, 7), (4, 8), (4, 9)))


def test_it_has_the_published_parameters_but_for_the_classifiers():
    with torch.device("meta"):
        assert count(SqueezeNet()) == 1_235_496 - (512 * 1000 + 1000)  # what torchvision publishes of squeezenet1_1


@pytest.mark.parametrize("config", [SqueezeNetConfig(), SMALL])
def test_its_channels_are_read_off_names_and_shapes(config):
    with torch.device("meta"):
        shapes = shapes_of(build(config))
    assert recognize(shapes | {"classifier.1.weight": (1000, 512, 1, 1)}) == config
    assert recognize({key: shape for key, shape in shapes.items() if not key.startswith("features.12")}) is None


# by hand for 17 and 45: (45 - 3) / 2 + 1 = 22; pools round up: 11, 5, 2
@pytest.mark.parametrize(("side", "sides"), [(17, (8, 4, 2, 1)), (45, (22, 11, 5, 2))])
def test_the_seven_taps_have_the_channels_that_lpips_weighs(side, sides):
    taps = seeded(SqueezeNet())(torch.rand(1, 3, side, side))
    assert list(taps) == [f"relu{place}" for place in range(1, 8)]
    assert [tap.shape[1] for tap in taps.values()] == [64, 128, 256, 384, 384, 512, 512]  # of lpips/squeeze.pth
    assert [tap.shape[2] for tap in taps.values()] == [*sides, *[sides[-1]] * 3]


@pytest.mark.parametrize(("tap", "told"), [("relu1", (0, 2)), ("relu3", (24, 38)), ("relu7", (88, 118))])
def test_an_output_row_sees_the_input_rows_that_its_reach_tells(tap, told):
    network = SqueezeNet(SqueezeNetConfig(1, ((1, 1),) * 8))
    assert (network.reach(tap).before, network.reach(tap).after) == told
    assert rows_seen(network, tap) == told


def test_a_published_file_is_loaded_blind_and_its_classifier_passed_over(tmp_path):
    network, picture = seeded(SqueezeNet(SMALL)), torch.rand(1, 3, 65, 71)
    loaded = saved_blind(network, tmp_path / "a.pth", {"classifier.1.bias": torch.ones(3)})
    assert torch.allclose(loaded(picture)["relu7"], network(picture)["relu7"], atol=1e-5)


def convolved(x, weight, bias, stride=1, padding=0):
    """(C, H, W) float64 -> (D, h, w), by windows and one product."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    windows = sliding_window_view(x, weight.shape[2:], (1, 2))[:, ::stride, ::stride]  # (C, h, w, k, k)
    return np.einsum("chwij,dcij->dhw", windows, weight, optimize=True) + bias[:, None, None]


def pooled(x):
    """Largest of 3x3, every second one; a window that hangs over the end counts what is there."""
    more = [(0, (side - 3) % 2) for side in x.shape[1:]]
    return sliding_window_view(np.pad(x, ((0, 0), *more), constant_values=-np.inf), (3, 3), (1, 2))[:, ::2, ::2].max(
        (3, 4)
    )


def by_hand(x, weights):
    """The seven slices of LPIPS v0.1 as its authors cut them (features 0-1, 2-4, 5-7, 8-9, 10, 11, 12)."""

    def layer(x, name, **how):
        return np.maximum(convolved(x, weights[f"features.{name}.weight"], weights[f"features.{name}.bias"], **how), 0)

    def fire(x, place):
        x = layer(x, f"{place}.squeeze")
        return np.concatenate([layer(x, f"{place}.expand1x1"), layer(x, f"{place}.expand3x3", padding=1)])

    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # ImageNet's
    x = layer((x - mean[:, None, None]) / std[:, None, None], "0", stride=2)
    slices = [x]
    for places, after_pool in (
        ((3, 4), True),
        ((6, 7), True),
        ((9,), True),
        ((10,), False),
        ((11,), False),
        ((12,), False),
    ):
        x = pooled(x) if after_pool else x
        for place in places:
            x = fire(x, place)
        slices.append(x)
    return slices


@pytest.mark.parametrize("size", [(61, 45), (64, 48)])
def test_with_real_weights_every_tap_of_a_real_photo_is_that_of_numpy_in_float64(photo, test_data, size):
    if not (test_data / FILE).is_file():
        pytest.skip(f"no {FILE}")
    network, _ = load_network(test_data / FILE, "cpu")
    crop = photo[80 : 80 + size[0], 190 : 190 + size[1]].transpose(2, 0, 1).astype(np.float64) / 255  # her face
    weights = {key: value.astype(np.float64) for key, value in load_file(test_data / FILE).items()}
    with torch.inference_mode():
        taps = network(torch.from_numpy(crop.astype(np.float32))[None])
    for tap, expected in zip(taps.values(), by_hand(crop, weights), strict=True):
        assert tap.shape[1:] == expected.shape
        assert np.abs(tap[0].numpy() - expected).max() < 1e-5 * expected.max()
