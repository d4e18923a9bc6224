"""Metrics of pictures against independent float64 implementations, the field's oracles and each other."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from bgswap.evaluation.metric import Metric, find
from bgswap.evaluation.metrics import fmse, fpsnr, l1, mse, mse01, psnr, sharpness, ssim

NAMES = ("l1", "mse", "mse01", "fmse", "psnr", "psnr:range", "fpsnr", "ssim", "sharpness", "sharpness:input")
ADDED = [name for name in NAMES if name != "psnr:range"]
SSIM_OFF = 5e-5  # torchmetrics takes variances as differences of squares; in float32 these cancel to about this


def tensor(pixels: NDArray[Any]) -> Tensor:
    """(H, W, C) levels -> (1, C, H, W) 0..1."""
    return torch.from_numpy(
        np.moveaxis(np.asarray(pixels, np.float64) / 255, -1, 0)[None].astype(np.float32, order="C")
    )


@pytest.fixture(scope="module")
def oracle() -> tuple[Tensor, Tensor, Tensor]:
    """The two pictures of field.md 7.1 and the mask of its square: predicted, true, mask."""
    y, x, c = np.mgrid[:64, :64, :3]
    true = (3 * x + 2 * y + 40 * c) % 256
    predicted = np.minimum(true + 5, 255)
    predicted[16:32, 16:32] = np.maximum(true - 20, 0)[16:32, 16:32]
    mask = np.zeros((64, 64, 1))
    mask[16:32, 16:32] = 255
    return tensor(predicted), tensor(true), tensor(mask)


@pytest.fixture(scope="module")
def levels(photo: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """The astronaut blurred, sharp, and a soft-edged mask of her upper body; uint8."""
    import cv2

    y, x = np.mgrid[:512, :512]
    soft = np.clip(2 - np.hypot((y - 240) / 150, (x - 230) / 130) * 2 + 0.5, 0, 1)
    return cv2.GaussianBlur(photo, (0, 0), 2.0), photo, np.rint(soft * 255).astype(np.uint8)[..., None]


@pytest.fixture(scope="module")
def pictures(levels: tuple[NDArray[np.uint8], ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The same as tensors."""
    blurred, photo, mask = levels
    return tensor(blurred), tensor(photo), tensor(mask)


