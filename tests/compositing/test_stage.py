import numpy as np
import pytest

from bgswap.compositing.backdrop import blurred, plain
from bgswap.compositing.decide import CompositeSettings
from bgswap.compositing.pairs import named_after_both, pair, person_of
from bgswap.compositing.stage import CompositeStage
from bgswap.errors import PictureError, UsageError
from bgswap.folders.picture import Picture
from bgswap.folders.records import Record
from bgswap.matting.predict import MatteSettings
from bgswap.zoo.choice import ModelOptions


def people(*keys: str) -> list[Record]:
    return [Record(key, {}) for key in keys]


def keys(how: str, who: list[Record], where: list[Record], seed: int = 0) -> list[str]:
    return [f"{record.key}|{record.fields['place_key']}" for record in pair(who, where, how, seed)]


def test_product_pairs_all_with_all_and_keys_them_by_both():
    assert keys("product", people("a", "b"), people("x", "y")) == ["a/x|x", "a/y|y", "b/x|x", "b/y|y"]
    assert keys("product", people("a", "b"), people("x")) == ["a|x", "b|x"]


def test_zip_pairs_in_step_and_wants_as_many_of_both():
    assert keys("zip", people("a", "b"), people("x", "y")) == ["a|x", "b|y"]
    with pytest.raises(UsageError, match="2 people and 1 places"):
        keys("zip", people("a", "b"), people("x"))


def test_random_draws_by_seed_and_key_so_that_a_new_person_moves_no_other():
    places = people(*"uvwxyz")
    some = keys("random", people(*"abcdefgh"), places, seed=3)
    assert keys("random", people(*"abdefgh"), places, seed=3) == [line for line in some if line[0] != "c"]
    assert keys("random", people(*"abcdefgh"), places, seed=4) != some


def test_a_result_without_a_name_is_named_after_both():
    (record,) = named_after_both(pair(people("in/me"), people("out/beach"), "product", 0), "")
    assert record.key == "me_beach"
    (record,) = named_after_both(people("me"), "#336699")
    assert record.key == "me_336699"


def test_the_cut_out_of_an_earlier_command_is_the_person():
    record = person_of(Record("a", {"person": "plate.png", "foreground": "cut.png", "photo": "a.jpg"}))
    assert record.paths["person"] == "cut.png"


def test_a_blurred_background_holds_no_color_of_the_person(photo):
    alpha = np.zeros(photo.shape[:2], np.uint8)
    alpha[100:400, 150:350] = 255
    painted = photo.copy()
    painted[alpha > 0] = (255, 0, 255)
    assert np.abs(blurred(painted, alpha).astype(int) - blurred(photo, alpha)).max() <= 1
    deep = blurred(photo.astype(np.uint16) * 257, alpha.astype(np.uint16) * 257)
    assert np.abs(deep / 257.0 - blurred(photo, alpha)).max() < 2


def test_a_color_is_that_color_in_either_depth():
    assert (plain((1, 2, 255), (3, 4), np.dtype(np.uint8)) == (1, 2, 255)).all()
    assert (plain((1, 2, 255), (3, 4), np.dtype(np.uint16)) == (257, 514, 65535)).all()


def work(person: np.ndarray, backdrop, settings: CompositeSettings = CompositeSettings()):  # noqa: B008 - frozen
    stage = CompositeStage(settings, MatteSettings(), ModelOptions(), backdrop)
    run, _ = stage.prepare(1)
    return run({"person": Picture(person)}, Record("a", {})).pictures["composite"].pixels


def test_a_person_on_a_color_stays_where_and_as_they_were(photo):
    alpha = np.zeros((*photo.shape[:2], 1), np.uint8)
    alpha[50:300, 100:200] = 255
    settings = CompositeSettings(place="keep", shadow="none", frame="person")
    made = work(np.dstack([photo, alpha]), (10, 20, 30), settings)
    assert (made[60:290, 110:190] == photo[60:290, 110:190]).all()
    assert (made[:50] == (10, 20, 30)).all()


def test_blur_wants_the_photo_and_a_missing_place_is_said(photo):
    cut = np.dstack([photo, np.zeros(photo.shape[:2], np.uint8)])
    with pytest.raises(PictureError, match="the photo itself"):
        work(cut, "blur")
    with pytest.raises(PictureError, match="--bg"):
        work(cut, None)


def test_a_place_need_only_be_decoded_as_large_as_the_photos_frame(photo):
    frame = CompositeStage(CompositeSettings(frame="person"), MatteSettings(), ModelOptions())
    assert frame.enough("background", {"person": Picture(photo)}) == photo.shape[:2]
    assert frame.enough("person", {}) is None
    full = CompositeStage(CompositeSettings(), MatteSettings(), ModelOptions())
    assert full.enough("background", {"person": Picture(photo)}) is None
