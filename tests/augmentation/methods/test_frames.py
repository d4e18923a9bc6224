"""Neighboring frames: the recorded flow is true of them, and one recolor holds for both."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from bgswap.augmentation import flow
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.methods import frames
from bgswap.augmentation.ranges import FramesRanges, RecolorRanges
from bgswap.augmentation.tensors import to_tensor

SIZE = 128, 112
SCENE = Scene(SIZE, (20.0, 30.0, 128.0, 80.0), frozenset({"bottom"}))
PLAIN = RecolorRanges(jitter=0.0)


@pytest.fixture(scope="module")
def pictures(photo: NDArray[np.uint8]) -> dict[str, Tensor]:
    """The astronaut's colors in a soft ellipse, over another part of the photo."""
    picture = to_tensor(photo[:128, 150:262])
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(112.0), indexing="ij")
    alpha = (8 * (1 - ((y - 85) / 60) ** 2 - ((x - 55) / 24) ** 2)).clamp(0, 1)[None]
    return {
        "photo": picture,
        "foreground": picture,
        "alpha": alpha,
        "plate": to_tensor(photo[300:428, 20:132]),
        "reference": to_tensor(photo[200:264, 200:260]),
        "reference_alpha": torch.ones(1, 64, 60),
    }


def draw(seed: int = 0, recolors: RecolorRanges = PLAIN, **ranges: Any) -> dict[str, Any]:
    return frames.draw(Random(seed), SCENE, FramesRanges(**ranges), recolors)


def psnr(one: Tensor, other: Tensor, where: Tensor) -> float:
    error = ((one - other)[:, where] ** 2).mean()
    return float(-10 * torch.log10(error.clamp_min(1e-10)))


@pytest.mark.parametrize("step", [1, 2, 5])
@pytest.mark.parametrize("plate", [True, False])
def test_the_frame_before_warped_by_the_flow_is_the_present_one_where_valid(
    pictures: dict[str, Tensor], step: int, plate: bool
) -> None:
    given = pictures if plate else {role: one for role, one in pictures.items() if role != "plate"}
    drawn = frames.at_step(draw(3, steps=5, shift=(0.02, 0.02)), step)
    made = frames.apply(given, drawn)
    valid = made["flow_true"][2] > 0
    assert valid.float().mean() > 0.75
    for role in ("composite", "composite_true"):
        warped = flow.warped(made[f"previous_{role}"], made["flow_true"])
        assert psnr(warped, made[role], valid) > 36
        assert psnr(made[f"previous_{role}"], made[role], valid) < 32


def test_a_sample_has_its_roles_shapes_and_ranges(pictures: dict[str, Tensor]) -> None:
    made = frames.apply(pictures, draw(1))
    assert tuple(made) == frames.OUTPUTS
    for role, picture in made.items():
        assert picture.shape == ((1 if role.endswith("alpha") else 3), *SIZE)
        if role != "flow_true":
            assert picture.min() >= 0
            assert picture.max() <= 1
    assert set(made["flow_true"][2].unique().tolist()) <= {0.0, 1.0}


def test_the_first_frame_is_the_unmoved_picture(pictures: dict[str, Tensor]) -> None:
    made = frames.apply(pictures, draw(1))
    foreground, alpha, plate = (pictures[role] for role in ("foreground", "alpha", "plate"))
    assert torch.equal(made["previous_alpha"], alpha)
    assert torch.allclose(made["previous_composite_true"], alpha * foreground + (1 - alpha) * plate, atol=1e-6)


def test_a_frame_is_the_same_as_present_and_as_the_one_before(pictures: dict[str, Tensor]) -> None:
    drawn = draw(5, steps=3)
    second, third = (frames.apply(pictures, frames.at_step(drawn, step)) for step in (2, 3))
    for role in ("composite", "composite_true", "alpha"):
        assert torch.equal(second[role], third[f"previous_{role}"])


def test_one_color_is_recolored_to_one_color_in_both_frames(pictures: dict[str, Tensor]) -> None:
    flat = {**pictures, "foreground": torch.tensor([0.7, 0.4, 0.2])[:, None, None].expand(3, *SIZE).contiguous()}
    made = frames.apply(flat, draw(2, RecolorRanges(jitter=0.0, transfer=1.0, curves=1.0), shift=(0.03, 0.03)))
    now = made["composite"][:, made["alpha"][0] > 0.999]
    before = made["previous_composite"][:, made["previous_alpha"][0] > 0.999]
    one = before[:, :1]
    assert (one - torch.tensor([[0.7], [0.4], [0.2]])).abs().max() > 0.02
    assert (now - one).abs().max() < 2e-3
    assert (before - one).abs().max() < 1e-5


