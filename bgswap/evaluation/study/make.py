"""A study that people take: pictures of several systems, mixed and hidden behind random names, on one page.

Two things come out: the page, which holds pictures and random names only, and the key, which says whose picture each
is. Whoever looks at the page, or into it, cannot tell the systems apart; `fit` needs both the answers and the key.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.errors import BgswapError, PictureError, UsageError
from bgswap.evaluation import page as pages
from bgswap.evaluation.study.draw import KINDS, PICKS, Question, StudySettings, draw
from bgswap.evaluation.study.misfit import misfit
from bgswap.folders.encode import encode
from bgswap.folders.picture import ReadOptions, read, read_mask
from bgswap.folders.records import from_folder, show

T = TypeVar("T")
U = TypeVar("U")
Shown = tuple[str, str]  # key, system; "" for the foreground
QUALITY = 90  # ours: of the WebP on the page; studies are about small differences
BEHIND = 128  # ours: the grey behind pictures that are transparent
READERS = 4  # ours: pictures open at a time; one of 12 megapixels takes 36 MB and more


@dataclass(frozen=True)
class Study:
    """page: HTML; key: whose picture each is, for `fit`; notes: what the user should hear."""

    page: str
    key: dict[str, Any]
    questions: tuple[Question, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """Folders by key beside the systems' own.

    masks: for `hardest`; composites: whose misfit counts, where it is not to be the mean over all systems; foreground:
    of top3, what was set in, shown beside the results.
    """

    masks: Path | None = None
    composites: Path | None = None
    foreground: Path | None = None


def make_study(
    systems: Mapping[str, Path],
    settings: StudySettings,
    sources: Sources | None = None,
    options: ReadOptions | None = None,
) -> Study:
    """A study of systems, name -> folder of pictures of the same keys and sizes. Equal arguments, equal bytes.

    Raises:
        UsageError: too few systems, no keys that all have, more questions asked for than there are.
        BgswapError: a picture cannot be read, or differs in size from another system's.
    """
    options, sources = options or ReadOptions(), sources or Sources()
    _check(systems, settings, sources)
    found, notes = shared_keys(systems)
    keys = sorted(found)
    if settings.hardest is not None and sources.masks:
        own = {key: [path] for key, path in _by_key(sources.composites).items()} if sources.composites else None
        judged = own or {key: list(paths.values()) for key, paths in found.items()}
        keys, more = hardest(keys, judged, _by_key(sources.masks), settings.hardest, options)
        notes += more
    questions, more = draw(keys, tuple(systems), settings)
    files: dict[Shown, Path] = {(q.key, name): found[q.key][name] for q in questions for name in q.systems}
    if sources.foreground:
        files |= _foregrounds(sources.foreground, questions)
    read_all = _parallel(lambda path: _small(path, settings.side, options), files.values())
    made = dict(zip(files, read_all, strict=True))
    _refuse_other_sizes({shown: size for shown, (_, size) in made.items() if shown[1]})
    page, key = _assemble(questions, {shown: coded for shown, (coded, _) in made.items()}, settings, tuple(systems))
    return Study(page, key, questions, notes + more)


def _check(systems: Mapping[str, Path], settings: StudySettings, sources: Sources) -> None:
    if settings.kind == "top3" and len(systems) < PICKS:
        raise UsageError(f"--kind top3 takes three picks: name three systems or more, not {len(systems)}")
    if len(systems) < 2:
        raise UsageError("a study compares systems: name the folders of two or more")
    if (settings.hardest is None) != (sources.masks is None):
        raise UsageError("--hardest N and --mask MASKS go together: the masks tell where the person is")
    if sources.composites and settings.hardest is None:
        raise UsageError("--input is for --hardest: the composites that it judges")
    if sources.foreground and settings.kind != "top3":
        raise UsageError("--foreground is shown with --kind top3 only")
    if settings.repeats and settings.kind == "top3":
        raise UsageError("--repeats is for pairs")


def shared_keys(systems: Mapping[str, Path]) -> tuple[dict[str, dict[str, Path]], tuple[str, ...]]:
    """key -> system -> file, of the keys that every folder has, and a sentence on those that some lack."""
    listed = {name: _by_key(folder) for name, folder in systems.items()}
    every = {key for files in listed.values() for key in files}
    common = every.intersection(*listed.values())
    if not common:
        raise UsageError(f"no picture has the same name in all of {', '.join(map(show, listed))}: nothing to compare")
    notes: tuple[str, ...] = ()
    if lacking := sorted(every - common):
        named = ", ".join(map(show, lacking[:5])) + (", ..." if len(lacking) > 5 else "")
        notes = (f"{len(lacking)} of {len(every)} pictures are left out, as not every system has them: {named}",)
    return {key: {name: files[key] for name, files in listed.items()} for key in common}, notes


def hardest(
    keys: Sequence[str],
    pictures: Mapping[str, Sequence[Path]],
    masks: Mapping[str, Path],
    count: int,
    options: ReadOptions,
) -> tuple[list[str], tuple[str, ...]]:
    """The `count` keys whose person fits its place worst, in byte order, and a sentence on those that show nobody.

    A key's misfit is the mean over its pictures. UsageError where a key has no picture or mask.
    """
    for what, known in (("mask", masks), ("picture of --input", pictures)):
        if missing := [key for key in keys if key not in known]:
            raise UsageError(f"--hardest: {len(missing)} pictures have no {what}, such as {show(missing[0])}")

    def judge(key: str) -> float:
        mask = read_mask(masks[key], options).pixels
        try:
            return float(np.mean([misfit(read(path, options).pixels, mask) for path in pictures[key]]))
        except PictureError as cause:
            raise BgswapError(f"{show(key)}: {cause}") from cause

    scores = dict(zip(keys, _parallel(judge, keys), strict=True))
    fair = [key for key in keys if not math.isnan(scores[key])]
    if not fair:
        raise UsageError("--hardest: no mask shows a person")
    empty = len(keys) - len(fair)
    notes = (f"{empty} pictures are left out, as their masks show no person, or nothing else",) if empty else ()
    return sorted(sorted(fair, key=lambda key: (-scores[key], key))[:count]), notes


def write(study: Study, out: Path) -> Path:
    """Write the page, and its key beside it as NAME.key.json, whose path is returned."""
    beside = out.with_suffix(".key.json")
    pages.write(beside, json.dumps(study.key, indent=1) + "\n")
    pages.write(out, study.page)
    return beside


def _by_key(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UsageError(f"{show(folder)} is no folder of pictures")
    found = {record.key: record.source for record in from_folder(folder, "picture")}
    if not found:
        raise UsageError(f"{show(folder)} holds no pictures")
    return found


def _foregrounds(folder: Path, questions: Iterable[Question]) -> dict[Shown, Path]:
    known = _by_key(folder)
    keys = dict.fromkeys(question.key for question in questions)
    if missing := [key for key in keys if key not in known]:
        raise UsageError(f"{show(folder)} lacks {len(missing)} of the pictures, such as {show(missing[0])}")
    return {(key, ""): known[key] for key in keys}


def _small(path: Path, side: int, options: ReadOptions) -> tuple[bytes, tuple[int, int]]:
    """A picture for the page, as WebP whose longer side is at most `side`, and its own (height, width).

    All go the same way, whatever file they come from: no reduced-size decode, which only JPEG has, and no words.
    """
    try:
        picture = read(path, options)
        pixels: NDArray[Any] = picture.rgb
        if picture.alpha is not None:
            cover = picture.alpha[..., None].astype(np.float32) / np.float32(255)
            pixels = np.rint(pixels * cover + BEHIND * (1 - cover)).astype(np.uint8)
        scale = side / max(picture.size)
        if scale < 1:
            size = max(1, round(picture.size[1] * scale)), max(1, round(picture.size[0] * scale))
            pixels = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)
        return encode(np.ascontiguousarray(pixels), "webp", quality=QUALITY, metadata="strip"), picture.size
    except PictureError as cause:
        raise BgswapError(f"{show(path)}: {cause}") from cause


def _refuse_other_sizes(sizes: Mapping[Shown, tuple[int, int]]) -> None:
    first: dict[str, tuple[str, tuple[int, int]]] = {}
    for (key, system), size in sizes.items():
        other, expected = first.setdefault(key, (system, size))
        if size != expected:
            told = [f"{show(n)} has {s[1]}x{s[0]}" for n, s in ((other, expected), (system, size))]
            raise UsageError(
                f"{show(key)}: {' and '.join(told)}. Raters would know them by their sizes: make them alike"
            )


def _assemble(
    questions: Sequence[Question],
    coded: Mapping[Shown, bytes],
    settings: StudySettings,
    systems: tuple[str, ...],
) -> tuple[str, dict[str, Any]]:
    """The page and its key. All random names hang on everything that is asked and shown, pictures included."""
    told = json.dumps([asdict(settings), systems, [asdict(question) for question in questions]])
    digest = hashlib.sha256(told.encode("utf-8", "surrogatepass"))
    for picture in coded.values():
        digest.update(picture)
    random = np.random.default_rng(int(digest.hexdigest(), 16))
    names = {shown: random.bytes(8).hex() for shown in coded}
    order = random.permutation(len(questions)).tolist()
    numbers = {n: f"q{place:04d}" for place, n in enumerate(order, 1)}
    asked, answers = [], {}
    for n in order:
        question = questions[n]
        shown = [names[question.key, system] for system in question.systems]
        asked.append({"id": numbers[n], "shown": shown, "foreground": names.get((question.key, ""))})
        again = None if question.repeats is None else numbers[question.repeats]
        answers[numbers[n]] = {"key": question.key, "shown": shown, "repeats": again}
    study = digest.hexdigest()[:10]
    wording = {"title": settings.title, "question": settings.question or KINDS[settings.kind]}
    addresses = {names[shown]: pages.data_address(picture) for shown, picture in coded.items()}
    about = {"study": study, "kind": settings.kind, **wording}
    shown_on_page = {**about, "questions": asked, "pictures": dict(sorted(addresses.items()))}
    page = pages.render("bgswap.evaluation.study", "page", shown_on_page, **wording)
    owners = {name: {"key": key, "system": system} for (key, system), name in names.items() if system}
    return page, {**about, "seed": settings.seed, "systems": systems, "pictures": owners, "questions": answers}


def _parallel(work: Callable[[T], U], items: Iterable[T]) -> list[U]:
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(work, items))
