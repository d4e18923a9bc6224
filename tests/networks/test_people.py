"""The people network: what it recognizes, and that its two files say the same."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

import bgswap
from bgswap.networks import people
from bgswap.zoo.export import halve, load_network, to_onnx

USUAL, SMALL = people.PeopleConfig(), people.PeopleConfig((8, 16, 24, 32, 40), 3)
WEIGHTS = Path(bgswap.__file__).parent / "weights"


@pytest.fixture(scope="module")
def network():
    return load_network("people", WEIGHTS / "people.safetensors")


@pytest.mark.parametrize("size", [(320, 320), (320, 224), (64, 320), (32, 32)])
def test_safetensors_and_onnx_agree_on_a_real_photo_of_any_size(network, photo, size):
    small = np.ascontiguousarray(photo[: size[0], : size[1]].transpose(2, 0, 1)[None], np.float32) / 255
    session = onnxruntime.InferenceSession(WEIGHTS / "people.onnx", providers=["CPUExecutionProvider"])
    by_onnx = torch.from_numpy(session.run(None, {"photo": small})[0]).sigmoid()
    with torch.no_grad():
        by_torch = network(torch.from_numpy(small)).sigmoid()
    assert (by_onnx - by_torch).abs().max() < 1e-4


@pytest.mark.parametrize("config", [USUAL, SMALL])
def test_a_network_is_recognized_by_names_and_shapes_alone(config):
    state = people.build(config).state_dict()
    assert people.recognize({name: tuple(value.shape) for name, value in state.items()}) == config


def test_another_network_is_not_taken_for_this_one():
    assert people.recognize({"conv1.weight": (64, 3, 7, 7), "head.weight": (4, 28, 3, 3)}) is None


def test_the_weights_that_ship_stay_small():
    assert (WEIGHTS / "people.safetensors").stat().st_size < 6.5e6
    assert (WEIGHTS / "people.onnx").stat().st_size < 6.6e6
    kinds = {str(value.dtype) for value in load_file(WEIGHTS / "people.safetensors").values()}
    assert kinds == {"torch.float16", "torch.int64"}


def test_exporting_twice_gives_the_same_bytes(network):
    assert halve(to_onnx(network)) == halve(to_onnx(network))


def test_training_sees_a_coarse_matte_of_every_size(network):
    logits, coarse = network.forward_coarse(torch.rand(2, 3, 64, 96))
    assert logits.shape == (2, 1, 64, 96)
    assert [tuple(side.shape[-2:]) for side in coarse] == [(4, 6), (8, 12), (16, 24), (32, 48)]
