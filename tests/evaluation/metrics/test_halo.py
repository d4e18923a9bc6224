"""The halo metric on composites whose person, background and alpha are known."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor

from bgswap.evaluation.metrics.halo import halo
from bgswap.matting.colors import cut_out

Plane = NDArray[np.float32]


class Scene(NamedTuple):
    """A person (H, W, 3) before a background, alpha (H, W), and the photo of both in 8 bits, all 0..1."""

    person: Plane
    alpha: Plane
    background: Plane
    photo: Plane


@pytest.fixture(scope="module")
def scenes(test_data: Path) -> list[Scene]:
    """Three cut-outs with soft hair, each over two places."""
    made = []
    for name in ("humans02", "layer01", "layer02"):
        cut = np.asarray(Image.open(test_data / "varied" / "cutouts" / f"{name}.png"), np.float32) / 255
        for place in sorted((test_data / "places").glob("*.jpg"))[5:20:10]:
            picture = Image.open(place).convert("RGB").resize(cut.shape[1::-1])
            background, alpha = np.asarray(picture, np.float32) / 255, cut[..., 3]
            mixed = cut[..., :3] * alpha[..., None] + background * (1 - alpha[..., None])
            made.append(Scene(cut[..., :3], alpha, background, np.rint(mixed * 255).astype(np.float32) / 255))
    return made


def score(scene: Scene, colors: Plane, alpha: Plane) -> float:
    """Of a cut-out made of that scene's photo."""
    return float(halo(batch(colors), batch(alpha), batch(scene.photo), batch(scene.alpha)))


def batch(plane: Plane) -> Tensor:
    moved = plane[None] if plane.ndim == 2 else plane.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(moved))[None]


def own(scene: Scene, alpha: Plane) -> Plane:
    """The person's colors as `bgswap matte` estimates them."""
    bytes_of = [np.rint(plane * 255).astype(np.uint8) for plane in (scene.photo, alpha)]
    return cut_out(bytes_of[0], bytes_of[1], "own")[..., :3].astype(np.float32) / 255


def known(scene: Scene, colors: Plane, alpha: Plane) -> float:
    """The same share with the true person and background in place of estimates, near the edge."""
    toward = scene.background - scene.person
    distance = np.linalg.norm(toward, axis=2)
    near = cv2.dilate((scene.alpha > 0.5).astype(np.uint8), np.ones((25, 25))) > 0
    edge = near & (scene.alpha < 0.99) & (np.maximum(alpha, scene.alpha) > 0) & (distance > 0.1)
    left = np.clip(((colors - scene.person) * toward).sum(2)[edge] / distance[edge], 0, distance[edge])
    return float((alpha[edge] * left).sum() / (np.maximum(alpha, scene.alpha)[edge] * distance[edge]).sum())


def plain(scene: Scene, colors: Plane, alpha: Plane) -> float:
    """The docstring's formula over the whole picture in float64, by SciPy; pictures up to the grid's size."""
    photo, true, stored, cover = (x.astype(np.float64) for x in (scene.photo, scene.alpha, colors, alpha))
    window, means, held = 2 * max(6, round(0.02 * max(true.shape))) + 1, [], []
    for sure in (true**8, (1 - true) ** 8):
        held.append(ndimage.uniform_filter(sure, window))
        sums = [ndimage.uniform_filter(sure * photo[..., channel], window) for channel in range(3)]
        means.append(np.stack(sums, 2) / (held[-1][..., None] + 1e-6))
    a = true[..., None]
    missing = (photo - a * means[0] - (1 - a) * means[1]) / (a**2 + (1 - a) ** 2)
    person, background = np.clip(means[0] + a * missing, 0, 1), np.clip(means[1] + (1 - a) * missing, 0, 1)
    toward = background - person
    distance = np.linalg.norm(toward, axis=2)
    edge = (true < 0.99) & (held[0] >= 0.01) & (held[1] >= 0.01) & (distance >= 0.1)
    left = np.clip(((stored - person) * toward).sum(2)[edge] / distance[edge], 0, distance[edge])
    return float((cover[edge] * left).sum() / (np.maximum(cover, true)[edge] * distance[edge]).sum())


def widened(alpha: Plane) -> Plane:
    """By three pixels on all sides."""
    return np.asarray(cv2.dilate(alpha, np.ones((7, 7), np.uint8)))


def test_the_persons_own_colors_score_lower_than_the_photos_and_a_widened_matte_higher(scenes: list[Scene]) -> None:
    for scene in scenes:
        photos = score(scene, scene.photo, scene.alpha)
        assert score(scene, own(scene, scene.alpha), scene.alpha) < 0.5 * photos
        assert score(scene, scene.photo, widened(scene.alpha)) > 1.3 * photos


def test_perfect_colors_score_near_zero(scenes: list[Scene]) -> None:
    assert max(score(scene, scene.person, scene.alpha) for scene in scenes) < 0.08
    assert np.mean([score(scene, scene.person, scene.alpha) for scene in scenes]) < 0.05


