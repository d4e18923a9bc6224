"""Imagefolder: pictures with metadata.jsonl, .csv or .parquet, as Hugging Face's datasets and bgswap write it.

Column file_name, relative to the metadata file, is the photo; <role>_file_name another picture of it; all else are
free fields. The metadata lie in the folder or in each of train/, validation/, test/. Without any, the folders'
names are labels: [train/]<label>/x.png. github.com/huggingface/datasets, "Create an image dataset".
"""

import csv
import io
import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bgswap.augmentation.trees import in_order, inner, listed, missing, search, split_of
from bgswap.errors import UsageError
from bgswap.folders.records import Record, from_lines, show

WANTED = "imagefolder: metadata.jsonl, .csv or .parquet, or pictures in folders"
PATTERNS = ("metadata*.jsonl", "metadata.csv", "metadata.parquet")


def read(root: Path) -> Iterator[Record]:
    """A record a line of the metadata, or a picture where there are none; keys are paths without suffix.

    With metadata: "photo" (of samples that bgswap augment made: the role that file_name's folder names), the other
    columns' roles, and the fields of the line, split added. Without: "photo"; split, label. A picture that the
    metadata name and that is not there is a record with an error. Raises UsageError where there are no pictures,
    where metadata have no file_name, and for Parquet without pyarrow.
    """
    search(root, lambda _: True)  # UsageError where root is no folder
    homes = {part: f"{part.name}/" for part in inner(root) if split_of(part.name)}
    told = [(home, prefix) for home, prefix in {root: "", **homes}.items() if _metadata(home)]
    if told:
        yield from in_order(record for home, prefix in told for record in _listed(home, prefix))
        return
    records = in_order(_labeled(root))
    if not records:
        raise missing(root, WANTED)
    yield from records


def _metadata(home: Path) -> list[Path]:
    """The metadata files of a folder, all of one kind, in order; UsageError where kinds are mixed."""
    kinds = [found for pattern in PATTERNS if (found := sorted(home.glob(pattern)))]
    if len(kinds) > 1:
        names = " and ".join(files[0].name for files in kinds)
        raise UsageError(f"{show(home)} has {names}: keep the one that holds")
    return kinds[0] if kinds else []


def _listed(home: Path, prefix: str) -> Iterator[Record]:
    for file in _metadata(home):
        for number, row in enumerate(_rows(file), 1):
            if not isinstance(row, Mapping) or not isinstance(row.get("file_name"), str) or not row["file_name"]:
                raise UsageError(f"{show(file)}: entry {number} has no file_name")
            record = next(from_lines([json.dumps(row).encode()], _role(row), home))
            split = split_of(prefix.rstrip("/")) or split_of(record.key.split("/")[0] if "/" in record.key else "")
            lost = [show(path.name) for path in record.paths.values() if not path.is_file()]
            error = f"{file.name} names {' and '.join(lost)}, which is not there" if lost else ""
            fields = {"split": split, **record.fields}
            yield replace(record, key=prefix + record.key, fields=fields, error=record.error or error)


def _role(row: Mapping[str, Any]) -> str:
    """The role of file_name: "photo", or for samples of bgswap augment the folder that it lies in."""
    folder, slash, _ = str(row["file_name"]).partition("/")
    return folder if slash and {"method", "copy"} <= row.keys() else "photo"


def _rows(file: Path) -> Iterable[Any]:
    if file.suffix == ".parquet":
        return _parquet(file)
    text = os.fsdecode(file.read_bytes()).removeprefix("\ufeff")
    if file.suffix == ".csv":
        table = csv.DictReader(io.StringIO(text))
        return ({name: _value(name, cell) for name, cell in row.items() if name} for row in table)
    return _lines(file, text)


def _lines(file: Path, text: str) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as cause:
                raise UsageError(f"{show(file)}: line {number} is not JSON") from cause


def _value(name: str, cell: Any) -> Any:
    """What a cell of a table says: a number, yes or no, nothing, or text. Names of files stay text."""
    if not isinstance(cell, str) or name.endswith("file_name"):
        return cell or None
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    for kind in (int, float):
        try:
            number = kind(cell)
        except ValueError:
            continue
        plain = math.isfinite(number) and "_" not in cell
        return number if plain and not (len(cell) > 1 and cell[0] == "0" and cell.isdigit()) else cell
    return cell or None


def _parquet(file: Path) -> list[dict[str, Any]]:
    try:
        from pyarrow import parquet  # type: ignore[import-not-found,import-untyped]
    except ImportError as cause:
        line = "pip install pyarrow"
        raise UsageError(f"{show(file)} needs pyarrow ({line}); or write it as metadata.jsonl") from cause
    rows: list[dict[str, Any]] = parquet.read_table(file).to_pylist()
    return rows


def _labeled(root: Path) -> Iterator[Record]:
    queue = [root]
    for folder in queue:
        queue += inner(folder)
        files = listed(folder)
        stems = Counter(path.stem for path in files)
        parts = folder.relative_to(root).parts
        split = split_of(parts[0]) if parts else None
        labels = parts[1:] if split else parts
        fields = {"split": split, "label": labels[-1] if labels else None}
        for path in files:
            name = path.stem if stems[path.stem] == 1 else path.name
            yield Record("/".join((*parts, name)), {"photo": path}, fields)
