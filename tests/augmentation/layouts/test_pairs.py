"""Photos and masks that lie in two folders, or side by side."""

import pytest

from bgswap.augmentation.layouts.pairs import read, told_suffix
from bgswap.errors import UsageError
from tests.augmentation.layouts.made import by_key, junk, mask, oval, save


@pytest.mark.parametrize(
    ("photos", "partners", "role"),
    [
        ("images", "masks", "mask"),
        ("Photos", "Mattes", "alpha"),
        ("imgs", "alpha", "alpha"),
        ("image", "gt", "mask"),
        ("input", "labels", "mask"),
    ],
)
def test_two_folders_are_joined_by_name_whatever_the_suffix(tmp_path, photo, photos, partners, role):
    save(tmp_path / "set" / photos / "ada.jpg", photo[:80, :60])
    save(tmp_path / "set" / photos / "deep" / "bob.webp", photo[:80, :60])
    save(tmp_path / "set" / partners / "ada.png", oval(80, 60))
    save(tmp_path / "set" / partners / "deep" / "bob.tif", oval(80, 60))
    junk(tmp_path / "set" / photos / "._ada.jpg")
    for root in (tmp_path, tmp_path / "set"):
        records = by_key(read(root))
        assert list(records) == ["ada", "deep/bob"]
        assert all(list(record.paths) == ["photo", role] and not record.error for record in records.values())
        assert all((mask(record) == oval(80, 60)).all() for record in records.values())


def test_a_folder_may_hold_masks_and_mattes_and_partners_may_have_a_suffix(tmp_path, photo):
    save(tmp_path / "images" / "ada.jpg", photo[:80, :60])
    save(tmp_path / "masks" / "ada_mask.jpg", oval(80, 60))
    save(tmp_path / "mattes" / "ada-matte.png", oval(80, 60) // 2)
    (record,) = read(tmp_path)
    assert list(record.paths) == ["photo", "mask", "alpha"]
    assert mask(record).max() == 127  # the matte is soft, and the mask's threshold is not put on it


def test_masks_that_went_through_jpeg_are_cut_at_half(tmp_path, photo):
    save(tmp_path / "images" / "ada.jpg", photo[:80, :60])
    save(tmp_path / "masks" / "ada.jpg", oval(80, 60))
    (record,) = read(tmp_path)
    assert set(mask(record).ravel()) == {0, 255}


@pytest.mark.parametrize("order", ["{split}/{kind}", "{kind}/{split}"])
def test_splits_are_told_by_folders_within_or_without(tmp_path, photo, order):
    for split, name in (("train", "ada"), ("val", "bob"), ("test", "eve")):
        save(tmp_path / order.format(split=split, kind="images") / f"{name}.jpg", photo[:80, :60])
        save(tmp_path / order.format(split=split, kind="masks") / f"{name}.png", oval(80, 60))
    records = by_key(read(tmp_path))
    assert {key: record.fields["split"] for key, record in records.items()} == {
        "test/eve": "test",
        "train/ada": "train",
        "val/bob": "validation",
    }


def test_side_by_side_a_suffix_tells_masks_from_photos(tmp_path, photo):
    for name in ("ada", "bob", "eve", "mask", "gas_mask"):
        save(tmp_path / f"{name}.jpg", photo[:80, :60])
    save(tmp_path / "ada_mask.png", oval(80, 60))
    save(tmp_path / "bob-matte.png", oval(80, 60))
    save(tmp_path / "eve.seg.png", oval(80, 60))
    save(tmp_path / "gas_mask_mask.png", oval(80, 60))
    records = by_key(read(tmp_path))
    assert {key: list(record.paths) for key, record in records.items()} == {
        "ada": ["photo", "mask"],
        "bob": ["photo", "alpha"],
        "eve": ["photo", "mask"],
        "gas_mask": ["photo", "mask"],
        "mask": ["photo"],
    }
    assert [key for key, record in records.items() if record.error] == ["mask"]


def test_photos_of_one_name_keep_their_suffix_in_the_key(tmp_path, photo):
    save(tmp_path / "images" / "ada.jpg", photo[:80, :60])
    save(tmp_path / "images" / "ada.png", photo[:80, :60])
    save(tmp_path / "masks" / "ada.png", oval(80, 60))
    records = by_key(read(tmp_path))
    assert list(records) == ["ada.jpg", "ada.png"]
    assert all(record.paths["mask"].name == "ada.png" for record in records.values())


def test_a_photo_without_partner_is_named(tmp_path, photo):
    save(tmp_path / "images" / "ada.jpg", photo[:80, :60])
    save(tmp_path / "images" / "bob.jpg", photo[:80, :60])
    save(tmp_path / "masks" / "ada.png", oval(80, 60))
    records = by_key(read(tmp_path))
    assert records["bob"].error == "bob.jpg has no mask of its name"
    assert records["bob"].fields.keys() == records["ada"].fields.keys()


def test_suffixes_are_told_only_after_a_separator():
    assert told_suffix("ada_mask") == ("ada", "mask")
    assert told_suffix("ada-alpha") == ("ada", "alpha")
    assert told_suffix("unmask") is None
    assert told_suffix("_mask") is None or told_suffix("_mask") == ("", "mask")


def test_a_folder_without_pairs_is_refused(tmp_path, photo):
    save(tmp_path / "images" / "ada.jpg", photo[:20, :20])
    with pytest.raises(UsageError, match="images beside masks or mattes"):
        list(read(tmp_path))
