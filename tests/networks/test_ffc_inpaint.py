"""The network that fills holes: what it may see, sizes, frequencies, settings read back from weights alone."""

import pytest
import torch
from safetensors.torch import save_file

from bgswap import extensions
from bgswap.networks.ffc_inpaint import FFCInpaint, FFCInpaintConfig, Spectral, build, recognize, smooth_fill
from bgswap.zoo.modules import load_network
from tests.networks.trunks import count, shapes_of

SMALL = FFCInpaintConfig((8, 12, 16), 12, 2)


def seeded(config: FFCInpaintConfig = SMALL) -> FFCInpaint:
    """As after some training: nothing is zero any more."""
    torch.manual_seed(0)
    network = build(config).eval()
    torch.nn.init.normal_(network.head.weight, std=0.05)
    return network


@pytest.fixture
def planes(photo):
    """The astronaut at 64 pixels with a hole in the middle, (1, 4, 64, 64)."""
    small = torch.from_numpy(photo[::8, ::8].copy()).permute(2, 0, 1).float() / 255
    mask = torch.zeros(1, 64, 64)
    mask[:, 20:50, 24:40] = 1
    return torch.cat([small, mask])[None]


def test_it_has_the_parameters_that_its_docstring_tells_and_fits_into_three_megabytes():
    with torch.device("meta"):
        network = build(FFCInpaintConfig())
    assert f"{count(network) / 1e6:.1f} M" in FFCInpaintConfig.__doc__
    assert 2 * sum(value.numel() for value in network.state_dict().values()) < 3e6


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (15, 17), (64, 33)])
def test_any_size_is_answered_in_its_own(size):
    x = torch.rand(2, 4, *size)
    with torch.no_grad():
        assert seeded()(x).shape == (2, 3, *size)


def test_outside_of_the_hole_the_photo_stays_to_the_bit_and_inside_it_is_painted(planes):
    with torch.no_grad():
        filled = seeded()(planes)
    hole = planes[:, 3:].bool().expand(-1, 3, -1, -1)
    assert torch.equal(filled[~hole], planes[:, :3][~hole])
    assert float((filled[hole] - planes[:, :3][hole]).abs().mean()) > 0.01
    assert 0 <= float(filled.min()) <= float(filled.max()) <= 1


def test_what_the_photo_shows_inside_of_the_hole_changes_nothing(planes):
    other = planes.clone()
    other[:, :3] = torch.where(planes[:, 3:] > 0, torch.rand_like(planes[:, :3]), planes[:, :3])
    network = seeded()
    with torch.no_grad():
        assert torch.equal(network.paint(planes), network.paint(other))


def test_untrained_it_gives_the_smooth_fill(planes):
    network = build(SMALL).eval()
    with torch.no_grad():
        assert torch.equal(network.paint(planes), smooth_fill(planes[:, :3], planes[:, 3:]))


def test_one_pixel_is_felt_in_the_whole_picture(planes):
    """The convolutions alone would reach 27 pixels at one block; the frequencies reach all."""
    network, other = seeded(FFCInpaintConfig((8, 12, 16), 12, 1)), planes.clone()
    other[0, 0, 0, 0] += 0.5
    with torch.no_grad():
        change = (network.paint(planes) - network.paint(other)).abs()
    assert float(change[..., 56:, 56:].max()) > 0


def test_frequencies_left_as_they_are_give_the_picture_back():
    spectral = Spectral(8).eval()
    spectral.waves = torch.nn.Identity()
    x = torch.rand(2, 4, 9, 7)
    assert torch.allclose(spectral.transform(x), x, atol=1e-6)


def test_in_half_precision_it_answers_nearly_the_same(planes):
    network = seeded()
    with torch.no_grad():
        full = network(planes)
        with torch.autocast("cpu", torch.bfloat16):
            half = network(planes)
    assert float((full - half).abs().max()) < 0.05


def test_wrong_planes_are_told_in_a_sentence():
    with pytest.raises(ValueError, match="takes 4 planes, photo and mask, not 3"):
        seeded()(torch.rand(1, 3, 64, 64))


@pytest.mark.parametrize("config", [SMALL, FFCInpaintConfig((4, 8, 24), 8, 3)])
def test_weights_alone_rebuild_it(config, tmp_path, planes):
    network = seeded(config)
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    loaded, model = load_network(tmp_path / "a.safetensors", "cpu")
    assert model.parts["model"].network == "ffc-inpaint"
    assert recognize(shapes_of(loaded)) == config
    with torch.no_grad():
        assert torch.allclose(loaded(planes), network(planes), atol=1e-5)


def test_no_other_network_takes_it_for_its_own():
    with torch.device("meta"):
        shapes = shapes_of(build(FFCInpaintConfig()))
    modules = {name: extensions.load("bgswap.networks", name) for name in extensions.names("bgswap.networks")}
    found = [name for name, module in modules.items() if getattr(module, "recognize", lambda _: None)(shapes)]
    assert found == ["ffc-inpaint"]
    assert recognize({name: shape for name, shape in shapes.items() if name != "refine.weight"}) is None
