"""Deep Automatic Portrait Matting: 2,000 Flickr portraits with mattes (Shen et al., ECCV 2016).

As handed out (by request, for research): training/ with 1,700 and testing/ with 300 portraits of 600 x 800,
00001.png beside its matte 00001_matte.png. Copies hold the pictures and the mattes in two folders, imgs/ and
masks/ for one, with the names kept; those are read too. The mattes are true (closed-form and KNN matting of
drawn scribbles), also where a copy calls them masks.
"""

from collections.abc import Iterator
from pathlib import Path

from bgswap.augmentation.layouts.pairs import ALPHAS, MASKS, PHOTOS
from bgswap.augmentation.trees import child, find, in_order, inner, listed, pictures, split_of
from bgswap.folders.records import Record

WANTED = "Deep Automatic Portrait Matting: 00001.png beside 00001_matte.png, or a folder imgs beside masks"
MATTE = "_matte"


def read(root: Path) -> Iterator[Record]:
    """A record a portrait: "photo", "alpha"; fields set, split. Keys: training/00001, or 00001 without splits.

    A portrait without a matte is a record with an error. Raises UsageError where no portraits are found.
    """
    home = find(root, lambda folder: bool(_set(folder)), WANTED)
    yield from in_order(_set(home))


def _set(folder: Path) -> list[Record]:
    parts = [part for part in inner(folder) if split_of(part.name)]
    found = [record for part in parts for record in _part(part, f"{part.name}/", split_of(part.name))]
    return found or _part(folder, "", None)


def _part(folder: Path, prefix: str, split: str | None) -> list[Record]:
    photos, alphas = child(folder, *PHOTOS), child(folder, *ALPHAS, *MASKS)
    if photos and alphas:
        return _records(pictures(photos), pictures(alphas), prefix, split)
    files = listed(folder)
    mattes = {path.stem: path for path in files if path.stem.endswith(MATTE)}
    own = {path.stem: path for path in files if path.stem not in mattes}
    return _records(own, mattes, prefix, split) if mattes else []


def _records(photos: dict[str, Path], alphas: dict[str, Path], prefix: str, split: str | None) -> list[Record]:
    records = []
    for name, photo in photos.items():
        alpha = alphas.get(name + MATTE) or alphas.get(name)
        paths = {"photo": photo, "alpha": alpha} if alpha else {"photo": photo}
        error = "" if alpha else f"{photo.name} has no {name}{MATTE}.png"
        records.append(Record(prefix + name, paths, {"set": "deep-automatic-portrait-matting", "split": split}, error))
    return records
