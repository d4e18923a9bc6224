"""How well a network finds where the person was from a plate alone, before and after decoys and crops.

    python tests/bench/plate_leak.py --data ../shared/data [--cache DIR] [--train 80] [--validation 40] [--steps 300]

A small convolutional probe learns to mark the old person on plates of training people, and is tried on validation
people: on whole plates, on crops as placement draws them, on plates with decoys, and on both, which is what
placement makes ("after"). It sees 256 pixels, their fine detail amplified, and where in the frame it looks. AUC
within a photo, its mean over photos and a 95 % bootstrap interval over photos:

  place   mean mark in the true silhouette against the same silhouette at 100 uniform other places of the frame;
          this is the aim's: at most 0.6 after
  pixel   marks inside the old person against all others; part of it is no leak but geometry, since the middle of a
          frame is more often inside a large person
  hole    mean mark in the true silhouette against the decoys' in the same frame: is the true hole one of many?

Below each probe: "position alone", what the mean training mask reaches, and "every fill seen", what marking just the
filled pixels would reach: a bound that decoys set, whatever the fill looks like.

Needs about 8 s a photo for plates (kept in --cache: empty it after changes in decoys.py) and 1.5 minutes a probe, on
one core each; two processes.
"""

import argparse
import random
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from plate_probe import CELL, Probe, View, judge, train

from bgswap.augmentation.decoys import decoys_of, draw_decoys, with_decoys
from bgswap.augmentation.methods.placement import draw_window
from bgswap.augmentation.ranges import PlacementRanges
from bgswap.compositing.outline import trace
from bgswap.folders import picture
from bgswap.inpainting.fill import Filler
from bgswap.inpainting.hole import hole_of

SIDE, VIEWS = 256, 4  # pixels of a frame's longer side; frames that a validation photo is tried in
CASES = {"before: whole plates": (False, False), "crops only": (True, False), "decoys only": (False, True)}
CASES["after: decoys and crops"] = (True, True)


@dataclass(frozen=True)
class Plate:
    """A plate (H, W, 3) without and with decoys, and mattes (H, W): of who was there, and of the decoys."""

    plain: NDArray[np.uint8]
    decoyed: NDArray[np.uint8]
    matte: NDArray[np.uint8]
    box: tuple[int, int, int, int]
    decoys: list[NDArray[np.uint8]]


