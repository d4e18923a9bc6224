"""From photos to samples: each copy becomes a record of its own, with the other pictures that it is made from.

Whose colors, which place and which decoys a sample takes hangs on (seed, key, copy) and the list of candidates alone,
so that order, jobs, shards and machines change nothing.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.augmentation.cutting import PLACES
from bgswap.augmentation.masks import mask_of
from bgswap.augmentation.samples import SampleSettings, needs, welcome
from bgswap.errors import PictureError, UsageError
from bgswap.folders import picture
from bgswap.folders.records import Record
from bgswap.folders.workers import usable_cpus
from bgswap.matting.people import find_people

MATTES = ("alpha", "mask")  # roles that tell where the person is, the better first
GROUP = 8  # ours: photos whose copies come in turn, so that jobs do not wait for one photo's decoys
COUNTED = 320  # ours: longest side of a matte whose people are counted


@dataclass(frozen=True)
class Choice:
    """Which photos become samples, and how many. people, limit: None takes all."""

    copies: int = 1
    seed: int = 0
    people: int | None = None
    limit: int | None = None


def subset(records: Sequence[Record], limit: int, seed: int) -> list[Record]:
    """`limit` records drawn by `seed`, in their order. A record's luck hangs on its key alone."""

    def lot(record: Record) -> bytes:
        return hashlib.sha256(f"{seed} {record.key}".encode("utf-8", "surrogatepass")).digest()

    kept = {record.key for record in sorted(records, key=lot)[:limit]}
    return [record for record in records if record.key in kept]


def with_people(records: Sequence[Record], count: int, threads: int) -> list[Record]:
    """The records that show `count` people: by their field "people", else counted as patches of the matte."""

    def people(record: Record) -> int | str:
        told = record.fields.get("people")
        if isinstance(told, int):
            return told
        try:
            return len(find_people(_matte(record)))
        except PictureError as cause:
            return str(cause)

    with ThreadPoolExecutor(threads) as pool:
        counts = list(pool.map(people, records))
    kept = []
    for record, found in zip(records, counts, strict=True):
        if isinstance(found, str):
            kept.append(replace(record, error=record.error or found))  # named later, like every broken photo
        elif found == count:
            kept.append(record)
    return kept


