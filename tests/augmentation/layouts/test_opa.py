"""OPA as published and in its derived form."""

import pytest

from bgswap.augmentation.layouts.opa import read
from bgswap.augmentation.masks import mask_of
from bgswap.errors import UsageError
from bgswap.folders import picture
from tests.augmentation.layouts.made import by_key, junk, oval, save

COMPOSITES = {
    "train_set": ("106_3_10_20_40_30_0.4_1", "106_4_5_0_25_25_0.25_0"),
    "test_set": ("771_9_-3_12_60_44_0.59999_1",),
}
HEADER = "fg_id,bg_id,position,scale,label,img_name,mask_name\n"


def partners(top, photo, foreground, background):
    for person, places in (("106", ("3", "4")), ("771", ("9",))):
        category = "boat" if person == "106" else "dog"
        save(top / foreground / category / f"{person}.jpg", photo[:30, :40])
        save(top / foreground / category / f"mask_{person}.jpg", oval(30, 40))
        for place in places:
            save(top / background / category / f"{place}.jpg", photo[100:180, :100])


@pytest.fixture
def opa(tmp_path, photo):
    top = tmp_path / "OPA"
    partners(top, photo, "foreground", "background")
    save(top / "background" / "bird" / "3.jpg", photo[:80, :100])  # the same place for another category
    for folder, names in COMPOSITES.items():
        rows = []
        for name in names:
            save(top / "composite" / folder / f"{name}.jpg", photo[:80, :100])
            save(top / "composite" / folder / f"mask_{name}.jpg", oval(80, 100))
            fg, bg, x, y, w, h, scale, label = name.split("_")
            path = f"dataset/composite/{folder}/"
            rows.append(f'{fg},{bg},"[{x}, {y}, {w}, {h}]",{scale},{label},{path}{name}.jpg,{path}mask_{name}.jpg')
        (top / f"{folder}.csv").write_text(HEADER + "\n".join(rows))
    return top


def test_composites_tell_their_box_scale_and_label_by_name(opa):
    records = by_key(read(opa))
    assert list(records) == [
        "test_set/771_9_-3_12_60_44_0.59999_1",
        *(f"train_set/{n}" for n in COMPOSITES["train_set"]),
    ]
    fields = records["train_set/106_3_10_20_40_30_0.4_1"].fields
    assert fields["box"] == [10, 20, 40, 30]
    assert (fields["scale"], fields["label"], fields["category"], fields["split"]) == (0.4, 1, "boat", "train")
    assert records["test_set/771_9_-3_12_60_44_0.59999_1"].fields["box"][0] == -3
    assert not any(record.error for record in records.values())


def test_partners_are_found_by_number_and_category(opa):
    record = by_key(read(opa))["train_set/106_3_10_20_40_30_0.4_1"]
    assert list(record.paths) == ["composite", "mask", "background", "foreground", "foreground_mask"]
    assert record.paths["background"] == opa / "background" / "boat" / "3.jpg"
    assert record.paths["foreground_mask"] == opa / "foreground" / "boat" / "mask_106.jpg"


def test_jpeg_masks_are_cut_hard_and_fit(opa):
    for record in read(opa):
        for role, beside in (("mask", "composite"), ("foreground_mask", "foreground")):
            solved = mask_of(picture.read(record.paths[role]).pixels, record.fields["outline"])
            assert set(solved.ravel()) == {0, 255}
            assert solved.shape == picture.read(record.paths[beside]).size


def test_the_derived_form_is_told_by_its_own_lists(tmp_path, photo):
    partners(tmp_path, photo, "fg", "bg")
    columns = "imgID,annID,scID,bbox,scale,catnm,position,label,new_img_path,new_msk_path\n"
    for split, name, row in (
        ("train", "106_3_10_20_40_30_0.4_1", '0,106,3,"[10, 20, 40, 30]",0.4,boat,-1,1'),
        ("test", "77", '1,771,9,"[1, 2, 60, 44]",0.6,dog,-1,0'),  # numbered anew: the row tells all
    ):
        save(tmp_path / "com_pic" / f"{name}.jpg", photo[:80, :100])
        save(tmp_path / "com_pic" / f"mask_{name}.jpg", oval(80, 100))
        lines = columns + f"{row},com_pic/{name}.jpg,com_pic/mask_{name}.jpg\n"
        (tmp_path / f"{split}_data.csv").write_text(lines, encoding="utf-8-sig")
    save(tmp_path / "com_pic" / "preview.jpg", photo[:80, :100])
    records = by_key(read(tmp_path))
    assert {key: record.fields["split"] for key, record in records.items()} == {
        "106_3_10_20_40_30_0.4_1": "train",
        "77": "test",
    }
    assert records["77"].fields["box"] == [1, 2, 60, 44]
    assert records["77"].fields["category"] == "dog"
    assert records["77"].paths["foreground"].stem == "771"
    assert not any(record.error for record in records.values())


def test_missing_partners_and_rows_without_picture_are_named(opa):
    (opa / "composite" / "train_set" / "mask_106_3_10_20_40_30_0.4_1.jpg").unlink()
    (opa / "composite" / "train_set" / "106_4_5_0_25_25_0.25_0.jpg").unlink()
    junk(opa / "composite" / "train_set" / "._106_3_10_20_40_30_0.4_1.jpg")
    (opa / "background" / "dog" / "9.jpg").unlink()
    records = by_key(read(opa))
    assert records["train_set/106_3_10_20_40_30_0.4_1"].error.endswith("has no mask")
    assert records["test_set/771_9_-3_12_60_44_0.59999_1"].error.endswith("has no background")
    assert "is listed and is not there" in records["train_set/106_4_5_0_25_25_0.25_0"].error
    assert len({frozenset(record.fields) for record in records.values()}) == 1


def test_another_folder_is_refused(tmp_path):
    (tmp_path / "composite").mkdir()
    with pytest.raises(UsageError, match="composite/, foreground/ and background/"):
        list(read(tmp_path))
