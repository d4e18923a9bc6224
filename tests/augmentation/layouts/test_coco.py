"""COCO: one record a person, from the instances JSON of 2014, of 2017 and of labeling tools."""

import json

import numpy as np
import pytest
from skimage.draw import polygon2mask

from bgswap.augmentation.layouts.coco import read
from bgswap.augmentation.masks import mask_of
from bgswap.errors import UsageError
from bgswap.folders import picture
from tests.augmentation.layouts.made import by_key, mask, save

PEOPLE = {1: "person", 18: "dog", 90: "toothbrush"}  # ids with gaps, as there
HEAD = [170.5, 20.25, 280.0, 22.5, 276.75, 150.5, 168.0, 148.25]  # the astronaut's, in the left upper quarter
CHEST = [100.5, 160.0, 255.4, 158.6, 250.25, 198.75, 90.0, 198.75]


def _image(number, name):
    return {"id": number, "file_name": name, "width": 300, "height": 200, "license": 4}


def _annotation(number, image, segmentation, category=1, crowd=0):
    box = {"bbox": [90.0, 20.25, 190.0, 179.25], "area": 6000.0}
    told = {"segmentation": segmentation, "category_id": category, "iscrowd": crowd}
    return {"id": number, "image_id": image, **told, **box}


def _instances(file, images, annotations):
    file.parent.mkdir(parents=True, exist_ok=True)
    categories = [{"id": n, "name": name, "supercategory": "any"} for n, name in PEOPLE.items()]
    tables = {"images": images, "annotations": annotations, "categories": categories}
    file.write_text(json.dumps({"info": {}, "licenses": [], **tables}))


def _crowd():
    """Runs of a crowd: the last 10 of 300 columns of 200 pixels, all of them."""
    return {"counts": [290 * 200, 10 * 200], "size": [200, 300]}


@pytest.fixture
def coco(tmp_path, photo):
    names = ("000000000139.jpg", "000000000285.jpg", "000000581929.jpg")
    for name in names:
        save(tmp_path / "val2017" / name, photo[:200, :300])
    save(tmp_path / "val2017" / names[1], photo[:200, :300, 1])  # grey, as some of COCO's are
    annotations = [
        _annotation(1218137, 139, [HEAD]),
        _annotation(230831, 139, [HEAD, CHEST]),
        _annotation(900100000139, 139, _crowd(), crowd=1),
        _annotation(587562, 285, [CHEST]),
        _annotation(41, 285, [HEAD], category=18),
        _annotation(900100581929, 581929, _crowd(), crowd=1),
    ]
    images = [_image(int(name[:-4]), name) for name in names]
    _instances(tmp_path / "annotations" / "instances_val2017.json", images, annotations)
    (tmp_path / "annotations" / "person_keypoints_val2017.json").write_text("{}")
    (tmp_path / "annotations" / "captions_val2017.json").write_text("{}")
    return tmp_path


def test_every_person_is_a_record_and_crowds_and_dogs_are_none(coco):
    records = by_key(read(coco))
    assert list(records) == ["000000000139_1218137", "000000000139_230831", "000000000285_587562"]
    first = records["000000000139_1218137"]
    assert list(first.paths) == ["photo"]
    assert first.fields == {
        "set": "coco",
        "split": "val2017",
        "category": "person",
        "annotation": 1218137,
        "people": 2,
        "crowd": True,
        "area": 0.1,
        "outline": {"polygons": [HEAD], "size": [200, 300]},
    }
    assert (records["000000000285_587562"].fields["people"], records["000000000285_587562"].fields["crowd"]) == (
        1,
        False,
    )
    assert not any(record.error for record in records.values())


def test_masks_fit_their_photos_and_are_the_union_of_their_polygons(coco):
    records = by_key(read(coco))
    head, chest = (polygon2mask((200, 300), np.reshape(p, (-1, 2))[:, ::-1] - 0.5) for p in (HEAD, CHEST))
    assert ((mask(records["000000000139_230831"]) > 0) == (head | chest)).all()
    assert ((mask(records["000000000285_587562"]) > 0) == chest).all()


def test_grey_photos_open_in_three_channels(coco):
    grey = picture.read(by_key(read(coco))["000000000285_587562"].paths["photo"]).pixels
    assert grey.shape == (200, 300, 3)


def test_another_category_is_read_by_name_and_an_unknown_one_is_refused_with_some_that_are_there(coco):
    (dog,) = read(coco, category="Dog")
    assert (dog.key, dog.fields["category"], dog.fields["people"]) == ("000000000285_41", "dog", 1)
    with pytest.raises(UsageError, match=r"no category 'wolf'. Some that they have: person, dog, toothbrush"):
        list(read(coco, category="wolf"))
    assert list(read(coco, category="toothbrush")) == []


