"""Filling holes at full size, on the astronaut."""

import threading

import cv2
import numpy as np
import pytest

from bgswap.errors import NotReady, PictureError, UsageError
from bgswap.extensions import names
from bgswap.folders.picture import read, read_mask
from bgswap.inpainting import fill as filling
from bgswap.inpainting.fill import Filler, InpaintSettings
from bgswap.inpainting.ways import patchmatch

WITHOUT_NETWORK = ("harmonic", "navier-stokes", "patchmatch", "telea")


@pytest.fixture
def blob(photo):
    """A mask of a small standing figure over the astronaut's flag, the photo's size."""
    matte = np.zeros(photo.shape[:2], np.uint8)
    cv2.ellipse(matte, (120, 200), (22, 60), 0, 0, 360, 255, -1, cv2.LINE_AA)
    return matte


@pytest.fixture
def flag(photo, blob):
    """A piece of the photo with the figure in its middle, (180, 160, 3), and the mask of it."""
    return np.ascontiguousarray(photo[110:290, 40:200]), np.ascontiguousarray(blob[110:290, 40:200])


def filler(**settings):
    return Filler(InpaintSettings(**settings))


@pytest.mark.parametrize("way", WITHOUT_NETWORK)
@pytest.mark.parametrize("side", [512, 50])
def test_only_the_hole_changes_and_all_of_it_is_filled(flag, way, side):
    photo, blob = flag
    before = photo.copy()
    filled = filler(model=way, side=side).fill(photo, blob)
    outside = filled.hole == 0
    assert filled.pixels.shape == photo.shape
    assert filled.pixels.dtype == photo.dtype
    assert (filled.pixels[outside] == photo[outside]).all()
    assert (photo == before).all()
    assert (filled.hole[blob > 13] == 255).all()
    assert (filled.pixels != photo).any(axis=2)[blob == 255].mean() > 0.9
    assert filled.warnings == []


def test_nothing_of_the_person_comes_through(photo, blob):
    red = photo.copy()
    red[blob > 0] = (255, 0, 0)
    marked = filler(side=50).fill(red, blob).pixels
    plain = filler(side=50).fill(photo, blob).pixels
    assert (marked == plain)[blob > 0].all()


def test_the_16_bit_photo_gets_the_16_bit_fill(photo, blob):
    wide = photo.astype(np.uint16) * 257 + 5
    filled = filler(side=50, model="telea").fill(wide, blob)  # patches may fall out otherwise
    assert filled.pixels.dtype == np.uint16
    assert (filled.pixels[filled.hole == 0] == wide[filled.hole == 0]).all()
    eight = filler(side=50, model="telea").fill(photo, blob).pixels
    assert np.abs(filled.pixels / 257 - eight)[filled.hole > 0].mean() < 1


@pytest.mark.parametrize("side", [512, 50])
def test_an_opaque_photo_stays_opaque(flag, side):
    photo, blob = flag
    opaque = np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)])
    filled = filler(side=side).fill(opaque, blob).pixels
    assert filled.shape == opaque.shape
    assert (filled[..., 3] == 255).all()
    assert (filled[..., :3] == filler(side=side).fill(photo, blob).pixels).all()


def test_an_empty_mask_gives_the_photo_back_with_a_warning(photo):
    filled = filler().fill(photo, np.zeros(photo.shape[:2], np.uint8))
    assert (filled.pixels == photo).all()
    assert not filled.hole.any()
    assert "mask is empty" in filled.warnings[0]


def test_a_full_mask_is_an_error(photo):
    with pytest.raises(PictureError, match="whole photo"):
        filler().fill(photo, np.full(photo.shape[:2], 255, np.uint8))


def test_a_mask_of_another_size_names_both_sizes(photo):
    with pytest.raises(PictureError, match="mask is 300x200, the photo 512x512"):
        filler().fill(photo, np.zeros((200, 300), np.uint8))


@pytest.mark.parametrize("way", WITHOUT_NETWORK)
@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (2, 3), (1, 2), (700, 1)])
def test_strips_of_a_pixel_are_filled_too(way, shape):
    strip = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    matte = np.zeros(shape, np.uint8)
    matte[0, 0] = 255
    filled = filler(model=way, dilate=0, below=0).fill(strip, matte)
    assert filled.pixels.shape == strip.shape
    assert (filled.pixels[matte == 0] == strip[matte == 0]).all()


