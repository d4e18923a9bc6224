"""What is measured against what: systems and truth become records, joined by key."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from bgswap.errors import PictureError, UsageError
from bgswap.evaluation.results import NOTHING_DONE
from bgswap.folders import records
from bgswap.folders.records import VIDEO_SUFFIXES, Record, named, show
from bgswap.zoo.runs import is_run

FIRST = "first"  # the role that a metadata.jsonl calls file_name: what a sample's network is given
TRUTHS = ("composite_true", "shadow_true", "alpha_true")  # of a sample, the first that it has is "true"
SAMPLE_ROLES = {  # role here -> what augment calls it, in this order
    "true": TRUTHS,
    "true_alpha": ("alpha_true", "alpha", "mask"),
    "input": (FIRST,),
    "mask": ("alpha", "mask"),
    "background": ("background", "plate"),
}


@dataclass(frozen=True)
class System:
    """One row of a table: a folder's pictures, a classical way, a trained run, or the input as it was given.

    number: of the folders' systems, whose files are the records' roles predicted/NUMBER.
    """

    name: str
    number: int = -1
    baseline: str = ""
    run: str = ""

    def role(self, kind: str = "") -> str:
        """The record's role of its pictures, its "alpha", its "previous" picture."""
        return f"predicted/{self.number}" + (f"/{kind}" if kind else "")


NOTHING = System(NOTHING_DONE)  # compared by value, as TRUTH is: a cluster's workers have copies
TRUTH = System("")  # whose own features a set metric compares with; no folder is called so


def name_systems(operands: Sequence[str]) -> list[tuple[str, str]]:
    """(name, path) of every system: NAME=PATH as typed, else the path's last part, or all of it where two agree."""
    pairs = []
    for operand in operands:
        name, _, path = operand.partition("=")
        pairs.append((name, path) if is_named(operand) else ("", operand))
    ends = [Path(path).name or path for _, path in pairs]
    made = [name or (path if ends.count(end) > 1 else end) for (name, path), end in zip(pairs, ends, strict=True)]
    for one in made:
        if made.count(one) > 1:
            raise UsageError(f"two systems are called '{show(one)}': name them, as in ours=PATH")
    return [(name, path) for name, (_, path) in zip(made, pairs, strict=True)]


def is_named(operand: str) -> bool:
    """Whether an operand is NAME=PATH."""
    name, equals, path = operand.partition("=")
    return bool(equals and name and path) and not Path(operand).exists()


def of_truth(name: str) -> list[Record]:
    """The truth's records: pictures by key, or the samples of augment, whose other roles come along."""
    return [_roles(record) for record in _pictures(_existing(name))]


def _roles(record: Record) -> Record:
    if not any(role in record.paths for role in TRUTHS):  # plain pictures, which are pictures or mattes
        own = record.paths[FIRST]
        return replace(record, paths={"true": own, "true_alpha": own})
    paths: dict[str, Path] = {}
    for role, candidates in SAMPLE_ROLES.items():
        for candidate in candidates:
            if candidate in record.paths:
                paths.setdefault(role, record.paths[candidate])
    return replace(record, paths=paths)


def of_system(name: str) -> list[Record]:
    """A system's records: pictures by key, or a .jsonl of decisions and records that need not have pictures."""
    path = _existing(name)
    return list(_lines(path)) if path.suffix == ".jsonl" and path.is_file() else _pictures(path)


def _pictures(path: Path) -> list[Record]:
    """The pictures of a folder, a file, or a video; UsageError where there are none."""
    found = list(_frames(path)) if _is_video(path) else records.from_files([path], FIRST)
    if not found:
        raise UsageError(f"{show(path)} holds no pictures")
    return found


def of_stream(stream: IO[bytes]) -> list[Record]:
    """Another command's records, read to their end: a mean needs them all."""
    return list(records.from_lines(iter(stream.readline, b""), FIRST))


def _lines(path: Path) -> Iterator[Record]:
    import json

    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = dict(json.loads(line))
            key = records.check_key(str(entry.pop("key")))
        except (ValueError, KeyError, TypeError) as cause:
            raise UsageError(f"{show(path)}, line {number} is not a JSON object with a key") from cause
        name = entry.get("file_name")
        fields = {k: v for k, v in entry.items() if not k.endswith("file_name")}
        yield Record(key, {FIRST: path.parent / name} if name else {}, fields)


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()


