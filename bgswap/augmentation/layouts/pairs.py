"""Image and mask folders joined by name (images/ + masks/ or mattes/), or a.jpg beside a_mask.png in one folder.

Masks are hard, mattes soft: the folder's or suffix's name tells which.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bgswap.augmentation.trees import THRESHOLD, child, find, in_order, inner, listed, split_of
from bgswap.folders.records import Record

PHOTOS = ("images", "image", "photos", "photo", "imgs", "img", "pictures", "originals", "original", "input", "rgb")
MASKS = ("masks", "mask", "labels", "label", "gt", "groundtruth", "ground_truth", "annotations", "segmentation", "seg")
ALPHAS = ("alphas", "alpha", "mattes", "matte", "matting", "pha")
MASK_SUFFIXES = ("mask", "masks", "gt", "label", "seg", "segmentation")
ALPHA_SUFFIXES = ("alpha", "matte", "matting", "pha")
LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif", ".webp")
WANTED = "pairs: a folder images beside masks or mattes, or pictures named a.jpg and a_mask.png"


def read(root: Path) -> Iterator[Record]:
    """A record a photo: "photo", and "mask" or "alpha" or both; split, outline.

    split: "train", "validation" or "test", by the folder's name. Keys are the photos' paths below their folder,
    after the split's name. A photo without any partner is yielded with its error.
    """
    home = find(root, lambda folder: bool(_records(folder)), WANTED)
    yield from in_order(_records(home))


@dataclass(frozen=True)
class _Tree:
    """A folder of photos and those of their partners by role; `prefix` begins the keys."""

    photos: Path
    partners: Mapping[str, Path]
    prefix: str
    split: str | None


def _records(folder: Path) -> list[Record]:
    """The pairs of a folder, or of the folders train/, val/, test/ in it; none where it has another layout."""
    parts = [(folder, "", None), *((part, f"{part.name}/", split_of(part.name)) for part in inner(folder))]
    parts = [(part, prefix, split) for part, prefix, split in parts if split or not prefix]
    trees = [tree for part in parts for tree in _trees(*part)]
    if trees:
        return [record for tree in trees for record in _apart(tree)]
    return [record for part in parts for record in _beside(*part)]


def _trees(folder: Path, prefix: str, split: str | None) -> list[_Tree]:
    photos = child(folder, *PHOTOS)
    partners = {"mask": child(folder, *MASKS), "alpha": child(folder, *ALPHAS)}
    there = {role: path for role, path in partners.items() if path}
    return [_Tree(photos, there, prefix, split)] if photos and there else []


def _apart(tree: _Tree) -> list[Record]:
    partners = {role: _deep(top) for role, top in tree.partners.items()}
    return joined(_deep(tree.photos), partners, tree.prefix, tree.split)


def _deep(top: Path) -> dict[str, list[Path]]:
    """All pictures below a folder by their paths without suffix."""
    found: dict[str, list[Path]] = {}
    queue = [top]
    for folder in queue:
        queue += inner(folder)
        for path in listed(folder):
            found.setdefault(path.relative_to(top).with_suffix("").as_posix(), []).append(path)
    return found


def joined(
    photos: Mapping[str, Sequence[Path]],
    partners: Mapping[str, Mapping[str, Sequence[Path]]],
    prefix: str,
    split: str | None,
) -> list[Record]:
    """Photos and their partners by role, all by name, as records. a.jpg's mask may be a.png or a_mask.png."""
    plain = {role: {_bare(name): paths[-1] for name, paths in files.items()} for role, files in partners.items()}
    exact = {role: {name: paths[-1] for name, paths in files.items()} for role, files in partners.items()}
    records = []
    for name, paths in photos.items():
        found = {role: exact[role].get(name) or plain[role].get(name) for role in partners}
        there = {role: path for role, path in found.items() if path}
        part = (split_of(name.split("/")[0]) if "/" in name else None) if split is None else split
        for path in paths:
            key = prefix + name + (path.suffix if len(paths) > 1 else "")
            error = "" if there else f"{path.name} has no {' or '.join(partners)} of its name"
            fields = {"split": part, "outline": None if "alpha" in there else outline_of(there.get("mask"))}
            records.append(Record(key, {"photo": path, **there}, fields, error))
    return records


def outline_of(mask: Path | None) -> dict[str, int] | None:
    """How a mask is read: masks that were saved lossily are cut at half."""
    return THRESHOLD if mask and mask.suffix.lower() in LOSSY else None


def _bare(name: str) -> str:
    """The name without a suffix that says "mask" or "matte"."""
    return (told_suffix(name) or (name, ""))[0]


def told_suffix(name: str) -> tuple[str, str] | None:
    """("a", "mask") of "a_mask", ("a", "alpha") of "a-matte"; None of names that tell no role."""
    for role, ends in (("mask", MASK_SUFFIXES), ("alpha", ALPHA_SUFFIXES)):
        for end in ends:
            base = name[: -len(end) - 1]
            if name.lower().endswith(end) and len(name) > len(end) + 1 and name[len(base)] in "_-.":
                return base, role
    return None


def _beside(folder: Path, prefix: str, split: str | None) -> list[Record]:
    """Photos and their masks in one folder. A name that ends in _mask is a mask only if its photo is there."""
    files = listed(folder)
    stems = {path.stem for path in files}
    photos: dict[str, list[Path]] = {}
    partners: dict[str, dict[str, list[Path]]] = {}
    for path in files:
        told = told_suffix(path.stem)
        if told and told[0] in stems:
            partners.setdefault(told[1], {}).setdefault(told[0], []).append(path)
        else:
            photos.setdefault(path.stem, []).append(path)
    return joined(photos, partners, prefix, split) if partners else []
