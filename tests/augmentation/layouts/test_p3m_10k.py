"""P3M-10k's three parts, whose photos lie in folders of two names."""

import cv2
import numpy as np
import pytest

from bgswap.augmentation.layouts.p3m_10k import read
from bgswap.errors import UsageError
from tests.augmentation.layouts.made import by_key, mask, oval, save


def _part(top, photos, stem, photo, *extra):
    save(top / photos / f"{stem}.jpg", photo[:72, :96])
    for folder in ("mask", *extra):
        save(top / folder / f"{stem}.png", cv2.GaussianBlur(oval(72, 96), (0, 0), 3))


@pytest.fixture
def p3m(tmp_path, photo):
    home = tmp_path / "P3M-10k"
    _part(home / "train", "blurred_image", "p_00a1b2c3", photo)
    _part(home / "train", "blurred_image", "p_ffee0011", photo, "facemask")
    _part(home / "validation" / "P3M-500-P", "blurred_image", "p_0d3a1e2f", photo, "trimap", "facemask")
    _part(home / "validation" / "P3M-500-NP", "original_image", "1e4c0f8c", photo, "trimap")
    return home


def test_all_parts_are_read_with_what_each_holds(p3m):
    records = by_key(read(p3m))
    assert {key: list(record.paths) for key, record in records.items()} == {
        "P3M-500-NP/1e4c0f8c": ["photo", "alpha", "trimap"],
        "P3M-500-P/p_0d3a1e2f": ["photo", "alpha", "trimap", "face_mask"],
        "train/p_00a1b2c3": ["photo", "alpha"],
        "train/p_ffee0011": ["photo", "alpha", "face_mask"],
    }
    assert [record.fields["split"] for record in records.values()] == ["validation", "validation", "train", "train"]
    assert [record.fields["faces"] for record in records.values()] == ["seen", "blurred", "blurred", "blurred"]
    assert not any(record.error for record in records.values())


def test_mattes_stay_soft(p3m):
    for record in read(p3m):
        assert len(np.unique(mask(record))) > 20


def test_a_part_alone_and_a_copy_nested_twice_give_the_same_keys(p3m, tmp_path):
    whole = list(by_key(read(p3m)))
    assert list(by_key(read(p3m / "validation" / "P3M-500-NP"))) == whole[:1]
    assert list(by_key(read(p3m / "validation"))) == whole[:2]
    assert list(by_key(read(p3m / "train"))) == whole[2:]
    (tmp_path / "copy").mkdir()
    p3m.rename(tmp_path / "copy" / "P3M-10k")
    assert list(by_key(read(tmp_path / "copy"))) == whole


def test_a_copy_that_holds_the_set_twice_is_read_once(p3m, tmp_path, photo):
    _part(tmp_path / "P3M-10k" / "again" / "train", "blurred_image", "p_00a1b2c3", photo)
    assert len(by_key(read(tmp_path))) == 4
    assert by_key(read(tmp_path))["train/p_00a1b2c3"].source.parent.parent == p3m / "train"


def test_photos_with_faces_to_be_seen_are_known_by_their_folder(p3m, tmp_path):
    (p3m / "validation" / "P3M-500-NP").rename(tmp_path / "celebrities")
    (record,) = read(tmp_path / "celebrities")
    assert (record.key, record.fields["split"]) == ("P3M-500-NP/1e4c0f8c", "validation")


def test_a_photo_without_matte_is_named(p3m):
    (p3m / "train" / "mask" / "p_00a1b2c3.png").unlink()
    assert [key for key, record in by_key(read(p3m)).items() if "alpha" in record.error] == ["train/p_00a1b2c3"]


def test_another_folder_is_refused_in_words(tmp_path):
    (tmp_path / "blurred_image").mkdir()
    with pytest.raises(UsageError, match="blurred_image or original_image beside a folder mask"):
        list(read(tmp_path))