def _frames(path: Path) -> Iterator[Record]:
    """A record a frame; the video's name is not in the key, so that frames meet those of another video."""
    from bgswap.folders import video

    try:
        count, _ = video.count(path)
    except PictureError as cause:
        raise UsageError(f"{show(path)}: {cause}") from cause
    for number in range(count):
        yield Record(f"{number:06d}", {FIRST: path / str(number)})


def _existing(name: str) -> Path:
    path = named(name)
    if path != records.STREAM and not path.exists():
        raise UsageError(f"{show(path)}: no such file or folder")
    return path


def join(
    truth: Sequence[Record] | None, systems: Mapping[System, Sequence[Record]], companions: Mapping[str, str]
) -> list[Record]:
    """One record a key: truth, every folder system's picture, companions (role -> folder or file), all fields.

    A single picture on one side meets the single picture of the other whatever their names. A key that one side
    lacks is a record with an error: a system that leaves hard pictures out must not look better for it. Without a
    truth the records are the first system's.
    """
    if truth is None:
        truth = [replace(record, paths={}, fields={}) for record in next(iter(systems.values()))]
    if len(truth) == 1 and all(len(found) == 1 for found in systems.values()):
        key = next((found[0].key for found in systems.values()), truth[0].key)
        truth = [replace(truth[0], key=key)]
        systems = {system: [replace(found[0], key=key)] for system, found in systems.items()}
    by_key = {record.key: record for record in truth}
    known = {system: {record.key: record for record in found} for system, found in systems.items()}
    keys = dict.fromkeys([*by_key, *(key for found in known.values() for key in found)])
    made: Iterable[Record] = [_joined(key, by_key.get(key), {s: f.get(key) for s, f in known.items()}) for key in keys]
    for role, name in companions.items():
        made = _companion(made, role, named(name))
    return sorted(made, key=lambda record: os.fsencode(record.key))


def _joined(key: str, truth: Record | None, systems: Mapping[System, Record | None]) -> Record:
    if truth is None:
        there = next(record for record in systems.values() if record)
        return Record(key, there.paths, error="it has no truth")
    paths, fields, error = dict(truth.paths), {TRUTH.name: dict(truth.fields)}, truth.error
    for system, record in systems.items():
        if record is None:
            error = error or f"{show(system.name)} has no picture '{show(key)}'"
            continue
        fields[system.name] = dict(record.fields)
        if FIRST in record.paths:
            paths |= {system.role(): record.paths[FIRST], system.role("alpha"): record.paths[FIRST]}
    return Record(key, paths, fields, error)


def _companion(found: Iterable[Record], role: str, source: Path) -> Iterator[Record]:
    if not source.is_dir() and not _is_video(source):
        yield from records.join(found, role, source)
        return
    # of a folder of samples the role itself, of any other the pictures by key
    there = _frames(source) if _is_video(source) else records.from_folder(source, FIRST)
    partners = {one.key: _roles(one).paths.get(role, one.paths[FIRST]) for one in there}
    for record in found:
        path = partners.get(record.key)
        if path is None:
            lacking = f"no {role} '{show(record.key)}' in {show(source)}"
            yield replace(record, error=record.error or lacking)
        else:
            yield replace(record, paths={**record.paths, role: path})


def fields_of(record: Record) -> dict[str, Any]:
    """A record's fields without whose they are; the truth's own count before a system's."""
    told: dict[str, Any] = {}
    for fields in reversed(list(record.fields.values())):
        told |= fields
    return told


def with_previous(found: Sequence[Record]) -> list[Record]:
    """Records that know the frame before theirs: roles predicted/N/previous, true/previous and so on.

    Frames of one video share their key's folder and follow each other by their names.
    """
    made: list[Record] = []
    for _, frames in groupby(found, key=lambda record: video_of(record.key)):
        before: Record | None = None
        for record in frames:
            known = {f"{role}/previous": path for role, path in (before.paths if before else {}).items()}
            made.append(replace(record, paths={**record.paths, **known}))
            before = record
    return made


def video_of(key: str) -> str:
    """The video that a frame belongs to: its key's folder."""
    return key.rpartition("/")[0]


def is_trained(path_name: str) -> bool:
    """Whether an operand is a run of bgswap train."""
    return is_run(named(path_name))


def check_names(systems: Iterable[System]) -> None:
    """UsageError where a baseline and a folder share a name."""
    seen: set[str] = set()
    for system in systems:
        if system.name in seen:
            raise UsageError(f"two rows are called '{show(system.name)}': name yours, as in ours=PATH")
        seen.add(system.name)
