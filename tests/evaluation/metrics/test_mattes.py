"""Metrics of mattes against hand calculations, oracles worked out apart, and plain float64 implementations."""

import importlib
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor

from bgswap.evaluation import metric
from bgswap.evaluation.metrics import conn as conn_file

NAMES = ("alpha-mad", "alpha-mse", "sad", "grad", "conn", "dice", "dice:hard", "iou", "iou:soft")
ADDING = ("alpha-mad", "alpha-mse", "sad", "dice", "dice:hard", "iou", "iou:soft")
law = settings(deadline=None, max_examples=60)
Plane = NDArray[np.float64]


def measure(name: str, predicted: Any, true: Any, region: Any = None) -> float:
    """One metric of one picture, (H, W) arrays."""
    return float(
        found(name)(*(batch(plane) for plane in (predicted, true, filled(true) if region is None else region)))
    )


@cache
def found(name: str) -> metric.Metric:
    return metric.find([name])[0]


def filled(plane: Any) -> NDArray[np.float32]:
    return np.ones(plane.shape, np.float32)


def batch(plane: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(plane, np.float32))[None, None]


# --- plain implementations, from the definitions, in float64 --------------------------------------------------------


def plain_grad(predicted: Plane, true: Plane, region: Plane) -> float:
    """9 x 9 kernels as in the published code, whole, by SciPy."""
    x = np.arange(-4, 5)
    gauss = np.exp(-(x**2) / (2 * 1.4**2)) / (1.4 * np.sqrt(2 * np.pi))
    kernel = np.outer(gauss, -x * gauss / 1.4**2)
    kernel /= np.sqrt((kernel**2).sum())

    def steepness(alpha: Plane) -> Plane:
        alpha = (alpha - alpha.min()) / (alpha.max() - alpha.min())
        return np.hypot(*(ndimage.convolve(alpha, k, mode="nearest") for k in (kernel, kernel.T)))

    return float((np.square(steepness(predicted) - steepness(true)) * region).sum() / 1000)


def plain_levels(lower: Plane) -> Plane:
    """Last threshold up to which each pixel was in the largest component, by SciPy's labels."""
    level, within = np.zeros(lower.shape), np.ones(lower.shape, bool)
    for step in range(1, 11):
        labels, count = ndimage.label(lower >= step / 10 - 1e-6)
        areas = np.bincount(labels.ravel(), minlength=2)[1:]
        within &= (labels == 1 + areas.argmax()) if count else False
        level[within] = step * 0.1
    return level


def plain_conn(predicted: Plane, true: Plane, region: Plane) -> float:
    level = plain_levels(np.minimum(predicted, true))
    phis = [1 - (a - level) * (a - level >= 0.15) for a in (predicted, true)]
    return float((np.abs(phis[0] - phis[1]) * region).sum() / 1000)


def soft_iou(a: Plane, g: Plane, r: Plane) -> float:
    return float((np.minimum(a, g) * r).sum() / (np.maximum(a, g) * r).sum())


PLAIN = {
    "alpha-mad": lambda a, g, r: np.abs(a - g)[r > 0].mean(),
    "alpha-mse": lambda a, g, r: np.square(a - g)[r > 0].mean(),
    "sad": lambda a, g, r: np.abs(a - g)[r > 0].sum() / 1000,
    "grad": plain_grad,
    "conn": plain_conn,
    "dice": lambda a, g, r: 2 * (a * g * r).sum() / ((a * a * r).sum() + (g * g * r).sum()),
    "dice:hard": lambda a, g, r: 2 * ((a >= 0.5) * (g >= 0.5) * r).sum() / ((a >= 0.5) * r + (g >= 0.5) * r).sum(),
    "iou": lambda a, g, r: soft_iou(a >= 0.5, g >= 0.5, r),
    "iou:soft": soft_iou,
}


# --- pictures -------------------------------------------------------------------------------------------------------