def test_estimates_come_near_to_what_the_known_person_and_background_give(scenes: list[Scene]) -> None:
    for scene in scenes:
        hard = (scene.alpha >= 0.5).astype(np.float32)
        for colors, alpha, within in ((scene.photo, scene.alpha, 0.08), (scene.photo, hard, 0.04)):
            assert score(scene, colors, alpha) == pytest.approx(known(scene, colors, alpha), abs=within)


def test_it_is_the_formula_of_its_docstring(scenes: list[Scene]) -> None:
    for scene in scenes[::2]:
        for alpha in (scene.alpha, widened(scene.alpha)):
            assert score(scene, scene.photo, alpha) == pytest.approx(plain(scene, scene.photo, alpha), rel=1e-4)


def test_pure_old_background_all_along_scores_one(scenes: list[Scene]) -> None:
    scene = scenes[0]
    blue = Scene(scene.person * 0 + [1, 0, 0], scene.alpha, scene.person * 0 + [0, 0, 1], scene.photo)
    photo = (blue.person * scene.alpha[..., None] + blue.background * (1 - scene.alpha[..., None])).astype(np.float32)
    blue = blue._replace(photo=photo)
    assert score(blue, blue.background.astype(np.float32), blue.alpha) == pytest.approx(1, abs=0.02)
    assert score(blue, blue.person.astype(np.float32), blue.alpha) == pytest.approx(0, abs=1e-3)


def test_a_matte_that_is_drawn_in_leaves_less(scenes: list[Scene]) -> None:
    for scene in scenes:
        thin = np.asarray(cv2.erode(scene.alpha, np.ones((7, 7), np.uint8)))
        assert score(scene, scene.photo, thin) < 0.6 * score(scene, scene.photo, scene.alpha)


def test_nothing_away_from_the_edge_counts(scenes: list[Scene]) -> None:
    for scene in scenes:
        distance = cv2.distanceTransform((scene.alpha == 0).astype(np.uint8), cv2.DIST_L2, 5)
        far, deep = distance > 60, cv2.erode(scene.alpha, np.ones((9, 9), np.uint8)) >= 0.995
        alpha, colors = np.where(far, np.float32(1), scene.alpha), scene.photo.copy()
        colors[deep | far] = 0.5
        assert far.any()
        assert deep.any()
        expected = score(scene, scene.photo, scene.alpha)
        assert score(scene, colors, alpha) == pytest.approx(expected, rel=1e-6)


def test_twice_the_size_scores_about_the_same(scenes: list[Scene]) -> None:
    scene = scenes[0]
    large = Scene(*(cv2.resize(plane, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR) for plane in scene))
    assert score(large, large.photo, large.alpha) == pytest.approx(score(scene, scene.photo, scene.alpha), abs=0.03)


def test_without_an_edge_or_a_cut_out_there_is_no_value(scenes: list[Scene]) -> None:
    scene = scenes[0]
    assert np.isnan(score(scene, scene.photo, scene.alpha * 0))
    for flat in (0, 1):
        assert np.isnan(score(scene._replace(alpha=scene.alpha * 0 + flat), scene.photo, scene.alpha * 0 + 1))
    grey = scene._replace(photo=scene.photo * 0 + np.float32(0.5))  # person and background alike
    assert np.isnan(score(grey, grey.photo, grey.alpha))


def test_a_batch_is_scored_as_one_by_one_and_left_as_it_was(scenes: list[Scene]) -> None:
    one, other = [s for s in scenes if s.alpha.shape == scenes[0].alpha.shape][:2]
    planes = [torch.cat([batch(a), batch(b)]) for a, b in zip(one, other, strict=True)]
    _, alpha, _, photo = planes
    kept = [photo.clone(), alpha.clone()]
    together = halo(photo, alpha, photo, alpha)
    assert together.tolist() == [score(scene, scene.photo, scene.alpha) for scene in (one, other)]
    assert torch.equal(photo, kept[0])
    assert torch.equal(alpha, kept[1])


def test_the_photos_own_colors_keep_one_less_alpha() -> None:
    alpha = torch.linspace(2.5, -1.5, 33).clamp(0, 1).expand(1, 1, 33, 33)
    photo = torch.cat([alpha, torch.zeros_like(alpha), 1 - alpha], 1)
    # sum of a (1 - a) over sum of a, for a = 1/8, 2/8 ... 7/8: 1.3125 / 3.5
    assert float(halo(photo, alpha, photo, alpha)) == pytest.approx(0.375, abs=0.01)


def test_the_smallest_pictures_have_no_edge() -> None:
    for height, width in ((1, 1), (1, 5), (2, 1)):
        photo, alpha = torch.rand(1, 3, height, width), torch.full((1, 1, height, width), 0.5)
        assert torch.isnan(halo(photo, alpha, photo, alpha)).all()
