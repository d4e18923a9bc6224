"""FFHQ in folders of a thousand, flat, and in smaller sizes."""

import pytest

from bgswap.augmentation.layouts.ffhq import read
from bgswap.errors import UsageError
from bgswap.folders import picture
from tests.augmentation.layouts.made import by_key, junk, save


@pytest.fixture
def faces(tmp_path, photo):
    for number in (0, 999, 1000, 59999, 60000, 69999):
        save(
            tmp_path / "ffhq" / "images1024x1024" / f"{number // 1000 * 1000:05d}" / f"{number:05d}.png",
            photo[:64, :64],
        )
        save(
            tmp_path / "ffhq" / "thumbnails128x128" / f"{number // 1000 * 1000:05d}" / f"{number:05d}.png",
            photo[:8, :8],
        )
    (tmp_path / "ffhq" / "images1024x1024" / "00000" / "LICENSE.txt").write_text("CC BY-NC-SA 4.0")
    return tmp_path / "ffhq"


def test_faces_are_keyed_by_number_and_the_last_ten_thousand_are_validation(faces):
    records = by_key(read(faces))
    assert list(records) == ["00000", "00999", "01000", "59999", "60000", "69999"]
    assert [record.fields["split"] for record in records.values()] == ["train"] * 4 + ["validation"] * 2
    assert all(list(record.paths) == ["photo"] for record in records.values())


def test_the_largest_size_is_read_and_small_ones_where_it_is_missing(faces, photo):
    assert {picture.read(record.paths["photo"]).size for record in read(faces)} == {(64, 64)}
    (faces / "images1024x1024").rename(faces.parent / "elsewhere")
    assert {picture.read(record.paths["photo"]).size for record in read(faces)} == {(8, 8)}


def test_flat_copies_have_the_same_keys(faces, tmp_path, photo):
    for key in by_key(read(faces)):
        save(tmp_path / "flat" / "images1024x1024" / f"{key}.jpg", photo[:64, :64])
        save(tmp_path / "bare" / f"{key}.webp", photo[:64, :64])
    assert list(by_key(read(tmp_path / "flat"))) == list(by_key(read(faces))) == list(by_key(read(tmp_path / "bare")))
    assert list(by_key(read(faces / "images1024x1024"))) == list(by_key(read(faces)))


def test_other_names_are_passed_over(faces, photo):
    junk(faces / "images1024x1024" / "00000" / "._00000.png")
    save(faces / "images1024x1024" / "00000" / "preview.png", photo[:64, :64])
    assert len(by_key(read(faces))) == 6


def test_another_folder_is_refused(tmp_path, photo):
    save(tmp_path / "ada.png", photo[:64, :64])
    with pytest.raises(UsageError, match="images1024x1024"):
        list(read(tmp_path))