def test_a_hole_at_a_bounded_size_keeps_the_grain_of_the_photo(photo, blob):
    """Twice as large with grain; a quarter of the hole's size would lose all of it but for the carried detail."""
    rng = np.random.default_rng(0)
    large = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC).astype(np.int16)
    large = np.clip(large + rng.normal(0, 8, large.shape).round(), 0, 255).astype(np.uint8)
    matte = cv2.resize(blob, None, fx=2, fy=2)
    filled = filler(side=70).fill(large, matte)
    inside = cv2.erode(filled.hole, np.ones((25, 25))) > 0
    around = (cv2.dilate(filled.hole, np.ones((61, 61))) > 0) & (filled.hole == 0)
    grain = np.abs(cv2.Laplacian(cv2.cvtColor(filled.pixels, cv2.COLOR_RGB2GRAY), cv2.CV_32F))
    assert 0.7 < np.median(grain[inside]) / np.median(grain[around]) < 1.3


@pytest.mark.parametrize("side", [512, 50])
def test_a_slope_of_light_goes_on_without_a_step_at_the_rim(side):
    """A backdrop that the patches cannot continue by themselves: every level occurs once."""
    rows, columns = np.mgrid[0:300, 0:300]
    slope = np.repeat(((rows + columns) * 0.4)[..., None], 3, axis=2).astype(np.uint8)
    matte = np.zeros((300, 300), np.uint8)
    matte[100:200, 120:180] = 255
    filled = filler(side=side).fill(slope, matte)
    step = np.abs(np.diff(filled.pixels[..., 0].astype(int), axis=1))
    assert step.max() <= 3  # the slope itself climbs by at most 1


@pytest.mark.parametrize("seed", [0, 7])
def test_the_same_seed_gives_the_same_bytes_from_any_thread(flag, seed):
    alone = {number: filler(seed=number, side=60).fill(*flag).pixels for number in (seed, seed + 1)}
    assert (alone[seed] != alone[seed + 1]).any()
    found = {}

    def work(number):
        found[number] = filler(seed=seed + number % 2, side=60).fill(*flag).pixels

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all((pixels == alone[seed + number % 2]).all() for number, pixels in found.items())


def test_calls_with_another_seed_wait_for_their_turn():
    log = []

    class Package:
        set_random_seed = staticmethod(log.append)

    def later():
        with patchmatch._seeded(Package, 2):
            log.append("second")

    thread = threading.Thread(target=later)
    with patchmatch._seeded(Package, 1):
        thread.start()
        thread.join(0.2)  # time enough to go wrong
        log.append("first")
    thread.join()
    assert log == [1, "first", 2, "second"]


def test_the_ground_does_not_climb_to_where_the_head_was(test_data):
    """A woman before a bright street on dark bricks: patches have to come from their own height."""
    street = read(test_data / "people" / "photos" / "0483.jpg").rgb
    matte = read_mask(test_data / "people" / "masks" / "0483.png").pixels
    filled = filler().fill(street, matte)
    head = slice(np.flatnonzero(filled.hole.any(axis=1))[0], 150)
    inside = filled.hole[head] > 0
    beside = (cv2.dilate(filled.hole, np.ones((1, 121), np.uint8))[head] > 0) & ~inside
    off = np.median(filled.pixels[head][inside], axis=0) - np.median(street[head][beside], axis=0)
    assert np.abs(off).max() < 45  # 24 here; 69, darker, with bricks up to the neck


def test_a_network_that_brightens_everything_leaves_no_step(photo, blob):
    """It answers with the very photo, 20 levels brighter: the step on the ring is taken out of the whole hole."""
    dim = photo // 2 + 40
    brighter = Filler(InpaintSettings(model="lama"), lambda image, _mask: (image + np.float32(20.5 / 255),))
    filled = brighter.fill(dim, blob)
    assert filled.hole.any()
    assert np.abs(filled.pixels.astype(int) - dim).max() <= 1


@pytest.mark.parametrize(
    "wrong", [{"dilate": -1}, {"below": -0.1}, {"side": 8}, {"threshold": 1}, {"model": "guess"}, {"model": "lama"}]
)
def test_settings_out_of_range_are_named_before_any_picture(wrong):
    with pytest.raises(UsageError, match="|".join([*wrong, "guess", "lama"])):
        filler(**wrong)


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "patchmatch", None)
    with pytest.raises(NotReady, match="pip install 'PyPatchMatch"):
        filler()


def test_every_setting_changes_the_outcome(flag):
    photo, blob = flag
    matte = cv2.blur(blob, (31, 31))
    plain = filler(side=60).fill(photo, matte)
    for change in ({"dilate": 0}, {"below": 0.2}, {"side": 30}, {"threshold": 0.5}, {"seed": 3}, {"model": "telea"}):
        other = filler(**{"side": 60, **change}).fill(photo, matte)
        assert (other.pixels != plain.pixels).any(), change


def test_every_way_is_known_to_these_tests():
    assert set(names(filling.WAYS)) == {*WITHOUT_NETWORK, "ffc", "lama", "simple-lama"}
