"""AISegment matting_human: 34,427 half-length portraits with mattes (github.com/aisegmentcn/matting_human_datasets).

clip_img/<session>/clip_<n>/<session>-<number>.jpg and matting/<session>/matting_<n>/<same>.png, 600 x 800. The
mattes are RGBA, the matte their fourth channel. The archive holds two files of a macOS disk ("._...", one where a
folder belongs), and one copy holds the whole tree again in a folder of its own: each photo is read once.
"""

from collections.abc import Iterator
from pathlib import Path

from bgswap.augmentation.trees import child, find, folders, in_order, joined, pictures
from bgswap.folders.records import Record

CLIP, MATTING = "clip_", "matting_"


def read(root: Path) -> Iterator[Record]:
    """Records of "photo" and "alpha", keys <session>/<clip>/<stem>; fields set, session.

    root: the folder with clip_img and matting, or one above it. Raises UsageError where they are not found.
    """
    wanted = "AISegment matting_human: a folder clip_img beside a folder matting"
    home = find(root, lambda folder: bool(child(folder, "clip_img") and child(folder, "matting")), wanted)
    clips, mattes = _parts(child(home, "clip_img"), CLIP), _parts(child(home, "matting"), MATTING)
    records: list[Record] = []
    for session, number in dict.fromkeys([*clips, *mattes]):
        photos = pictures(clips.get((session, number)), {".jpg", ".jpeg"})
        alphas = pictures(mattes.get((session, number)), {".png"})
        prefix, fields = f"{session}/{CLIP}{number}/", {"set": "aisegment", "session": session}
        records += joined({"photo": photos, "alpha": alphas}, ("photo", "alpha"), prefix, fields)
    yield from in_order(records)


def _parts(top: Path | None, prefix: str) -> dict[tuple[str, str], Path]:
    """(session, number) -> the folder <session>/<prefix><number> in `top`."""
    inner = [folder for folder in folders(top, 2) if folder.name.startswith(prefix)] if top is not None else []
    return {(folder.parent.name, folder.name.removeprefix(prefix)): folder for folder in inner}
