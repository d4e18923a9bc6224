"""The matting U-Net: counts, any size, settings read back from weights alone."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from bgswap import extensions
from bgswap.networks import resnet
from bgswap.networks.matting_unet import ENCODERS, MattingUNet, MattingUNetConfig, build, of_width, recognize
from bgswap.zoo.modules import load_network
from tests.networks.trunks import count, shapes_of

SMALL = of_width("none", 0.1)


def seeded(config: MattingUNetConfig) -> MattingUNet:
    torch.manual_seed(0)
    return build(config).eval()


# field notes, 1.5: arithmetic for this encoder, decoder and head, 3 planes in, 1 out
def test_at_full_width_it_has_32_521_105_parameters():
    with torch.device("meta"):
        assert count(build(MattingUNetConfig())) == 32_521_105


def test_its_encoder_takes_a_resnets_weights_as_they_are():
    trained = resnet.build(resnet.ResNetConfig("resnet18", 4))
    seeded(MattingUNetConfig("resnet18", 4, (4,) * 5)).encoder.load_state_dict(trained.state_dict())


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("size", [(320, 240), (33, 70), (1, 1)])
def test_it_answers_in_any_size(encoder, size):
    with torch.no_grad():
        assert seeded(of_width(encoder, 0.07))(torch.rand(2, 3, *size)).shape == (2, 1, *size)


def test_what_is_added_to_reach_the_multiple_repeats_the_last_row_and_column():
    photo = torch.rand(1, 3, 50, 60)
    padded = torch.cat([photo, photo[..., -1:].expand(1, 3, 50, 4)], dim=3)
    padded = torch.cat([padded, padded[..., -1:, :].expand(1, 3, 14, 64)], dim=2)
    network = seeded(SMALL)
    with torch.no_grad():
        assert torch.allclose(network(photo), network(padded)[..., :50, :60], atol=1e-5)


def test_minmax_gives_a_dull_photo_and_its_stretched_form_the_same_matte_and_255_does_not():
    photo = torch.rand(1, 3, 32, 32)
    photo[..., 0, 0], photo[..., 0, 1] = 0.0, 1.0
    pair = torch.cat([photo, photo * 0.3 + 0.2])
    with torch.no_grad():
        rescaled, plain = (seeded(replace(SMALL, scale=scale))(pair) for scale in ("minmax", "255"))
    assert torch.allclose(rescaled[0], rescaled[1], atol=1e-5)
    assert (plain[0] - plain[1]).abs().max() > 1e-3
    with torch.no_grad():
        assert seeded(SMALL)(torch.full((1, 3, 32, 32), 0.5)).isfinite().all()


@pytest.mark.parametrize("config", [of_width("resnet18", 0.07, "255"), SMALL, of_width("resnet50", 0.1, "minmax")])
def test_weights_alone_rebuild_it(config, tmp_path):
    network = seeded(config)
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    state = load_file(tmp_path / "a.safetensors")
    assert recognize({key: tuple(value.shape) for key, value in state.items()}) == config
    loaded, model = load_network(tmp_path / "a.safetensors", "cpu")
    assert model.parts["model"].network == "matting-unet"
    photo = torch.rand(1, 3, 40, 50)
    with torch.no_grad():
        assert torch.allclose(loaded(photo), network(photo), atol=1e-5)


def test_no_other_network_takes_it_for_its_own_nor_it_another():
    with torch.device("meta"):
        shapes = shapes_of(build(MattingUNetConfig()))
    modules = {name: extensions.load("bgswap.networks", name) for name in extensions.names("bgswap.networks")}
    assert [name for name, module in modules.items() if module.recognize(shapes) is not None] == ["matting-unet"]
    for key in ("matte_head.weight", "scale_minmax", "decoder.4.mix.0.weight", "encoder.layer4.2.bn3.bias"):
        assert recognize({name: shape for name, shape in shapes.items() if name != key}) is None


def test_an_unknown_encoder_is_told():
    with pytest.raises(ValueError, match="'vgg' or scale 'minmax' is none of resnet50"):
        of_width("vgg")
