"""DUTS: 15,572 photos with masks of what stands out (saliencydetection.net/duts; Wang et al., CVPR 2017).

DUTS-TR/{DUTS-TR-Image, DUTS-TR-Mask} (10,553) and DUTS-TE/{DUTS-TE-Image, DUTS-TE-Mask} (5,019): JPEG photos and
PNG masks of the same stem. Copies that nest DUTS-TR twice, or hold *_edge.png beside the masks, are read alike.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bgswap.augmentation.trees import THRESHOLD, child, in_order, joined, missing, pictures, search
from bgswap.folders.records import Record

PARTS = {"DUTS-TR": "train", "DUTS-TE": "test"}
EDGE = "_edge"  # edge maps that some training code keeps beside the masks


def read(root: Path) -> Iterator[Record]:
    """Records of "photo" and "mask", keys <split>/<stem>; fields set, split, outline.

    root: the set, or one half of it. Raises UsageError where neither half is found.
    """
    records: list[Record] = []
    for part, split in PARTS.items():
        half = search(root, partial(_holds, name=f"{part}-Image"))
        if half is None:
            continue
        photos, masks = pictures(child(half, f"{part}-Image")), pictures(child(half, f"{part}-Mask"), {".png"})
        masks = {stem: path for stem, path in masks.items() if not stem.endswith(EDGE) or stem in photos}
        fields = {"set": "duts", "split": split, "outline": THRESHOLD}
        records += joined({"photo": photos, "mask": masks}, ("photo", "mask"), f"{split}/", fields)
    if not records:
        raise missing(root, "DUTS: a folder DUTS-TR-Image beside DUTS-TR-Mask, or DUTS-TE-Image beside DUTS-TE-Mask")
    yield from in_order(records)


def _holds(folder: Path, name: str) -> bool:
    return child(folder, name) is not None
