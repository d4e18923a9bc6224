"""PPR10K's 360p pictures: one folder a version, 16 bits as shot, 8 bits retouched, masks apart."""

import numpy as np
import pytest

from bgswap.augmentation.layouts.ppr10k import read
from bgswap.errors import UsageError
from bgswap.folders import picture
from tests.augmentation.layouts.made import by_key, mask, oval, save

STEMS = ("0_0", "0_1", "1355_2", "1356_0")
PICTURES = "train_val_images_tif_360p"


def _fill(home, masks, photo, stems=STEMS, source="source"):
    for stem in stems:
        save(home / source / f"{stem}.tif", photo[:54, :36].astype(np.uint16) * 200)
        for expert in "abc":
            save(home / f"target_{expert}" / f"{stem}.tif", photo[:54, :36])
        save(masks / f"{stem}.png", oval(54, 36))


@pytest.fixture
def ppr10k(tmp_path, photo):
    _fill(tmp_path / PICTURES, tmp_path / "masks_360p", photo)
    for folder in ("raw", "xmp_source", "masks_full"):
        (tmp_path / folder).mkdir()
    return tmp_path


def test_the_photo_is_the_first_experts_and_the_other_versions_go_along(ppr10k):
    records = by_key(read(ppr10k))
    assert list(records) == list(STEMS)
    for record in records.values():
        assert list(record.paths) == ["photo", "mask", "target_b", "target_c", "source"]
        assert record.paths["photo"].parent.name == record.fields["version"] == "target_a"
        assert not record.error
        assert mask(record)[27, 18] == 255


def test_the_source_keeps_its_16_bits(ppr10k):
    deep = picture.ReadOptions(depth=16)
    assert picture.read(by_key(read(ppr10k))["0_0"].paths["source"], deep).pixels.dtype == np.uint16


def test_the_group_tells_the_split_as_the_authors_script_has_it(ppr10k):
    records = by_key(read(ppr10k))
    assert {key: record.fields["split"] for key, record in records.items()} == {
        "0_0": "train",
        "0_1": "train",
        "1355_2": "train",
        "1356_0": "validation",
    }
    assert records["1355_2"].fields["group"] == 1355


def test_the_pictures_folder_alone_finds_the_masks_beside_it(ppr10k):
    assert list(by_key(read(ppr10k / PICTURES))) == list(STEMS)
    assert not any(record.error for record in read(ppr10k / PICTURES))


def test_halves_in_train_and_val_with_recolored_sources_count_each_photo_once(tmp_path, photo):
    _fill(tmp_path / "train", tmp_path / "train" / "masks", photo, STEMS[:3], "source_aug")
    _fill(tmp_path / "val", tmp_path / "val" / "masks", photo, STEMS[3:])
    for k in range(1, 6):
        save(tmp_path / "train" / "source_aug" / f"0_0_{k}.tif", photo[:54, :36].astype(np.uint16))
    records = by_key(read(tmp_path))
    assert list(records) == list(STEMS)
    assert [record.fields["split"] for record in records.values()] == ["train"] * 3 + ["validation"]
    assert records["0_0"].paths["source"].name == "0_0.tif"
    assert not any(record.error for record in records.values())


def test_without_retouched_pictures_the_source_is_the_photo(tmp_path, photo):
    for name in ("0_0", "0_0_1"):  # the second is one of source_aug's recolored versions
        save(tmp_path / "source_aug" / f"{name}.tif", photo[:54, :36].astype(np.uint16) * 200)
    save(tmp_path / "masks_360p" / "0_0.png", oval(54, 36))
    (record,) = read(tmp_path)
    assert list(record.paths) == ["photo", "mask"]
    assert record.fields["version"] == "source"


def test_masks_of_pictures_that_were_not_downloaded_are_no_errors_but_holes_are(ppr10k, photo):
    save(ppr10k / "masks_360p" / "1680_4.png", oval(54, 36))
    (ppr10k / PICTURES / "target_a" / "0_1.tif").unlink()
    (ppr10k / "masks_360p" / "1355_2.png").unlink()
    records = by_key(read(ppr10k))
    assert list(records) == list(STEMS)
    assert "photo" in records["0_1"].error
    assert "mask" in records["1355_2"].error


def test_raw_files_alone_are_refused_in_words(tmp_path, photo):
    (tmp_path / "raw").mkdir()
    save(tmp_path / "masks_full" / "0_0.png", oval(54, 36))
    with pytest.raises(UsageError, match="target_a or source"):
        list(read(tmp_path))
