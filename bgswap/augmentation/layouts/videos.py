"""Videos: files (.mp4 .mov .mkv .webm .avi) and folders of frames, VideoMatte240K's fgr/ + pha/ among them.

VideoMatte240K (Lin et al., CVPR 2021): {train,test}/{fgr,pha}/0000/00000.jpg, the same with 0000.mp4, or fgr/ and
pha/ in each video's folder; valid/ or val/ where clips were moved out of train/. pha/ holds the mattes of what is in
fgr/; com/, bgr/ and true/ beside them are passed over. Anything else is a video by its folder or its file.
"""

import heapq
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bgswap.augmentation.trees import inner, listed, missing, search, split_of
from bgswap.errors import PictureError
from bgswap.folders.records import VIDEO_SUFFIXES, Record, show

WANTED = "videos: folders of frames, or files such as .mp4"
PHOTOS, ALPHAS = "fgr", "pha"
BESIDE = {"com", "bgr", "bg", "true", "err", "trimap"}  # what evaluation copies keep beside fgr and pha


@dataclass(frozen=True)
class _Video:
    """One video: its name, its folder of frames or its file, and the same of its mattes."""

    name: str
    path: Path
    alpha: Path | None
    split: str | None


def read(root: Path) -> Iterator[Record]:
    """A record a frame: "photo" and, but for the first, "previous_photo"; with mattes "alpha" and "previous_alpha".

    Frames of a folder follow each other by the numbers in their names; a frame of a file is named VIDEO/INDEX, as
    folders/picture.py opens it.
    Fields: video; frame, from 0; fps, None for folders; split. Keys: <video>/<frame as on disk>, or
    <video>/<six digits>. A frame without its matte, and a file that is no video, are records with an error.
    Raises UsageError where there is no video, NotReady where files need PyAV.
    """
    search(root, lambda _: True)  # UsageError where root is no folder
    videos = list(_videos(root, root))
    if not videos:
        raise missing(root, WANTED)
    names = Counter(each.name for each in videos)  # of a.mp4 beside a.mov, or a folder a, files keep their suffix
    runs = [_frames(each, each.name + ("" if names[each.name] == 1 else _suffix(each.path))) for each in videos]
    yield from heapq.merge(*runs, key=lambda record: os.fsencode(record.key))


def _videos(folder: Path, root: Path) -> Iterator[_Video]:
    """The videos in a folder and below, however deep."""
    below = {path.name: path for path in inner(folder)}
    mattes = below.pop(ALPHAS, None) if PHOTOS in below else None
    if PHOTOS in below:
        yield from _matted(below.pop(PHOTOS), mattes, root)
        below = {name: path for name, path in below.items() if name not in BESIDE}
    if listed(folder):
        yield _video(folder, None, root)
    for file in _files(folder):
        yield _video(file, None, root)
    for path in below.values():
        yield from _videos(path, root)


def _matted(photos: Path, mattes: Path | None, root: Path) -> Iterator[_Video]:
    """The videos of fgr/, each with the part of pha/ at the same place."""

    def matte(path: Path) -> Path | None:
        if mattes is None:
            return None
        found = mattes / path.relative_to(photos)
        others = [file for file in _files(found.parent) if file.stem == found.stem] if path.is_file() else []
        return found if found.exists() else next(iter(others), found)

    for folder in _all_below(photos):
        if listed(folder):
            yield _video(folder, matte(folder), root)
        for file in _files(folder):
            yield _video(file, matte(file), root)


def _all_below(top: Path) -> Iterator[Path]:
    yield top
    for folder in inner(top):
        yield from _all_below(folder)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    names = (entry.name for entry in os.scandir(folder) if entry.is_file() and not entry.name.startswith("."))
    return [folder / name for name in sorted(names, key=os.fsencode) if Path(name).suffix.lower() in VIDEO_SUFFIXES]


def _video(path: Path, alpha: Path | None, root: Path) -> _Video:
    parts = [part for part in path.relative_to(root).parts if part != PHOTOS]
    split = next((found for part in parts[:-1] if (found := split_of(part))), None)
    if not path.is_dir():
        parts[-1] = Path(parts[-1]).stem
    return _Video("/".join(parts) or root.resolve().name or "video", path, alpha, split)


def _suffix(path: Path) -> str:
    return "" if path.is_dir() else path.suffix


def _frames(found: _Video, name: str) -> Iterator[Record]:
    fields = {"video": name, "frame": 0, "fps": None, "split": found.split}
    return _of_folder(found, name, fields) if found.path.is_dir() else _of_file(found, name, fields)


def _of_folder(found: _Video, name: str, fields: Mapping[str, Any]) -> Iterator[Record]:
    photos = sorted(listed(found.path), key=lambda path: (_natural(path.stem), os.fsencode(path.name)))
    mattes = {path.stem: path for path in listed(found.alpha)} if found.alpha and found.alpha.is_dir() else {}
    stems = [path.stem for path in photos]
    keys = stems if len(set(stems)) == len(stems) else [path.name for path in photos]

    def record(index: int) -> Record:
        alphas: Sequence[Path | None] = [mattes.get(photos[at].stem) for at in (index, max(index - 1, 0))]
        error = "" if found.alpha is None or alphas[0] else f"{photos[index].name} has no matte in {ALPHAS}"
        paths = _paths(photos[index], photos[index - 1] if index else None, alphas[0], alphas[1] if index else None)
        return Record(f"{name}/{keys[index]}", paths, {**fields, "frame": index}, error)

    order = sorted(range(len(photos)), key=lambda index: os.fsencode(keys[index]))
    return (record(index) for index in order)


def _of_file(found: _Video, name: str, fields: Mapping[str, Any]) -> Iterator[Record]:
    file = found.path
    counted = _counted(file)
    mattes = _counted(found.alpha) if found.alpha else counted
    error = next((told for told in (counted, mattes) if isinstance(told, str)), "")
    if isinstance(counted, str) or isinstance(mattes, str):
        yield Record(name, {"photo": file}, fields, error)
        return
    for index in range(counted[0]):
        there = found.alpha if index < mattes[0] else None
        lost = f"{show(file.name)} has no matte of frame {index}" if found.alpha and not there else ""
        before = f"{index - 1:06d}" if index else ""
        now = _paths(file / f"{index:06d}", None, there / f"{index:06d}" if there else None, None)
        earlier = {f"previous_{role}": path.parent / before for role, path in now.items()} if index else {}
        yield Record(f"{name}/{index:06d}", now | earlier, {**fields, "frame": index, "fps": counted[1] or None}, lost)


def _counted(file: Path) -> tuple[int, float] | str:
    """Frames and frames a second, or why it is no video."""
    from bgswap.folders import video

    try:
        return video.count(file)
    except PictureError as cause:
        return f"{show(file.name)} {cause}"


def _paths(photo: Path, before: Path | None, alpha: Path | None, alpha_before: Path | None) -> dict[str, Path]:
    roles = {"photo": photo, "alpha": alpha, "previous_photo": before, "previous_alpha": alpha_before}
    return {role: path for role, path in roles.items() if path}


def _natural(name: str) -> list[tuple[int, str]]:
    """A name cut into its numbers and what is between: frame 10 comes after frame 9."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdigit() and part.isascii() else (-1, part) for part in parts]
