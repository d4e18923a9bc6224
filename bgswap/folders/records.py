"""Records: one picture to work on, with its companions, from whatever the user named.

A folder, one file, a metadata.jsonl (the imagefolder convention: `file_name`, `<role>_file_name`), a
NUL-separated list or a stream of JSON lines all become `Record`s, in byte order of their keys.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from bgswap.errors import UsageError

STREAM = Path("-")  # standard input or output; a file of that name is typed ./-
_USUAL = "jpg jpeg jpe jfif mpo png webp tif tiff bmp gif avif heic heif ppm pgm pnm pam"
_WIDE = "jp2 j2k tga ico pcx sgi qoi dds"
SUFFIXES = frozenset(f".{name}" for name in f"{_USUAL} {_WIDE}".split())
VIDEO_SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"))


@dataclass(frozen=True)
class Record:
    """One picture to work on.

    key: its path below the source folder without suffix, "/" between; role -> file; free fields of a metadata
    line.
    """

    key: str
    paths: Mapping[str, Path]
    fields: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""  # why this record cannot be worked on, known before it is opened

    @property
    def source(self) -> Path:
        """The file that names the record in messages."""
        return next(iter(self.paths.values()), Path(self.key))


def named(text: str) -> Path:
    """The path of a name as typed: "-" is the stream, "./-" the file of that name, which Path takes for the same."""
    path = Path(text)
    return path.absolute() if path == STREAM and text != str(STREAM) else path


def file_of(path: Path) -> Path:
    """The file that holds a picture: itself, or the video of a frame, which is named VIDEO/INDEX."""
    video = path.parent
    return video if video.suffix.lower() in VIDEO_SUFFIXES and video.is_file() else path


def check_key(key: str) -> str:
    """The key itself, or UsageError: keys become file names below OUT and must not lead out of it."""
    parts = key.split("/")
    if not key or "\0" in key or re.match(r"[A-Za-z]:", key) or ("\\" in key and os.sep == "\\"):
        raise UsageError(f"'{show(key)}' cannot be a key: name pictures by relative paths")
    if any(part in ("", ".", "..") for part in parts):
        raise UsageError(f"'{show(key)}' cannot be a key: it must not be absolute nor hold '..'")
    return key


def show(name: object) -> str:
    """A file name made safe to print: control, bidirectional and undecodable characters are escaped."""
    text = os.fsdecode(name) if isinstance(name, bytes | os.PathLike) else str(name)

    def escape(character: str) -> str:
        code = ord(character)
        hidden = code < 32 or 127 <= code < 160 or 0xD800 <= code < 0xE000 or code in (0x2028, 0x2029, 0xFEFF)
        bidi = 0x200E <= code <= 0x200F or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
        return repr(character)[1:-1] if hidden or bidi else character

    return "".join(map(escape, text))


def from_folder(folder: Path, role: str, prefix: str = "") -> list[Record]:
    """The pictures below `folder`, or those of its metadata*.jsonl where it has one.

    Hidden files and folders are passed over; linked files are followed, linked folders are not.
    """
    lists = sorted(folder.glob("metadata*.jsonl"))
    if lists:
        found = [record for file in lists for record in from_lines(file.open("rb"), role, folder)]
        return sorted((replace(r, key=prefix + r.key) for r in found), key=lambda r: os.fsencode(r.key))
    records = []
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            path = Path(top, name)
            if not name.startswith(".") and path.suffix.lower() in SUFFIXES:
                records.append(Record(prefix + path.relative_to(folder).with_suffix("").as_posix(), {role: path}))
    return sorted(_distinct(records), key=lambda record: os.fsencode(record.key))


def _distinct(records: Sequence[Record]) -> list[Record]:
    # a.jpg beside a.png: both keep their suffix in the key, so that --name can still tell them apart
    seen: dict[str, int] = {}
    for record in records:
        seen[record.key] = seen.get(record.key, 0) + 1
    return [r if seen[r.key] == 1 else replace(r, key=r.key + r.source.suffix) for r in records]


def from_files(files: Sequence[Path], role: str) -> list[Record]:
    """Files, keyed by their names alone as `cp` has it, and folders, keyed below their own names."""
    records: list[Record] = []
    for path in files:
        if path.is_dir():
            prefix = f"{path.resolve().name}/" if len(files) > 1 else ""
            records += from_folder(path, role, prefix)
        else:
            records.append(Record("stdin" if path == STREAM else path.stem or path.name, {role: path}))
    return _distinct(records)


def from_list0(stream: IO[bytes], role: str) -> list[Record]:
    """A NUL-separated list of files (`find -print0`). Relative names keep their folders in the key."""
    names = stream.read().split(b"\0")
    if names and names[-1] == b"":
        names.pop()
    records = []
    for number, raw in enumerate(names, 1):
        path = Path(os.fsdecode(raw))
        if not raw:
            records.append(Record(f"name-{number}", {}, error=f"the list's name {number} is empty"))
        elif path.is_absolute() or ".." in path.parts:
            records.append(Record(path.stem, {role: path}))
        else:
            records.append(Record(path.with_suffix("").as_posix(), {role: path}))
    return _distinct(records)


def from_lines(stream: Iterable[bytes], role: str, folder: Path | None = None) -> Iterator[Record]:
    """JSON lines as they come: `file_name` is `role` unless a `<role>_file_name` names it too.

    folder: where the names of a metadata.jsonl are relative to; None for lines of another command, with
    absolute names.
    """
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            name = entry["file_name"]
            found = {k.removesuffix("_file_name"): v for k, v in entry.items() if k.endswith("_file_name")}
            names = {role: name} | {found_role: v for found_role, v in found.items() if v}
            paths = {found_role: _below(folder, value) for found_role, value in names.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as cause:
            raise UsageError(f"line {number} of the records is not a JSON object with a file_name") from cause
        key = entry.get("key") or (Path(name).with_suffix("").as_posix() if folder else Path(name).stem)
        fields = {k: v for k, v in entry.items() if not k.endswith("file_name") and k != "key"}
        yield Record(check_key(str(key)), paths, fields)


def _below(folder: Path | None, name: str) -> Path:
    if folder is None:
        return Path(name)
    check_key(name)
    return folder / name


def join(records: Iterable[Record], role: str, source: Path) -> Iterator[Record]:
    """Give every record its companion: the file of the same key in a folder, or the one file for all."""
    if not source.is_dir():
        if source != STREAM and not source.exists():
            raise UsageError(f"{show(source)}: no such file or folder")
        yield from (replace(record, paths={**record.paths, role: source}) for record in records)
        return
    partners = {record.key: record.source for record in from_folder(source, role)}
    for record in records:
        if record.key in partners:
            yield replace(record, paths={**record.paths, role: partners[record.key]})
        else:
            yield replace(record, error=record.error or f"no {role} '{show(record.key)}' in {show(source)}")


def select(
    records: Iterable[Record], keys: Path | None, exclude: Path | None, shard: tuple[int, int]
) -> Iterator[Record]:
    """The records of --keys without those of --exclude, and of these the share I of N.

    Membership in a share hangs on the key alone, so that a new photo moves no other.
    """
    wanted = _lines(keys) if keys else None
    unwanted = set(_lines(exclude)) if exclude else set()
    seen = set()
    for record in records:
        seen.add(record.key)
        if record.key not in unwanted and (wanted is None or record.key in wanted) and _mine(record.key, shard):
            yield record
    for key in wanted or ():
        if key not in seen and key not in unwanted and _mine(key, shard):
            yield Record(key, {}, error="no picture has this key")


def _lines(file: Path) -> dict[str, None]:
    try:
        text = os.fsdecode(file.read_bytes())
    except OSError as cause:
        raise UsageError(f"{show(file)}: {cause.strerror}") from cause
    return dict.fromkeys(line.rstrip("\r") for line in text.split("\n") if line.strip())


def _mine(key: str, shard: tuple[int, int]) -> bool:
    index, count = shard
    digest = hashlib.sha1(key.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big") % count == index - 1
