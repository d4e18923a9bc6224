"""Deep Automatic Portrait Matting as it is handed out, and copies with two folders."""

import pytest

from bgswap.augmentation.layouts.deep_automatic_portrait_matting import read
from bgswap.errors import UsageError
from tests.augmentation.layouts.made import by_key, junk, mask, oval, save


@pytest.fixture
def portraits(tmp_path, photo):
    for part, names in {"training": ("00001", "00002"), "testing": ("00001",)}.items():
        for name in names:
            save(tmp_path / "HKdataset" / part / f"{name}.png", photo[:80, :60])
            save(tmp_path / "HKdataset" / part / f"{name}_matte.png", oval(80, 60) // 2)
    return tmp_path / "HKdataset"


def test_portraits_and_their_mattes_lie_in_one_folder_a_split(portraits):
    records = by_key(read(portraits))
    assert list(records) == ["testing/00001", "training/00001", "training/00002"]
    assert [record.fields["split"] for record in records.values()] == ["test", "train", "train"]
    for record in records.values():
        assert list(record.paths) == ["photo", "alpha"]
        assert mask(record).max() == 127  # soft: the matte's own levels


def test_the_folder_above_and_one_split_alone_are_found(portraits, tmp_path):
    assert list(by_key(read(tmp_path))) == list(by_key(read(portraits)))
    assert list(by_key(read(portraits / "training"))) == ["00001", "00002"]


def test_a_copy_with_two_folders_gives_true_mattes_too(tmp_path, photo):
    save(tmp_path / "data" / "imgs" / "00001.png", photo[:80, :60])
    save(tmp_path / "data" / "masks" / "00001.png", oval(80, 60))
    save(tmp_path / "data" / "imgs" / "00002.png", photo[:80, :60])
    save(tmp_path / "data" / "masks" / "00002_matte.png", oval(80, 60))
    records = by_key(read(tmp_path))
    assert list(records) == ["00001", "00002"]
    assert all(list(record.paths) == ["photo", "alpha"] for record in records.values())


def test_a_portrait_without_matte_is_named_and_resource_forks_are_not(portraits):
    (portraits / "training" / "00002_matte.png").unlink()
    junk(portraits / "training" / "._00001.png")
    junk(portraits / "training" / "._00001_matte.png")
    records = by_key(read(portraits))
    assert len(records) == 3
    assert "no 00002_matte.png" in records["training/00002"].error
    assert not records["training/00001"].error


def test_another_folder_is_refused(tmp_path, photo):
    save(tmp_path / "a.png", photo[:20, :20])
    with pytest.raises(UsageError, match=r"00001\.png beside 00001_matte\.png"):
        list(read(tmp_path))
    with pytest.raises(UsageError, match="no such folder"):
        list(read(tmp_path / "none"))
