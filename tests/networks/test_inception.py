"""FID's Inception against published counts, and block by block against the papers' diagrams written out once more."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bgswap.networks.inception import Inception, InceptionConfig, recognize, resize
from bgswap.zoo.modules import load_network
from tests.networks.trunks import count, shapes_of


@pytest.fixture(scope="module")
def network():
    """The real sizes, numbers drawn so that signals neither die nor explode, norms that do something."""
    torch.manual_seed(0)
    network = Inception().eval()
    for key, value in network.state_dict().items():
        if key.endswith("conv.weight"):
            value.normal_(std=(2 / value[0].numel()) ** 0.5)
        elif key.endswith(("running_mean", "bn.bias")):
            value.normal_(std=0.1)
        elif key.endswith(("running_var", "bn.weight")):
            value.uniform_(0.5, 1.5)
    return network


def test_it_has_the_published_parameters_but_for_the_classifiers():
    # torchvision publishes 27,161,264 for inception_v3, Keras 21,802,784 without the classifier. The first counts an
    # auxiliary classifier (3,326,696) and the last layer (2,049,000); the second counts, of 17,216 channels, mean and
    # variance of each norm, and has no factor there.
    with torch.device("meta"):
        parameters = count(Inception())
    assert parameters == 27_161_264 - 3_326_696 - 2_049_000
    assert parameters == 21_802_784 - 2 * 17_216 + 17_216


def test_the_keys_of_the_published_file_are_its_own():
    with torch.device("meta"):
        shapes = shapes_of(Inception())
    published = {  # as torch prints them for pt_inception-2015-12-05-6726825d.pth
        "Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3),
        "Conv2d_4a_3x3.bn.running_var": (192,),
        "Mixed_5c.branch5x5_2.conv.weight": (64, 48, 5, 5),
        "Mixed_6b.branch7x7dbl_5.conv.weight": (192, 128, 1, 7),
        "Mixed_6e.branch7x7_3.conv.weight": (192, 192, 7, 1),
        "Mixed_7a.branch7x7x3_4.bn.bias": (192,),
        "Mixed_7b.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1),
        "Mixed_7c.branch_pool.conv.weight": (192, 2048, 1, 1),
    }
    assert {key: shapes[key] for key in published} == published
    assert sum(key.endswith("conv.weight") for key in shapes) == 94


def test_its_settings_are_read_off_names_and_shapes_and_torchvisions_weights_are_refused():
    with torch.device("meta"):
        shapes = shapes_of(Inception())
        other = InceptionConfig(pooled=(8, 16, 24), middle=(8, 16, 24, 32))
        assert recognize(shapes_of(Inception(other))) == other
    assert recognize(shapes | {"fc.weight": (1008, 2048), "fc.bias": (1008,)}) == InceptionConfig()
    assert recognize(shapes | {"fc.weight": (1000, 2048), "AuxLogits.fc.weight": (1000, 768)}) is None
    assert recognize({}) is None


@pytest.mark.parametrize("size", [(1, 1), (299, 299), (37, 410), (512, 301)])
def test_it_resizes_without_half_pixel_centers(photo, size):
    picture = photo[: size[0], : size[1]].astype(np.float64) / 255
    expected = picture
    for axis in (0, 1):  # output i reads at i * side / 299
        at = np.arange(299) * picture.shape[axis] / 299
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, picture.shape[axis] - 1)
        share = (at - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        expected = (1 - share) * expected.take(low, axis) + share * expected.take(high, axis)
    resized = resize(torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None], 299)
    assert resized.shape == (1, 3, 299, 299)
    assert np.abs(resized[0].permute(1, 2, 0).numpy() - expected).max() < 1e-6


class Written:
    """A block's branches written out, from its state dict alone."""

    def __init__(self, block):
        self.state = block.state_dict()

    def step(self, x, name, padding=(0, 0), stride=1):
        part = {key.removeprefix(f"{name}."): value for key, value in self.state.items() if key.startswith(f"{name}.")}
        x = F.conv2d(x, part["conv.weight"], stride=stride, padding=padding)
        mean, spread = part["bn.running_mean"], (part["bn.running_var"] + 0.001).sqrt()
        x = (x - mean[:, None, None]) / spread[:, None, None]
        return (x * part["bn.weight"][:, None, None] + part["bn.bias"][:, None, None]).relu()

    def chain(self, x, *steps):
        for step in steps:
            x = self.step(x, *step)
        return x


def mean_of_what_is_there(x):
    """3x3 means that leave out what lies beyond the edge."""
    ones = torch.ones_like(x[:, :1])
    kernel = torch.ones(x.shape[1], 1, 3, 3, dtype=x.dtype)
    return F.conv2d(x, kernel, padding=1, groups=x.shape[1]) / F.conv2d(ones, kernel[:1], padding=1)


