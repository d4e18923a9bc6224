"""FFHQ: 70,000 aligned faces of 1024 x 1024, for non-commercial use (Karras et al., CVPR 2019).

images1024x1024/00000/00000.png to 69000/69999.png, a thousand a folder; copies are flat, smaller
(images512x512/, thumbnails128x128/) or re-encoded. The largest size there is read.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from bgswap.augmentation.trees import find, in_order, inner, pictures
from bgswap.folders.records import Record

WANTED = "FFHQ: images1024x1024/00000/00000.png, thumbnails128x128/, or pictures of five digits"
SIZED = re.compile(r"(?:images|thumbnails)(\d+)x\1", re.IGNORECASE)
DIGITS = re.compile(r"\d{5}")
TRAINING = 60_000  # ffhq-dataset-v2.json: the first 60,000 are "training", the rest "validation"


def read(root: Path) -> Iterator[Record]:
    """A record a face: "photo"; fields set, split. Keys are the five digits, flat or not.

    Raises UsageError where no faces are found.
    """
    faces = _faces(find(root, lambda folder: bool(_faces(folder)), WANTED))
    splits = {stem: "train" if int(stem) < TRAINING else "validation" for stem in faces}
    yield from in_order(
        Record(stem, {"photo": path}, {"set": "ffhq", "split": splits[stem]}) for stem, path in faces.items()
    )


def _faces(folder: Path) -> dict[str, Path]:
    """The faces by number, of the folder's largest size, else of the folder itself."""
    sized = [(int(match[1]), part) for part in inner(folder) if (match := SIZED.fullmatch(part.name))]
    for _, part in sorted(sized, reverse=True):
        if found := _numbered(part):
            return found
    return _numbered(folder)


def _numbered(folder: Path) -> dict[str, Path]:
    thousands = [part for part in inner(folder) if DIGITS.fullmatch(part.name) and part.name.endswith("000")]
    files = {stem: path for part in (folder, *thousands) for stem, path in pictures(part).items()}
    return {stem: path for stem, path in files.items() if DIGITS.fullmatch(stem)}
