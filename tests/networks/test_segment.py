"""The network of segment and refine: sizes, planes, settings read back from weights alone, no batch in it."""

import pytest
import torch
from safetensors.torch import save_file

from bgswap import extensions
from bgswap.networks.segment import SegmentConfig, build, of_width, recognize
from bgswap.zoo.modules import load_network
from tests.networks.trunks import count, shapes_of

SMALL = of_width(0.25)


def seeded(config: SegmentConfig):
    torch.manual_seed(0)
    return build(config).eval()


def test_at_full_width_it_has_the_parameters_that_its_docstring_tells():
    with torch.device("meta"):
        assert f"{count(build(SegmentConfig())) / 1e6:.1f} M" in SegmentConfig.__doc__


def test_at_half_width_its_file_in_half_precision_is_a_few_megabytes():
    with torch.device("meta"):
        assert count(build(of_width(0.4))) * 2 < 2.1e6


@pytest.mark.parametrize("planes", [3, 4])
@pytest.mark.parametrize("size", [(32, 32), (96, 64), (32, 160)])
def test_it_answers_in_the_size_that_it_is_asked(planes, size):
    with torch.no_grad():
        assert seeded(of_width(0.25, planes))(torch.rand(2, planes, *size)).shape == (2, 1, *size)


def test_wrong_sizes_and_planes_are_told_in_a_sentence():
    with pytest.raises(ValueError, match="100 x 64 pixels: both sides must be multiples of 32"):
        seeded(SMALL)(torch.rand(1, 3, 64, 100))
    with pytest.raises(ValueError, match="takes 3 planes, not 4"):
        seeded(SMALL)(torch.rand(1, 4, 64, 64))


def test_with_a_raw_mask_the_answer_is_a_correction_of_it():
    network = seeded(of_width(0.25, 4))
    torch.nn.init.zeros_(network.leave[2].weight)
    torch.nn.init.zeros_(network.leave[2].bias)
    x = torch.rand(1, 4, 32, 32)
    with torch.no_grad():
        assert torch.allclose(network(x), network.trust * (2 * x[:, 3:] - 1))


def test_a_sample_is_answered_alike_alone_and_in_a_batch_in_training_too():
    batch = torch.rand(3, 3, 64, 64)
    network = seeded(SMALL).train()
    with torch.no_grad():
        assert torch.allclose(network(batch)[1:2], network(batch[1:2]), atol=1e-5)


@pytest.mark.parametrize("config", [SMALL, of_width(0.5, 4), SegmentConfig(3, (8, 16, 24))])
def test_weights_alone_rebuild_it(config, tmp_path):
    network = seeded(config)
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    loaded, model = load_network(tmp_path / "a.safetensors", "cpu")
    assert model.parts["model"].network == "segment"
    assert recognize(shapes_of(loaded)) == config
    x = torch.rand(1, config.planes, 64, 32)
    with torch.no_grad():
        assert torch.allclose(loaded(x), network(x), atol=1e-5)


def test_no_other_network_takes_it_for_its_own_nor_it_another():
    with torch.device("meta"):
        shapes = shapes_of(build(SegmentConfig()))
    modules = {name: extensions.load("bgswap.networks", name) for name in extensions.names("bgswap.networks")}
    assert [name for name, module in modules.items() if module.recognize(shapes) is not None] == ["segment"]
    assert recognize({"enter.weight": (16, 3, 3, 3), "leave.2.weight": (1, 16, 3, 3)}) is None
