"""From photo to matte: what is found, kept, warned about, and that every setting does something."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from bgswap.errors import PictureError, UsageError
from bgswap.matting.predict import Matter, MatteSettings


@pytest.fixture(scope="module")
def matter(model):
    return Matter(model, MatteSettings())


@pytest.fixture(scope="module")
def matte(matter, photo):
    return matter.estimate(photo)


def test_the_astronaut_is_found_and_the_wall_is_not(matte):
    assert matte.alpha[60:200, 180:260].mean() > 250  # her face
    assert matte.alpha[20:200, 420:].mean() < 5
    assert matte.people == 1
    assert matte.warnings == []
    assert 0.5 < matte.confidence <= 1
    left, top, right, bottom = matte.box
    assert left < 180 < 260 < right
    assert top < 60
    assert bottom == 512


def test_a_person_in_the_street_is_matted_well(matter, street):
    alpha = matter.estimate(street.photo).alpha
    solid, true = alpha > 127, street.mask > 127
    assert (solid & true).sum() / (solid | true).sum() > 0.9


@pytest.mark.parametrize("kind", ["gray", "black", "white", "noise"])
def test_a_picture_of_nobody_says_so_and_gives_an_empty_matte(matter, kind):
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    plain = {name: np.full_like(noise, value) for name, value in (("gray", 128), ("black", 0), ("white", 255))}
    empty = matter.estimate(plain.get(kind, noise))
    assert not empty.alpha.any()
    assert "no person found" in empty.warnings[0]
    assert empty.box is None
    assert (empty.people, empty.confidence) == (0, 0.0)


def test_sixteen_bits_stay_sixteen_bits_and_show_the_same_matte(matter, matte, photo):
    deep = matter.estimate(photo.astype(np.uint16) * 257)
    assert deep.alpha.dtype == np.uint16
    assert np.abs(deep.alpha / 257 - matte.alpha).mean() < 1  # the small picture is rounded to 8 bits or is not


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (33, 7), (7, 1000), (511, 513), (97, 96)])
def test_any_size_gives_a_matte_of_that_size(matter, photo, size):
    part = np.resize(photo, (*size, 3)) if max(size) > 512 else photo[: size[0], : size[1]]
    assert matter.estimate(part).alpha.shape == size


def test_a_photo_that_is_partly_transparent_stays_so_unless_told(model, photo, matte):
    hidden = np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)])
    hidden[:200, :, 3] = 0
    kept = Matter(model, MatteSettings()).estimate(hidden)
    assert not kept.alpha[:200].any()
    assert any("transparent" in warning for warning in kept.warnings)
    ignored = Matter(model, MatteSettings(ignore_alpha=True)).estimate(hidden)
    assert np.array_equal(ignored.alpha, matte.alpha)


def test_neither_photo_nor_trimap_is_written_into(matter, photo):
    mine, trimap = photo.copy(), np.full(photo.shape[:2], 128, np.uint8)
    mine.flags.writeable = trimap.flags.writeable = False
    matter.estimate(mine, trimap)
    assert np.array_equal(mine, photo)


def test_a_trimap_is_obeyed_where_it_is_sure(matter, photo):
    trimap = np.full(photo.shape[:2], 128, np.uint8)
    trimap[:, :100], trimap[:, 450:] = 0, 255
    alpha = matter.estimate(photo, trimap).alpha
    assert not alpha[:, :100].any()
    assert (alpha[:, 450:] == 255).all()


def test_a_trimap_of_another_size_is_refused_with_both_sizes(matter, photo):
    with pytest.raises(PictureError, match=r"300x200.*512x512"):
        matter.estimate(photo, np.zeros((200, 300), np.uint8))


CHANGES = [
    {"refine": "none"},
    {"passes": 2},
    {"who": "0.9,0.05"},
    {"grow": 3},
    {"grow": -3},
    {"feather": 2.0},
    {"invert": True},
    {"band": 0},
    {"sure": 0.2},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_every_setting_changes_the_matte(model, matte, photo, change):
    other = Matter(model, replace(MatteSettings(), **change)).estimate(photo)
    assert not np.array_equal(other.alpha, matte.alpha)


def test_growing_only_adds_and_shrinking_only_removes(model, matte, photo):
    wide, narrow = (Matter(model, MatteSettings(grow=px)).estimate(photo).alpha for px in (2, -2))
    assert (wide >= matte.alpha).all()
    assert (narrow <= matte.alpha).all()


def test_a_small_person_gets_a_closer_look_by_itself(model, street):
    scene = np.full((1200, 1400, 3), 120, np.uint8)
    height, width = street.photo.shape[:2]
    scene[500 : 500 + height, 500 : 500 + width] = street.photo
    alpha = {p: Matter(model, MatteSettings(passes=p)).estimate(scene).alpha for p in ("1", "2", "auto")}
    assert np.array_equal(alpha["2"], alpha["auto"])
    true = np.zeros(scene.shape[:2])
    true[500 : 500 + height, 500 : 500 + width] = street.mask
    off = {p: np.abs(alpha[p] - true).mean() for p in alpha}
    assert off["2"] < off["1"]


def test_somebody_too_small_for_the_first_look_is_found_when_pointed_at(model, street):
    scene = np.full((2600, 2600, 3), 120, np.uint8)
    scene[1400:2000, 400:800] = street.photo[-600:, :400]
    plain = Matter(model, MatteSettings()).estimate(scene)
    assert not plain.alpha.any()
    rows, columns = np.nonzero(street.mask[-600:, :400])
    x, y = (400 + np.median(columns)) / 2600, (1400 + np.median(rows)) / 2600
    found = Matter(model, MatteSettings(who=f"{x:.3f},{y:.3f}")).estimate(scene)
    assert found.alpha[1400:2000, 400:800].mean() > 20


def test_threads_share_one_matter(matter, matte, photo):
    with ThreadPoolExecutor(2) as pool:
        for other in pool.map(matter.estimate, [photo] * 4):
            assert np.array_equal(other.alpha, matte.alpha)


@pytest.mark.parametrize("wrong", [{"passes": 3}, {"who": "left"}, {"who": "2,0"}, {"refine": "magic"}])
def test_a_wrong_setting_is_a_wrong_use(model, wrong):
    with pytest.raises(UsageError):
        Matter(model, MatteSettings(**wrong))
