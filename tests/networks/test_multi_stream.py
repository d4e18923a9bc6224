"""The fusion network: what it answers, what it is recognized by, and where it starts."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from bgswap import extensions
from bgswap.networks import multi_stream
from bgswap.networks.multi_stream import MultiStreamConfig, build, recognize

CONFIGS = [
    MultiStreamConfig(),
    MultiStreamConfig(streams=1),
    MultiStreamConfig((8, 12, 16, 24, 32), dense=False),
    MultiStreamConfig((8, 16, 24), streams=1, dense=False),
]
THIN = (8, 12, 16, 24, 32)


def thin(**more):
    torch.manual_seed(0)
    return build(MultiStreamConfig(THIN, **more)).eval()


def planes(height=64, width=96, batch=1):
    return torch.rand(batch, 7, height, width, generator=torch.Generator().manual_seed(0))


def over(given):
    photo, alpha, background = given.split((3, 1, 3), dim=1)
    return alpha * photo + (1 - alpha) * background


def shapes_of(network):
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def count(config):
    with torch.device("meta"):
        return sum(p.numel() for p in build(config).parameters())


@pytest.mark.parametrize("streams", [1, 2])
@pytest.mark.parametrize("size", [(16, 16), (48, 80), (112, 64), (16, 160)])
def test_it_answers_in_the_size_that_it_is_asked(size, streams):
    made = thin(streams=streams)(planes(*size))
    assert made.shape == (1, 3, *size)
    assert 0 <= made.min() <= made.max() <= 1


@pytest.mark.parametrize("size", [(40, 64), (64, 63)])
def test_a_size_that_does_not_divide_is_refused_with_a_sentence(size):
    with pytest.raises(ValueError, match="multiples of 16"):
        thin()(planes(*size))


def test_untrained_it_is_near_plain_compositing():
    given = planes()
    off = (thin()(given) - over(given)).abs()
    assert 0 < off.mean() < 0.001


def test_without_its_heads_it_is_plain_compositing():
    network, given = thin(), planes()
    for level in network.fusion:
        torch.nn.init.zeros_(level.head.weight)
    torch.testing.assert_close(network(given), over(given), atol=1e-6, rtol=0)


def test_a_mask_head_that_says_all_person_turns_an_empty_matte_into_the_photo():
    network, given = thin(), planes()
    given[:, 3] = 0
    for level in network.fusion:
        torch.nn.init.zeros_(level.head.weight)
        level.head.bias.data = torch.tensor([20.0, 0, 0, 0])
    torch.testing.assert_close(network(given), given[:, :3], atol=1e-5, rtol=0)


def test_the_pyramid_adds_up_to_the_picture():
    picture = planes()[:, :3]
    bands = multi_stream.laplacian(picture, 5)
    total = bands.pop()
    while bands:
        total = multi_stream.double(total) + bands.pop()
    torch.testing.assert_close(total, picture, atol=1e-6, rtol=0)


def test_the_place_is_seen_by_the_background_stream_alone():
    network, given = thin(), planes()
    other = given.clone()
    other[:, 4:] = 0.3
    before, after = network._encode(given), network._encode(other)
    assert all(torch.equal(a, b) for a, b in zip(before[0], after[0], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(before[1], after[1], strict=True))


def test_the_background_stream_sees_the_inverted_mask():
    network, given = thin(), planes()
    seen = {}
    for name in ("foreground_stream", "background_stream"):
        getattr(network, name).register_forward_pre_hook(lambda _, got, name=name: seen.update({name: got[0]}))
    network(given)
    photo, alpha, background = given.split((3, 1, 3), dim=1)
    assert torch.equal(seen["foreground_stream"], torch.cat([photo, alpha], dim=1))
    assert torch.equal(seen["background_stream"], torch.cat([background, 1 - alpha], dim=1))


def test_colors_beyond_white_are_cut_in_use_and_kept_in_training():
    network, given = thin(), planes()
    torch.nn.init.constant_(network.fusion[0].head.bias, 5.0)
    assert network.fuse(given).max() > 1
    assert network(given).max() == 1


def test_a_picture_does_not_depend_on_its_neighbors_in_the_batch():
    network, given = thin(), planes(batch=3)
    torch.testing.assert_close(network(given)[1:2], network(given[1:2]), atol=1e-5, rtol=0)
    torch.testing.assert_close(network.train()(given), network.eval()(given))


def test_what_it_is_given_stays_as_it_is():
    given = planes()
    kept = given.clone()
    thin()(given)
    assert torch.equal(given, kept)


@pytest.mark.parametrize("streams", [1, 2])
@pytest.mark.parametrize("dense", [True, False])
def test_gradients_reach_every_parameter(streams, dense):
    network = build(MultiStreamConfig(THIN, streams, dense)).train()
    network.fuse(planes(64, 96, 2)).square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def arithmetic(widths, dense):
    """Parameters of two streams and their decoder, layer by layer."""
    total = 0
    for k, (before, width) in enumerate(zip((4, *widths), widths, strict=False)):
        total += 2 * (9 * before * width + 9 * width * width + 2 * 2 * width)  # two streams, two norms each
        coarser = widths[k + 1 :] if dense else widths[k + 1 : k + 2]
        total += 9 * (2 * width + 3) * width + sum(coarser) * width + 2 * width  # what a level joins, and its norm
        total += 9 * width * width + 2 * width + 4 * width + 4  # mix with its norm, head
    return total


def test_at_full_width_it_has_nine_million_parameters():
    widths = MultiStreamConfig().widths
    assert count(MultiStreamConfig()) == arithmetic(widths, dense=True) == 9_048_244  # ours: the paper tells no widths
    assert count(MultiStreamConfig(dense=False)) == arithmetic(widths, dense=False) == 8_962_228


@pytest.mark.parametrize("widths", [(32, 64, 128, 256, 256), (16, 32, 64, 128, 128), THIN, (8, 16, 24)])
def test_one_stream_has_as_many_parameters_as_two(widths):
    assert count(MultiStreamConfig(widths, 1)) == pytest.approx(count(MultiStreamConfig(widths)), rel=0.015)


@pytest.mark.parametrize("config", CONFIGS)
def test_a_network_is_recognized_by_names_and_shapes_alone(config):
    with torch.device("meta"):
        assert recognize(shapes_of(build(config))) == config


@pytest.mark.parametrize("config", CONFIGS[2:])
def test_saved_and_rebuilt_blind_it_gives_the_same_picture(config, tmp_path):
    network = build(config).eval()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    state = load_file(tmp_path / "weights.safetensors")
    found = recognize({name: tuple(value.shape) for name, value in state.items()})
    assert found is not None
    again = build(found).eval()
    again.load_state_dict(state)
    assert torch.equal(network(planes()), again(planes()))


def test_no_other_network_is_taken_for_this_one_nor_this_one_for_another():
    from bgswap.zoo.recognize import NETWORKS, network_of

    with torch.device("meta"):
        own = shapes_of(build(MultiStreamConfig()))
    assert network_of(own)[0] == "multi-stream"
    for name in extensions.names(NETWORKS):
        module = extensions.load(NETWORKS, name)
        if name == "multi-stream" or not hasattr(module, "recognize"):
            continue
        assert module.recognize(own) is None, name
        other = default_of(module)
        assert other is None or recognize(shapes_of(other)) is None, name


def default_of(module):
    """A network as its config's defaults make it, without memory; None where it has none."""
    import dataclasses
    import typing

    hint = typing.get_type_hints(module.recognize)["return"]
    configs = [one for one in (typing.get_args(hint) or (hint,)) if dataclasses.is_dataclass(one)]
    try:
        with torch.device("meta"):
            return module.build(configs[0]())
    except (IndexError, TypeError):
        return None


@pytest.mark.parametrize("wrong", [{"widths": (8, 16)}, {"widths": (8, 0, 16)}, {"streams": 3}])
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=r"give|is 1 or 2"):
        MultiStreamConfig(**wrong)
