"""DESOBA, whose masks hold several objects, and DESOBAv2, an object a picture."""

import numpy as np
import pytest

from bgswap.augmentation.layouts.desoba import read
from bgswap.augmentation.masks import mask_of
from bgswap.errors import UsageError
from bgswap.folders import picture
from tests.augmentation.layouts.made import by_key, junk, mask, oval, save


def labels(*patches, color=False):
    """Patches (rows, columns, value) in a mask of 80 x 100."""
    found = np.zeros((80, 100, 3) if color else (80, 100), np.uint8)
    for rows, columns, value in patches:
        found[slice(*rows), slice(*columns)] = value
    return found


def one(top, name, photo, instances, shadows):
    save(top / "ShadowImage" / f"{name}.png", photo[:80, :100])
    save(top / "DeshadowedImage" / f"{name}.png", photo[:80, :100])
    save(top / "InstanceMask" / f"{name}.png", instances)
    save(top / "ShadowMask" / f"{name}.png", shadows)


@pytest.fixture
def first(tmp_path, photo):
    top = tmp_path / "DESOBA"
    instances = labels(((10, 40), (10, 20), 85), ((10, 40), (50, 70), 170), ((0, 1), (0, 1), 120))
    shadows = labels(((40, 50), (10, 30), 85), ((70, 80), (0, 100), 255))
    one(top, "web-shadow0012", photo, instances, shadows)
    colored = labels(((10, 40), (10, 20), (255, 0, 0)), ((10, 40), (50, 70), (0, 255, 0)), color=True)
    one(top, "COCO_train2017_000000001", photo, colored, colored)
    (top / "shadownewmask").mkdir()
    (top / "Training_labels.txt").write_text("web-shadow0012.png 2\n")
    (top / "Testing_labels.txt").write_text("COCO_train2017_000000001.png\n")
    return top


def solved(record, role):
    return mask_of(picture.read(record.paths[role]).pixels, record.fields["outline"])


def test_every_object_is_a_record_with_its_own_part_of_the_masks(first):
    records = by_key(read(first))
    assert list(records) == [
        "COCO_train2017_000000001/01",
        "COCO_train2017_000000001/02",
        "web-shadow0012/01",
        "web-shadow0012/02",
    ]
    boy = records["web-shadow0012/01"]
    assert next(iter(boy.paths)) == "photo"
    assert boy.paths["composite_true"] == boy.paths["photo"]
    assert boy.paths["composite"].parent.name == "DeshadowedImage"
    assert (mask(boy) == labels(((10, 40), (10, 20), 255))).all()
    assert (solved(boy, "shadow_true") == labels(((40, 50), (10, 30), 255))).all()
    assert boy.fields["split"] == "train"


def test_an_object_without_a_shadow_has_none_and_dirt_is_no_object(first):
    tree = by_key(read(first))["web-shadow0012/02"]
    assert "shadow_true" not in tree.paths
    assert (mask(tree) == labels(((10, 40), (50, 70), 255))).all()
    assert "web-shadow0012/03" not in by_key(read(first))


def test_objects_told_by_color_are_told_apart(first):
    green = by_key(read(first))["COCO_train2017_000000001/01"]
    assert green.fields["outline"] == {"values": [[0, 255, 0]]}
    assert (mask(green) == labels(((10, 40), (50, 70), 255))).all()
    assert green.fields["split"] == "test"


def test_the_second_edition_has_an_object_a_picture_and_jpeg_masks(tmp_path, photo):
    top = tmp_path / "desobav2-256x256" / "DESOBAv2"
    for name in ("000001_0", "000001_1", "a.b"):
        for folder in ("shadowfree_imgs", "shadow_imgs"):
            save(top / folder / f"{name}.jpg", photo[:80, :100])
        for folder in ("object_masks", "shadow_masks", "background_object_masks", "background_shadow_masks"):
            save(top / folder / f"{name}.jpg", oval(80, 100))
    (top / "train.txt").write_text("000001_0\n")
    (top / "test.txt").write_text("000001_1.jpg\na.b.jpg\n")
    records = by_key(read(tmp_path))
    assert {key: record.fields["split"] for key, record in records.items()} == {
        "000001_0": "train",
        "000001_1": "test",
        "a.b": "test",
    }
    record = records["000001_1"]
    assert record.paths["composite"].parent.name == "shadowfree_imgs"
    assert record.paths["photo"].parent.name == record.paths["composite_true"].parent.name == "shadow_imgs"
    assert {"mask", "shadow_true", "background_mask", "background_shadow"} < set(record.paths)
    assert set(mask(record).ravel()) == {0, 255}


def test_missing_partners_broken_masks_and_empty_ones_are_named(first, photo):
    one(first, "empty", photo, labels(), labels())
    one(first, "lone", photo, labels(), labels())
    (first / "ShadowMask" / "lone.png").unlink()
    one(first, "torn", photo, labels(), labels())
    (first / "InstanceMask" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    junk(first / "ShadowImage" / "._lone.png")
    (first / "Testing_labels.txt").write_text("gone.png\n")
    records = by_key(read(first))
    assert "shows no object" in records["empty"].error
    assert "lone has no shadow_true" in records["lone"].error
    assert "its masks cannot be read" in records["torn"].error
    assert "gone has no photo" in records["gone"].error
    assert len({frozenset(record.fields) for record in records.values()}) == 1


def test_another_folder_is_refused(tmp_path):
    (tmp_path / "ShadowImage").mkdir()
    with pytest.raises(UsageError, match="ShadowImage beside DeshadowedImage"):
        list(read(tmp_path))
