"""Composition-1k: 431 + 50 foregrounds with mattes, to be set on COCO and VOC pictures (Xu et al., CVPR 2017).

By request, for research. As handed out: Combined_Dataset/Training_set/{Adobe-licensed images,Other}/{fg,alpha},
Test_set/Adobe-licensed images/{fg,alpha,trimaps}, and the lists training_fg_names.txt, training_bg_names.txt,
test_fg_names.txt, test_bg_names.txt. Prepared copies have train/ and test/ with fg/, alpha/ or mask/, bg/ and
merged/. Composites are known by number: foreground i goes on the backgrounds 100 i to 100 i + 99 of the training
list, 20 i to 20 i + 19 of the test list. A background is enlarged to cover the foreground and cut to its size.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bgswap.augmentation.trees import child, find, in_order, inner, lines, pictures, split_of
from bgswap.folders.records import Record

WANTED = (
    "Composition-1k: Training_set/ or Test_set/ with fg/ and alpha/, also below 'Adobe-licensed images/' and 'Other/'"
)
BACKGROUNDS = {"train": 100, "test": 20}  # a foreground, in the order of the lists
PLACES = ("bg", "background", "backgrounds", "train2014", "val2014", "train2017", "JPEGImages", "coco", "voc")
MERGED = ("merged", "composite", "composites", "comp")


@dataclass(frozen=True)
class _Part:
    """One split: its foregrounds and mattes by name, where each foreground is from, and its other files."""

    folder: Path
    split: str
    photos: Mapping[str, Path]
    alphas: Mapping[str, Path]
    sources: Mapping[str, str]
    trimaps: Mapping[str, Path]


def read(root: Path) -> Iterator[Record]:
    """A record a composite where the backgrounds lie beside, else a record a foreground.

    "photo" and "foreground" are the same picture: the foreground's colors, on what it was photographed before.
    Beside them "alpha", and where there are some "background", "trimap" and "composite" (a merged picture).
    Fields: set; split: "train" or "test"; source: the folder of the foreground; composite_name: as the set's
    authors number it, "<foreground's index>_<background's index>" in training, "<foreground>_<k>" in the test.
    Keys: <split>/<foreground>, and _<background's index> or _<k> for composites. A foreground without matte, or a
    composite without background, is a record with an error. Raises UsageError where no foregrounds are found.
    """
    parts = _parts(find(root, lambda folder: bool(_parts(folder)), WANTED))
    yield from in_order(record for part in parts for record in _records(part, root))


def _parts(folder: Path) -> list[_Part]:
    found = []
    for top in inner(folder):
        split = split_of(top.name)
        if split in BACKGROUNDS:
            groups = [group for group in (top, *inner(top)) if child(group, "fg") and child(group, "alpha", "mask")]
            photos = {stem: path for group in groups for stem, path in pictures(child(group, "fg")).items()}
            alphas = {s: path for group in groups for s, path in pictures(child(group, "alpha", "mask")).items()}
            sources = {stem: "" if path.parents[1] == top else path.parents[1].name for stem, path in photos.items()}
            trimaps = {s: p for group in groups for s, p in pictures(child(group, "trimaps", "trimap")).items()}
            if photos:
                found.append(_Part(top, split, photos, alphas, sources, trimaps))
    return found


def _records(part: _Part, root: Path) -> Iterator[Record]:
    names = _listed(part, "fg")
    backgrounds = _listed(part, "bg")
    places = _places(part, root) if backgrounds else {}
    each = BACKGROUNDS[part.split]
    beside = any(Path(name).stem in places for name in backgrounds)
    merged = pictures(child(part.folder, *MERGED)) if beside else {}
    order = [Path(name).stem for name in names] + sorted(set(part.photos) - {Path(name).stem for name in names})
    for index, name in enumerate(order):
        mine = backgrounds[each * index : each * (index + 1)] if beside and index < len(names) else []
        if not mine:
            trimap = part.trimaps.get(name) or part.trimaps.get(f"{name}_0")
            yield _record(part, name, f"{part.split}/{name}", {"trimap": trimap}, None, "")
        for k, background in enumerate(mine):
            number = each * index + k
            told = f"{index}_{number}" if part.split == "train" else f"{name}_{k}"
            key = f"{part.split}/{name}_{number if part.split == 'train' else k}"
            there = places.get(Path(background).stem)
            trimap = part.trimaps.get(f"{name}_{k}") or part.trimaps.get(name)
            more = {"background": there, "trimap": trimap, "composite": merged.get(told)}
            yield _record(part, name, key, more, told, "" if there else f"no background {background} beside the set")


def _record(
    part: _Part, name: str, key: str, more: Mapping[str, Path | None], composite_name: str | None, error: str
) -> Record:
    photo, alpha = part.photos.get(name), part.alphas.get(name)
    roles = {"photo": photo, "alpha": alpha, "foreground": photo, **more}
    if not (photo and alpha):
        error = f"{name} has no {'foreground' if not photo else 'matte'}"
    told = {"split": part.split, "source": part.sources.get(name, ""), "composite_name": composite_name}
    fields = {"set": "composition-1k", **told}
    return Record(key, {role: path for role, path in roles.items() if path}, fields, error)


def _listed(part: _Part, kind: str) -> Sequence[str]:
    file = part.folder / f"{'training' if part.split == 'train' else 'test'}_{kind}_names.txt"
    return lines(file) if file.is_file() else []


def _places(part: _Part, root: Path) -> dict[str, Path]:
    """Background pictures by name, from the folders in which people keep COCO and VOC."""
    found: dict[str, Path] = {}
    for top in dict.fromkeys((part.folder, part.folder.parent, root, root.absolute().parent)):
        voc = child(top, "VOCdevkit")
        years = [year / "JPEGImages" for year in inner(voc)] if voc else []
        suffix = f"_{part.split}" if part.split == "test" else ""
        named = [child(top, name) for name in (*(f"{name}{suffix}" for name in PLACES), *PLACES)]
        for folder in (*named, *years):
            for stem, path in pictures(folder).items():
                found.setdefault(stem, path)
    return found
