"""DUTS as it is unpacked, and the copies of it that people keep."""

import pytest

from bgswap.augmentation.layouts.duts import read
from bgswap.errors import UsageError
from tests.augmentation.layouts.made import by_key, junk, mask, oval, save

NAMES = {"TR": ("ILSVRC2012_test_00000004", "n01532829_13482"), "TE": ("sun_aaaenaoynzhoyheo",)}


@pytest.fixture
def duts(tmp_path, photo):
    for part, names in NAMES.items():
        for number, name in enumerate(names):
            top = tmp_path / "DUTS" / f"DUTS-{part}"
            save(top / f"DUTS-{part}-Image" / f"{name}.jpg", photo[:80, number : number + 100])
            save(top / f"DUTS-{part}-Mask" / f"{name}.png", oval(80, 100))
    return tmp_path / "DUTS"


def test_both_halves_are_read_in_order_of_their_keys(duts):
    records = by_key(read(duts))
    assert list(records) == ["test/sun_aaaenaoynzhoyheo", "train/ILSVRC2012_test_00000004", "train/n01532829_13482"]
    assert all(list(record.paths) == ["photo", "mask"] and not record.error for record in records.values())
    assert [record.fields["split"] for record in records.values()] == ["test", "train", "train"]


def test_masks_open_hard_and_fit_their_photos(duts):
    for record in read(duts):
        assert set(mask(record).ravel()) == {0, 255}


def test_edge_maps_beside_the_masks_are_no_masks(duts):
    save(duts / "DUTS-TR" / "DUTS-TR-Mask" / "n01532829_13482_edge.png", oval(80, 100))
    junk(duts / "DUTS-TR" / "DUTS-TR-Image" / "._n01532829_13482.jpg")
    assert len(by_key(read(duts))) == 3
    assert not any(record.error for record in read(duts))


def test_a_half_alone_and_one_that_is_nested_twice_give_the_same_keys(duts, tmp_path):
    expected = [key for key in by_key(read(duts)) if key.startswith("train/")]
    assert list(by_key(read(duts / "DUTS-TR"))) == expected
    (tmp_path / "kaggle" / "DUTS-TR").mkdir(parents=True)
    (duts / "DUTS-TR").rename(tmp_path / "kaggle" / "DUTS-TR" / "DUTS-TR")
    assert list(by_key(read(tmp_path / "kaggle"))) == expected


def test_a_photo_without_mask_and_a_mask_without_photo_are_named(duts):
    (duts / "DUTS-TR" / "DUTS-TR-Mask" / "n01532829_13482.png").unlink()
    (duts / "DUTS-TE" / "DUTS-TE-Image" / "sun_aaaenaoynzhoyheo.jpg").unlink()
    records = by_key(read(duts))
    assert "mask" in records["train/n01532829_13482"].error
    assert "photo" in records["test/sun_aaaenaoynzhoyheo"].error
    assert not records["train/ILSVRC2012_test_00000004"].error


def test_another_folder_is_refused_in_words(tmp_path):
    with pytest.raises(UsageError, match="DUTS-TR-Image"):
        list(read(tmp_path))
    with pytest.raises(UsageError, match="no such folder"):
        list(read(tmp_path / "nowhere"))
