"""Every way without a download on twenty holes that people leave, where what was behind them is known.

    python tests/bench/inpaint_ways.py --data ../shared/data [--ways telea,patchmatch] [--model RUN] [--megapixels 1]

--model adds a run of ffc-inpaint, and may be given again. Masks of validation people are laid on places, 50 to 92 % of
their height. Errors count inside the hole: mean absolute error in levels, SSIM of the grey pictures, and `detail`, the
fill's mean absolute Laplacian over the truth's (1 = as sharp and grainy). Low error alone favors blur: look at the
pictures too (`--sheet FILE`, one row a scene: hole, truth, ways).
"""

import argparse
import csv
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.extensions import names
from bgswap.folders import picture
from bgswap.inpainting.fill import WAYS, InpaintSettings
from bgswap.inpainting.stage import NETWORKS, OWN, load_filler
from bgswap.zoo.choice import ModelOptions

MIX = {"street": 6, "room": 4, "building": 4, "park": 2, "nature": 3, "office": 1}
VALIDATION = 8  # of the tens digit of a person's number


@dataclass(frozen=True)
class Scene:
    name: str
    place: NDArray[np.uint8]
    matte: NDArray[np.uint8]


def scenes(data: Path, megapixels: float, seed: int = 7) -> list[Scene]:
    rng = np.random.default_rng(seed)
    with (data / "places" / "places.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    bad = {line.split()[0].strip(",") for line in (data / "people" / "bad.txt").read_text().splitlines() if line}
    masks = sorted((data / "people" / "masks").glob("*.png"))
    people = [path for path in masks if int(path.stem) // 10 % 10 == VALIDATION and path.stem not in bad]
    made = []
    for category, count in MIX.items():
        files = [row["file"] for row in rows if row["category"] == category]
        for index in rng.choice(len(files), count, replace=False):
            place = picture.read(data / "places" / files[index]).rgb
            scale = (megapixels * 1e6 / (place.shape[0] * place.shape[1])) ** 0.5
            method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            place = cv2.resize(place, None, fx=scale, fy=scale, interpolation=method)
            person = picture.read_mask(people[rng.integers(len(people))]).pixels
            made.append(Scene(files[index], place, _standing(person, place.shape[:2], rng)))
    return made


def _standing(mask: NDArray[np.uint8], shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    rows, columns = np.nonzero(mask > 127)
    mask = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = min(shape[0] * rng.uniform(0.5, 0.92) / mask.shape[0], shape[1] * 0.8 / mask.shape[1])
    mask = cv2.resize(mask, None, fx=scale, fy=scale)
    matte = np.zeros(shape, np.uint8)
    top = int((shape[0] - mask.shape[0]) * rng.uniform(0.5, 1))
    left = int((shape[1] - mask.shape[1]) * rng.uniform(0.1, 0.9))
    matte[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    return matte


def score(true: NDArray[np.uint8], filled: NDArray[np.uint8], hole: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Mean absolute error, SSIM and relative detail inside the hole."""
    from skimage.metrics import structural_similarity

    grey = [cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) for pixels in (true, filled)]
    error = np.abs(true[hole].astype(np.int16) - filled[hole]).mean()
    _, similar = structural_similarity(*grey, full=True)
    detail = [np.abs(cv2.Laplacian(level, cv2.CV_32F))[hole].mean() for level in grey]
    return float(error), float(similar[hole].mean()), float(detail[1] / max(detail[0], 1e-3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--ways", default=",".join(name for name in names(WAYS) if name not in (*NETWORKS, OWN)))
    parser.add_argument("--model", action="append", default=[], metavar="RUN")
    parser.add_argument("--megapixels", type=float, default=0.3)
    parser.add_argument("--sheet", type=Path)
    chosen: Any = parser.parse_args()
    cv2.setNumThreads(1)
    ways = {way: way for way in chosen.ways.split(",")} | {Path(run).name: run for run in chosen.model}
    fillers = {name: load_filler(InpaintSettings(model=way), ModelOptions())[0] for name, way in ways.items()}
    found: dict[str, list[tuple[float, ...]]] = {way: [] for way in fillers}
    sheet = []
    for scene in scenes(chosen.data, chosen.megapixels):
        row = [scene.place]
        for way, filler in fillers.items():
            start = time.perf_counter()
            filled = filler.fill(scene.place, scene.matte)
            seconds = time.perf_counter() - start
            found[way].append((*score(scene.place, filled.pixels, filled.hole > 0), seconds))
            row.append(filled.pixels)
        row.insert(0, np.where(filled.hole[..., None] > 0, np.uint8(255), scene.place))
        size = (240, round(240 * scene.place.shape[0] / scene.place.shape[1]))
        sheet.append(np.concatenate([cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) for pixels in row], 1))
    print(f"{'way':14} {'error':>6} {'SSIM':>6} {'detail':>6} {'s':>6} {'max s':>6}")
    for way, scores in found.items():
        error, similar, _, seconds = np.mean(scores, axis=0)
        detail = np.exp(np.mean(np.log([one[2] for one in scores])))  # ratios: their geometric mean
        print(f"{way:14} {error:6.1f} {similar:6.3f} {detail:6.2f} {seconds:6.2f} {max(s[3] for s in scores):6.2f}")
    if chosen.sheet:
        chosen.sheet.write_bytes(picture.encode(picture.Picture(np.concatenate(sheet)), "jpg"))


if __name__ == "__main__":
    main()
