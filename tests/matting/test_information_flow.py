"""Information-flow matting against a dense version written from the paper, with loops, and on true soft mattes."""

import numpy as np
import pytest

from bgswap.matting import laplacian as solver
from bgswap.matting.look import Rough
from bgswap.matting.refine import guided, information_flow, knn
from bgswap.matting.trimap import trimap_from_alpha


def features(photo, place):
    height, width = photo.shape[:2]
    return np.array(
        [[*photo[y, x], place * y / height, place * x / width] for y in range(height) for x in range(width)]
    )


def nearest(points, index, count, among):
    others = [other for other in among if other != index]
    return sorted(others, key=lambda other: ((points[other] - points[index]) ** 2).sum())[:count]


def mixture_energy(photo, unknown):
    """(I - W)'(I - W), each row's weights from the bordered system of a constrained least squares problem."""
    points, size = features(photo, 1.0), photo.shape[0] * photo.shape[1]
    left = np.zeros((size, size))
    for index in unknown:
        near = nearest(points, index, 20, range(size))
        away = points[near] - points[index]
        gram = away @ away.T
        gram += np.eye(20) * (1e-3 * np.trace(gram) + 1e-9)
        bordered = np.block([[gram, np.ones((20, 1))], [np.ones((1, 20)), np.zeros((1, 1))]])
        left[index, near] = -np.linalg.solve(bordered, np.append(np.zeros(20), 1))[:20]
        left[index, index] = 1
    return left.T @ left


def alike_energy(photo, unknown):
    """Sum over edges of their weight times the squared difference, as a matrix."""
    points, size = features(photo, 0.05), photo.shape[0] * photo.shape[1]
    energy = np.zeros((size, size))
    for index in unknown:
        for other in nearest(points, index, 5, unknown):
            half = max(0, 1 - np.abs(points[index] - points[other]).sum()) / 2
            energy[index, index] += half
            energy[other, other] += half
            energy[index, other] -= half
            energy[other, index] -= half
    return energy


def local_energy(photo):
    """Levin, Lischinski and Weiss's equation 12 over all 3 x 3 windows."""
    height, width = photo.shape[:2]
    energy = np.zeros((height * width,) * 2)
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            at = [(y + dy) * width + x + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
            colors = photo.reshape(-1, 3)[at]
            off = colors - colors.mean(0)
            spread = off.T @ off / 9 + 1e-6 / 9 * np.eye(3)
            energy[np.ix_(at, at)] += np.eye(9) - (1 + off @ np.linalg.inv(spread) @ off.T) / 9
    return energy


@pytest.fixture(scope="module")
def small(photo):
    """A piece of the astronaut's hair, 14 x 13, and a matte that is unknown in the middle."""
    part = np.ascontiguousarray(photo[30:44, 178:191])
    alpha = np.zeros((14, 13), np.float32)
    alpha[:, 7:] = 1
    band = np.zeros((14, 13), np.uint8)
    band[:, 4:10] = 1
    return part, alpha, band


def test_the_energy_is_that_of_the_dense_version(small):
    part, _, band = small
    colors, unknown = part / 255, np.flatnonzero(band)
    dense = mixture_energy(colors, unknown) + 0.01 * alike_energy(colors, unknown) + local_energy(colors)
    sparse = information_flow.laplacian(colors, band == 0).toarray()
    assert np.abs(sparse - dense)[unknown].max() < 1e-5 * np.abs(dense).max()


def test_the_matte_is_that_of_the_dense_version(small):
    part, rough_alpha, band = small
    rough = Rough(rough_alpha, np.float32(part / 255))
    alpha, warnings = information_flow.refine(rough, part, band)
    colors, unknown, sure = part / 255, np.flatnonzero(band), np.flatnonzero(band == 0)
    dense = mixture_energy(colors, unknown) + 0.01 * alike_energy(colors, unknown) + local_energy(colors)
    start = guided.refine(rough, part, band)[0].ravel() / 255
    pull = solver.PRIOR_PULL * np.eye(len(unknown))
    given = solver.PRIOR_PULL * start[unknown] - dense[np.ix_(unknown, sure)] @ start[sure]
    expected = np.clip(np.linalg.solve(dense[np.ix_(unknown, unknown)] + pull, given), 0, 1) * 255
    assert np.abs(alpha.ravel()[unknown] - expected).max() <= 1.5  # rounding, and conjugate gradients that end early
    assert (alpha.ravel()[sure] == np.rint(start[sure] * 255)).all()
    assert not [warning for warning in warnings if "not solved" in warning]


def test_two_flat_colors_are_told_apart_to_the_pixel():
    picture = np.zeros((24, 24, 3), np.uint8)
    picture[:, :13], picture[:, 13:] = (200, 40, 30), (20, 60, 180)
    alpha = np.float32(np.arange(24) < 9)[None].repeat(24, 0)  # the rough edge is four pixels off
    band = np.zeros((24, 24), np.uint8)
    band[:, 5:18] = 1
    found, _ = information_flow.refine(Rough(alpha, np.float32(picture / 255)), picture, band)
    assert (found[:, :13] > 240).all()
    assert (found[:, 13:] < 15).all()


def test_bands_of_one_and_two_pixels_and_a_flat_picture_have_an_answer():
    picture = np.full((9, 8, 3), 77, np.uint8)
    for count in (1, 2):
        band = np.zeros((9, 8), np.uint8)
        band[4, 3 : 3 + count] = 1
        alpha, _ = information_flow.refine(Rough(np.ones((9, 8), np.float32), np.float32(picture / 255)), picture, band)
        assert (alpha > 250).all()


@pytest.mark.slow
def test_five_true_soft_mattes_are_met_better_than_by_knn(test_data):
    from PIL import Image

    place = Image.open(sorted((test_data / "places").glob("*.jpg"))[12]).convert("RGBA").resize((224, 224))
    off = []
    for file in sorted((test_data / "varied" / "cutouts").glob("*.png")):
        person = Image.open(file).convert("RGBA").resize((224, 224))
        photo = np.asarray(Image.alpha_composite(place, person).convert("RGB"))
        true = np.ascontiguousarray(np.asarray(person)[..., 3])
        band = (trimap_from_alpha(true) == 128).astype(np.uint8)
        rough = Rough(np.float32(true > 127), np.float32(photo / 255))
        found = [way.refine(rough, photo, band)[0] for way in (information_flow, knn)]
        off.append([np.abs(alpha[band > 0] / 255 - true[band > 0] / 255).mean() for alpha in found])
    ours, theirs = np.mean(off, 0)
    assert ours < 0.9 * theirs
