"""EG1800: 1,736 portraits of 600 x 800 with masks, of PFCN's 1,800 (Shen et al., Eurographics 2016).

Two copies go round: Images/ + Labels/ with eg1800_train.txt (1,447 names) and eg1800_test.txt (289), and
images_data_crop/ + GT_png/ (00001_mask.png) with EG1800_train.txt and EG1800_val.txt. Labels outnumber pictures,
1,887 to 1,736, since many of the Flickr addresses died: names decide, never an order. Labels are 0 and 1, or 0
and 255; a few are empty.
"""

from collections.abc import Iterator
from pathlib import Path

from bgswap.augmentation.trees import child, find, in_order, lines, pictures, split_of
from bgswap.folders.records import Record

WANTED = "EG1800: Images/ beside Labels/, or images_data_crop/ beside GT_png/"
FOLDERS = (("Images", "Labels"), ("images_data_crop", "GT_png"))
OUTLINE = {"nonzero": True}


def read(root: Path) -> Iterator[Record]:
    """A record a portrait: "photo", "mask"; fields set, split, outline. Keys are the pictures' stems.

    Where there are lists, those of the lists; else all pictures. Labels without a picture are the set's known
    strays; a picture without its label, or a listed name without picture, is a record with an error.
    Raises UsageError where the folders are not found.
    """
    home = find(root, lambda folder: any(_folders(folder)), WANTED)
    photos, masks = (pictures(folder) for folder in _folders(home))
    masks = {stem.removesuffix("_mask"): path for stem, path in masks.items()}
    splits = _splits(home) or dict.fromkeys(photos)
    yield from in_order(_record(name, photos.get(name), masks.get(name), split) for name, split in splits.items())


def _folders(folder: Path) -> tuple[Path | None, Path | None]:
    """The folders of pictures and of labels, or twice None."""
    both = [(child(folder, photos), child(folder, masks)) for photos, masks in FOLDERS]
    return next((pair for pair in both if all(pair)), (None, None))


def _splits(home: Path) -> dict[str, str | None]:
    """Which split the lists beside the folders give a name. Lines may be paths, or a picture, a comma, its label."""
    splits: dict[str, str | None] = {}
    for file in sorted(home.glob("*.txt")):
        name = file.stem.lower()
        split = split_of(name.removeprefix("eg1800_"))
        if split and name.startswith("eg1800_"):
            for line in lines(file):
                splits.setdefault(Path(line.replace(",", " ").split()[0].replace("\\", "/")).stem, split)
    return splits


def _record(name: str, photo: Path | None, mask: Path | None, split: str | None) -> Record:
    missing = "" if photo and mask else f"{name} is listed and has no {'picture' if mask else 'picture or label'}"
    if photo and not mask:
        missing = f"{photo.name} has no label"
    roles = {"photo": photo, "mask": mask}
    paths = {role: path for role, path in roles.items() if path}
    return Record(name, paths, {"set": "eg1800", "split": split, "outline": OUTLINE}, missing)