def ramps() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Predicted and true of field.md 7.1: two ramps 64 x 64, four pixels apart."""
    x = np.broadcast_to(np.arange(64, dtype=np.float32), (64, 64))
    return np.clip((x - 20) / 32, 0, 1), np.clip((x - 16) / 32, 0, 1)


def island() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    predicted, true = ramps()
    predicted[5:9, 2:6] = 0.8
    return predicted, true


@pytest.fixture(scope="module")
def mattes(test_data: Path) -> list[NDArray[np.float32]]:
    """Soft mattes of two cut-outs and hard ones of two photos set apart for validation, every other pixel."""
    cut = [test_data / "varied" / "cutouts" / f"{name}.png" for name in ("humans02", "layer02")]
    hard = [path for path in sorted((test_data / "people" / "masks").glob("*.png")) if int(path.stem) // 10 % 10 == 8]
    pictures = [Image.open(path).getchannel("A") for path in cut] + [Image.open(path).convert("L") for path in hard[:2]]
    return [np.asarray(picture, np.float32)[::2, ::2] / 255 for picture in pictures]


def guesses(true: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """What a system might answer: blurred, shifted, and with specks, in 8 bits."""
    specks = np.where(np.random.default_rng(0).random(true.shape) > 0.995, np.float32(0.8), true)
    made = [cv2.GaussianBlur(true, (0, 0), 3), np.roll(true, (3, -5), (0, 1)), cv2.blur(specks, (2, 2))]
    return [np.rint(np.clip(guess, 0, 1) * 255).astype(np.float32) / 255 for guess in made]


def band(true: NDArray[np.float32]) -> NDArray[np.float32]:
    """A trimap's unknown band: 1 near the edge."""
    around = np.ones((15, 15), np.uint8)
    return ((cv2.dilate(true, around) > 0.05) & (cv2.erode(true, around) < 0.95)).astype(np.float32)


# --- oracles and hand calculations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"), [("sad", 0.256), ("alpha-mse", 0.0075073242), ("grad", 0.0297631369), ("conn", 0.2508)]
)
def test_two_ramps_score_as_the_oracles_of_the_field_notes(name: str, expected: float) -> None:
    assert measure(name, *ramps()) == pytest.approx(expected, abs=1e-8)  # field.md 7.1


@pytest.mark.parametrize(("name", "expected"), [("sad", 0.2688), ("conn", 0.2636)])
def test_an_island_adds_to_the_oracles_what_the_field_notes_say(name: str, expected: float) -> None:
    assert measure(name, *island()) == pytest.approx(expected, abs=1e-7)  # field.md 7.1


def test_soft_dice_is_one_less_the_oracles_loss() -> None:
    predicted, true = np.array([[0.9, 0.6, 0.2, 0.5]]), np.array([[1, 1, 0, 0.5]])
    assert measure("dice", predicted, true) == pytest.approx(1 - 0.0566038, abs=1e-7)  # field.md 7.1
    assert measure("alpha-mad", predicted, true) == pytest.approx(0.175)  # field.md 7.1


def test_hand_calculations_hold() -> None:
    true = np.zeros((10, 10))
    assert measure("sad", true + 0.5, true) == pytest.approx(0.05)  # 100 pixels off by half, in thousands
    assert measure("alpha-mad", [[0, 0.75]], np.array([[0, 0.5]])) == 0.125
    assert measure("alpha-mse", [[0, 1]], np.array([[0, 0.5]])) == 0.125
    assert measure("iou", [[1, 0.5, 0.4]], np.array([[1, 0, 0]])) == 0.5  # one shared, one extra
    assert measure("dice:hard", [[1, 0.5, 0.4]], np.array([[1, 0, 0]])) == pytest.approx(2 / 3)
    assert measure("iou:soft", [[1, 0.5, 0.5]], np.array([[0.5, 0.5, 0]])) == 0.5  # (0.5 + 0.5) / (1 + 0.5 + 0.5)
    assert measure("conn", [[1, 1, 0, 0, 0.8]], np.array([[1, 1, 0, 0, 0]])) == pytest.approx(0.0008)


# --- real mattes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_real_mattes_score_as_a_plain_implementation_says(name: str, mattes: list[NDArray[np.float32]]) -> None:
    for true in mattes:
        for guess in guesses(true):
            for region in (filled(true), band(true)):
                expected = PLAIN[name](*(plane.astype(np.float64) for plane in (guess, true, region)))
                assert measure(name, guess, true, region) == pytest.approx(expected, rel=2e-6), name


