"""LaMa through the loader's call and through simple-lama-inpainting's real wheel, both on one stand-in network."""

import numpy as np
import pytest

from bgswap.errors import NotReady
from bgswap.inpainting.fill import Filler, InpaintSettings
from bgswap.inpainting.stage import InpaintStage
from bgswap.inpainting.ways import lama, simple_lama
from bgswap.zoo.choice import ModelOptions


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A TorchScript file that takes and gives what big-lama.pt does: holes get a blur of what is known."""
    torch = pytest.importorskip("torch")

    class Standin(torch.nn.Module):
        def forward(self, image, mask):
            known = image * (1 - mask)
            blurred = torch.nn.functional.avg_pool2d(known, 9, 1, 4)
            return image * (1 - mask) + (0.3 + 0.5 * blurred) * mask

    path = tmp_path_factory.mktemp("weights") / "stand-in.pt"
    torch.jit.script(Standin()).save(str(path))
    return path


@pytest.fixture
def model(weights, monkeypatch):
    """The stand-in as the zoo loads it where LAMA_MODEL names it and the user trusts it."""
    monkeypatch.setenv("LAMA_MODEL", str(weights))
    return ModelOptions(trust_model=True).load("lama")


@pytest.fixture
def hole(photo):
    mask = np.zeros(photo.shape[:2], bool)
    mask[60:140, 80:120] = True
    return mask


@pytest.mark.parametrize("size", [(205, 101), (208, 104), (161, 131)])
def test_the_package_gives_the_same_bytes_as_lama_at_the_true_size(photo, hole, model, size):
    pytest.importorskip("simple_lama_inpainting", reason=simple_lama.INSTALL)
    small, mask = photo[: size[0], : size[1]], hole[: size[0], : size[1]]
    through_package = simple_lama.fill(small, mask, model=simple_lama.load(model))
    through_loader = lama.fill(small, mask, model=model)
    assert through_loader.shape == small.shape
    assert (through_package == through_loader).all()
    assert (through_loader[mask] != small[mask]).any()


def test_lama_asks_with_one_for_holes_and_levels_from_zero_to_one(photo, hole):
    def network(image, mask):
        assert image.shape == (1, 3, 512, 512)
        assert mask.shape == (1, 1, 512, 512)
        assert (mask[0, 0] == hole).all()
        assert np.allclose(image[0, :, 5, 7] * 255, photo[5, 7])
        return (np.full_like(image, 2),)

    filled = lama.fill(photo, hole, model=network)
    assert (filled[hole] == 255).all()
    assert (filled[~hole] == photo[~hole]).all()


def test_both_fill_a_whole_photo_alike(photo, hole, model):
    pytest.importorskip("simple_lama_inpainting", reason=simple_lama.INSTALL)
    matte = hole.astype(np.uint8) * 255
    settings = {"side": 60, "dilate": 3}
    one = Filler(InpaintSettings(model="lama", **settings), model).fill(photo, matte)
    other = Filler(InpaintSettings(model="simple-lama", **settings), model).fill(photo, matte)
    assert (one.pixels == other.pixels).all()
    assert (one.pixels[one.hole == 0] == photo[one.hole == 0]).all()


def test_without_the_package_the_line_that_installs_it_is_shown(monkeypatch, model):
    monkeypatch.setitem(__import__("sys").modules, "simple_lama_inpainting", None)
    with pytest.raises(NotReady, match="pip install --no-deps simple-lama-inpainting"):
        simple_lama.load(model)


@pytest.mark.parametrize("way", ["lama", "simple-lama"])
def test_a_torchscript_file_that_nobody_vouches_for_is_not_run(monkeypatch, weights, way):
    monkeypatch.setenv("LAMA_MODEL", str(weights))
    with pytest.raises(NotReady):
        InpaintStage(InpaintSettings(model=way), ModelOptions()).prepare(1)


def test_weights_that_are_not_here_are_not_fetched_offline_and_the_cure_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("LAMA_MODEL", raising=False)
    for name in ("TORCH_HOME", "BGSWAP_MODELS"):
        monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(NotReady, match="bgswap models fetch lama"):
        InpaintStage(InpaintSettings(model="simple-lama"), ModelOptions(offline=True)).prepare(1)
    assert list(tmp_path.iterdir()) == []