def test_without_a_person_s_own_motion_the_flow_is_one_affine(pictures: dict[str, Tensor]) -> None:
    drawn = draw(4, person=0.0)
    made = frames.apply(pictures, drawn)
    at = flow.centers(SIZE, made["flow_true"])
    whole = flow.of_affines(drawn["place"][0], drawn["place"][1], at)
    assert torch.allclose(made["flow_true"][:2], whole, atol=1e-4)
    assert made["flow_true"][2, 8:-8, 8:-8].min() == 1


def test_what_the_person_hid_before_has_no_valid_flow(pictures: dict[str, Tensor]) -> None:
    still, left = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [[1.0, 0.0, -6.0], [0.0, 1.0, 0.0]]
    drawn = {**draw(4), "place": [still, still], "person": [still, left]}
    made = frames.apply(pictures, drawn)
    uncovered = (pictures["alpha"][0] > 0.9) & (made["alpha"][0] < 0.01)
    assert uncovered.sum() > 100
    assert not made["flow_true"][2][uncovered].any()
    inside = made["alpha"][0] > 0.999
    inside[:, -8:] = False
    assert (made["flow_true"][0][inside] == 6).all()


def test_neighboring_frames_of_a_video_stay_and_get_estimated_flow(
    pictures: dict[str, Tensor], photo: NDArray[np.uint8]
) -> None:
    before = to_tensor(photo[2:130, 153:265])
    film = {**pictures, "previous_photo": before, "previous_foreground": before, "previous_alpha": pictures["alpha"]}
    made = frames.apply(film, draw(0, RecolorRanges(jitter=0.0)))
    assert torch.equal(made["composite_true"], pictures["photo"])
    assert torch.equal(made["previous_composite_true"], before)
    valid = made["flow_true"][2] > 0
    assert valid.float().mean() > 0.6
    shift = made["flow_true"][:2, valid].median(1).values
    assert torch.allclose(shift, torch.tensor([-3.0, -2.0]), atol=0.2)
    outside = pictures["alpha"][0] == 0
    assert torch.equal(made["composite"][:, outside], pictures["photo"][:, outside])


def test_the_same_numbers_read_from_json_give_the_same_pictures(pictures: dict[str, Tensor]) -> None:
    drawn = frames.at_step(draw(7, RecolorRanges(), steps=3), 2)
    copied = {role: picture.clone() for role, picture in pictures.items()}
    first = frames.apply(pictures, drawn)
    second = frames.apply(copied, json.loads(json.dumps(drawn, allow_nan=False)))
    assert all(torch.equal(first[role], second[role]) for role in frames.OUTPUTS)
    assert all(torch.equal(pictures[role], copied[role]) for role in pictures), "inputs are not written into"


CHANGES: dict[str, Any] = {
    "steps": 4,
    "shift": (0.03, 0.04),
    "scale": 0.03,
    "rotation": 2.0,
    "damping": 0.1,
    "person": 0.2,
}


def test_every_range_has_its_test() -> None:
    assert set(CHANGES) == {field.name for field in fields(FramesRanges)}


@pytest.mark.parametrize("name", CHANGES)
def test_every_range_changes_what_is_drawn(name: str) -> None:
    base = FramesRanges()
    usual, other = (
        frames.draw(Random(0), SCENE, ranges, PLAIN) for ranges in (base, replace(base, **{name: CHANGES[name]}))
    )
    assert (usual["place"], usual["person"]) != (other["place"], other["person"])
    assert set(usual) == set(other)


def test_a_long_path_is_smooth_and_stays_near() -> None:
    for seed in range(20):
        path = np.array(draw(seed, steps=100, shift=(0.015, 0.015))["place"])
        centers = path @ np.array([SIZE[1] / 2, SIZE[0] / 2, 1])
        speed = np.diff(centers, axis=0)
        assert np.abs(centers - centers[0]).max() < 0.2 * max(SIZE)
        assert np.hypot(*speed.T).max() < 2.5 * 0.015 * max(SIZE)
        assert np.hypot(*np.diff(speed, axis=0).T).max() < 0.6 * 0.015 * max(SIZE)


@pytest.mark.parametrize(
    "fill",
    [torch.zeros_like, torch.ones_like, lambda alpha: torch.zeros_like(alpha).index_fill_(2, torch.tensor(5), 1)],
)
@pytest.mark.parametrize("plate", [True, False])
def test_nobody_everybody_and_a_thin_line_give_finite_frames(
    pictures: dict[str, Tensor], fill: Callable[[Tensor], Tensor], plate: bool
) -> None:
    given = {role: one for role, one in pictures.items() if plate or role != "plate"}
    made = frames.apply({**given, "alpha": fill(pictures["alpha"])}, draw(1, RecolorRanges(), steps=2))
    assert all(torch.isfinite(picture).all() for picture in made.values())