def _matte(record: Record) -> NDArray[np.float32]:
    """The matte, thinned out to COUNTED pixels, 0..1."""
    role = next((role for role in (*MATTES, "foreground") if role in record.paths), None)
    outline = record.fields.get("outline")
    if role is None and outline is None:
        raise PictureError("no matte to count people in: name cut-outs with --foreground, or mattes with --alpha")
    path = record.paths[role] if role else None
    if path is None or outline is not None:
        cover = mask_of(picture.read(path).pixels if path else None, outline)
    else:
        cover = picture.read_mask(path).pixels
    step = max(1, max(cover.shape) // COUNTED)
    thin: NDArray[np.float32] = cover[::step, ::step].astype(np.float32) / np.float32(np.iinfo(cover.dtype).max)
    return thin


def _order(record: Record) -> bytes:
    return os.fsencode(record.key)


def without_outline(record: Record) -> Record:
    """The record without what its data set tells of its person: for users who name cut-outs or mattes of their own."""
    paths = {role: path for role, path in record.paths.items() if role not in (*MATTES, "foreground")}
    return replace(record, paths=paths, fields={k: v for k, v in record.fields.items() if k != "outline"})


def _check(records: Sequence[Record], places: Sequence[Record], settings: SampleSettings) -> None:
    """UsageError where no photo at all has what the methods need: said once, before the work."""
    sound = [record for record in records if not record.error]
    if not sound:
        return
    if not any(record.fields.get("outline") or {*MATTES, "foreground"} & set(record.paths) for record in sound):
        raise UsageError("name cut-outs with --foreground (bgswap matte PHOTOS CUTOUTS), or mattes with --alpha")
    for role in needs(settings):
        if role in PLACES and not places and not any(role in record.paths for record in sound):
            raise UsageError(f"{settings.name} sets people into other places: name some with --background")
        if role == "plate" and not any(role in record.paths for record in sound):
            how = "bgswap inpaint PHOTOS PLATES --mask CUTOUTS"
            raise UsageError(f"{settings.name} needs the photos without their people: {how}, then --plate PLATES")


class Pool:
    """All that samples are drawn from; gives the record of any one of them."""

    def __init__(self, photos: Sequence[Record], places: Sequence[Record], choice: Choice, settings: SampleSettings):
        """Choose the photos. UsageError where the methods need pictures that nobody named."""
        records = photos
        if choice.people is not None:
            records = with_people(records, choice.people, usable_cpus())
        if choice.limit is not None:
            records = subset(records, choice.limit, choice.seed)
        _check(records, places, settings)
        self.photos, self.places, self.seed = list(records), sorted(places, key=_order), choice.seed
        self.roles = [*needs(settings), *welcome(settings)]
        self.sequences = "frames" in settings.methods
        self.steps: int = settings.of("frames").steps if self.sequences else 1
        self.decoys: int = settings.of("placement").decoys if "placement" in settings.methods else 0
        self._classes: dict[Any, list[Record]] = {}  # colors and shapes pass only between photos of one class
        for record in sorted(self.photos, key=_order):  # so that the order in which photos are named changes nothing
            if not record.error:
                self._classes.setdefault(record.fields.get("category"), []).append(record)

    def sample(self, photo: Record, copy: int, step: int = 1) -> Record:
        """The record of one sample: `<key>_<copy:03d>`, or `<key>_<copy:03d>/<step:03d>` where there are several steps.

        Its paths are the pictures to read, by the roles of samples.make; its field "sample" tells which it is.
        """
        key = f"{photo.key}_{copy:03d}" + (f"/{step:03d}" if self.steps > 1 else "")
        kept = {
            role: path for role, path in photo.paths.items() if role in ("photo", *MATTES, "foreground", *self.roles)
        }
        # the frames of a video are drawn for alike: one recolor from its first to its last
        drawn_by = str(photo.fields.get("video") or photo.key) if self.sequences else photo.key
        facts = {"key": drawn_by, "copy": copy, "step": step}
        return _sample(replace(photo, paths=kept), self._companions(photo, drawn_by, copy), key, facts)

    def _companions(self, photo: Record, drawn_by: str, copy: int) -> dict[str, Record]:
        """Other records that a sample takes something from, by role."""
        drawn = Random(f"{self.seed} {drawn_by} {copy} companions")
        found: dict[str, Record] = {}
        for role in self.roles:
            if role == "reference":
                self._other(drawn, photo, role, found)
            elif role in PLACES and self.places:
                found[role] = drawn.choice(self.places)
        drawn = Random(f"{self.seed} {drawn_by} decoys")  # the same for all copies: a decoy takes a second to fill
        for number in range(self.decoys):
            self._other(drawn, photo, f"decoy_{number}", found)
        return found

    def _other(self, drawn: Random, photo: Record, role: str, found: dict[str, Record]) -> None:
        others = self._classes.get(photo.fields.get("category"), [])
        if len(others) > 1:
            other = drawn.choice(others)
            while other.key == photo.key:
                other = drawn.choice(others)
            found[role] = other


def samples(
    photos: Sequence[Record], places: Sequence[Record], choice: Choice, settings: SampleSettings
) -> Iterator[Record]:
    """The records of all samples, the copies of GROUP photos in turn. Raises as Pool does."""
    pool = Pool(photos, places, choice, settings)
    for first in range(0, len(pool.photos), GROUP):
        for copy in range(choice.copies):
            for photo in pool.photos[first : first + GROUP]:
                for step in range(1, pool.steps + 1):
                    yield pool.sample(photo, copy, step)


def _sample(record: Record, companions: Mapping[str, Record], key: str, facts: Mapping[str, Any]) -> Record:
    paths, outlines = _person(record, "")
    taken = {role: path for role, path in record.paths.items() if role not in (*MATTES, "foreground")}
    paths = {**taken, **paths}
    sources = {"photo": record.key}
    error = record.error
    for role, other in companions.items():
        if role in PLACES:
            paths[role] = other.source
        elif role == "reference":
            theirs, rule = _person(other, "reference_")
            photo = {} if "reference_foreground" in theirs else {"reference": other.paths["photo"]}
            paths |= photo | theirs
            outlines |= rule
        else:  # a decoy is a shape and no more
            theirs, rule = _person(other, "")
            matte = theirs.get("alpha_labels") or theirs.get("alpha") or theirs.get("foreground")
            paths |= {_labeled(role, bool(rule)): matte} if matte else {}
            if rule:
                outlines[role] = rule["alpha"]
        sources[role] = other.key
    error = error or ("" if paths.get("photo") else "no photo")
    free = {name: value for name, value in record.fields.items() if name not in ("outline", "sample")}
    told = {**facts, "outlines": outlines, "sources": sources}
    return Record(key, paths, {**free, "sample": told}, error)


def _person(record: Record, prefix: str) -> tuple[dict[str, Path], dict[str, Any]]:
    """Where the person stands: the files of its cut-out or its matte, and how a matte is to be read, by role."""
    outline = record.fields.get("outline")
    role = next((role for role in MATTES if role in record.paths), None)
    files = {_labeled(f"{prefix}alpha", outline is not None): record.paths[role]} if role else {}
    if "foreground" in record.paths:
        files[f"{prefix}foreground"] = record.paths["foreground"]
    return files, {f"{prefix}alpha": outline} if outline is not None else {}


def _labeled(role: str, labels: bool) -> str:
    """The role of a file that is not the matte itself but what an outline is read from."""
    return f"{role}_labels" if labels else role
