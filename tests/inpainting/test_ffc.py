"""The way that fills with our own network: called with stacked planes, and named by its run or its weights."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import bgswap
from bgswap.errors import BgswapError, NotReady, UsageError
from bgswap.inpainting.fill import Filler, InpaintSettings
from bgswap.inpainting.stage import InpaintStage, load_filler
from bgswap.inpainting.ways import ffc
from bgswap.networks import people
from bgswap.networks.ffc_inpaint import FFCInpaintConfig, build
from bgswap.zoo import loader
from bgswap.zoo.choice import ModelOptions
from tests.commands.harness import call


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder with a small network as training leaves it."""
    torch.manual_seed(0)
    network = build(FFCInpaintConfig((8, 12, 16), 12, 1))
    torch.nn.init.normal_(network.head.weight, std=0.02)
    path = tmp_path_factory.mktemp("runs") / "fill"
    path.mkdir()
    save_file(network.state_dict(), path / "best.safetensors")
    told = {"recipe": "ffc-inpaint", "task": "inpaint", "network": "ffc-inpaint", "takes": ["photo", "mask"]}
    (path / "run.json").write_text(json.dumps(told))
    return path


@pytest.fixture(scope="module")
def model(run):
    """Its weights, opened by nothing but their file."""
    return loader.load(run / "best.safetensors", "cpu")


@pytest.fixture
def hole(photo):
    mask = np.zeros(photo.shape[:2], bool)
    mask[60:440, 180:320] = True
    return mask


def test_it_asks_with_one_for_holes_and_levels_from_zero_to_one(photo, hole):
    def network(planes):
        assert planes.shape == (1, 4, 205, 131)
        assert planes.dtype == np.float32
        assert (planes[0, 3] == hole[:205, :131]).all()
        assert np.allclose(planes[0, :3, 5, 7] * 255, photo[5, 7])
        return (np.full((1, 3, 205, 131), 0.5, np.float32),)

    hole[60:80, 40:90] = True
    filled = ffc.fill(photo[:205, :131], hole[:205, :131], model=network)
    assert (filled[hole[:205, :131]] == 128).all()
    assert np.array_equal(filled[~hole[:205, :131]], photo[:205, :131][~hole[:205, :131]])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_photo_of_any_depth_is_filled_and_known_pixels_keep_their_bytes(photo, hole, model, kind):
    deep = photo.astype(kind) * (257 if kind is np.uint16 else 1)
    filled = Filler(InpaintSettings(model="ffc"), model).fill(deep, hole.astype(np.uint8) * 255)
    gone = filled.hole > 0
    assert filled.pixels.dtype == kind
    assert np.array_equal(filled.pixels[~gone], deep[~gone])
    assert (filled.pixels[gone] != deep[gone]).any(-1).mean() > 0.9


def test_what_stood_in_the_hole_changes_nothing_of_the_fill(photo, hole, model):
    other = photo.copy()
    other[hole] = np.random.default_rng(1).integers(0, 256, (int(hole.sum()), 3), np.uint8)
    first, second = (ffc.fill(one[::3, ::3], hole[::3, ::3], model=model) for one in (photo, other))
    assert np.array_equal(first[hole[::3, ::3]], second[hole[::3, ::3]])


def test_the_same_photo_is_filled_alike_each_time_and_stays_as_it_is(photo, hole, model):
    before = photo.copy()
    filler = Filler(InpaintSettings(model="ffc"), model)
    first, second = (filler.fill(photo, hole.astype(np.uint8) * 255).pixels for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(photo, before)


def test_without_a_network_it_says_so():
    with pytest.raises(UsageError, match="ffc needs its network"):
        Filler(InpaintSettings(model="ffc"))


def test_a_run_its_weights_and_the_loaded_network_fill_alike(photo, hole, run, model):
    small, mask = photo[::3, ::3], hole[::3, ::3].astype(np.uint8) * 255
    wanted = Filler(InpaintSettings(model="ffc"), model).fill(small, mask).pixels
    for name in (run, run / "best.safetensors"):
        assert np.array_equal(np.asarray(bgswap.inpaint(small, mask, model=str(name))), wanted)


def test_the_command_takes_a_run_and_notices_that_its_weights_changed(photo, hole, run, tmp_path):
    (tmp_path / "in").mkdir()
    Image.fromarray(photo[::3, ::3]).save(tmp_path / "in/a.png")
    Image.fromarray(hole[::3, ::3].astype(np.uint8) * 255).save(tmp_path / "mask.png")
    line = ["inpaint", "-u", tmp_path / "in", tmp_path / "out", "--mask", tmp_path / "mask.png", "--model"]
    own = tmp_path / "run"
    own.mkdir()
    for name in ("run.json", "best.safetensors"):
        (own / name).write_bytes((run / name).read_bytes())
    assert call(*line, own).status == 0
    changed = np.asarray(Image.open(tmp_path / "out/a.png")) != photo[::3, ::3]
    assert changed[hole[::3, ::3]].mean() > 0.9
    assert "1 unchanged" in call(*line, own).err
    save_file(build(FFCInpaintConfig((8, 12, 16), 12, 1)).state_dict(), own / "best.safetensors")
    assert "1 to do" in call(*line, own).err


def test_decoys_of_placement_are_filled_by_a_run_too(photo, run):
    matte = np.zeros(photo.shape[:2], np.uint8)
    matte[60:400, 180:320] = 255
    cut = np.dstack([photo, matte])
    made = [
        bgswap.augment(photo, cut, "placement", plate=photo, others=[cut], size=64, decoys=1, fill=fill)[0]["plate"]
        for fill in (str(run), "telea")
    ]
    assert (np.asarray(made[0]) != np.asarray(made[1])).any()


def test_its_name_alone_asks_for_a_run(photo, hole, tmp_path):
    Image.fromarray(photo).save(tmp_path / "a.png")
    Image.fromarray(hole.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    done = call("inpaint", tmp_path / "a.png", tmp_path / "b.png", "--mask", tmp_path / "mask.png", "--model", "ffc")
    assert done.status == 2
    assert "ffc comes without weights: name a run of bgswap train ffc-inpaint" in done.err


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("people", UsageError, "people is no run of bgswap train ffc-inpaint.*network 'people'"),
        ("sam", UsageError, "sam is no run of bgswap train ffc-inpaint.*task 'segment'"),
        ("telae", UsageError, "telae.*patchmatch, simple-lama, telea"),
        (".", NotReady, "no training run"),
    ],
)
def test_what_does_not_fill_is_told_before_anything_is_fetched(name, error, told):
    options = ModelOptions(offline=True)
    with pytest.raises(error, match=told):
        load_filler(InpaintSettings(model=name), options)
    with pytest.raises(error, match=told):
        InpaintStage(InpaintSettings(model=name), options).models()


def test_weights_of_another_network_are_known_by_their_shapes(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file(people.build(people.PeopleConfig()).state_dict(), path)
    with pytest.raises(UsageError, match="no weights of one: it holds the network 'people'"):
        load_filler(InpaintSettings(model=str(path)), ModelOptions())
    path.write_bytes(b"")
    with pytest.raises(BgswapError, match="empty"):
        load_filler(InpaintSettings(model=str(path)), ModelOptions())
