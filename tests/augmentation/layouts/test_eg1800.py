"""EG1800 in both of its copies."""

import numpy as np
import pytest

from bgswap.augmentation.layouts.eg1800 import read
from bgswap.errors import UsageError
from tests.augmentation.layouts.made import by_key, junk, mask, oval, save


@pytest.fixture
def portraits(tmp_path, photo):
    """PortraitNet's copy: labels 0 and 1, and more of them than pictures."""
    top = tmp_path / "EG1800"
    for number in (1, 2, 3):
        save(top / "Images" / f"{number:05d}.png", photo[:80, :60])
    for number in (1, 2, 3, 4, 5):
        save(top / "Labels" / f"{number:05d}.png", oval(80, 60) // 255)
    (top / "eg1800_train.txt").write_text("00003.png\n00001.png\n")
    (top / "eg1800_test.txt").write_text("00002.png\r\n")
    return top


def test_pictures_are_paired_by_the_lists_and_stray_labels_are_no_records(portraits):
    records = by_key(read(portraits))
    assert {key: record.fields["split"] for key, record in records.items()} == {
        "00001": "train",
        "00002": "test",
        "00003": "train",
    }
    assert list(records) == sorted(records)
    assert not any(record.error for record in records.values())


def test_labels_of_0_and_1_open_as_masks(portraits):
    for record in read(portraits):
        assert record.paths["mask"].stem == record.key
        assert (mask(record) == oval(80, 60)).all()


def test_the_other_copy_has_other_names_and_labels_of_0_and_255(tmp_path, photo):
    top = tmp_path / "archive" / "EG1800"
    for number in (1, 2):
        save(top / "images_data_crop" / f"{number:05d}.jpg", photo[:80, :60])
    for number in (1, 2, 9):
        save(top / "GT_png" / f"{number:05d}_mask.png", np.dstack([oval(80, 60)] * 3))
    (top / "EG1800_train.txt").write_text("00002.jpg\n")
    (top / "EG1800_val.txt").write_text("images_data_crop/00001.jpg, GT_png/00001_mask.png\n")
    (top / "train.txt").write_text("elsewhere.jpg\n")
    records = by_key(read(tmp_path))
    assert {key: record.fields["split"] for key, record in records.items()} == {"00001": "validation", "00002": "train"}
    assert all((mask(record) == oval(80, 60)).all() for record in records.values())


def test_without_lists_all_pictures_are_paired_by_name(portraits):
    for file in portraits.glob("*.txt"):
        file.unlink()
    junk(portraits / "Images" / "._00001.png")
    records = by_key(read(portraits))
    assert list(records) == ["00001", "00002", "00003"]
    assert {record.fields["split"] for record in records.values()} == {None}


def test_missing_partners_are_named(portraits):
    (portraits / "Labels" / "00001.png").unlink()
    (portraits / "Images" / "00002.png").unlink()
    records = by_key(read(portraits))
    assert records["00001"].error == "00001.png has no label"
    assert "listed" in records["00002"].error
    assert not records["00003"].error


def test_another_folder_is_refused(tmp_path):
    (tmp_path / "Images").mkdir()
    with pytest.raises(UsageError, match="Images/ beside Labels/"):
        list(read(tmp_path))