def people(data: Path) -> tuple[list[str], list[str]]:
    """Numbers of training and of validation people, shuffled alike each time."""
    bad = {line.split()[0] for line in (data / "people" / "bad.txt").read_text().splitlines() if line}
    numbers = [path.stem for path in sorted((data / "people" / "masks").glob("*.png")) if path.stem not in bad]
    train = [number for number in numbers if int(number) // 10 % 10 < 8]
    validation = [number for number in numbers if int(number) // 10 % 10 == 8]
    for part in (train, validation):
        random.Random(1).shuffle(part)
    return train, validation


def make_plate(number: str, data: Path, cache: Path, ranges: PlacementRanges) -> None:
    """Fill one photo, without and with decoys, into the cache."""
    cv2.setNumThreads(1)
    matte = read_mask(number, data)
    plain, decoyed = (cache / name for name in names(number, ranges))
    if not plain.exists():
        photo = picture.read(data / "people" / "photos" / f"{number}.jpg").rgb
        np.save(plain, Filler().fill(photo, matte).pixels)
    if not decoyed.exists():
        np.save(decoyed, with_decoys(np.load(plain), matte, *drawn_for(number, data, ranges)))


def drawn_for(number: str, data: Path, ranges: PlacementRanges) -> tuple[list[NDArray[np.uint8]], dict[str, Any]]:
    """The shapes of a photo's decoys, people of its own part of the split, and where they lie."""
    chosen = random.Random(f"{number}{ranges.decoys}")
    drawn = draw_decoys(chosen, ranges.decoys, ranges.decoy)
    others = next(part for part in people(data) if number in part)
    return [read_mask(chosen.choice(others), data) for _ in range(ranges.decoys)], drawn


def read_mask(number: str, data: Path) -> NDArray[np.uint8]:
    mask: NDArray[np.uint8] = picture.read_mask(data / "people" / "masks" / f"{number}.png").pixels
    return mask


def names(number: str, ranges: PlacementRanges) -> tuple[str, str]:
    low, high = ranges.decoy
    return f"{number}.npy", f"{number}_{ranges.decoys}_{low:g}_{high:g}_turns.npy"


def load(number: str, data: Path, cache: Path, ranges: PlacementRanges) -> Plate:
    matte = read_mask(number, data)
    outline = trace(matte)
    assert outline is not None
    plain, decoyed = (np.load(cache / name) for name in names(number, ranges))
    return Plate(plain, decoyed, matte, outline.box, decoys_of(matte, *drawn_for(number, data, ranges)))


def view(plate: Plate, cropped: bool, decoyed: bool, chosen: random.Random, ranges: PlacementRanges) -> View:
    """A whole plate or a square window of it, mirrored half the time."""
    pixels, (height, width) = plate.decoyed if decoyed else plate.plain, plate.matte.shape
    window = (0.0, 0.0, float(height), float(width))
    if cropped:
        window = draw_window(chosen, (height, width), plate.box, 1.0, ranges)
    top, left, tall, wide = (round(value) for value in window)
    scale = SIDE / max(tall, wide)
    rows, columns = (max(CELL, round(side * scale / CELL) * CELL) for side in (tall, wide))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    seen = cv2.resize(pixels[top : top + tall, left : left + wide], (columns, rows), interpolation=method)
    y0, x0, y1, x1 = plate.box
    cells = scale / CELL
    size = max(1, round((x1 - x0) * cells)), max(1, round((y1 - y0) * cells))
    matte = cv2.resize(plate.matte[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    origin = round((y0 - top) * cells), round((x0 - left) * cells)
    mirrored = chosen.random() < 0.5
    if mirrored:
        seen, matte = seen[:, ::-1], matte[:, ::-1]
        origin = origin[0], columns // CELL - origin[1] - size[0]
    part = np.s_[top : top + tall, left : left + wide]
    return View(np.ascontiguousarray(seen), np.ascontiguousarray(matte), origin, part, mirrored)


def interval(values: NDArray[np.float64]) -> str:
    rng = np.random.default_rng(0)
    means = np.nanmean(values[rng.integers(len(values), size=(2000, len(values)))], axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{np.nanmean(values):.3f} ({low:.3f}-{high:.3f})"


def measure(case: str, chosen: Any, train_set: list[str], validation: list[str]) -> str:
    """Train and try a probe: the table's lines for it and for position alone."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    ranges = ranges_of(chosen)
    read = partial(load, data=chosen.data, cache=chosen.cache, ranges=ranges)
    plates = [read(number) for number in train_set]
    kind = CASES[case]
    probe = train(lambda rng: view(rng.choice(plates), *kind, rng, ranges), chosen.steps)
    rng = random.Random(2)
    mean = np.zeros((SIDE // CELL, SIDE // CELL), np.float32)
    for _ in range(1000):
        one = view(rng.choice(plates), *kind, rng, ranges)
        mean += cv2.resize(one.marks(*one.origin), mean.shape)
    found = np.array([_photo(probe, mean, read(number), kind, ranges, chosen.heat) for number in validation])
    lines = []
    for row, name in enumerate((case, "   position alone", "   every fill seen")):
        place, pixel, hole = (found[:, 3 * row + column] for column in (1, 0, 2))
        lines.append(f"{name:26} {interval(place)}   {interval(pixel)}   {interval(hole) if kind[1] else '-'}")
    return "\n".join(lines)


def _photo(
    probe: Probe, mean: NDArray[np.float32], plate: Plate, kind: Any, ranges: PlacementRanges, heat: Any
) -> list[float]:
    """All AUCs of a photo, of the probe, of position alone and of the filled pixels, each the mean over views."""
    rng, scores = random.Random(3), []
    decoys = plate.decoys if kind[1] else []
    filled = np.max([hole_of(matte) for matte in (plate.matte, *decoys)], axis=0).astype(np.uint8) * 255
    for number in range(VIEWS):
        one = view(plate, *kind, rng, ranges)
        with torch.no_grad():
            score = probe(torch.from_numpy(one.pixels).permute(2, 0, 1)[None].float() / 255)[0].numpy()
        prior = cv2.resize(mean, (score.shape[1], score.shape[0]))
        others = [one.cells(decoy) for decoy in decoys]
        scores.append(sum((judge(marks, one, others, rng) for marks in (score, prior, one.cells(filled))), ()))
        if heat and number == 0:
            _draw(heat, score, one, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no view of this photo shows any decoy: NaN is meant
        return np.nanmean(scores, axis=0).tolist()


def _draw(folder: Path, score: NDArray[np.float32], one: View, kind: tuple[bool, bool]) -> None:
    """What the probe sees, what it marks, and the truth, side by side."""
    size = one.pixels.shape[1::-1]
    maps = [1 / (1 + np.exp(-score)), one.marks(*one.origin)]
    grey = [cv2.resize((level * 255).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) for level in maps]
    sheet = np.concatenate([one.pixels, *(np.repeat(level[..., None], 3, 2) for level in grey)], 1)
    name = f"{'crop' if kind[0] else 'whole'}_{'decoys' if kind[1] else 'plain'}"
    number = len(list(folder.glob(f"{name}_*.jpg")))
    (folder / f"{name}_{number:02d}.jpg").write_bytes(picture.encode(picture.Picture(sheet), "jpg"))


def ranges_of(chosen: Any) -> PlacementRanges:
    defaults = PlacementRanges()
    return PlacementRanges(
        decoys=defaults.decoys if chosen.decoys is None else chosen.decoys,
        decoy=tuple(chosen.decoy) if chosen.decoy else defaults.decoy,
        crop=tuple(chosen.crop) if chosen.crop else defaults.crop,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--train", type=int, default=80)
    parser.add_argument("--validation", type=int, default=40)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--decoys", type=int)
    parser.add_argument("--decoy", type=float, nargs=2)
    parser.add_argument("--crop", type=float, nargs=2)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--heat", type=Path, help="folder for pictures of what the probe marks")
    chosen: Any = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ProcessPoolExecutor(chosen.jobs) as pool:
        chosen.cache = chosen.cache or Path(scratch)
        chosen.cache.mkdir(parents=True, exist_ok=True)
        if chosen.heat:
            chosen.heat.mkdir(parents=True, exist_ok=True)
        everybody = people(chosen.data)
        parts = [part[:count] for part, count in zip(everybody, (chosen.train, chosen.validation), strict=True)]
        made = [
            pool.submit(make_plate, one, chosen.data, chosen.cache, ranges_of(chosen)) for part in parts for one in part
        ]
        for one in made:
            one.result()
        print(f"{len(parts[0])} training and {len(parts[1])} validation photos, {ranges_of(chosen)}")
        print(f"{'AUC (95 % interval)':26} place, the aim's      pixel                 hole")
        for lines in pool.map(
            partial(measure, chosen=chosen, train_set=parts[0], validation=parts[1]), cases_of(chosen)
        ):
            print(lines, flush=True)


def cases_of(chosen: Any) -> list[str]:
    return [case for case in CASES if any(case.startswith(wanted) for wanted in chosen.cases.split(","))]


if __name__ == "__main__":
    main()
