"""iHarmony4: 73,146 photos whose foregrounds were given other colors (github.com/bcmi; Cong et al., CVPR 2020).

From bcmi/Image-Harmonization-Dataset-iHarmony4. In HCOCO, HAdobe5k, HFlickr and Hday2night, each with the folders
composite_images, masks and real_images, the composite a_b_c.jpg has the mask a_b.png and the photo a.jpg, split at
"_" from the right. Splits are told by IHD_train.txt and IHD_test.txt, by <sub-set>_train.txt and _test.txt, or by
train.jsonl and test.jsonl, whatever a copy has. HAdobe5k_resized1024 stands in for HAdobe5k where that is not
there: the same pictures are never read twice.
"""

import json
import re
from collections.abc import Container, Iterator
from pathlib import Path

from bgswap.augmentation.trees import THRESHOLD, child, find, in_order, pictures
from bgswap.errors import UsageError
from bgswap.folders.records import Record, show

SUBSETS = {"HCOCO": "c", "HAdobe5k": "a", "HFlickr": "f", "Hday2night": "d"}  # and how their pictures' names begin
RESIZED = "HAdobe5k_resized1024"
COMPOSITES = "composite_images"


def read(root: Path) -> Iterator[Record]:
    """Records of "photo", "mask", "composite" and "composite_true" (the photo again), keys <sub-set>/<composite>.

    Fields: set, subset, split ("train", "test", or None where no list has it), outline. root: the set or one
    sub-set. Names that are listed but not there are records with an error. Raises UsageError where no sub-set is
    found.
    """
    home = find(root, lambda folder: bool(_subsets(folder)), f"iHarmony4: a folder such as HCOCO/{COMPOSITES}")
    records: list[Record] = []
    for subset, folder in _subsets(home).items():
        records += _subset(subset, folder, home)
    yield from in_order(records)


def _subsets(home: Path) -> dict[str, Path]:
    """Sub-set -> its folder in `home`, or `home` itself where that is one."""
    if child(home, COMPOSITES) is not None:
        return {_subset_name(home): home}
    found = {name: child(home, *((name, RESIZED) if name == "HAdobe5k" else (name,))) for name in SUBSETS}
    return {name: folder for name, folder in found.items() if folder is not None and child(folder, COMPOSITES)}


def _subset_name(folder: Path) -> str:
    """The sub-set of a folder by its name, or else by the letter that its composites' names begin with."""
    own = folder.resolve().name
    first = next(iter(pictures(child(folder, COMPOSITES))), "")[:1]
    by_letter = {letter: name for name, letter in SUBSETS.items()}
    return _known(own) or by_letter.get(first, own)


def _known(name: str) -> str | None:
    name = "HAdobe5k" if name.casefold() == RESIZED.casefold() else name
    return next((known for known in SUBSETS if known.casefold() == name.casefold()), None)


def _subset(subset: str, folder: Path, home: Path) -> Iterator[Record]:
    composites = pictures(child(folder, COMPOSITES))
    splits = _splits(subset, folder, home, composites)
    masks, photos = pictures(child(folder, "masks")), pictures(child(folder, "real_images"))
    for stem in dict.fromkeys([*composites, *splits]):
        shown, _, _ = stem.rpartition("_")
        shot, _, _ = shown.rpartition("_")
        photo = photos.get(shot)
        found = {"photo": photo, "mask": masks.get(shown), "composite": composites.get(stem), "composite_true": photo}
        lacking = [role for role in ("photo", "mask", "composite") if found[role] is None]
        error = f"{show(stem)} has no {' and no '.join(lacking)} in {subset}" if lacking else ""
        fields = {"set": "iharmony4", "subset": subset, "split": splits.get(stem), "outline": THRESHOLD}
        yield Record(f"{subset}/{stem}", {role: path for role, path in found.items() if path}, fields, error)


def _splits(subset: str, folder: Path, home: Path, present: Container[str]) -> dict[str, str]:
    """Stem of a composite -> "train" or "test", by the first kind of list that has any of those that are there.

    A half that is missing as a whole was not downloaded; of the other, the names that are missing are kept.
    """
    tops = [home, home.parent] if home == folder else [home]
    kinds = (
        [(top, "IHD_*.txt") for top in tops],
        [(top, f"{name}_*.txt") for top in (folder, *tops) for name in (subset, folder.resolve().name)],
        [(top, "*.jsonl") for top in tops],
    )
    for lists in kinds:
        splits: dict[str, str] = {}
        for split in ("train", "test"):  # a name in both is of the test
            files = (top / name.replace("*", split) for top, name in lists)
            listed = next((file for file in files if file.is_file()), None)
            stems = dict.fromkeys(_listed(listed, subset), split) if listed else {}
            splits |= stems if any(stem in present for stem in stems) else {}
        if splits:
            return splits
    return {}


def _listed(file: Path, subset: str) -> Iterator[str]:
    """The stems of one sub-set that a list names: bare, by paths from the set's root, or as JSON lines."""
    for number, line in enumerate(file.read_text("utf-8-sig", "surrogateescape").splitlines(), 1):
        name = line.strip()
        if file.suffix == ".jsonl" and name:
            try:
                name = str(json.loads(name)["file_name"])
            except (ValueError, KeyError, TypeError) as cause:
                raise UsageError(f"line {number} of {show(file)} is no JSON object with a file_name") from cause
        parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".")]
        bare = len(parts) == 1 and parts[0].startswith(SUBSETS.get(subset, ""))
        if bare or subset in map(_known, parts[:-1]):
            yield Path(parts[-1]).stem
