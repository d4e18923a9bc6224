"""The Python calls: PIL images or arrays in, PIL images out."""

import numpy as np
import pytest
from PIL import Image

import bgswap
from bgswap.errors import UsageError
from bgswap.folders import picture
from tests.demo_photos import package_file


@pytest.fixture(scope="module")
def place():
    return Image.fromarray(picture.read(package_file("sklearn", "datasets/images/china.jpg")).rgb)


@pytest.fixture(scope="module")
def cut(photo):
    return bgswap.matte(photo)


@pytest.fixture(scope="module")
def plate(photo, cut):
    return bgswap.inpaint(photo, cut, model="telea")


def test_a_photo_gives_a_cut_out_of_its_size_with_the_person_in_it(photo):
    cut = bgswap.matte(Image.fromarray(photo))
    assert (cut.mode, cut.size) == ("RGBA", (512, 512))
    pixels = np.asarray(cut)
    assert pixels[150, 220, 3] == 255  # the face
    assert (pixels[150, 220, :3] == photo[150, 220]).all()
    assert pixels[20, 300, 3] == 0
    assert not pixels[pixels[..., 3] == 0].any()


def test_an_array_is_the_same_as_an_image_and_settings_are_named_as_the_options(photo):
    assert bgswap.matte(photo, refine="none") == bgswap.matte(Image.fromarray(photo), refine="none")
    assert bgswap.matte(photo, refine="none") != bgswap.matte(photo)
    with pytest.raises(TypeError, match="refined"):
        bgswap.matte(photo, refined="none")


def test_a_photo_turned_by_its_exif_comes_out_upright(photo):
    turned = Image.fromarray(np.rot90(photo).copy())
    turned.getexif()[0x0112] = 6
    upright = np.asarray(bgswap.matte(turned, refine="none"))
    assert np.array_equal(upright, np.asarray(bgswap.matte(photo, refine="none")))


def test_a_composite_is_as_large_as_the_place_or_as_the_photo_where_asked(photo, place):
    assert bgswap.composite(photo, place).size == place.size
    assert bgswap.composite(photo, place, frame="person").size == (512, 512)


def test_a_place_for_the_person_can_be_told_beside_the_background(photo, place):
    left = np.asarray(bgswap.composite(photo, place, place="0.2,1,0.5", shadow="none")).astype(int)
    changed = np.abs(left - np.asarray(place)).sum(axis=2) > 30
    assert changed[:, :320].any()
    assert not changed[:, 400:].any()


def test_the_background_is_not_written_into(photo, place):
    pixels = np.asarray(place).copy()
    before = pixels.copy()
    bgswap.composite(photo, pixels)
    assert (pixels == before).all()


def test_a_color_and_a_blur_are_backgrounds_and_blur_wants_the_photo(photo, cut):
    flat = np.asarray(bgswap.composite(photo, "#336699"))
    assert (flat[5, 500] == (0x33, 0x66, 0x99)).all()
    assert (flat[150, 220] == photo[150, 220]).all()
    assert np.asarray(bgswap.composite(photo, "blur"))[150, 220].tolist() == photo[150, 220].tolist()
    with pytest.raises(UsageError, match="photo"):
        bgswap.composite(cut, "blur")


def test_inpaint_changes_the_hole_only(photo):
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[60:120, 380:430] = 255
    plate = np.asarray(bgswap.inpaint(photo, mask, model="telea", dilate=4))
    assert (plate[:50] == photo[:50]).all()
    assert (plate[60:120, 380:430] != photo[60:120, 380:430]).any()


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros(3, np.uint8)])
def test_what_is_no_picture_is_refused_in_a_sentence(wrong):
    with pytest.raises(UsageError, match="a picture is"):
        bgswap.matte(wrong)


@pytest.mark.parametrize(
    "method", ["recolor", "relight", "placement", "triplet", "matting", "frames", "shadow", "portrait", "hole"]
)
def test_a_sample_of_each_method_comes_from_pictures_alone_and_the_same_each_time(method, photo, cut, plate, place):
    given = {"plate": plate, "background": place, "others": [cut, cut], "size": 64, "fill": "telea"}
    pictures, line = bgswap.augment(photo, cut, method, seed=3, **given)
    again, _ = bgswap.augment(photo, cut, method, seed=3, **given)
    assert line["method"] == method
    assert line["parameters"]["size"] == [64, 64]
    for role, made in pictures.items():
        assert np.array_equal(np.asarray(made), np.asarray(again[role]))
        assert np.asarray(made).shape[:2] == (64, 64)


def test_a_sample_says_what_it_needs_and_refuses_settings_that_its_method_does_not_have(photo, cut):
    with pytest.raises(UsageError, match="shadow needs a plate"):
        bgswap.augment(photo, cut, "shadow")
    with pytest.raises(TypeError, match="gains"):
        bgswap.augment(photo, cut, "relight", gains=(1, 2))
    still, _ = bgswap.augment(photo, cut, "relight", size=None, flip=0, exposure=(0, 0))
    assert still["composite"].size == (512, 512)
    assert np.array_equal(np.asarray(still["composite_true"]), photo)


def test_a_picture_is_measured_against_the_truth_by_the_names_of_the_options(photo):
    off = np.clip(photo.astype(int) + 10, 0, 255).astype(np.uint8)
    expected = np.mean((off.astype(float) - photo) ** 2)
    assert bgswap.evaluate(Image.fromarray(off), photo)["mse"] == pytest.approx(expected, rel=1e-5)
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[100:200, 100:200] = 255
    under = bgswap.evaluate(off, photo, "mse", "fmse", mask=mask, convention="idih")
    assert under["mse"] == pytest.approx(under["fmse"] * 100 * 100 / mask.size, rel=1e-4)
    cut = np.dstack([photo, mask])
    assert bgswap.evaluate(cut, mask, "iou", "sad") == {"iou": 1, "sad": 0}
    with pytest.raises(UsageError, match="fmse needs mask"):
        bgswap.evaluate(off, photo, "fmse")
    with pytest.raises(UsageError, match="fid is a value of whole sets"):
        bgswap.evaluate(off, photo, "fid")
