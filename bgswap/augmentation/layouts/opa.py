"""OPA: 73,470 composites of COCO objects, each judged plausibly placed or not (Liu et al., arXiv 2107.01889).

Official: background/<category>/<id>.jpg, foreground/<category>/<id>.jpg with mask_<id>.jpg,
composite/{train_set,test_set}/<fg>_<bg>_<x>_<y>_<w>_<h>_<scale>_<label>.jpg with mask_..., train_set.csv and
test_set.csv. A derived copy has bg/, fg/, com_pic/, train_data.csv and test_data.csv. Masks are JPEG: cut at 128.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bgswap.augmentation.trees import THRESHOLD, child, find, in_order, inner, listed, split_of
from bgswap.errors import UsageError
from bgswap.folders.records import Record, show

WANTED = "OPA: composite/, foreground/ and background/, or com_pic/, fg/ and bg/"
NUMBER = r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)"
NAMED = re.compile(rf"(\d+)_(\d+)_{NUMBER}_{NUMBER}_{NUMBER}_{NUMBER}_{NUMBER}_([01])")
MASK = "mask_"
FOLDERS = (("composite", "com_pic"), ("foreground", "fg"), ("background", "bg"))
Row = Mapping[str, Any]


def read(root: Path) -> Iterator[Record]:
    """A record a composite: "composite", "mask", "background", "foreground", "foreground_mask".

    Fields: set; label: 1 where the placement was judged plausible; box [x, y, w, h] in the background's pixels;
    scale: the larger of w and h over the background's; category: the foreground's folder; split; outline, for
    both masks.
    Keys are the composites' paths below their folder. Pictures without all partners, and rows of the lists
    without a picture, are records with an error. Raises UsageError where the folders are not found.
    """
    home = find(root, lambda folder: len(_places(folder)) == len(FOLDERS), WANTED)
    composites, foregrounds, backgrounds = _places(home)
    rows, files = _rows(home), _below(composites)
    persons, grounds = _by_id(foregrounds), _by_id(backgrounds)
    own = [stem for stem in files if not stem.startswith(MASK)]
    records = [_record(stem, files, rows.get(stem), persons, grounds) for stem in own]
    lost = [_lost(stem, row) for stem, row in rows.items() if stem not in files]
    yield from in_order([record for record in records if record] + lost)


def _places(folder: Path) -> list[Path]:
    """The folders of composites, foregrounds and backgrounds, those that are there."""
    return [found for names in FOLDERS if (found := child(folder, *names))]


def _below(top: Path) -> dict[str, tuple[str, Path]]:
    """All pictures below a folder: name without suffix -> key and file."""
    found, queue = {}, [top]
    for folder in queue:
        queue += inner(folder)
        prefix = "".join(f"{part}/" for part in folder.relative_to(top).parts)
        found.update({path.stem: (prefix + path.stem, path) for path in listed(folder)})
    return found


def _by_id(top: Path) -> dict[tuple[str | None, str], Path]:
    """Pictures by category and name, and by (None, name): one background may serve several categories."""
    found: dict[tuple[str | None, str], Path] = {}
    for folder in (top, *inner(top)):
        for path in listed(folder):
            found[folder.name if folder != top else "", path.stem] = path
            found.setdefault((None, path.stem), path)
    return found


def _rows(top: Path) -> dict[str, Row]:
    """The lists' rows by the composite's name. Both forms of the lists, told apart by their columns."""
    rows: dict[str, Row] = {}
    for name in ("train_set.csv", "test_set.csv", "train_data.csv", "test_data.csv"):
        if (top / name).is_file():
            with (top / name).open(newline="", encoding="utf-8-sig") as file:
                for row in csv.DictReader(file):
                    picture = row.get("img_name") or row.get("new_img_path") or ""
                    if picture:
                        rows.setdefault(Path(picture.replace("\\", "/")).stem, {**row, "split": name.split("_")[0]})
    return rows


def _facts(stem: str, row: Row | None) -> dict[str, Any] | None:
    """Foreground, background, box, scale and label, from the composite's name or else its row; None: neither tells."""
    if match := NAMED.fullmatch(stem):
        fg, bg, *box, scale, label = match.groups()
    elif row:
        try:  # the derived form has a column "position" too, always -1
            box = json.loads(row.get("bbox") or row["position"])
            fg, bg = row.get("fg_id") or row["annID"], row.get("bg_id") or row["scID"]
            scale, label = float(row["scale"]), int(row["label"])
        except (KeyError, ValueError, TypeError) as cause:
            raise UsageError(
                f"the row of {show(stem)} in {row['split']}'s list is not OPA's: unpack it again"
            ) from cause
    else:
        return None
    sides = [float(side) for side in box]
    whole = [int(side) if side.is_integer() else side for side in sides]
    return {"fg": fg, "bg": bg, "box": whole, "scale": float(scale), "label": int(label)}


def _fields(facts: Mapping[str, Any], category: str | None, split: str | None) -> dict[str, Any]:
    kept = {name: facts.get(name) for name in ("label", "box", "scale")}
    return {"set": "opa", **kept, "category": category, "split": split, "outline": THRESHOLD}


def _record(
    stem: str,
    files: Mapping[str, tuple[str, Path]],
    row: Row | None,
    persons: Mapping[tuple[str | None, str], Path],
    grounds: Mapping[tuple[str | None, str], Path],
) -> Record | None:
    facts = _facts(stem, row)
    if facts is None:
        return None  # not a composite of the set
    key, path = files[stem]
    foreground = persons.get((None, facts["fg"]))
    category = (row or {}).get("catnm") or (_category(foreground, persons) if foreground else None)
    roles = {
        "composite": path,
        "mask": files.get(MASK + stem, ("", None))[1],
        "background": grounds.get((category, facts["bg"])) or grounds.get((None, facts["bg"])),
        "foreground": foreground,
        "foreground_mask": persons.get((None, MASK + facts["fg"])),
    }
    missing = [role for role, file in roles.items() if file is None]
    split = (row or {}).get("split") or (split_of(key.split("/")[0]) if "/" in key else None)
    error = f"{path.name} has no {' and no '.join(missing)}" if missing else ""
    return Record(key, {role: file for role, file in roles.items() if file}, _fields(facts, category, split), error)


def _category(foreground: Path, persons: Mapping[tuple[str | None, str], Path]) -> str | None:
    return foreground.parent.name if ("", foreground.stem) not in persons else None


def _lost(stem: str, row: Row) -> Record:
    facts = _facts(stem, row) or {}
    fields = _fields(facts, row.get("catnm"), row["split"])
    return Record(f"{row['split']}_set/{stem}", {}, fields, f"{show(stem)} is listed and is not there")
