"""Composition-1k as handed out, with and without COCO and VOC beside it, and prepared copies."""

import os

import pytest

from bgswap.augmentation.layouts.composition_1k import read
from bgswap.errors import UsageError
from tests.augmentation.layouts.made import by_key, junk, mask, oval, save

TRAINING = ("1-1252426161dfXY.jpg", "antique-honiton-lace-1182740_1920.jpg")
TEST = ("boy-1518482_1920.png", "sieve-641422_1920.png")


@pytest.fixture
def root(tmp_path, photo):
    top = tmp_path / "Combined_Dataset"
    groups = ("Training_set/Other", "Training_set/Adobe-licensed images", *["Test_set/Adobe-licensed images"] * 2)
    for group, name in zip(groups, (*TRAINING, *TEST), strict=True):
        save(top / group / "fg" / name, photo[:80, :60])
        save(top / group / "alpha" / name, oval(80, 60))
    for name in TEST:
        for k in (0, 1, 19):
            save(top / "Test_set/Adobe-licensed images/trimaps" / f"{name[:-4]}_{k}.png", oval(80, 60))
    coco = [f"COCO_train2014_{number:012d}.jpg" for number in range(200)]
    voc = [f"2008_{number:06d}.jpg" for number in range(40)]
    for folder, kind, names in (
        ("Training_set", "training_fg", TRAINING),
        ("Training_set", "training_bg", coco),
        ("Test_set", "test_fg", TEST),
        ("Test_set", "test_bg", voc),
    ):
        (top / folder / f"{kind}_names.txt").write_text("\n".join(names))
    return top


def backgrounds(folder, photo, names):
    first = save(folder / names[0], photo[100:150, :70])
    for name in names[1:]:
        os.link(first, folder / name)


def test_without_backgrounds_there_is_a_record_a_foreground(root):
    records = by_key(read(root))
    assert list(records) == [
        f"{split}/{name[:-4]}" for split, group in (("test", TEST), ("train", TRAINING)) for name in group
    ]
    for record in records.values():
        assert list(record.paths)[:3] == ["photo", "alpha", "foreground"]
        assert record.paths["photo"] == record.paths["foreground"]
        assert not record.error
        assert mask(record).max() == 255
    assert records["test/boy-1518482_1920"].paths["trimap"].name == "boy-1518482_1920_0.png"
    assert records["train/1-1252426161dfXY"].fields["source"] == "Other"
    assert records["train/antique-honiton-lace-1182740_1920"].fields["source"] == "Adobe-licensed images"


def test_with_coco_beside_it_training_composites_are_numbered_through(root, photo):
    backgrounds(root.parent / "train2014", photo, [f"COCO_train2014_{number:012d}.jpg" for number in range(200)])
    records = by_key(read(root))
    training = {key: record for key, record in records.items() if key.startswith("train/")}
    assert len(training) == 200
    last = training["train/antique-honiton-lace-1182740_1920_199"]
    assert last.paths["background"].name == "COCO_train2014_000000000199.jpg"
    assert last.fields["composite_name"] == "1_199"
    first = training["train/antique-honiton-lace-1182740_1920_100"]
    assert first.paths["background"].name == "COCO_train2014_000000000100.jpg"
    assert len({key for key in records if key.startswith("test/")}) == 2


def test_with_voc_beside_it_test_composites_have_trimaps_of_their_own(root, photo):
    folder = root.parent / "VOCdevkit" / "VOC2008" / "JPEGImages"
    backgrounds(folder, photo, [f"2008_{number:06d}.jpg" for number in range(40)])
    (folder / "2008_000021.jpg").unlink()
    records = by_key(read(root))
    record = records["test/sieve-641422_1920_19"]
    assert record.paths["background"].name == "2008_000039.jpg"  # 20 * 1 + 19
    assert record.paths["trimap"].name == "sieve-641422_1920_19.png"
    assert record.fields["composite_name"] == "sieve-641422_1920_19"
    assert "no background 2008_000021.jpg" in records["test/sieve-641422_1920_1"].error
    assert {frozenset(record.fields) for record in records.values()} == {
        frozenset(("set", "split", "source", "composite_name"))
    }


def test_prepared_copies_have_everything_in_one_folder_a_split(tmp_path, photo):
    top = tmp_path / "Adobe-Matting" / "train"
    for number, name in enumerate(TRAINING):
        save(top / "fg" / name, photo[:80, :60])
        save(top / "mask" / name, oval(80, 60))
        save(top / "merged" / f"{number}_{100 * number}.png", photo[:80, :60])
    names = [f"COCO_train2014_{number:012d}.jpg" for number in range(200)]
    (top / "training_fg_names.txt").write_text("\n".join(TRAINING))
    (top / "training_bg_names.txt").write_text("\n".join(names))
    backgrounds(top / "bg", photo, names)
    records = by_key(read(tmp_path))
    assert len(records) == 200
    assert records["train/antique-honiton-lace-1182740_1920_100"].paths["composite"].name == "1_100.png"


def test_missing_mattes_are_named_and_resource_forks_passed_over(root):
    (root / "Training_set" / "Other" / "alpha" / TRAINING[0]).unlink()
    junk(root / "Training_set" / "Other" / "fg" / f"._{TRAINING[0]}")
    records = by_key(read(root))
    assert records["train/1-1252426161dfXY"].error == "1-1252426161dfXY has no matte"
    assert len(records) == 4


def test_another_folder_is_refused(tmp_path, photo):
    save(tmp_path / "fg" / "a.png", photo[:20, :20])
    with pytest.raises(UsageError, match="Training_set/ or Test_set/"):
        list(read(tmp_path))
