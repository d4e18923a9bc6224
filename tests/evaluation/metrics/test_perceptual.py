"""LPIPS, DISTS and the perceptual distance: against NumPy in float64, torchmetrics, and what must hold of photos."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from bgswap.errors import PictureError
from bgswap.evaluation import rows
from bgswap.evaluation.metrics import perceptual as by_features
from bgswap.evaluation.metrics.dists import DistsTrunk, dists
from bgswap.evaluation.metrics.dists import make_trunk as dists_trunk
from bgswap.evaluation.metrics.lpips import VARIANTS, LpipsTrunk, lpips, models
from bgswap.evaluation.metrics.lpips import make_trunk as lpips_trunk
from bgswap.evaluation.metrics.perceptual import perceptual
from bgswap.networks import alexnet, dists_weights, lpips_heads, squeezenet, vgg
from bgswap.networks._trunk import Trunk

Array = NDArray[np.float64]
HEADS = {"alex": lpips_heads.ALEX, "vgg": lpips_heads.VGG, "squeeze": lpips_heads.SQUEEZE}
LEAST = {"alex": 31, "vgg": 16, "squeeze": 17}

# The networks once more, written out: (kind, key in the weights, size, stride, padding), "tap" behind LPIPS' taps.
POOL, UP = ("pool", "", 3, 2, 0), ("pool up", "", 3, 2, 0)
Step = tuple[str, str, int, int, int]


def _fires(*places: int) -> list[Step]:
    return [("fire", f"features.{place}", 0, 0, 0) for place in places]


def _conv(place: int, size: int = 3, stride: int = 1, padding: int = 1) -> Step:
    return ("conv", f"features.{place}", size, stride, padding)


def _vgg(*counts: int) -> list[Step]:
    steps: list[Step] = []
    place = 0
    for block, count in enumerate(counts, 1):
        for number in range(1, count + 1):
            steps.append(_conv(place))
            steps.append(("tap", f"relu{block}_{number}", 0, 0, 0))
            place += 2
        steps.append(("pool", "", 2, 2, 0))
        place += 1
    return steps


def _tap(number: int) -> Step:
    return ("tap", f"relu{number}", 0, 0, 0)


STEPS: dict[str, list[Step]] = {
    "vgg": _vgg(2, 2, 3, 3, 3),
    "vgg19": _vgg(2, 2, 4, 4, 4),
    "alex": [
        *(_conv(0, 11, 4, 2), _tap(1), POOL, _conv(3, 5, 1, 2), _tap(2), POOL),
        *(_conv(6), _tap(3), _conv(8), _tap(4), _conv(10), _tap(5)),
    ],
    "squeeze": [
        *(_conv(0, 3, 2, 0), _tap(1), UP, *_fires(3, 4), _tap(2), UP, *_fires(6, 7), _tap(3)),
        *(UP, *_fires(9), _tap(4), *_fires(10), _tap(5), *_fires(11), _tap(6), *_fires(12), _tap(7)),
    ],
}
VGG_TAPS = ["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"]


def _convolved(x: Array, weight: Array, bias: Array, stride: int, padding: int) -> Array:
    """(C, H, W) -> (K, h, w), by windows."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    windows = sliding_window_view(x, weight.shape[2:], (1, 2))[:, ::stride, ::stride]
    return np.einsum("chwyx,kcyx->khw", windows, weight, optimize=True) + bias[:, None, None]


def _pooled(x: Array, size: int, up: bool) -> Array:
    """Maxima of windows at every second place; up: the last window may hang over."""
    if up:
        height, width = x.shape[1:]
        more = [(size - side) % 2 if side > size else size - side for side in (height, width)]
        x = np.pad(x, ((0, 0), (0, more[0]), (0, more[1])), constant_values=-np.inf)
    return sliding_window_view(x, (size, size), (1, 2))[:, ::2, ::2].max((3, 4))


def _l2_pooled(x: Array) -> Array:
    window = np.outer(np.hanning(5)[1:4], np.hanning(5)[1:4])
    x = np.pad(x**2, ((0, 0), (1, 1), (1, 1)))
    windows = sliding_window_view(x, (3, 3), (1, 2))[:, ::2, ::2]
    return np.sqrt((windows * window / window.sum()).sum((3, 4)) + 1e-12)


