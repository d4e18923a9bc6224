"""Baselines: what they leave alone, what they bring about, and how they do where the answer is known."""

import inspect
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgswap import extensions
from bgswap.augmentation.frame import Scene
from bgswap.augmentation.methods import recolor
from bgswap.augmentation.ranges import RecolorRanges
from bgswap.augmentation.tensors import to_pixels, to_tensor
from bgswap.compositing.compose import compose
from bgswap.compositing.decide import CompositeSettings, decide
from bgswap.errors import PictureError

BASELINES = "bgswap.evaluation.baselines"
HARMONIZE = ["histogram", "reinhard"]
FAST = ["copy-paste", "feather", "laplacian"]
SOLVED = ["closed-form", "information-flow", "knn"]


def make(name, *pictures):
    return extensions.load(BASELINES, name).make(*pictures)


def mse(one, other):
    return float(((one.astype(np.float64) - other) ** 2).mean())


def disk(height, width, radius, soft=3.0):
    """A soft-edged disk in the middle, (H, W) uint8."""
    y, x = np.mgrid[:height, :width]
    away = np.hypot(y - height / 2, x - width / 2)
    return np.rint(255 * np.clip((radius - away) / soft + 0.5, 0, 1)).astype(np.uint8)


@pytest.fixture(scope="module")
def face(photo):
    """The astronaut's head and shoulders, (200, 161, 3), and a soft disk over the face."""
    picture = np.ascontiguousarray(photo[:200, 140:301])
    return picture, disk(200, 161, 60)


@pytest.fixture(scope="module")
def recolored(face):
    """The face darker and warmer, made as `bgswap augment --method recolor` makes it."""
    photo, mask = face
    ranges = RecolorRanges(transfer=0, jitter=0, exposure=1, stops=(-0.8, -0.8), temperature=1, kelvin=(4200, 4200))
    scene = Scene(*photo.shape[:2])
    drawn = recolor.draw(Random(0), scene, ranges)
    pictures = {"photo": to_tensor(photo), "foreground": to_tensor(photo), "alpha": to_tensor(mask)}
    made = recolor.apply(pictures, drawn)
    changed = made["photo"] + pictures["alpha"] * (made["foreground"] - made["foreground_true"])
    return to_pixels(changed)


@pytest.fixture(scope="module")
def triplet():
    """Smooth red person, smooth blue place, smooth green one: photo, soft mask, background and their true composite."""
    mask = disk(97, 75, 28, 4.0)
    shade = np.linspace(0.8, 1, 97)[:, None, None]
    person, old, new = (shade * np.array(color, np.float64) for color in ((200, 60, 40), (30, 60, 180), (60, 200, 90)))
    alpha = mask[..., None] / 255
    photo, truth = (np.rint(alpha * person + (1 - alpha) * place).astype(np.uint8) for place in (old, new))
    background = np.rint(np.broadcast_to(new, (97, 75, 3))).astype(np.uint8)
    return photo, mask, background, truth


def test_every_baseline_says_what_it_takes_and_takes_that_in_order():
    for name in extensions.names(BASELINES):
        module = extensions.load(BASELINES, name)
        assert module.OF in ("picture", "matte")
        assert set(module.ROLES) <= {"input", "mask", "background"}
        assert len(inspect.signature(module.make).parameters) == len(module.ROLES)
        assert 20 < len(extensions.summary(BASELINES, name)) <= 114


@pytest.mark.parametrize("name", HARMONIZE)
def test_colors_change_inside_the_mask_and_not_a_bit_outside(name, face, recolored):
    mask = face[1]
    before = recolored.copy()
    made = make(name, recolored, mask)
    assert made.dtype == np.uint8
    assert (made[mask == 0] == recolored[mask == 0]).all()
    assert (made[mask == 255] != recolored[mask == 255]).any(1).mean() > 0.9
    assert (recolored == before).all()


def test_reinhards_person_has_the_places_mean_and_spread(face, recolored):
    from skimage.color import rgb2lab  # an implementation of CIELAB that is not ours

    hard = np.where(face[1] > 127, np.uint8(255), np.uint8(0))
    made = rgb2lab(make("reinhard", recolored, hard))
    place = rgb2lab(recolored)[hard == 0]
    before = rgb2lab(recolored)[hard == 255]
    person = made[hard == 255]
    off = np.abs(person.mean(0) - place.mean(0))
    assert (off < 4).all()  # colors that leave the gamut are clipped, and affines by luminance fit to a unit or two
    assert off.sum() < 0.25 * np.abs(before.mean(0) - place.mean(0)).sum()
    assert person.std(0)[0] / place.std(0)[0] == pytest.approx(1, abs=0.15)


def test_a_darkened_face_comes_nearer_to_the_truth_where_its_place_is_as_bright_as_it_was(face):
    # The place is the face itself, mirrored: what is right is known to be its mean and spread.
    photo, mask = face
    twice = np.concatenate([photo, photo[:, ::-1]], 1)
    both = np.concatenate([np.full_like(mask, 255), np.zeros_like(mask)], 1)
    darker = twice.copy()
    darker[:, :161] = np.rint(darker[:, :161] * np.array([0.6, 0.5, 0.4])).astype(np.uint8)
    for name in HARMONIZE:
        assert mse(make(name, darker, both), twice) < 0.05 * mse(darker, twice)


def test_matched_histograms_are_those_of_numpys_quantiles(face, recolored):
    hard = np.where(face[1] > 127, np.uint8(255), np.uint8(0))
    made = make("histogram", recolored, hard)
    for channel in range(3):
        person, place = recolored[hard > 0][:, channel], recolored[hard == 0][:, channel]
        shares = np.array([(person <= level).mean() for level in range(256)])
        expected = np.quantile(place, shares, method="inverted_cdf")
        assert (made[hard > 0][:, channel] == expected[person]).all()


