"""Networks handed out as modules: whose weights, in which state, and never random ones."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import bgswap
from bgswap.errors import BgswapError, NotReady, UsageError
from bgswap.networks import alexnet, dists_weights, lpips_heads, squeezenet, u2net
from bgswap.networks.people import PeopleNet
from bgswap.zoo import catalog, store
from bgswap.zoo.choice import ModelOptions
from bgswap.zoo.modules import load_network

SMALL = squeezenet.SqueezeNetConfig(3, ((2, 2),) * 8)
TRUNKS = ("alexnet", "vgg16", "vgg19", "squeezenet1_1", "inception-fid")
SMALL_FILES = ("lpips-alex", "lpips-vgg", "lpips-squeeze", "dists")


def saved(network: nn.Module, path):
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture
def no_torchmetrics(monkeypatch):
    """Where the library that brings the small files is not installed."""
    monkeypatch.setattr(store, "find_spec", lambda _name: None)


def test_a_network_comes_ready_for_looking_through(tmp_path):
    path = saved(squeezenet.build(SMALL), tmp_path / "a.pth")
    network, model = load_network(path, "cpu")
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert network.features[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert model.paths == (path,)
    assert len(model.sha256) == 64
    picture = torch.rand(1, 3, 32, 32, requires_grad=True)
    network(picture)["relu7"].sum().backward()  # a loss may look through it
    assert picture.grad is not None


@pytest.mark.parametrize("name", TRUNKS)
def test_a_trunk_that_cannot_be_had_is_not_ready_and_says_what_to_fetch(name):
    with pytest.raises(NotReady) as caught:
        ModelOptions(device="cpu", offline=True).network(name)
    card = catalog.by_name(name)
    assert caught.value.code == 3
    assert f"bgswap models fetch {name}" in str(caught.value)
    assert card.urls[0] in str(caught.value)
    assert card.sha256 in str(caught.value)


@pytest.mark.parametrize("name", SMALL_FILES)
def test_the_small_files_are_those_that_torchmetrics_brings(name):
    pytest.importorskip("torchmetrics")
    network, model = load_network(name, "cpu")
    assert model.sha256 == catalog.by_name(name).sha256
    assert isinstance(network, lpips_heads.LpipsHeads | dists_weights.DistsWeights)


@pytest.mark.parametrize("name", SMALL_FILES)
def test_without_torchmetrics_the_small_files_are_asked_for_as_well(no_torchmetrics, name):
    with pytest.raises(NotReady, match=f"bgswap models fetch {name}"):
        ModelOptions(device="cpu", offline=True).network(name)


def test_facts_of_the_rows_agree_with_each_other_and_with_file_names():
    for name in (*TRUNKS, *SMALL_FILES):
        card = catalog.by_name(name)
        assert (card.task, card.commercial) == ("features", True)
        assert len(card.sha256) == 64
        assert card.size > 0
        assert card.network
        assert card.license != "unknown"
        prefix = card.files[0].sha256_prefix
        assert card.sha256.startswith(prefix)
        assert all(prefix in url for url in card.urls)


def test_the_lpips_files_at_hand_are_those_of_the_catalog(own_catalog, test_data, no_torchmetrics):
    folder = test_data / "weights" / "lpips"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    for kind in ("alex", "vgg", "squeeze"):
        card = catalog.by_name(f"lpips-{kind}")
        own = store.own_path(card, card.files[0])
        own.parent.mkdir(parents=True)
        shutil.copy(folder / f"{kind}.pth", own)
        heads = ModelOptions(device="cpu").network(f"lpips-{kind}")
        assert heads.channels == getattr(lpips_heads, kind.upper())
        assert all((weight >= 0).all() for weight in heads.parameters())


def test_a_row_of_the_users_own_stands_in_for_ours(own_catalog, test_data):
    folder = test_data / "weights"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    own_catalog(
        f'[squeezenet1_1]\ntask = "features"\nfile = "{folder}/squeezenet1_1_imagenet_fp16.safetensors"\n'
        f'[lpips-squeeze]\nfile = "{folder}/lpips/squeeze.pth"\n'
    )
    options = ModelOptions(device="cpu", offline=True)
    trunk, heads = options.network("squeezenet1_1"), options.network("lpips-squeeze")
    taps = trunk(torch.rand(1, 3, 64, 64))
    assert {tap.dtype for tap in taps.values()} == {torch.float32}
    found = heads([tap**2 for tap in taps.values()])
    assert [tuple(one.shape) for one in found] == [(1, 1, *tap.shape[2:]) for tap in taps.values()]


def test_a_row_that_holds_another_network_or_no_state_dict_is_refused(own_catalog, tmp_path):
    wrong = saved(alexnet.build(alexnet.AlexNetConfig((2, 2, 2, 2, 2))), tmp_path / "wrong.pth")
    own_catalog(f'[squeezenet1_1]\nfile = "{wrong}"\n')
    with pytest.raises(
        BgswapError, match="holds a 'alexnet' network; squeezenet1_1 needs a state dict of 'squeezenet'"
    ):
        load_network("squeezenet1_1", "cpu")
    with pytest.raises(BgswapError, match=r"people.onnx .* holds no state dict"):
        load_network(Path(bgswap.__file__).parent / "weights/people.onnx", "cpu")


def test_of_a_model_in_two_formats_the_state_dict_is_taken():
    network, _ = load_network("people", "cpu")
    assert isinstance(network, PeopleNet)


def test_keys_that_a_network_does_not_drop_are_still_too_many(tmp_path):
    state = squeezenet.build(SMALL).state_dict()
    torch.save(state | {"classifier.1.weight": torch.ones(1)}, tmp_path / "right.pth")
    load_network(tmp_path / "right.pth", "cpu")
    torch.save(state | {"classified": torch.ones(1)}, tmp_path / "wrong.pth")
    with pytest.raises(BgswapError, match="Unexpected key"):
        load_network(tmp_path / "wrong.pth", "cpu")
    small = u2net.U2NetConfig(((3, 4, 8), *[(8, 4, 8)] * 5, *[(16, 4, 8)] * 5))
    torch.save(u2net.build(small).state_dict() | {"classifier.1.weight": torch.ones(1)}, tmp_path / "u.pth")
    with pytest.raises(BgswapError, match="Unexpected key"):
        load_network(tmp_path / "u.pth", "cpu")


def test_what_makes_no_picture_is_refused_where_a_picture_is_wanted(tmp_path):
    with pytest.raises(UsageError, match="vgg16 is for metrics"):
        ModelOptions(device="cpu", offline=True).load("vgg16")
    path = saved(squeezenet.build(SMALL), tmp_path / "mine.pth")
    with pytest.raises(UsageError, match="mine is for metrics"):
        ModelOptions(device="cpu").load(str(path))


@pytest.mark.parametrize("nested", [True, False])
def test_heads_weigh_channels_under_both_names_that_files_give_them(tmp_path, nested):
    weights = [torch.rand(1, channels, 1, 1) for channels in (3, 5)]
    inner = "model.1" if nested else "1"
    torch.save({f"lin{n}.{inner}.weight": weight for n, weight in enumerate(weights)}, tmp_path / "a.pth")
    heads, _ = load_network(tmp_path / "a.pth", "cpu")
    differences = [torch.rand(2, 3, 4, 6), torch.rand(2, 5, 2, 3)]
    for found, difference, weight in zip(heads(differences), differences, weights, strict=True):
        expected = np.einsum("bchw,c->bhw", difference.numpy(), weight.flatten().numpy())
        assert found.shape == (2, 1, *difference.shape[2:])
        assert np.abs(found[:, 0].numpy() - expected).max() < 1e-6


def test_weights_of_dists_add_up_to_one_together():
    pytest.importorskip("torchmetrics")
    alpha, beta = ModelOptions(device="cpu").network("dists")()
    assert alpha.shape == beta.shape == (1, 1475, 1, 1)
    assert float(alpha.sum() + beta.sum()) == pytest.approx(1, abs=1e-6)
    assert alpha.sum() != beta.sum()
