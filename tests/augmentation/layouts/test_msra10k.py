"""MSRA10K: photos and masks in one folder, or in two."""

import pytest

from bgswap.augmentation.layouts.msra10k import read
from bgswap.errors import UsageError
from tests.augmentation.layouts.made import by_key, junk, mask, oval, save

STEMS = ("7", "64", "98921")


def _fill(photos, masks, photo):
    for number, stem in enumerate(STEMS):
        save(photos / f"{stem}.jpg", photo[number : number + 60, :90])
        save(masks / f"{stem}.png", oval(60, 90))


@pytest.mark.parametrize("nested", ["MSRA10K_Imgs_GT/Imgs", "MSRA10K_Imgs_GT/MSRA10K_Imgs_GT/Imgs", "Imgs", "mine"])
def test_pairs_of_one_folder_are_found_however_deep_it_lies(tmp_path, photo, nested):
    _fill(tmp_path / nested, tmp_path / nested, photo)
    (tmp_path / "Readme.txt").write_text("MSRA10K")
    records = by_key(read(tmp_path))
    assert list(records) == ["64", "7", "98921"]  # byte order
    for stem, record in records.items():
        assert list(record.paths) == ["photo", "mask"]
        assert (record.paths["photo"].name, record.paths["mask"].name) == (f"{stem}.jpg", f"{stem}.png")
        assert not record.error
        assert mask(record)[30, 45] == 255


def test_masks_in_a_folder_of_their_own_give_the_same_keys(tmp_path, photo):
    _fill(tmp_path / "imgs", tmp_path / "gt", photo)
    records = by_key(read(tmp_path))
    assert list(records) == ["64", "7", "98921"]
    assert all(record.paths["mask"].parent.name == "gt" for record in records.values())


def test_the_pictures_folder_itself_can_be_named(tmp_path, photo):
    _fill(tmp_path / "Imgs", tmp_path / "Imgs", photo)
    assert list(by_key(read(tmp_path / "Imgs"))) == ["64", "7", "98921"]


def test_junk_is_passed_over_and_a_photo_without_mask_is_named(tmp_path, photo):
    _fill(tmp_path / "Imgs", tmp_path / "Imgs", photo)
    junk(tmp_path / "Imgs" / "._64.jpg")
    (tmp_path / "Imgs" / "64.png").unlink()
    assert {key: bool(record.error) for key, record in by_key(read(tmp_path)).items()} == {
        "64": True,
        "7": False,
        "98921": False,
    }


def test_another_folder_is_refused_in_words(tmp_path, photo):
    save(tmp_path / "holidays" / "1.jpg", photo[:9, :9])
    with pytest.raises(UsageError, match=r"Imgs with N\.jpg"):
        list(read(tmp_path))