def wanted(metric: Metric, predicted: Tensor, true: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
    """What a metric takes, in its order."""
    roles = {"predicted": predicted, "true": true, "input": true, "mask": mask}
    return tuple(roles[role] for role in metric.roles)


def measured(name: str, predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    """A metric's values of a batch."""
    (metric,) = find([name])
    return metric(*wanted(metric, predicted, true, mask))


def gradient_energy(picture: NDArray[np.uint8], mask: NDArray[np.uint8]) -> float:
    """Sobel's squared gradient of Rec. 601 luminance in float64 by SciPy, off the border, inside the mask."""
    from scipy import ndimage

    luma = picture.astype(np.float64) @ [0.299, 0.587, 0.114]
    squares = sum(ndimage.sobel(luma, axis) ** 2 for axis in (0, 1))
    return float((squares * (mask[..., 0] >= 128))[1:-1, 1:-1].sum())


def references(predicted: NDArray[np.uint8], true: NDArray[np.uint8], mask: NDArray[np.uint8]) -> dict[str, float]:
    """Every metric by NumPy, SciPy and scikit-image in float64, of (H, W, 3) and (H, W, 1) uint8."""
    from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

    error = predicted.astype(np.float64) - true
    inside = error[mask[..., 0] >= 128]
    first, second = predicted.astype(np.float64), true.astype(np.float64)
    sharp = gradient_energy(predicted, mask) / gradient_energy(true, mask)
    return {
        "l1": float(np.abs(error).mean()),
        "mse": float(mean_squared_error(predicted, true)),
        "mse01": float(mean_squared_error(first / 255, second / 255)),
        "fmse": float((inside**2).sum() / inside.size),
        "psnr": float(peak_signal_noise_ratio(true, predicted, data_range=255)),
        "psnr:range": float(
            peak_signal_noise_ratio(second, first, data_range=float(predicted.max()) - float(predicted.min()))
        ),
        "fpsnr": float(10 * np.log10(255**2 / (inside**2).mean())),
        "ssim": float(
            structural_similarity(
                second,
                first,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                data_range=255,
                channel_axis=2,
            )
        ),
        "sharpness": sharp,
        "sharpness:input": sharp,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mse", 48.0555013),
        ("psnr", 31.3133725),
        ("fmse", 400.0),
        ("ssim", 0.9438789465),
        ("mse01", 48.0555013 / 255**2),
    ],
)
def test_the_fields_oracle_is_met(oracle: tuple[Tensor, ...], name: str, value: float) -> None:
    assert float(measured(name, *oracle)) == pytest.approx(value, rel=SSIM_OFF if name == "ssim" else 1e-6)


def test_ssim_in_double_precision_is_the_fields_and_scikit_images(
    oracle: tuple[Tensor, ...], levels: tuple[NDArray[np.uint8], ...]
) -> None:
    y, x, c = np.mgrid[:64, :64, :3]
    true = torch.from_numpy(np.moveaxis((3 * x + 2 * y + 40 * c) % 256 / 255, -1, 0)[None].copy())
    predicted = (oracle[0].double() * 255).round() / 255
    assert float(ssim.ssim(predicted, true)) == pytest.approx(0.9438789465, abs=1e-10)
    blurred, photo, mask = (one[100:180, 200:275] for one in levels)
    first, second = (torch.from_numpy(np.moveaxis(one / 255, -1, 0)[None].copy()) for one in (blurred, photo))
    assert float(ssim.ssim(first, second)) == pytest.approx(references(blurred, photo, mask)["ssim"], abs=1e-9)


def test_numbers_worked_out_by_hand_are_met() -> None:
    black, grey, whole = torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 0.1), torch.ones(1, 1, 16, 16)
    assert float(l1.l1(black, grey)) == pytest.approx(25.5, rel=1e-6)
    assert float(mse.mse(black, grey)) == pytest.approx(650.25, rel=1e-6)
    assert float(mse01.mse01(black, grey)) == pytest.approx(0.01, rel=1e-6)
    assert float(psnr.psnr(grey, black)) == pytest.approx(20.0, rel=1e-6)
    assert float(fpsnr.fpsnr(grey, black, whole)) == pytest.approx(20.0, rel=1e-6)
    assert float(ssim.ssim(black, torch.ones(1, 3, 16, 16))) == pytest.approx(1e-4 / (1 + 1e-4), rel=1e-4)
    ramp = torch.linspace(0, 1, 16).expand(1, 3, 16, 16)
    assert float(sharpness.sharpness(ramp / 2, ramp, whole)) == pytest.approx(0.25, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_blurred_photo_scores_as_independent_code_says(
    levels: tuple[NDArray[np.uint8], ...], pictures: tuple[Tensor, ...], name: str
) -> None:
    assert float(measured(name, *pictures)) == pytest.approx(
        references(*levels)[name], rel=SSIM_OFF if name == "ssim" else 2e-6
    )


def test_real_photos_of_people_score_as_independent_code_says(test_data: Path) -> None:
    import cv2
    from PIL import Image

    files = [f for f in sorted((test_data / "people" / "photos").glob("*.jpg")) if int(f.stem) // 10 % 10 == 8][:4]
    assert len(files) == 4
    for file in files:
        true = np.asarray(Image.open(file).convert("RGB"))
        mask = np.asarray(Image.open(test_data / "people" / "masks" / f"{file.stem}.png").convert("L"))[..., None]
        warm = np.where(mask >= 128, np.minimum(true * [1.2, 1.0, 0.8] + 4, 255), true).astype(np.uint8)
        predicted = cv2.GaussianBlur(warm, (0, 0), 1.0)
        for name, value in references(predicted, true, mask).items():
            found = float(measured(name, tensor(predicted), tensor(true), tensor(mask)))
            assert found == pytest.approx(value, rel=SSIM_OFF if name == "ssim" else 5e-6), (file.name, name)


def test_torchmetrics_agrees_on_what_it_has(pictures: tuple[Tensor, ...]) -> None:
    from torchmetrics.functional import mean_absolute_error, mean_squared_error
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    predicted, true, _ = pictures
    assert float(l1.l1(predicted, true)) == pytest.approx(float(mean_absolute_error(predicted, true)) * 255, rel=1e-5)
    assert float(mse01.mse01(predicted, true)) == pytest.approx(float(mean_squared_error(predicted, true)), rel=1e-5)
    theirs = peak_signal_noise_ratio(predicted, true, data_range=1.0)
    assert float(psnr.psnr(predicted, true)) == pytest.approx(float(theirs), rel=1e-5)
    _, windows = structural_similarity_index_measure(predicted, true, data_range=1.0, return_full_image=True)
    assert float(ssim.ssim(predicted, true)) == pytest.approx(float(windows[..., 5:-5, 5:-5].mean()), rel=1e-5)


def test_windows_that_hang_over_the_border_do_not_count(oracle: tuple[Tensor, ...]) -> None:
    predicted, true, _ = oracle
    spoiled = predicted.clone()
    spoiled[..., 0] = 1 - spoiled[..., 0]  # the first column is in few windows: 1 of 54 across
    whole, after = float(ssim.ssim(predicted, true)), float(ssim.ssim(spoiled, true))
    assert 0 < whole - after < 2 / 54


@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_picture_has_the_best_value(pictures: tuple[Tensor, ...], name: str) -> None:
    _, true, mask = pictures
    assert float(measured(name, true, true, mask)) == pytest.approx(find([name])[0].best, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_worse_picture_has_a_worse_value(pictures: tuple[Tensor, ...], name: str) -> None:
    predicted, true, mask = pictures
    metric = find([name])[0]
    slight, strong = (float(measured(name, true.lerp(predicted, share), true, mask)) for share in (0.2, 0.9))
    assert (strong > slight) == metric.lower_is_better
    assert slight != strong


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_equals_its_pictures_one_by_one(pictures: tuple[Tensor, ...], name: str) -> None:
    predicted, true, mask = pictures
    batches = [torch.cat([one[..., a : a + 150, :170] for a in (0, 90, 330)]) for one in (predicted, true, mask)]
    batches[2][2] = 0.8
    together = measured(name, *batches)
    assert together.shape == (3,)
    one_by_one = torch.cat([measured(name, *(one[n : n + 1] for one in batches)) for n in range(3)])
    torch.testing.assert_close(together, one_by_one, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("name", ADDED)
@pytest.mark.parametrize("step", [3, 100, 512])
def test_sums_over_strips_equal_the_whole(pictures: tuple[Tensor, ...], name: str, step: int) -> None:
    metric = find([name])[0]
    given = [one[..., 150:400, 100:340] for one in wanted(metric, *pictures)]
    given = given if step > 3 else [one[..., :40, :] for one in given]
    height, parts = given[0].shape[2], []
    assert metric.adds_up
    for top in range(0, height, step):
        first, last = max(0, top - metric.halo), min(height, top + step + metric.halo)
        rows = {"rows": slice(top - first, min(top + step, height) - first)} if metric.halo else {}
        parts.append(metric.sums(*(one[:, :, first:last] for one in given), **rows))
    added = metric.score(torch.stack(parts).sum(0))
    assert float(added) == pytest.approx(float(metric(*given)), rel=2e-6)


def test_pictures_of_many_blocks_equal_the_plain_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(3)
    predicted, true, mask = torch.rand(1, 3, 700, 500), torch.rand(1, 3, 700, 500), torch.rand(1, 1, 700, 500)
    assert predicted.numel() > mse.BLOCK  # so that there is more than one block
    error = (predicted.double() - true.double()) * 255
    hard = (mask >= 0.5).expand_as(error)
    assert float(mse.mse(predicted, true)) == pytest.approx(float((error**2).mean()), rel=1e-6)
    assert float(l1.l1(predicted, true)) == pytest.approx(float(error.abs().mean()), rel=1e-6)
    assert float(fmse.fmse(predicted, true, mask)) == pytest.approx(float((error[hard] ** 2).mean()), rel=1e-6)
    whole = float(ssim.ssim(predicted[..., :150, :200], true[..., :150, :200]))
    monkeypatch.setattr(ssim, "BLOCK", 1)
    assert float(ssim.ssim(predicted[..., :150, :200], true[..., :150, :200])) == pytest.approx(whole, rel=1e-5)


def test_what_is_summed_alike_is_the_same_function() -> None:
    # The stage computes a sum once where several metrics name the same function.
    assert psnr.sums is mse.sums
    assert mse01.sums is mse.sums
    assert fpsnr.sums is fmse.sums


@pytest.mark.parametrize("name", ["fmse", "fpsnr", "sharpness"])
def test_an_empty_mask_gives_no_number(pictures: tuple[Tensor, ...], name: str) -> None:
    predicted, true, mask = pictures
    assert torch.isnan(measured(name, predicted, true, torch.full_like(mask, 127 / 255))).all()
    assert not torch.isnan(measured(name, predicted, true, torch.full_like(mask, 128 / 255))).any()


def test_a_flat_truth_has_no_sharpness(pictures: tuple[Tensor, ...]) -> None:
    predicted, true, mask = pictures
    assert torch.isnan(sharpness.sharpness(predicted, torch.full_like(true, 0.5), mask)).all()


@pytest.mark.parametrize(("height", "width"), [(10, 40), (40, 10), (1, 1), (11, 11), (11, 12), (75, 74), (76, 139)])
def test_ssim_of_small_and_odd_sizes_counts_whole_windows_alone(height: int, width: int) -> None:
    from skimage.metrics import structural_similarity

    torch.manual_seed(height)
    predicted, true = torch.rand(1, 3, height, width), torch.rand(1, 3, height, width)
    found = float(ssim.ssim(predicted, true))
    if min(height, width) < 11:
        assert np.isnan(found)
        return
    first, second = (one[0].numpy().astype(np.float64) for one in (predicted, true))
    known: dict[str, Any] = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    value = structural_similarity(first, second, data_range=1.0, channel_axis=0, **known)
    assert found == pytest.approx(float(value), abs=5e-6)  # of so few windows float32 shows


def test_a_nearly_identical_picture_stays_at_the_cap(pictures: tuple[Tensor, ...]) -> None:
    _, true, _ = pictures
    near = true.clone()
    near[0, 0, 0, 0] += 1e-4  # a mean error of 8e-10 levels², 139 dB
    assert float(psnr.psnr(near, true)) == 100.0
    assert float(psnr.decibels(torch.tensor([6.5025e-6]))) == pytest.approx(100.0)  # 255² / 10^10


def test_the_range_is_that_of_the_prediction_and_not_of_the_truth() -> None:
    true = torch.linspace(0, 1, 48).view(1, 3, 4, 4)
    faded = 0.25 + true / 2  # range 127.5, so 20 log10(2) dB less
    assert float(psnr.psnr(faded, true, "range")) == pytest.approx(float(psnr.psnr(faded, true)) - 6.0206, abs=1e-4)
    assert float(psnr.psnr(true, faded, "range")) == pytest.approx(float(psnr.psnr(true, faded)), abs=1e-6)


def test_a_prediction_of_one_color_has_no_range() -> None:
    flat, true = torch.full((1, 3, 8, 8), 0.5), torch.rand(1, 3, 8, 8)
    assert torch.isnan(psnr.psnr(flat, true, "range")).all()
    assert float(psnr.psnr(flat, flat, "range")) == 100.0
    assert not find(["psnr:range"])[0].adds_up


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(NAMES), height=st.integers(12, 40), width=st.integers(12, 40), seed=st.integers(0, 999))
def test_values_stay_in_their_range_and_inputs_untouched(name: str, height: int, width: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    given = [torch.rand(2, channels, height, width, generator=random) for channels in (3, 3, 1)]
    before = [one.clone() for one in given]
    value = measured(name, *given)
    assert all(torch.equal(one, old) for one, old in zip(given, before, strict=True))
    tops = {
        "l1": 255,
        "mse": 255**2,
        "fmse": 255**2,
        "mse01": 1,
        "ssim": 1,
        "sharpness": np.inf,
        "sharpness:input": np.inf,
    }
    lows = {"ssim": -1.0, "psnr:range": -np.inf}
    assert ((value >= lows.get(name, 0.0)) & (value <= tops.get(name, 100))).all()


@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from(["l1", "mse", "mse01", "fmse", "psnr", "fpsnr", "ssim"]), seed=st.integers(0, 999))
def test_errors_are_symmetric(name: str, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    first, second, mask = (torch.rand(1, channels, 20, 24, generator=random) for channels in (3, 3, 1))
    torch.testing.assert_close(measured(name, first, second, mask), measured(name, second, first, mask))


@pytest.mark.parametrize("name", sorted({name.partition(":")[0] for name in NAMES}))
def test_every_file_says_what_it_is_and_which_way_is_better(name: str) -> None:
    module = import_module(f"bgswap.evaluation.metrics.{name}")
    line = (module.__doc__ or "").splitlines()[0]
    assert "best" in line or "cap" in line
    assert module.BETTER in ("lower", "higher")
    assert ("lower" in line) == (module.BETTER == "lower")
