"""PPR10K: 11,161 portraits with masks, as shot and retouched (github.com/csjliang/PPR10K; Liang et al., CVPR 2021).

Non-commercial. The 360p pictures: train_val_images_tif_360p/{source, target_a, target_b,
target_c}/<group>_<index>.tif with masks_360p/<group>_<index>.png, or train/ and val/ with {source or source_aug,
target_*, masks} in each. source is 16 bits deep; source_aug adds recolored versions named <group>_<index>_<k>.tif.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bgswap.augmentation.trees import THRESHOLD, child, folders, in_order, joined, missing, pictures, search
from bgswap.folders.records import Record

VERSIONS = ("target_a", "target_b", "target_c", "source")  # the first that is there is the photo
SOURCES = ("source", "source_aug")
FIRST_VALIDATION_GROUP = 1356  # groups 0 to 1355, 8,875 photos, are for training: the set's utils/split_train_val.py
NAME = re.compile(r"(\d+)_\d+")


def read(root: Path) -> Iterator[Record]:
    """Records of "photo", "mask" and the photo's other versions, keys <group>_<index>.

    photo: what an expert made of it: of target_a, target_b, target_c the first that is there; without any, the
    source. Fields: set, split, group, version (which of these photo is), outline. root: the set, its 360p
    pictures, or one half of them. Raises UsageError where no such pictures are found.
    """
    search(root, lambda _: True)  # UsageError where root is no folder
    records: dict[str, Record] = {}
    for home in folders(root):
        if child(home, *VERSIONS, *SOURCES) is not None:
            for record in _home(home, root):
                records.setdefault(record.key, record)
    if not records:
        raise missing(root, "PPR10K: a folder target_a or source with <group>_<index>.tif (its raw files are not read)")
    yield from in_order(records.values())


def _home(home: Path, root: Path) -> Iterator[Record]:
    versions = {name: _named(child(home, *(SOURCES if name == "source" else (name,)))) for name in VERSIONS}
    version = next((name for name, found in versions.items() if found), "source")
    half = {"train": "train", "val": "validation"}.get(home.resolve().name.casefold())
    roles = {"photo": versions.pop(version), "mask": _named(_masks(home, root)), **versions}
    for record in joined(roles, ("photo", "mask"), "", {}):
        if record.paths.keys() == {"mask"}:
            continue  # one folder of masks serves both halves, and one of them may not be there
        group = int(record.key.split("_")[0])
        split = half or ("train" if group < FIRST_VALIDATION_GROUP else "validation")
        fields = {"set": "ppr10k", "split": split, "group": group, "version": version, "outline": THRESHOLD}
        yield replace(record, fields=fields)


def _named(folder: Path | None) -> dict[str, Path]:
    """The pictures named <group>_<index>, without the versions <group>_<index>_<k> of source_aug."""
    return {stem: path for stem, path in pictures(folder).items() if NAME.fullmatch(stem)}


def _masks(home: Path, root: Path) -> Path | None:
    """The masks' folder: `masks` in `home`, or masks_360p there or above, as far as the folder that holds `root`."""
    for folder in (home, *home.parents):
        names = ("masks", "masks_360p", "masks_full") if folder == home else ("masks_360p", "masks_full")
        found = child(folder, *names)
        if found is not None or folder == root.parent:
            return found
    return None