@pytest.mark.parametrize(("name", "most"), [("histogram", 0), ("reinhard", 2)])
def test_a_person_that_has_its_places_colors_already_stays(name, most, face):
    photo, mask = face
    twice = np.concatenate([photo, photo[:, ::-1]], 1)
    both = np.concatenate([np.full_like(mask, 255), np.zeros_like(mask)], 1)
    assert np.abs(make(name, twice, both).astype(int) - twice).max() <= most


@pytest.mark.parametrize("name", HARMONIZE)
def test_a_flat_person_takes_its_flat_places_color(name):
    picture = np.full((9, 14, 3), 90, np.uint8)
    picture[:, 7:] = 170
    mask = np.zeros((9, 14), np.uint8)
    mask[:, :7] = 255
    assert np.abs(make(name, picture, mask).astype(int) - 170).max() <= 1


@pytest.mark.parametrize("name", HARMONIZE + FAST + SOLVED)
def test_an_empty_mask_leaves_the_place_and_a_full_one_the_photo(name, photo):
    picture, background = photo[:61, :47], photo[100:161, 200:247]
    rest = () if name in HARMONIZE else (background,)
    empty, full = np.zeros((61, 47), np.uint8), np.full((61, 47), 255, np.uint8)
    nobody, everybody = make(name, picture, empty, *rest), make(name, picture, full, *rest)
    assert (nobody == (rest or (picture,))[0]).all()
    assert (everybody == picture).all()
    assert not np.shares_memory(nobody, background)
    assert not np.shares_memory(nobody, picture)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 9), name=st.sampled_from(HARMONIZE + FAST)
)
def test_any_size_works_and_nothing_beyond_the_mask_is_touched(height, width, seed, name):
    random = np.random.default_rng(seed)
    picture, background = random.integers(0, 256, (2, height, width, 3), np.uint8)
    mask = random.choice(np.array([0, 0, 0, 70, 200, 255], np.uint8), (height, width))
    rest = () if name in HARMONIZE else (background,)
    pictures = (picture, mask, *rest)
    before = [one.copy() for one in pictures]
    made = make(name, *pictures)
    assert made.shape == picture.shape
    assert made.dtype == np.uint8
    assert all((one == other).all() for one, other in zip(pictures, before, strict=True))
    if name != "laplacian":  # whose bands spread beyond the mask: that is its point
        assert (made[mask == 0] == (rest or (picture,))[0][mask == 0]).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 31), (33, 3), (37, 41)])
@pytest.mark.parametrize("name", SOLVED)
def test_solved_mattes_work_at_odd_sizes(name, size, photo):
    picture, background = photo[90 : 90 + size[0], 190 : 190 + size[1]], photo[: size[0], : size[1]]
    mask = disk(*size, max(size) / 3)
    assert make(name, picture, mask, background).shape == (*size, 3)


@pytest.mark.parametrize("name", FAST + SOLVED)
def test_where_the_answer_is_known_every_way_comes_near_it(name, triplet):
    photo, mask, background, truth = triplet
    made = make(name, photo, mask, background)
    nothing = min(mse(photo, truth), mse(background, truth))
    assert mse(made, truth) < 0.03 * nothing


def test_solved_mattes_come_nearer_than_hard_ones_where_the_edge_is_soft(triplet):
    photo, mask, background, truth = triplet
    solved = [mse(make(name, photo, mask, background), truth) for name in SOLVED]
    pasted = mse(make("copy-paste", photo, mask, background), truth)
    assert max(solved) < pasted / 5


def test_the_true_alpha_is_not_given_away_to_the_solver(triplet):
    photo, mask, background, _ = triplet
    other = mask.copy()
    soft = (mask > 20) & (mask < 235)
    other[soft] = np.where(mask[soft] >= 128, 140, 110)  # the same trimap and the same half, other values in between
    for name in SOLVED:
        assert (make(name, photo, mask, background) == make(name, photo, other, background)).all()


def test_copy_paste_takes_each_pixel_from_one_of_the_two():
    photo, background = np.full((1, 4, 3), 200, np.uint8), np.full((1, 4, 3), 10, np.uint8)
    mask = np.array([[0, 127, 128, 255]], np.uint8)
    assert make("copy-paste", photo, mask, background)[0, :, 0].tolist() == [10, 10, 200, 200]


@pytest.mark.parametrize("way", ["feather", "laplacian"])
def test_blends_are_those_of_the_composite_command(way, face, photo):
    picture, mask = face
    background = np.ascontiguousarray(photo[300:500, 40:201])
    hard = np.where(mask > 127, np.uint8(255), np.uint8(0))
    person = np.dstack([picture, hard])
    chosen = CompositeSettings(place="keep", shadow="none", blend=way)
    composed, _ = compose(person, background, decide(person, background, chosen), chosen)
    assert (make(way, picture, mask, background) == composed).all()


def test_the_more_is_mixed_the_softer_the_edge(face, photo):
    picture, mask = face
    background = np.ascontiguousarray(photo[300:500, 40:201])
    steps = [
        np.abs(np.diff(make(name, picture, mask, background).astype(int), axis=1)).max(2)[100].max()
        for name in ("copy-paste", "laplacian")
    ]
    assert all(sharp > soft for sharp, soft in pairwise(steps))


@pytest.mark.parametrize("name", HARMONIZE + FAST + SOLVED)
def test_sizes_that_differ_are_refused_by_a_sentence_that_names_them(name, photo):
    rest = () if name in HARMONIZE else (photo,)
    with pytest.raises(PictureError, match="the picture is 512x512, the mask is 12x10"):
        make(name, photo, np.zeros((10, 12), np.uint8), *rest)
