"""Part of results.py: seconds and memory of whole commands at 12 megapixels, each in a fresh process."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matte_speed import make_photos
from measure import median, run
from results_samples import Source, named

from bgswap.compositing.decider import decides
from bgswap.compositing.systems import SYSTEMS
from bgswap.errors import BgswapError
from bgswap.folders import picture
from bgswap.zoo.loader import describe

TITLE = "Seconds and memory at 12 megapixels"
HEAD = ("", "composite s", "CPU s", "peak MiB", "matte s", "CPU s", "peak MiB")
LEGEND = (
    "Whole commands, from start to written file, one picture: `bgswap composite` of a photo of 12 megapixels, matted "
    "on the way, on a place of 12 megapixels; `bgswap matte` of the photo. Medians; CPU: seconds of all threads."
)
DIGITS = (2, 2, 0, 2, 2, 0)
REPEAT, SIZE = 3, (3000, 4000)  # runs; width and height of the photo, the place's turned


def composites(ours: str) -> dict[str, list[str] | None]:
    """Rows: options of composite."""
    rows: dict[str, list[str] | None] = {"do nothing: cut-and-paste": ["--place", "keep", "--shadow", "none"]}
    rows |= {way: ["--harmonize", way] for way in ("reinhard", "histogram")}
    rows |= {name: ["--system", name] for name in SYSTEMS}
    try:
        card, _ = describe(ours)
    except BgswapError as error:
        print(f"{ours}: {error}", file=sys.stderr)
        return {**rows, named(ours): None}
    learned = [part for part in ("place", "harmonize", "shadow") if decides(card, part)]
    return {
        **rows,
        named(ours): ["--model", ours, *(word for part in learned for word in (f"--{part}", "learned"))],
    }


def mattes(name: str, ours: str) -> list[str] | None:
    """Options of matte, for the rows that have a matte of their own."""
    if name.startswith("ours"):
        return ["--model", ours]
    options = SYSTEMS[name].options if name in SYSTEMS else {}
    return ["--model", options["matte_model"], "--refine", options["refine"]] if "matte_model" in options else None


def measure(source: Source, ours: str, matte: str) -> tuple[list[list[Any]], str]:
    """The table's rows, and how many runs. ours: of composite; matte: of the matte."""
    bgswap, repeat = str(Path(sys.executable).parent / "bgswap"), 1 if source.limit else REPEAT
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        photo = str(make_photos(source.data, work / "photos", SIZE, 1) / "00.jpg")
        place = str(make_place(source, work / "place.jpg"))
        rows: list[list[Any]] = []
        for row, options in composites(ours).items():
            print(f"speed: {row}", file=sys.stderr)
            out, cut = str(work / "out.jpg"), str(work / "cut.png")
            whole, own = None, mattes(row, matte)
            if options is not None:
                whole = [bgswap, "composite", "--person", photo, "--bg", place, "-o", out, "-q", *options]
            alone = [bgswap, "matte", photo, cut, "-q", *own] if own else None
            rows.append([row, *figures(whole, repeat), *figures(alone, repeat)])
    return rows, f"{repeat} runs each"


def figures(command: list[str] | None, repeat: int) -> list[float | None]:
    """Seconds, processor's seconds, MiB; no figures of nothing."""
    if command is None:
        return [None] * 3
    found = median([run(command) for _ in range(repeat)])
    return [found.wall, found.cpu, found.peak_mib]


def make_place(source: Source, path: Path) -> Path:
    """A real place enlarged, with light noise, as JPEG."""
    pixels = picture.read(min((source.data / "places").glob("*.jpg"))).rgb
    large = cv2.resize(pixels, SIZE[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    large += np.random.default_rng(0).normal(0, 2, large.shape).astype(np.float32)
    path.write_bytes(picture.encode(np.clip(large, 0, 255).astype(np.uint8), "jpg", quality=92))
    return path