def kind_a(w, x):
    a = w.step(x, "branch1x1")
    b = w.chain(x, ("branch5x5_1",), ("branch5x5_2", (2, 2)))
    c = w.chain(x, ("branch3x3dbl_1",), ("branch3x3dbl_2", (1, 1)), ("branch3x3dbl_3", (1, 1)))
    return a, b, c, w.step(mean_of_what_is_there(x), "branch_pool")


def kind_b(w, x):
    a = w.step(x, "branch3x3", stride=2)
    b = w.chain(x, ("branch3x3dbl_1",), ("branch3x3dbl_2", (1, 1)), ("branch3x3dbl_3", (0, 0), 2))
    return a, b, F.max_pool2d(x, 3, 2)


def kind_c(w, x):
    a = w.step(x, "branch1x1")
    b = w.chain(x, ("branch7x7_1",), ("branch7x7_2", (0, 3)), ("branch7x7_3", (3, 0)))
    c = w.chain(x, ("branch7x7dbl_1",), ("branch7x7dbl_2", (3, 0)), ("branch7x7dbl_3", (0, 3)))
    c = w.chain(c, ("branch7x7dbl_4", (3, 0)), ("branch7x7dbl_5", (0, 3)))
    return a, b, c, w.step(mean_of_what_is_there(x), "branch_pool")


def kind_d(w, x):
    a = w.chain(x, ("branch3x3_1",), ("branch3x3_2", (0, 0), 2))
    b = w.chain(x, ("branch7x7x3_1",), ("branch7x7x3_2", (0, 3)), ("branch7x7x3_3", (3, 0)))
    return a, w.step(b, "branch7x7x3_4", stride=2), F.max_pool2d(x, 3, 2)


def kind_e(w, x, pool):
    a, b = w.step(x, "branch1x1"), w.step(x, "branch3x3_1")
    b = w.step(b, "branch3x3_2a", (0, 1)), w.step(b, "branch3x3_2b", (1, 0))
    c = w.chain(x, ("branch3x3dbl_1",), ("branch3x3dbl_2", (1, 1)))
    c = w.step(c, "branch3x3dbl_3a", (0, 1)), w.step(c, "branch3x3dbl_3b", (1, 0))
    return a, *b, *c, w.step(pool(x), "branch_pool")


def largest_of_nine(x):
    padded = F.pad(x, (1, 1, 1, 1), value=-torch.inf)
    return padded.unfold(2, 3, 1).unfold(3, 3, 1).amax((4, 5))


KINDS = {
    **{f"Mixed_5{place}": kind_a for place in "bcd"},
    "Mixed_6a": kind_b,
    **{f"Mixed_6{place}": kind_c for place in "bcde"},
    "Mixed_7a": kind_d,
    "Mixed_7b": lambda w, x: kind_e(w, x, mean_of_what_is_there),
    "Mixed_7c": lambda w, x: kind_e(w, x, largest_of_nine),  # the slip in TensorFlow's graph of 2015
}


def test_every_block_and_the_whole_are_what_the_diagrams_say(network, photo):
    network = network.double()
    picture = torch.from_numpy(photo[100:200, 180:257].copy()).permute(2, 0, 1)[None].double() / 255
    with torch.inference_mode():
        w = Written(network)
        x = (resize(picture, 299) * 255 - 128) / 128
        x = w.chain(x, ("Conv2d_1a_3x3", (0, 0), 2), ("Conv2d_2a_3x3",), ("Conv2d_2b_3x3", (1, 1)))
        x = w.chain(F.max_pool2d(x, 3, 2), ("Conv2d_3b_1x1",), ("Conv2d_4a_3x3",))
        x = F.max_pool2d(x, 3, 2)
        for name, kind in KINDS.items():
            block = network.get_submodule(name)
            expected = torch.cat(kind(Written(block), x), 1)
            assert torch.allclose(block(x), expected, rtol=1e-9, atol=1e-9), name
            x = expected
        assert x.shape == (1, 2048, 8, 8)
        features = network(picture)
    network.float()
    assert features.std() > 0.01
    assert torch.allclose(features, x.mean((2, 3)), rtol=1e-9)


def test_the_published_file_is_loaded_blind_and_its_classifier_passed_over(network, tmp_path, photo):
    more = {"fc.weight": torch.ones(1008, 2048), "fc.bias": torch.ones(1008)}
    torch.save(network.float().state_dict() | more, tmp_path / "a.pth")
    loaded, _ = load_network(tmp_path / "a.pth", "cpu")
    picture = torch.from_numpy(photo[:90, :120].copy()).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        assert torch.allclose(loaded(picture), network(picture), atol=1e-4)
    assert not loaded.training
