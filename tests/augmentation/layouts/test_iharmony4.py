"""iHarmony4's names, lists and copies."""

import cv2
import numpy as np
import pytest

from bgswap.augmentation.layouts.iharmony4 import read
from bgswap.errors import UsageError
from tests.augmentation.layouts.made import by_key, junk, mask, oval, save

COMPOSITES = {
    "HCOCO": ("c108140_1698416_1", "c108140_1698416_2", "c108140_2000001_1"),
    "HAdobe5k": ("a3630_1_5",),
    "HFlickr": ("f2508_1_2",),
    "Hday2night": ("d1048-20120628-200951_1_3",),
}
KEYS = sorted(f"{subset}/{stem}" for subset, stems in COMPOSITES.items() for stem in stems)


def _subset(folder, stems, photo):
    for stem in stems:
        real, number, _ = stem.rsplit("_", 2)
        save(folder / "composite_images" / f"{stem}.jpg", photo[:64, :96] // 2)
        save(folder / "masks" / f"{real}_{number}.png", oval(64, 96))
        save(folder / "real_images" / f"{real}.jpg", photo[:64, :96])


@pytest.fixture
def iharmony4(tmp_path, photo):
    for subset, stems in COMPOSITES.items():
        _subset(tmp_path / subset, stems, photo)
    return tmp_path


def _list(file, names):
    file.write_text("".join(f"{name}\n" for name in names))


def test_names_are_split_from_the_right(iharmony4):
    records = by_key(read(iharmony4))
    assert list(records) == KEYS
    night = records["Hday2night/d1048-20120628-200951_1_3"]
    assert list(night.paths) == ["photo", "mask", "composite", "composite_true"]
    assert [path.name for path in night.paths.values()] == [
        "d1048-20120628-200951.jpg",
        "d1048-20120628-200951_1.png",
        "d1048-20120628-200951_1_3.jpg",
        "d1048-20120628-200951.jpg",
    ]
    assert {record.fields["split"] for record in records.values()} == {None}
    assert not any(record.error for record in records.values())


def test_masks_of_three_channels_that_are_not_quite_black_and_white_come_out_hard(iharmony4):
    soft = cv2.GaussianBlur(np.clip(oval(64, 96), 6, 249), (0, 0), 1)
    save(iharmony4 / "HFlickr" / "masks" / "f2508_1.png", np.dstack([soft] * 3))
    solved = mask(by_key(read(iharmony4))["HFlickr/f2508_1_2"])
    assert set(solved.ravel()) == {0, 255}
    assert (solved != oval(64, 96)).mean() < 0.02


def test_lists_at_the_root_tell_the_splits(iharmony4):
    _list(iharmony4 / "IHD_test.txt", [f"HCOCO/composite_images/{COMPOSITES['HCOCO'][0]}.jpg"])
    _list(iharmony4 / "IHD_train.txt", [k.replace("/", "/composite_images/") + ".jpg" for k in KEYS if "16_1" not in k])
    splits = {key: record.fields["split"] for key, record in by_key(read(iharmony4)).items()}
    assert splits == {key: "test" if key.endswith("1698416_1") else "train" for key in KEYS}


def test_lists_in_the_subsets_with_bare_names_and_windows_lines_tell_the_splits(iharmony4):
    first, *others = COMPOSITES["HCOCO"]
    (iharmony4 / "HCOCO" / "HCOCO_train.txt").write_bytes("".join(f"{name}.jpg\r\n" for name in others).encode())
    _list(iharmony4 / "HCOCO" / "HCOCO_test.txt", [f"{first}.jpg"])
    splits = {key: record.fields["split"] for key, record in by_key(read(iharmony4)).items()}
    assert splits["HCOCO/c108140_1698416_1"] == "test"
    assert splits["HCOCO/c108140_1698416_2"] == "train"
    assert splits["HAdobe5k/a3630_1_5"] is None


def test_a_root_list_of_bare_names_is_shared_out_by_their_first_letters(iharmony4):
    _list(iharmony4 / "IHD_test.txt", [f"{stem}.jpg" for stems in COMPOSITES.values() for stem in stems])
    records = by_key(read(iharmony4))
    assert list(records) == KEYS
    assert {record.fields["split"] for record in records.values()} == {"test"}
    assert not any(record.error for record in records.values())


def test_json_lines_at_the_root_tell_the_splits(iharmony4):
    line = '{"file_name": "HAdobe5k/composite_images/a3630_1_5.jpg", "text": ""}\n'
    (iharmony4 / "train.jsonl").write_text(line)
    assert by_key(read(iharmony4))["HAdobe5k/a3630_1_5"].fields["split"] == "train"
    (iharmony4 / "train.jsonl").write_text(line + "a3630\n")
    with pytest.raises(UsageError, match=r"line 2 of .*train\.jsonl"):
        list(read(iharmony4))


def test_resized_pictures_beside_the_original_are_not_read_twice(iharmony4, photo):
    _subset(iharmony4 / "HAdobe5k_resized1024", COMPOSITES["HAdobe5k"], photo)
    both = by_key(read(iharmony4))
    assert list(both) == KEYS
    assert both["HAdobe5k/a3630_1_5"].source.parent.parent.name == "HAdobe5k"
    (iharmony4 / "HAdobe5k").rename(iharmony4 / "elsewhere")
    alone = by_key(read(iharmony4))
    assert list(alone) == KEYS
    assert alone["HAdobe5k/a3630_1_5"].source.parent.parent.name == "HAdobe5k_resized1024"


def test_a_subset_alone_keeps_its_keys_and_splits_whatever_its_folder_is_called(iharmony4):
    _list(iharmony4 / "IHD_train.txt", [f"HFlickr/composite_images/{COMPOSITES['HFlickr'][0]}.jpg"])
    (alone,) = read(iharmony4 / "HFlickr")
    assert (alone.key, alone.fields["split"]) == ("HFlickr/f2508_1_2", "train")
    (iharmony4 / "HFlickr").rename(iharmony4 / "flickr_copy")
    (renamed,) = read(iharmony4 / "flickr_copy")
    assert (renamed.key, renamed.fields["split"]) == ("HFlickr/f2508_1_2", "train")


def test_what_is_missing_is_named_and_a_half_that_was_never_downloaded_is_not(iharmony4):
    _list(iharmony4 / "IHD_train.txt", [f"HCOCO/composite_images/{stem}.jpg" for stem in ("c1_1_1", "c2_1_1")])
    _list(iharmony4 / "IHD_test.txt", [f"HCOCO/composite_images/{s}.jpg" for s in (*COMPOSITES["HCOCO"], "c9_1_1")])
    (iharmony4 / "HCOCO" / "masks" / "c108140_2000001.png").unlink()
    (iharmony4 / "HFlickr" / "real_images" / "f2508.jpg").unlink()
    junk(iharmony4 / "HFlickr" / "composite_images" / "._f2508_1_2.jpg")
    records = by_key(read(iharmony4))
    errors = {key: record.error for key, record in records.items() if record.error}
    assert list(errors) == ["HCOCO/c108140_2000001_1", "HCOCO/c9_1_1", "HFlickr/f2508_1_2"]
    assert "no mask in HCOCO" in errors["HCOCO/c108140_2000001_1"]
    assert "no composite" in errors["HCOCO/c9_1_1"]
    assert "no photo" in errors["HFlickr/f2508_1_2"]


def test_another_folder_is_refused_in_words(tmp_path):
    with pytest.raises(UsageError, match="HCOCO/composite_images"):
        list(read(tmp_path))