@pytest.mark.parametrize("folder", ["images/val2017", "val", "images/val", "images"])
def test_pictures_are_found_where_people_keep_them(coco, folder):
    (coco / folder).parent.mkdir(exist_ok=True)
    (coco / "val2017").rename(coco / folder)
    assert len(by_key(read(coco))) == 3
    assert not any(record.error for record in read(coco))


def test_the_annotations_folder_the_file_itself_and_a_folder_above_give_the_same_keys(coco):
    keys = list(by_key(read(coco)))
    assert list(by_key(read(coco / "annotations"))) == keys
    assert list(by_key(read(coco / "annotations" / "instances_val2017.json"))) == keys
    assert list(by_key(read(coco.parent))) == keys


def test_annotations_whose_pictures_were_not_downloaded_are_not_even_opened(coco):
    (coco / "annotations" / "instances_train2017.json").write_text("never read")
    assert len(by_key(read(coco))) == 3


def test_both_splits_are_read_as_one_in_order_of_keys(coco, photo):
    save(coco / "train2017" / "000000000200.jpg", photo[:200, :300])
    instances = coco / "annotations" / "instances_train2017.json"
    _instances(instances, [_image(200, "000000000200.jpg")], [_annotation(7, 200, [HEAD])])
    splits = {key: record.fields["split"] for key, record in by_key(read(coco)).items()}
    assert list(splits) == [
        "000000000139_1218137",
        "000000000139_230831",
        "000000000200_7",
        "000000000285_587562",
    ]
    assert splits["000000000200_7"] == "train2017"


def test_photos_of_2014_are_read_by_their_names_and_not_again_where_2017_has_them(coco, photo):
    for number in (139, 9):
        save(coco / "train2014" / f"COCO_train2014_{number:012d}.jpg", photo[:200, :300])
    images = [_image(number, f"COCO_train2014_{number:012d}.jpg") for number in (139, 9)]
    annotations = [_annotation(1218137, 139, [HEAD]), _annotation(8, 9, [CHEST])]
    _instances(coco / "annotations" / "instances_train2014.json", images, annotations)
    keys = list(by_key(read(coco)))
    assert len(keys) == 4
    assert keys[-1] == "COCO_train2014_000000000009_8"


def test_a_missing_photo_and_an_annotation_without_outline_are_named(coco):
    (coco / "val2017" / "000000000285.jpg").unlink()
    file = coco / "annotations" / "instances_val2017.json"
    tables = json.loads(file.read_text())
    tables["annotations"][0]["segmentation"] = []
    file.write_text(json.dumps(tables))
    errors = {key: record.error for key, record in by_key(read(coco)).items() if record.error}
    assert list(errors) == ["000000000139_1218137", "000000000285_587562"]
    assert "no outline" in errors["000000000139_1218137"]
    assert "000000000285.jpg is not in" in errors["000000000285_587562"]


def test_one_json_of_a_labeling_tool_beside_its_pictures_is_read(tmp_path, photo):
    save(tmp_path / "set" / "images" / "ada.jpg", photo[:200, :300])
    runs = {"counts": "`dh1`n1", "size": [200, 300]}  # what pycocotools makes of _crowd()
    annotations = [_annotation(1, 0, runs), _annotation(2, 0, [HEAD])]
    _instances(tmp_path / "set" / "labels.json", [_image(0, "images\\ada.jpg")], annotations)
    records = by_key(read(tmp_path))
    assert list(records) == ["images/ada_1", "images/ada_2"]
    assert (mask(records["images/ada_1"]) == mask_of(None, {"rle": _crowd()})).all()


def test_names_that_begin_with_another_computers_folder_are_found_by_their_last_part(tmp_path, photo):
    save(tmp_path / "images" / "ada.jpg", photo[:200, :300])
    _instances(tmp_path / "labels.json", [_image(0, "/home/ada/photos/ada.jpg")], [_annotation(1, 0, [HEAD])])
    (record,) = read(tmp_path)
    assert (record.key, record.paths["photo"]) == ("ada_1", tmp_path / "images" / "ada.jpg")


def test_other_folders_and_other_json_files_are_refused_in_words(tmp_path, photo):
    with pytest.raises(UsageError, match=r"annotations/instances_<split>\.json"):
        list(read(tmp_path))
    save(tmp_path / "ada.jpg", photo[:9, :9])
    (tmp_path / "package.json").write_text('{"name": "ada"}')
    with pytest.raises(UsageError, match=r"package\.json cannot be read as JSON of COCO"):
        list(read(tmp_path))
    (tmp_path / "package.json").write_text('{"images": [{"id": 1}], "annotations": [], "categories": []}')
    with pytest.raises(UsageError, match="without the ids or names"):
        list(read(tmp_path))
