"""COCO: photos with an outline for every person and thing in them (cocodataset.org; Lin et al., ECCV 2014).

annotations/instances_<split>.json beside <split>/ or images/<split>/, of 2014 or 2017; or one JSON of the same form
beside its pictures, as labeling tools write it. One record an annotation: a mask a person.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from bgswap.augmentation.trees import find, folders, in_order, missing
from bgswap.errors import UsageError
from bgswap.folders.records import SUFFIXES, Record, show

WANTED = "COCO: annotations/instances_<split>.json with its pictures in <split>/ or images/<split>/, or one such JSON"
SHOWN = 12  # ours: categories named in the error


@dataclass(frozen=True)
class _Pictures:
    """A split's pictures: the folder, and the names directly in it."""

    folder: Path
    names: frozenset[str]

    def path(self, name: str) -> Path | None:
        """The file of an image entry's `file_name`, which some tools write with a folder before it."""
        if name in self.names:
            return self.folder / name
        relative = PurePosixPath(name.replace("\\", "/"))
        if str(relative) in self.names or relative.name in self.names:
            return self.folder / relative.name
        inside = not relative.is_absolute() and ".." not in relative.parts and len(relative.parts) > 1
        return self.folder / relative if inside and (self.folder / relative).is_file() else None


def read(root: Path, *, category: str = "person") -> Iterator[Record]:
    """Records of "photo" whose field `outline` tells the mask; keys <image stem>_<annotation id>.

    Only annotations of `category` that are no crowds. Fields: set, split, category, annotation (id), people (how
    many of the category the photo shows, without crowds), crowd (whether it also shows a crowd of them), area
    (share of the photo), outline. A file of annotations whose pictures are not there at all is passed over.

    Raises:
        UsageError: no annotations with pictures at or below `root`, or none of the files knows the category.
    """
    found: list[Record] = []
    known: dict[str, None] = {}
    seen: set[int] = set()  # photos of 2017 that are in the files of 2014 under other names
    for file in _files(root):
        records, categories = _file(file, category, seen)
        found += records
        known |= dict.fromkeys(categories)
    if not known:
        raise missing(root, WANTED)
    if category.casefold() not in map(str.casefold, known):
        some = ", ".join(list(known)[:SHOWN]) + (", ..." if len(known) > SHOWN else "")
        raise UsageError(
            f"COCO's annotations in {show(root)} have no category '{category}'. Some that they have: {some}"
        )
    yield from in_order(_apart(found))


def _file(file: Path, category: str, seen: set[int]) -> tuple[list[Record], list[str]]:
    """The records of one file and the categories that it knows; neither where its pictures are not there.

    seen: the ids of COCO's own photos that were read from other files; grows by this one's.
    """
    split = file.stem.removeprefix("instances_")
    official = re.fullmatch(r"instances_[a-z]+20(14|17)", file.stem) is not None
    places = _places(file, split)
    if official and not any(place.names for place in places):
        return [], []  # its pictures were not downloaded, and it may be half a gigabyte
    data = _load(file)
    pictures = next((p for p in places if any(p.path(i["file_name"]) for i in data["images"])), None)
    if pictures is None:
        return [], []
    images = {image["id"]: image for image in data["images"] if not (official and image["id"] in seen)}
    seen.update(images if official else ())
    return list(_records(data, images, pictures, split, category)), [str(c["name"]) for c in data["categories"]]


def _files(root: Path) -> list[Path]:
    """The JSON files of instances, the later year first; else the one JSON there is."""
    if root.is_file():
        return [root]

    def named(folder: Path) -> list[Path]:
        return sorted(folder.glob("instances_*.json"))

    top = next((folder for folder in folders(root, 2) if named(folder)), None) if root.is_dir() else None
    if top is not None:
        return sorted(named(top), key=lambda file: ("2017" not in file.stem, file.name))
    home = find(root, lambda folder: any(folder.glob("*.json")), WANTED)
    files = sorted(file for file in home.glob("*.json") if not file.name.startswith("."))
    if len(files) != 1:
        raise missing(root, WANTED)
    return files


