"""P3M-10k: 10,421 portraits with mattes, faces blurred in 9,921 (github.com/JizhiziLi/P3M; Li et al., ACM MM 2021).

train/{blurred_image, mask}, validation/P3M-500-P/{blurred_image, mask, trimap} and, with faces to be seen,
validation/P3M-500-NP/{original_image, mask, trimap}: JPEG photos, PNG mattes; facemask/ is an extra download.
"""

from collections.abc import Iterator
from pathlib import Path

from bgswap.augmentation.trees import child, folders, in_order, joined, missing, pictures, search
from bgswap.folders.records import Record

VALIDATION = "P3M-500"  # its two folders are P3M-500-P and P3M-500-NP


def read(root: Path) -> Iterator[Record]:
    """Records of "photo", "alpha", and where the set has them "trimap" and "face_mask"; keys <part>/<stem>.

    Fields: set; part: "train", "P3M-500-P" or "P3M-500-NP"; split: "train" or "validation"; faces: "blurred" or
    "seen". root: the set, or any part of it. Raises UsageError where no part is found.
    """
    records: list[Record] = []
    done: set[str] = set()
    if search(root, _is_part) is None:
        raise missing(root, "P3M-10k: a folder blurred_image or original_image beside a folder mask")
    for folder in filter(_is_part, folders(root)):
        seen = child(folder, "original_image") is not None
        name = folder.resolve().name
        part = name if name.startswith(VALIDATION) else "P3M-500-NP" if seen else "train"
        if part not in done:  # the nearest: a copy may hold the whole set twice
            done.add(part)
            records += _part(folder, part, seen=seen)
    yield from in_order(records)


def _is_part(folder: Path) -> bool:
    return child(folder, "original_image", "blurred_image") is not None and child(folder, "mask") is not None


def _part(folder: Path, part: str, *, seen: bool) -> Iterator[Record]:
    roles = {
        "photo": pictures(child(folder, "original_image" if seen else "blurred_image")),
        "alpha": pictures(child(folder, "mask")),
        "trimap": pictures(child(folder, "trimap")),
        "face_mask": pictures(child(folder, "facemask")),
    }
    split = "train" if part == "train" else "validation"
    fields = {"set": "p3m-10k", "part": part, "split": split, "faces": "seen" if seen else "blurred"}
    yield from joined(roles, ("photo", "alpha"), f"{part}/", fields)
