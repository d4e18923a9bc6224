"""U2Net against the published parameter counts, key names and the blind loader's rules."""

import pytest
import torch

from bgswap.networks.u2net import FULL, SMALL, STAGES, U2Net, U2NetConfig, build, recognize


def shapes_of(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


@pytest.mark.parametrize(("stages", "parameters"), [(SMALL, 1_131_181), (FULL, 44_009_869)])
def test_it_has_as_many_parameters_as_the_authors_network(stages, parameters):
    with torch.device("meta"):
        network = U2Net(U2NetConfig(stages))
    assert sum(p.numel() for p in network.parameters()) == parameters


# Counted by hand from the paper's table for the small version, batch norm included.
COUNTS = {"stage1": 67_200, "stage2": 95_328, "stage3": 88_320, "stage4": 81_312, "stage5": 81_312,
          "stage6": 81_312,
          "stage5d": 118_176, "stage4d": 118_176, "stage3d": 125_184, "stage2d": 132_192, "stage1d": 139_200,
          "side1": 577, "side6": 577, "outconv": 7}  # fmt: skip


def test_every_stage_of_the_small_one_has_the_parameters_of_the_table():
    with torch.device("meta"):
        network = U2Net(U2NetConfig(SMALL))
    counted = {name: sum(p.numel() for p in network.get_submodule(name).parameters()) for name in COUNTS}
    assert counted == COUNTS


def test_the_keys_of_published_state_dicts_are_its_own():
    # as torch prints them for the authors' u2netp.pth
    published = ["stage1.rebnconvin.conv_s1.weight", "stage1.rebnconv7.bn_s1.running_var", "side6.bias",
                 "stage5d.rebnconv4.conv_s1.bias", "stage2d.rebnconv1d.bn_s1.num_batches_tracked",
                 "stage6.rebnconv3d.conv_s1.weight", "outconv.weight"]  # fmt: skip
    with torch.device("meta"):
        keys = U2Net(U2NetConfig(SMALL)).state_dict().keys()
    assert set(published) <= keys
    assert not any(key.startswith(("stage5.rebnconv5", "stage1.rebnconv7d")) for key in keys)


@pytest.mark.parametrize("stages", [SMALL, FULL, ((3, 8, 16), *[(16, 8, 16)] * 5, *[(32, 8, 16)] * 5)])
def test_its_settings_are_read_off_names_and_shapes(stages):
    with torch.device("meta"):
        assert recognize(shapes_of(U2Net(U2NetConfig(stages)))) == U2NetConfig(stages)


def test_dilations_are_those_of_the_paper_which_no_count_would_show():
    with torch.device("meta"):
        network = U2Net(U2NetConfig(SMALL))
    told = {name: layer.dilation[0] for name, layer in network.named_modules() if isinstance(layer, torch.nn.Conv2d)}
    flat = [told[f"stage5.rebnconv{level}.conv_s1"] for level in ("in", "1", "2", "3", "4", "3d", "2d", "1d")]
    assert flat == [1, 1, 2, 4, 8, 4, 2, 1]
    assert {
        name
        for name, dilation in told.items()
        if dilation > 1 and not name.startswith(("stage5.", "stage6.", "stage5d."))
    } == {
        f"{stage}.rebnconv{bottom}.conv_s1"
        for stage, bottom in zip(
            ("stage1", "stage2", "stage3", "stage4", "stage4d", "stage3d", "stage2d", "stage1d"),
            (7, 6, 5, 4, 4, 5, 6, 7),
            strict=True,
        )
    }


def test_a_state_dict_with_a_stage_missing_is_not_taken_for_it():
    with torch.device("meta"):
        shapes = shapes_of(U2Net(U2NetConfig(SMALL)))
    assert recognize({key: shape for key, shape in shapes.items() if not key.startswith(STAGES[6])}) is None
    assert recognize({}) is None


@pytest.mark.parametrize("size", [(1, 1), (15, 33), (16, 16), (17, 64)])
def test_all_seven_mattes_have_the_photos_size_whatever_it_is(size):
    network = build(U2NetConfig(((3, 4, 8), *[(8, 4, 8)] * 5, *[(16, 4, 8)] * 5))).eval()
    with torch.inference_mode():
        mattes = network(torch.rand(2, 3, *size))
    assert [tuple(matte.shape) for matte in mattes] == [(2, 1, *size)] * 7
    assert all(matte.min() >= 0 and matte.max() <= 1 for matte in mattes)


def test_the_first_matte_is_fused_from_the_other_six():
    torch.manual_seed(0)
    network = build(U2NetConfig(((3, 4, 8), *[(8, 4, 8)] * 5, *[(16, 4, 8)] * 5))).eval()
    with torch.inference_mode():
        fused, *sides = network.forward_logits(torch.rand(1, 3, 32, 48))
        assert torch.allclose(fused, network.outconv(torch.cat(sides, 1)))
        assert not torch.allclose(fused, sides[0])