def _places(file: Path, split: str) -> list[_Pictures]:
    """Where the pictures of a file of annotations may lie, the likelier first."""
    base = file.parent.parent if file.parent.resolve().name.casefold() == "annotations" else file.parent
    short = re.sub(r"20(14|17)$", "", split)
    names = [split, f"images/{split}", short, f"images/{short}", "images", "data"]
    places = [folder for folder in (*(base / name for name in names), file.parent, base) if folder.is_dir()]
    return [_Pictures(folder, frozenset(filter(_is_picture, os.listdir(folder)))) for folder in dict.fromkeys(places)]


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES


def _load(file: Path) -> dict[str, list[dict[str, Any]]]:
    """The JSON's images, annotations and categories, or UsageError."""
    needed = {"images": {"id", "file_name"}, "annotations": {"image_id", "category_id"}, "categories": {"id", "name"}}
    try:
        data = json.loads(file.read_text("utf-8-sig"))
        complete = all(names <= entry.keys() for table, names in needed.items() for entry in data[table])
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as cause:
        raise UsageError(f"{show(file)} cannot be read as JSON of COCO's instances: {cause}") from cause
    if not complete:
        raise UsageError(f"{show(file)} has entries without the ids or names that COCO's instances have")
    return {table: data[table] for table in needed}


def _records(
    data: Mapping[str, list[dict[str, Any]]],
    images: Mapping[Any, dict[str, Any]],
    pictures: _Pictures,
    split: str,
    category: str,
) -> Iterator[Record]:
    names = {c["id"]: str(c["name"]) for c in data["categories"] if str(c["name"]).casefold() == category.casefold()}
    wanted = [a for a in data["annotations"] if a["category_id"] in names and a["image_id"] in images]
    single = [annotation for annotation in wanted if not annotation.get("iscrowd")]
    people = Counter(annotation["image_id"] for annotation in single)
    crowded = {annotation["image_id"] for annotation in wanted if annotation.get("iscrowd")}
    photos = {number: pictures.path(images[number]["file_name"]) for number in people}
    stems = {number: _stem(images[number]["file_name"]) for number in people}
    for number, annotation in enumerate(single):
        shown = annotation["image_id"]
        image, photo = images[shown], photos[shown]
        outline, error = _outline(annotation, image)
        if photo is None:
            error = f"its photo {show(image['file_name'])} is not in {show(pictures.folder)}"
        fields = {
            "set": "coco",
            "split": split,
            "category": names[annotation["category_id"]],
            "annotation": annotation.get("id", number),
            "people": people[shown],
            "crowd": shown in crowded,
            "area": _share(annotation, image),
            "outline": outline,
        }
        yield Record(f"{stems[shown]}_{fields['annotation']}", {"photo": photo} if photo else {}, fields, error)


def _outline(annotation: Mapping[str, Any], image: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """What masks.mask_of draws, or None and what is wrong."""
    told = annotation.get("segmentation")
    if isinstance(told, Mapping):
        return {"rle": told}, ""
    if not told:
        return None, "its annotation has no outline"
    if not (image.get("height") and image.get("width")):
        return None, "its photo's entry has no height and width"
    return {"polygons": told, "size": [image["height"], image["width"]]}, ""


def _share(annotation: Mapping[str, Any], image: Mapping[str, Any]) -> float | None:
    pixels = (image.get("height") or 0) * (image.get("width") or 0)
    return float(annotation["area"]) / pixels if pixels and annotation.get("area") is not None else None


def _stem(name: str) -> str:
    """An image's name without suffix, with its folders where they are plain ones."""
    path = PurePosixPath(name.replace("\\", "/"))
    outside = path.is_absolute() or ".." in path.parts or ":" in name
    return path.stem if outside else path.with_suffix("").as_posix()


def _apart(records: Iterable[Record]) -> Iterator[Record]:
    """Records of one key made two by their splits; what is there twice in all is read once."""
    seen: set[str] = set()
    for record in records:
        key = record.key if record.key not in seen else f"{record.fields['split']}/{record.key}"
        if key not in seen:
            seen.add(key)
            yield record if key == record.key else replace(record, key=key)
