"""How good the default mattes are: `python tests/bench/matte_quality.py ../shared/data`.

people: the 100 validation photos of people/ (blocks b with b % 10 = 8, less bad.txt); others: the validation part of
halves/ and varied/ (CRC-32 of the file name divisible by 8); cut-outs: the RGBA pictures of varied/cutouts, whose soft
alpha and colors are true, over places. MAD: mean absolute difference of alpha, 0..1, over all pixels; IoU at one half;
edge: MAD within 8 pixels of the true edge. Then the colors of soft edges on the cut-outs, in levels of 255.
"""

import argparse
import random
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.matting.colors import cut_out
from bgswap.matting.predict import Matter, MatteSettings
from bgswap.zoo import loader

WAYS = [("none", "1"), ("none", "2"), ("none", "auto"), ("guided", "1"), ("guided", "2"), ("guided", "auto")]


@dataclass
class Sample:
    photo: NDArray[Any]
    alpha: NDArray[Any]  # true, 0..1
    colors: NDArray[Any] | None = None  # the foreground's true colors, where known


def read(path: Path, way: int = cv2.IMREAD_COLOR_RGB) -> NDArray[Any]:
    return np.asarray(cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), way))


def pair(folder: Path, name: str) -> Sample:
    mask = read(folder / "masks" / f"{Path(name).stem}.png", cv2.IMREAD_GRAYSCALE)
    return Sample(read(folder / "photos" / name), mask / np.float32(255))


def people(data: Path) -> Iterator[Sample]:
    lines = (data / "people/bad.txt").read_text().splitlines()
    bad = {line.split("\t")[0] for line in lines if not line.startswith("#")}
    for path in sorted((data / "people/photos").iterdir()):
        if path.stem not in bad and int(path.stem) // 10 % 10 == 8:
            yield pair(data / "people", path.name)


def others(data: Path) -> Iterator[Sample]:
    for part in ("halves", "varied"):
        for path in sorted((data / part / "photos").iterdir()):
            if zlib.crc32(path.name.encode()) % 8 == 0:
                yield pair(data / part, path.name)


def cutouts(data: Path, each: int) -> Iterator[Sample]:
    chance = random.Random(0)
    places = sorted((data / "places").glob("*.jpg"))
    for path in sorted((data / "varied/cutouts").glob("*.png")):
        cut = cv2.cvtColor(read(path, cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
        height, width = cut.shape[:2]
        alpha = cut[..., 3] / np.float32(255)
        for place_path in chance.sample(places, each):
            place = read(place_path)
            scale = max(height / place.shape[0], width / place.shape[1])
            size = (max(width, round(place.shape[1] * scale)), max(height, round(place.shape[0] * scale)))
            place = cv2.resize(place, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
            top, left = (size[1] - height) // 2, (size[0] - width) // 2
            behind = place[top : top + height, left : left + width]
            photo = cut[..., :3] * alpha[..., None] + behind * (1 - alpha[..., None])
            yield Sample(np.rint(photo).astype(np.uint8), alpha, cut[..., :3])


def score(alpha: NDArray[Any], true: NDArray[Any]) -> tuple[float, float, float]:
    """MAD, IoU, MAD near the true edge."""
    off = np.abs(alpha - true)
    solid, truly = alpha > 0.5, true > 0.5
    around = np.ones((17, 17), np.uint8)
    edge = cv2.dilate(true, around) - cv2.erode(true, around) > 0.1
    union = max(1, int((solid | truly).sum()))
    return float(off.mean()), float((solid & truly).sum()) / union, float(off[edge].mean())


def show_mattes(model: Any, sets: dict[str, list[Sample]], ways: list[tuple[str, str]]) -> None:
    print(f"{'refine':12} {'passes':7}" + "".join(f"{name:>33}" for name in sets))
    print(f"{'':20}" + f"{'MAD':>9} {'IoU':>7} {'edge':>7} {'ms':>6}" * len(sets))
    for refine, passes in ways:
        matter = Matter(model, MatteSettings(refine=refine, passes=passes))
        row = f"{refine:12} {passes:7}"
        for samples in sets.values():
            begin = time.perf_counter()
            mattes = [matter.estimate(sample.photo).alpha / np.float32(255) for sample in samples]
            spent = (time.perf_counter() - begin) / len(samples) * 1000
            scores = [score(alpha, sample.alpha) for alpha, sample in zip(mattes, samples, strict=True)]
            row += "{:>10.4f} {:>7.4f} {:>7.4f} {:>6.0f}".format(*np.mean(scores, axis=0), spent)
        print(row, flush=True)


def show_colors(samples: list[Sample]) -> None:
    """Mean error of the foreground's colors where the true alpha, which is given, is partial; weighted by it."""
    from pymatting import estimate_foreground_ml

    def multilevel(photo: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
        return estimate_foreground_ml(photo / 255.0, alpha / 255.0) * 255

    ways = {
        "photo": lambda photo, alpha: cut_out(photo, alpha, "photo"),
        "own": lambda photo, alpha: cut_out(photo, alpha, "own"),
        "pymatting multi-level": multilevel,
    }
    print("\ncolors of soft edges, mean error in levels")
    for name, way in ways.items():
        errors = []
        for sample in samples:
            alpha = np.rint(sample.alpha * 255).astype(np.uint8)
            off = np.abs(way(sample.photo, alpha)[..., :3].astype(np.float32) - sample.colors).mean(axis=-1)
            soft = (sample.alpha > 0.02) & (sample.alpha < 0.98)
            errors.append(np.average(off[soft], weights=sample.alpha[soft]))
        print(f"{name:24}{np.mean(errors):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with people/, halves/, varied/, places/")
    parser.add_argument("--model", default="people", help="a name or a file, as bgswap matte takes it")
    parser.add_argument("--places", type=int, default=8, help="behind each cut-out")
    parser.add_argument("--limit", type=int, help="photos of each set")
    parser.add_argument("--refine", help="only this way, with passes auto")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    makers = {"people": people(arguments.data), "others": others(arguments.data)}
    sets = {name: list(samples)[: arguments.limit] for name, samples in makers.items()}
    sets["cut-outs"] = list(cutouts(arguments.data, arguments.places))[: arguments.limit]
    print(", ".join(f"{name}: {len(samples)}" for name, samples in sets.items()))
    ways = [(arguments.refine, "auto")] if arguments.refine else WAYS
    show_mattes(loader.load(arguments.model), sets, ways)
    show_colors(sets["cut-outs"])


if __name__ == "__main__":
    main()