def _numpy_features(network: nn.Module, steps: list[Step], picture: Array, l2: bool = False) -> dict[str, Array]:
    """picture: (3, H, W) 0..1."""
    weights = {key: value.double().numpy() for key, value in network.state_dict().items()}

    def conv(x: Array, key: str, stride: int = 1, padding: int = 0) -> Array:
        return np.maximum(_convolved(x, weights[f"{key}.weight"], weights[f"{key}.bias"], stride, padding), 0)

    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = (picture - mean[:, None, None]) / std[:, None, None]
    found = {}
    for kind, key, size, stride, padding in steps:
        if kind == "tap":
            found[key] = x
        elif kind == "conv":
            x = conv(x, key, stride, padding)
        elif kind == "fire":
            x = conv(x, f"{key}.squeeze")
            x = np.concatenate([conv(x, f"{key}.expand1x1"), conv(x, f"{key}.expand3x3", padding=1)])
        else:
            x = _l2_pooled(x) if l2 else _pooled(x, size, kind == "pool up")
    return found


def _seeded(module: Any, seed: int = 0) -> Any:
    """Random weights that keep the size of features from layer to layer (He et al.'s), so that every tap counts."""
    random = torch.Generator().manual_seed(seed)
    for weight in module.parameters():
        with torch.no_grad():
            if weight.dim() == 4 and weight.shape[0] > 1:
                weight.normal_(0, (2 / weight[0].numel()) ** 0.5, generator=random)
            else:
                weight.uniform_(0, 0.1, generator=random)
    return module.eval()


