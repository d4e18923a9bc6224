"""MSRA10K: 10,000 photos with masks of one object that stands out (mmcheng.net/msra10k; Cheng et al., TPAMI 2015).

MSRA10K_Imgs_GT/Imgs/ holds N.jpg and N.png, photo and mask, in one folder; some copies nest MSRA10K_Imgs_GT twice,
others keep the masks apart: imgs/ and gt/.
"""

from collections.abc import Iterator
from pathlib import Path

from bgswap.augmentation.trees import THRESHOLD, child, find, in_order, joined, pictures
from bgswap.folders.records import Record

PHOTOS, MASKS = ("Imgs", "images"), ("gt", "masks")


def read(root: Path) -> Iterator[Record]:
    """Records of "photo" and "mask", keys the photos' stems; fields set, outline.

    root: the set, or any folder on the way to its pictures. Raises UsageError where they are not found.
    """
    wanted = "MSRA10K: a folder Imgs with N.jpg beside N.png, or imgs beside gt"
    home = find(root, lambda folder: any(_pair(folder)), wanted)
    photos, masks = _pair(home)
    fields = {"set": "msra10k", "outline": THRESHOLD}
    yield from in_order(joined({"photo": photos, "mask": masks}, ("photo", "mask"), "", fields))


def _pair(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Photos and masks of a folder: of two folders in it, or both in `folder` itself; empty where they are not."""
    apart = child(folder, *PHOTOS), child(folder, *MASKS)
    if apart[0] is not None and apart[1] is not None:
        return pictures(apart[0], {".jpg", ".jpeg"}), pictures(apart[1], {".png"})
    photos, masks = pictures(folder, {".jpg", ".jpeg"}), pictures(folder, {".png"})
    return (photos, masks) if photos.keys() & masks.keys() else ({}, {})