def test_hard_overlaps_are_those_of_torchmetrics(mattes: list[NDArray[np.float32]]) -> None:
    functional = pytest.importorskip("torchmetrics.functional.classification")
    for true in mattes:
        guess, mask = torch.from_numpy(guesses(true)[0]), torch.from_numpy(true >= 0.5).int()
        assert measure("iou", guess.numpy(), true) == pytest.approx(float(functional.binary_jaccard_index(guess, mask)))
        assert measure("dice:hard", guess.numpy(), true) == pytest.approx(
            float(functional.binary_f1_score(guess, mask))
        )


def test_levels_by_runs_are_those_by_pixels_and_those_of_scipy(mattes: list[NDArray[np.float32]]) -> None:
    for true in mattes:
        for guess in guesses(true):
            lower = np.minimum(guess, true)
            reached = np.floor(lower * 10 + 1e-5).astype(np.uint8)
            by_runs = conn_file._levels(reached)
            assert (by_runs == conn_file._levels_by_pixel(reached)).all()
            assert (by_runs == np.rint(plain_levels(lower.astype(np.float64)) * 10)).all()


@law
@given(st.integers(1, 24), st.integers(1, 24), st.integers(0, 10**6), st.sampled_from([0.5, 1.0, 2.0]))
def test_levels_of_noise_are_the_same_by_runs_and_by_pixels(height: int, width: int, seed: int, blur: float) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random((height, width)), blur)
    noise = (noise - noise.min()) / (np.ptp(noise) + 1e-9)
    reached = np.floor(noise * 10.999).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conn_file, "BUSY", 2.0)  # by runs, however many
        assert (conn_file._levels(reached) == conn_file._levels_by_pixel(reached)).all()


def test_8_bit_steps_reach_the_threshold_that_they_equal() -> None:
    tenths = np.float32([[51, 102, 153, 204, 255]]) / np.float32(255) * np.float32(1 - 1e-7)  # 0.2, 0.4 ... 1
    true, speck = np.ones((3, 5), np.float32), np.ones((3, 5), np.float32)
    speck[1] = tenths
    # alpha less its level is 0 in the prediction and 1 - level in truth: 0.8 + 0.6 + 0.4 + 0.2 + 0, in thousands
    assert measure("conn", speck, true) == pytest.approx(0.002, abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_what_lies_outside_the_region_never_counts(name: str) -> None:
    predicted, true = ramps()
    region = np.zeros((64, 64), np.float32)
    region[:40, 30:60] = 1
    other = predicted.copy()
    # far enough away for the gradient's kernel, and neither the range nor the largest component changes
    other[50:, 60:] = 0.9
    assert measure(name, other, true, region) == pytest.approx(measure(name, predicted, true, region), rel=1e-9)


def test_grad_stretches_both_mattes_over_the_whole_picture() -> None:
    predicted, true = ramps()
    assert measure("grad", predicted * 0.5 + 0.2, true) == pytest.approx(measure("grad", predicted, true), rel=1e-5)
    assert measure("grad", np.full_like(true, 0.3), true) == pytest.approx(measure("grad", true * 0, true))


def test_many_blocks_are_scored_as_one() -> None:
    file = importlib.import_module("bgswap.evaluation.metrics.alpha_mad")
    planes = list(torch.rand(3, 2, 1, 300, 500, generator=torch.Generator().manual_seed(3)))
    planes[2].gt_(0.3)
    assert planes[0][0].numel() > 2 * file.BLOCK
    for name in NAMES[:3] + ADDING[3:]:
        expected = [PLAIN[name](*(plane[i, 0].double().numpy() for plane in planes)) for i in range(2)]
        assert found(name)(*planes).tolist() == pytest.approx(expected, rel=1e-6)
    planes[2].zero_()[..., -1, -1] = 1  # the very last pixel
    for name in ("alpha-mad", "sad"):
        last = (planes[0] - planes[1])[:, 0, -1, -1].abs() / (1 if name == "alpha-mad" else 1000)
        assert found(name)(*planes).tolist() == pytest.approx(last.tolist())