def _network(name: str, narrow: bool = False) -> Trunk:
    if name == "alex":
        return _seeded(alexnet.AlexNet(alexnet.AlexNetConfig((6, 7, 8, 6, 6)) if narrow else alexnet.AlexNetConfig()))
    if name == "squeeze":
        thin = squeezenet.SqueezeNetConfig(6, ((2, 4), (3, 4)) * 4)
        return _seeded(squeezenet.SqueezeNet(thin if narrow else squeezenet.SqueezeNetConfig()))
    blocks = vgg.VGG16 if name == "vgg" else vgg.VGG19
    return _seeded(vgg.VGG(vgg.VGGConfig(tuple(tuple(w // 16 if narrow else w for w in block) for block in blocks))))


def _heads(channels: Sequence[int]) -> lpips_heads.LpipsHeads:
    return _seeded(lpips_heads.LpipsHeads(lpips_heads.LpipsHeadsConfig(tuple(channels))))


def _lpips_of(variant: str, narrow: bool = False) -> LpipsTrunk:
    network = _network(variant, narrow)
    taps = VGG_TAPS if variant == "vgg" else list(network.taps)
    widths = [features.shape[1] for features in network(torch.zeros(1, 3, 32, 32), taps).values()]
    trunk = lpips_trunk([network, _heads(widths)], variant)
    assert isinstance(trunk, LpipsTrunk)
    return trunk


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255


def _blurred(picture: Tensor, radius: int) -> Tensor:
    side = 2 * radius + 1
    return F.avg_pool2d(F.pad(picture, (radius,) * 4, "replicate"), side, 1)


@pytest.fixture(scope="module")
def face(photo: NDArray[np.uint8]) -> Tensor:
    """The astronaut's face, 67 x 64 pixels: sides that no stride divides, and that do."""
    return _tensor(photo[80:144, 190:257])


@pytest.fixture(scope="module")
def pair(face: Tensor) -> tuple[Tensor, Tensor]:
    """The face darker and blurred, and as it is."""
    return _blurred(face, 1) * 0.9, face


def _arrays(pair: tuple[Tensor, Tensor]) -> list[Array]:
    return [one[0].double().numpy() for one in pair]


def _lpips_by_hand(one: dict[str, Array], two: dict[str, Array], heads: nn.Module, taps: Sequence[str]) -> float:
    total = 0.0
    for tap, weight in zip(taps, heads.parameters(), strict=True):
        f, g = (x[tap] / (np.sqrt((x[tap] ** 2).sum(0)) + 1e-10) for x in (one, two))
        total += float((((f - g) ** 2) * weight.detach().double().numpy()[0]).sum(0).mean())
    return total


@pytest.mark.parametrize("variant", VARIANTS)
def test_lpips_is_that_of_numpy_in_double_precision(variant: str, pair: tuple[Tensor, Tensor]) -> None:
    trunk = _lpips_of(variant)
    one, two = (_numpy_features(trunk.network, STEPS[variant], picture) for picture in _arrays(pair))
    expected = _lpips_by_hand(one, two, trunk.heads, trunk.taps)
    assert expected > 0.001
    assert float(lpips(*pair, trunk=trunk)) == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_lpips_is_that_of_torchmetrics_with_the_same_trunk(
    variant: str, pair: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch, test_data: Path
) -> None:
    reference = pytest.importorskip("torchmetrics.functional.image.lpips")
    network = _network(variant)
    # Its trunks come from torchvision, which bgswap does without; its heads are those of the authors.
    monkeypatch.setattr(reference, "_get_tv_model_features", lambda *_: network.features)
    expected = reference._lpips_update(*pair, reference._NoTrainLpips(net=variant), True)
    trunk = lpips_trunk([network, _real_heads(test_data, variant)], variant)
    assert float(lpips(*pair, trunk=trunk)) == pytest.approx(float(expected.detach()), rel=2e-5)


def test_perceptual_is_that_of_numpy_in_double_precision(pair: tuple[Tensor, Tensor]) -> None:
    for name, taps in (("vgg", VGG_TAPS[:4]), ("vgg19", VGG_TAPS[:4]), ("alex", None), ("squeeze", None)):
        network = _network(name, narrow=True)
        one, two = (_numpy_features(network, STEPS[name], picture) for picture in _arrays(pair))
        expected = np.mean([np.abs(one[tap] - two[tap]).mean() for tap in taps or network.taps])
        assert expected > 0.01
        assert float(perceptual(*pair, trunk=network)) == pytest.approx(expected, rel=2e-5), name


def _dists_of(narrow: bool) -> DistsTrunk:
    network = _network("vgg", narrow)
    channels = 3 + sum(HEADS["vgg"]) // (16 if narrow else 1)
    weights = dists_weights.DistsWeights(dists_weights.DistsWeightsConfig(channels))
    random = torch.Generator().manual_seed(5)
    for weight in weights.parameters():
        weight.data = torch.rand(weight.shape, generator=random)
    trunk = dists_trunk([network, weights], "")
    assert isinstance(trunk, DistsTrunk)
    return trunk


def _dists_by_hand(trunk: DistsTrunk, pictures: Sequence[Array]) -> float:
    stages = []
    for picture in pictures:
        found = _numpy_features(trunk.network, STEPS["vgg"], picture, l2=True)
        stages.append([picture] + [found[tap] for tap in VGG_TAPS])
    alike = []
    for f, g in zip(*stages, strict=True):
        x, y = f.reshape(len(f), -1), g.reshape(len(g), -1)
        m, n, var, other = x.mean(1), y.mean(1), x.var(1), y.var(1)
        cov = ((x - m[:, None]) * (y - n[:, None])).mean(1)
        alike.append([(2 * m * n + 1e-6) / (m**2 + n**2 + 1e-6), (2 * cov + 1e-6) / (var + other + 1e-6)])
    texture, structure = np.concatenate(alike, axis=1)
    alpha, beta = (w.detach().double().numpy().ravel() for w in (trunk.weights.alpha, trunk.weights.beta))
    return float(1 - (alpha @ texture + beta @ structure) / (alpha.sum() + beta.sum()))


def test_dists_is_that_of_numpy_in_double_precision(pair: tuple[Tensor, Tensor]) -> None:
    trunk = _dists_of(narrow=False)
    assert trunk.weights.alpha.shape[1] == 1475  # Ding et al.: 3 + 64 + 128 + 256 + 512 + 512
    expected = _dists_by_hand(trunk, _arrays(pair))
    assert expected > 0.01
    assert float(dists(*pair, trunk=trunk)) == pytest.approx(expected, abs=2e-6)


def test_dists_is_that_of_torchmetrics_with_the_same_trunk_and_the_authors_weights(
    pair: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = pytest.importorskip("torchmetrics.functional.image.dists")
    network = _network("vgg")
    for name, stands_in in (("vgg16", lambda weights: network), ("VGG16_Weights", Mock())):  # both torchvision's
        monkeypatch.setattr(reference, name, stands_in, raising=False)
    monkeypatch.setattr(reference, "_TORCHVISION_AVAILABLE", True)
    theirs = reference.DISTSNetwork()
    weights = dists_weights.DistsWeights()
    weights.load_state_dict({"alpha": theirs.alpha, "beta": theirs.beta})
    found = float(dists(*pair, trunk=dists_trunk([network, weights], "")))
    assert found > 0.01
    assert found == pytest.approx(float(theirs(*pair).detach()), abs=2e-6)


def test_dists_of_a_larger_picture_is_that_of_pillows_small_one(photo: NDArray[np.uint8]) -> None:
    trunk = _dists_of(narrow=True)
    large = _tensor(photo[:400, :511])
    pair = (_blurred(large, 2) * 0.9, large)
    # The authors resize by Pillow's bilinear filter, which widens with the step; 511 * 256 / 400 = 327.04.
    small = [
        np.stack([np.asarray(Image.fromarray(c).resize((327, 256), Image.Resampling.BILINEAR)) for c in one[0].numpy()])
        for one in pair
    ]
    expected = _dists_by_hand(trunk, [one.astype(np.float64) for one in small])
    assert float(dists(*pair, trunk=trunk)) == pytest.approx(expected, abs=2e-6)
    assert abs(float(dists(pair[0][..., :256, :256], pair[1][..., :256, :256], trunk=trunk)) - expected) > 1e-3


def test_dists_of_identical_pictures_is_zero_and_it_is_symmetric(pair: tuple[Tensor, Tensor]) -> None:
    trunk = _dists_of(narrow=True)
    assert abs(float(dists(pair[1], pair[1].clone(), trunk=trunk))) < 1e-6
    there, back = float(dists(*pair, trunk=trunk)), float(dists(*pair[::-1], trunk=trunk))
    assert there == pytest.approx(back, abs=1e-7)
    further = float(dists(_blurred(pair[1], 3), pair[1], trunk=trunk))
    assert 0 < float(dists(_blurred(pair[1], 1), pair[1], trunk=trunk)) < further < 1


def test_dists_measures_pictures_of_one_pixel() -> None:
    one = torch.full((1, 3, 1, 1), 0.5)
    assert abs(float(dists(one, one.clone(), trunk=_dists_of(narrow=True)))) < 1e-6


def _whole(pair: Sequence[Tensor], network: Trunk) -> float:
    """The perceptual distance through the network's own forward, of the whole picture at once."""
    taps = [tap for tap in VGG_TAPS[:4] if tap in network.taps] or list(network.taps)
    with torch.no_grad():
        one, two = (network(picture, taps) for picture in pair)
    return float(np.mean([float((one[tap] - two[tap]).abs().double().mean()) for tap in taps]))


@given(
    name=st.sampled_from(["vgg", "vgg19", "alex", "squeeze"]),
    height=st.integers(31, 230),
    width=st.integers(31, 60),
    strip=st.integers(1, 9000),
)
@example(name="squeeze", height=65, width=40, strip=1)  # the last strip's one row makes a pool's window hang over
@example(name="alex", height=65, width=40, strip=1)  # and gives no row of any tap here
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_strips_of_any_height_give_what_the_whole_picture_gives(
    name: str, height: int, width: int, strip: int, photo: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "STRIP", strip)
    network = _network(name, narrow=True)
    true = _tensor(photo[100 : 100 + height, 180 : 180 + width])
    pair = (_blurred(true, 1) * 0.9, true)
    assert float(perceptual(*pair, trunk=network)) == pytest.approx(_whole(pair, network), rel=1e-5)


def _real_heads(test_data: Path, variant: str) -> lpips_heads.LpipsHeads:
    weights = torch.load(test_data / "weights" / "lpips" / f"{variant}.pth", "cpu", weights_only=True)
    config = lpips_heads.recognize({key: tuple(value.shape) for key, value in weights.items()})
    assert config is not None
    heads = lpips_heads.build(config)
    heads.load_state_dict(weights)
    return heads.eval()


@pytest.fixture(scope="module")
def real(test_data: Path) -> LpipsTrunk:
    """LPIPS by SqueezeNet with published weights."""
    from safetensors.torch import load_file

    weights = load_file(test_data / "weights" / "squeezenet1_1_imagenet_fp16.safetensors")
    network = squeezenet.SqueezeNet().eval()
    network.load_state_dict({k: v.float() for k, v in weights.items() if k.startswith("features.")})
    trunk = lpips_trunk([network, _real_heads(test_data, "squeeze")], "squeeze")
    assert isinstance(trunk, LpipsTrunk)
    return trunk


@pytest.fixture(scope="module")
def photos(test_data: Path) -> list[Tensor]:
    """Four real photos of people, of the validation block, as they are."""
    names = [path for path in sorted((test_data / "people" / "photos").iterdir()) if int(path.stem) // 10 % 10 == 8]
    return [_tensor(np.asarray(Image.open(path).convert("RGB"))) for path in names[:16:4]]


def test_with_published_weights_more_blur_is_farther_and_nothing_is_farther_from_itself(
    real: LpipsTrunk, photos: list[Tensor]
) -> None:
    for photo in photos:
        small = photo[..., 100:420, 60:360]
        steps = [float(lpips(_blurred(small, radius), small, trunk=real)) for radius in (0, 1, 2, 4, 8)]
        assert steps[0] == 0
        assert steps == sorted(steps)
        assert min(np.diff(steps)) > 0.01
        assert steps[-1] < 1
        assert float(lpips(small, _blurred(small, 2), trunk=real)) == pytest.approx(steps[2], rel=1e-6)


def test_with_published_weights_strips_of_a_photo_give_what_the_whole_gives(
    real: LpipsTrunk, photos: list[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = (_blurred(photos[0], 1), photos[0])
    with torch.no_grad():
        one, two = (real.network(picture, real.taps) for picture in pair)
        unit = [[F.normalize(x[tap], dim=1, eps=1e-10) for tap in real.taps] for x in (one, two)]
        by_tap = real.heads([(f - g) ** 2 for f, g in zip(*unit, strict=True)])
    expected = sum(float(each.double().mean()) for each in by_tap)
    for strip in (1, 20_000, 10**9):
        monkeypatch.setattr(rows, "STRIP", strip)
        assert float(lpips(*pair, trunk=real)) == pytest.approx(expected, rel=1e-5), strip


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_published_heads_fit_their_trunk_and_are_not_negative(variant: str, test_data: Path) -> None:
    heads = _real_heads(test_data, variant)
    assert heads.channels == HEADS[variant]
    trunk = lpips_trunk([_network(variant), heads], variant)
    assert isinstance(trunk, LpipsTrunk)
    widths = [x.shape[1] for x in trunk.network(torch.zeros(1, 3, 32, 32), trunk.taps).values()]
    assert [len(weight) for weight in trunk.weights()] == widths
    assert all((weight >= 0).all() for weight in trunk.weights())


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_batch_is_one_picture_after_another_and_inputs_stay_as_they_are(variant: str, face: Tensor) -> None:
    trunk = _lpips_of(variant, narrow=True)
    true = torch.cat([face, face.flip(3), face.flip(2)])
    predicted = torch.cat([_blurred(face, 1), _blurred(face.flip(3), 3), face.flip(2)])
    kept = predicted.clone(), true.clone()
    for metric, network in ((lpips, trunk), (perceptual, trunk.network), (dists, _dists_of(narrow=True))):
        found = metric(predicted, true, trunk=network)
        single = [float(metric(predicted[n : n + 1], true[n : n + 1], trunk=network)) for n in range(3)]
        assert found.shape == (3,)
        assert found.tolist() == pytest.approx(single, rel=1e-5, abs=1e-7)
    assert torch.equal(predicted, kept[0])
    assert torch.equal(true, kept[1])


@pytest.mark.parametrize("variant", VARIANTS)
def test_pictures_too_small_for_a_trunk_are_an_error_that_says_how_large_they_must_be(variant: str) -> None:
    trunk, least = _lpips_of(variant, narrow=True), LEAST[variant]
    enough, less = torch.rand(1, 3, least, 40), torch.rand(1, 3, 40, least - 1)
    assert float(lpips(enough, enough.clone(), trunk=trunk)) == 0
    with pytest.raises(PictureError, match=f"{least - 1} x 40 pixels .* at least {least}"):
        lpips(less, less, trunk=trunk)


def test_heads_of_another_trunk_are_refused() -> None:
    with pytest.raises(ValueError, match="7 heads do not fit 5 taps"):
        lpips_trunk([_network("alex", narrow=True), _heads(HEADS["squeeze"])], "alex")


def test_the_catalogs_names_say_trunk_and_heads() -> None:
    assert [models(variant) for variant in VARIANTS] == [
        ("alexnet", "lpips-alex"),
        ("vgg16", "lpips-vgg"),
        ("squeezenet1_1", "lpips-squeeze"),
    ]
    assert [by_features.models(variant) for variant in by_features.VARIANTS] == [
        *(("vgg16",), ("vgg19",), ("alexnet",), ("squeezenet1_1",)),
    ]
