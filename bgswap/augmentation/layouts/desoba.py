"""DESOBA, DESOBAv2: photos with and without the shadows of objects (Hong et al., AAAI 2022; Liu et al., CVPR 2024).

DESOBA: ShadowImage/, DeshadowedImage/, InstanceMask/ and ShadowMask/ with equal names, Training_labels.txt (840
photos) and Testing_labels.txt (160); InstanceMask gives each object a value or color of its own and ShadowMask
gives its shadow the same one; shadows of nothing in the photo are 255. DESOBAv2, an object a picture: shadow_imgs/,
shadowfree_imgs/, object_masks/, shadow_masks/, background_object_masks/, background_shadow_masks/, all JPEG, and
train.txt, test.txt with names, in the test list also with their suffix.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bgswap.augmentation.trees import THRESHOLD, child, find, in_order, lines, pictures
from bgswap.errors import PictureError
from bgswap.folders.records import Record

WANTED = "DESOBA: ShadowImage beside DeshadowedImage and InstanceMask; nor DESOBAv2: shadow_imgs beside shadowfree_imgs"
FIRST = {"photo": "ShadowImage", "composite": "DeshadowedImage", "mask": "InstanceMask", "shadow_true": "ShadowMask"}
SECOND = {
    "photo": "shadow_imgs",
    "composite": "shadowfree_imgs",
    "mask": "object_masks",
    "shadow_true": "shadow_masks",
    "background_mask": "background_object_masks",
    "background_shadow": "background_shadow_masks",
}
NEEDED = ("photo", "composite", "mask", "shadow_true")
LISTS = {"train": ("Training_labels.txt", "train.txt"), "test": ("Testing_labels.txt", "test.txt")}
DIRT = 0.0002  # of the frame: smaller patches of a value are what resampling left between two others


def read(root: Path) -> Iterator[Record]:
    """A record an object: "photo", "composite", "composite_true", "mask", "shadow_true"; DESOBAv2's "background_*".

    photo and composite_true: the photo with its shadows; composite: without the object's shadow, in DESOBA without
    any; shadow_true: where the shadow lies, missing for an object of DESOBA that has none. Fields: set, split
    ("train", "test", or None in no list), object (its number in the picture, from 1), outline, for both masks.
    Keys: the pictures' stems, in DESOBA <stem>/<object>. DESOBA's masks are opened to tell their objects.
    Pictures without all partners, or named in a list and not there, are records with an error. Raises UsageError
    where the folders are not found.
    """
    home = find(root, lambda folder: _roles(folder) is not None, WANTED)
    roles = _roles(home) or {}
    named = {role: pictures(child(home, folder)) for role, folder in roles.items()}
    splits = _splits(home)
    records: list[Record] = []
    for stem in dict.fromkeys([*named["photo"], *named["composite"], *splits]):
        files = {role: by_stem[stem] for role, by_stem in named.items() if stem in by_stem}
        records += _records(stem, files, splits.get(stem), several=roles is FIRST)
    yield from in_order(records)


def _roles(home: Path) -> Mapping[str, str] | None:
    """Role -> folder, of the edition that lies in `home`."""
    editions = (edition for edition in (FIRST, SECOND) if all(child(home, edition[role]) for role in NEEDED[:3]))
    return next(editions, None)


def _splits(home: Path) -> dict[str, str]:
    """Stem -> split. A line begins with a name, with or without its suffix."""
    splits: dict[str, str] = {}
    for split, names in LISTS.items():
        for name in names:
            for line in lines(home / name) if (home / name).is_file() else ():
                splits.setdefault(Path(line.split()[0]).stem if "." in line else line.split()[0], split)
    return splits


def _records(stem: str, files: Mapping[str, Path], split: str | None, *, several: bool) -> Iterator[Record]:
    fields: dict[str, Any] = {"set": "desoba" if several else "desobav2", "split": split, "object": 1}
    lacking = [role for role in NEEDED if role not in files]
    error = f"{stem} has no {' and no '.join(lacking)} in the data set" if lacking else ""
    paths = dict(files)
    if "photo" in files:
        paths = {"photo": files["photo"], **files, "composite_true": files["photo"]}
    if error or not several:
        yield Record(stem, paths, {**fields, "outline": THRESHOLD}, error)
        return
    try:
        objects, shadows = _values(files["mask"]), _values(files["shadow_true"])
    except PictureError as cause:
        yield Record(stem, paths, {**fields, "outline": None}, f"its masks cannot be read: {cause}")
        return
    if not objects:
        yield Record(stem, paths, {**fields, "outline": None}, f"{files['mask'].name} shows no object")
    for number, value in enumerate(objects, 1):
        own = {role: path for role, path in paths.items() if role != "shadow_true" or value in shadows}
        outline = {"values": [value[0] if len(set(value)) == 1 else list(value)]}
        yield Record(f"{stem}/{number:02d}", own, {**fields, "object": number, "outline": outline})


def _values(path: Path) -> list[tuple[int, int, int]]:
    """The colors of a mask other than black that are more than dirt, in order."""
    import numpy as np

    from bgswap.folders import picture

    pixels = picture.read(path).pixels[..., :3].astype(np.uint32)
    codes = (pixels[..., 0] << 16) | (pixels[..., 1] << 8) | pixels[..., 2]
    found, counts = np.unique(codes, return_counts=True)
    large = (int(code) for code in found[counts >= DIRT * codes.size] if code)
    return [(code >> 16, (code >> 8) & 255, code & 255) for code in large]
