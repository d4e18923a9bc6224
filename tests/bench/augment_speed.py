"""Samples a second of every method, on the fly and into folders, at two sizes and for one and two jobs, in one run.

    python tests/bench/augment_speed.py --data ../shared/data [--photos 40] [--seconds 4] [--methods recolor,...]

Three figures a row: `memory`, photos decoded before; `files`, each sample from its JPEG and PNG files to tensors, as
training takes them when photos do not fit into memory; `folders`, the whole command's work without its start, PNG
written. People come as cut-outs; in `recolor, masks` as hard masks, whose edges are softened. In both of these every
step is on (all shares 1); their neighbor `recolor, plain` is the same transfer, balance and saturation written with
scikit-image and NumPy as most training scripts have it, on the same pixels. Rounds of the variants alternate; figures
are medians of rounds.
"""

import argparse
import itertools
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage import color

from bgswap.augmentation import samples
from bgswap.augmentation.fly import OnTheFly
from bgswap.augmentation.ranges import RecolorRanges
from bgswap.augmentation.samples import SampleSettings
from bgswap.augmentation.sources import Choice
from bgswap.augmentation.sources import samples as sample_records
from bgswap.augmentation.stage import AugmentStage
from bgswap.folders import picture, pipeline
from bgswap.folders.layout import Layout, Target
from bgswap.folders.plan import RunOptions
from bgswap.folders.records import Record
from bgswap.inpainting.fill import Filler, InpaintSettings
from bgswap.matting.colors import cut_out

ROUNDS = 3
SHARES = ("transfer", "jitter", "balance", "exposure", "temperature", "curves", "saturation", "lut")
ALL_ON = RecolorRanges(**{one.name: 1.0 for one in fields(RecolorRanges) if one.name in SHARES})
CASES: dict[str, tuple[tuple[str, ...], tuple[object, ...]]] = {
    "recolor, all": (("recolor",), (ALL_ON,)),
    "recolor, masks": (("recolor",), (ALL_ON,)),
    "recolor": (("recolor",), ()),
    "relight": (("relight",), ()),
    "recolor+relight": (("recolor", "relight"), ()),
    "triplet": (("triplet",), ()),
    "matting": (("matting",), ()),
    "frames": (("frames",), ()),
    "shadow": (("shadow",), ()),
    "placement": (("placement",), ()),
}


def photos(data: Path, count: int, scratch: Path) -> list[Record]:
    """Training people with masks, cut-outs made from these, and plates filled the quick way."""
    people = data / "people"
    bad = {line.split()[0] for line in (people / "bad.txt").read_text().splitlines() if line}
    keys = [path.stem for path in sorted((people / "masks").glob("*.png")) if path.stem not in bad]
    keys = [key for key in keys if int(key) // 10 % 10 < 8][:: max(1, 700 // count)][:count]
    filler, found = Filler(InpaintSettings(model="telea")), []
    for key in keys:
        photo, mask, plate = people / f"photos/{key}.jpg", people / f"masks/{key}.png", scratch / f"{key}.png"
        colors, matte = picture.read(photo).rgb, picture.read_mask(mask).pixels
        plate.write_bytes(picture.encode(filler.fill(colors, matte).pixels, "png"))
        cut = scratch / f"{key}_cut.png"
        cut.write_bytes(picture.encode(cut_out(colors, matte), "png"))
        found.append(Record(key, {"photo": photo, "alpha": mask, "foreground": cut, "plate": plate}))
    return found


def without(records: list[Record], role: str) -> list[Record]:
    """The records without one of their pictures."""
    return [Record(r.key, {name: path for name, path in r.paths.items() if name != role}) for r in records]


def rate(make: Callable[[int], object], jobs: int, seconds: float) -> float:
    """Samples a second of `jobs` threads over about that time."""
    numbers = itertools.count()
    end = time.perf_counter() + seconds

    def work() -> int:
        made = 0
        while time.perf_counter() < end:
            make(next(numbers))
            made += 1
        return made

    began = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        total = sum(task.result() for task in [pool.submit(work) for _ in range(jobs)])
    return total / (time.perf_counter() - began)


def plain(read: dict[str, NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Reinhard's transfer in Lab within the masks, a white balance and a saturation, as scripts usually do them."""
    photo, alpha, other, cover = (read[role] for role in ("photo", "alpha", "reference", "reference_alpha"))
    lab, theirs = color.rgb2lab(photo), color.rgb2lab(other)
    inside, within = alpha > 127, cover > 127
    lab = (lab - lab[inside].mean(0)) / (lab[inside].std(0) + 1e-6) * theirs[within].std(0) + theirs[within].mean(0)
    changed = np.clip(color.lab2rgb(lab), 0, 1)
    changed = (changed**2.2 * np.array([1.1, 0.9, 1.2])).clip(0, 1) ** (1 / 2.2)
    gray = changed.mean(2, keepdims=True)
    changed = gray + 1.2 * (changed - gray)
    share = alpha[..., None] / 255
    made: NDArray[np.float64] = share * changed + (1 - share) * photo / 255
    return made


def plainly(fly: OnTheFly, size: int) -> Callable[[int], object]:
    """The same pixels that our samples have, made by `plain`."""
    ready = []
    for index in range(len(fly)):
        made = fly(index, 0)
        cut = {role: (made.pictures[role].numpy() * 255).astype(np.uint8) for role in ("composite_true", "alpha")}
        ready.append((np.moveaxis(cut["composite_true"], 0, 2), cut["alpha"][0]))

    def make(number: int) -> object:
        photo, alpha = ready[number % len(ready)]
        other, cover = ready[(number + 1) % len(ready)]
        return plain({"photo": photo, "alpha": alpha, "reference": other, "reference_alpha": cover})

    return make


def into_folders(stage: AugmentStage, records: list[Record], places: list[Record], jobs: int, scratch: Path) -> float:
    """Samples a second of the command's work, PNG files included."""
    copies = 2 if stage.settings.methods == ("placement",) else 6
    listed = list(sample_records(records, places, Choice(copies), stage.settings))
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        out = Path(folder)
        targets = {role: Target(out / role, "png", True) for role in samples.outputs(stage.settings)}
        began = time.perf_counter()
        pipeline.run(stage, listed, Layout(targets, listed=out), RunOptions(jobs=jobs, verbose=-1))
        return len(listed) / (time.perf_counter() - began)


def variants(
    stage: AugmentStage, records: list[Record], places: list[Record], scratch: Path, seconds: float
) -> Iterator[tuple[str, int, Callable[[], float]]]:
    """What is timed in turn: where from, jobs, and one round of it."""
    quick, slow = (OnTheFly(records, places, Choice(), stage, keep=keep) for keep in (True, False))
    for index in range(len(quick)):
        quick(index, 0)  # decodes

    def making(fly: OnTheFly) -> Callable[[int], object]:
        return lambda number: fly(number % len(fly), number // len(fly))

    for jobs in (1, 2):
        yield "memory", jobs, lambda jobs=jobs: rate(making(quick), jobs, seconds)
        yield "files", jobs, lambda jobs=jobs: rate(making(slow), jobs, seconds)
        yield "folders", jobs, lambda jobs=jobs: into_folders(stage, records, places, jobs, scratch)


def row(name: str, size: int, found: dict[tuple[str, int], float]) -> str:
    cells = [f"{found[where, jobs]:7.1f}" for where in ("memory", "files", "folders") for jobs in (1, 2)]
    ratio = found["memory", 2] / found["memory", 1]
    return f"{name:16} {size:4} {' '.join(cells)}   {ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--sizes", default="256,512")
    parser.add_argument("--methods", default=",".join(CASES), help="names of rows; 'recolor, all' is recolor-all")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # scikit-image's, of colors outside sRGB, a line a picture
    places = [Record(path.stem, {"background": path}) for path in sorted((asked.data / "places").glob("*.jpg"))[:40]]
    chosen = [name for name in CASES if name.replace(", ", "-") in asked.methods.replace(", ", "-").split(",")]
    print("samples a second      memory: 1, 2 jobs   files: 1, 2     folders: 1, 2   2 jobs / 1 (memory)")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        records = photos(asked.data, asked.photos, scratch)
        for name, size in itertools.product(chosen, map(int, asked.sizes.split(","))):
            methods, ranges = CASES[name]
            settings = SampleSettings(methods, size=(size, size), ranges=tuple(ranges)).easy()
            mine = without(records, "foreground" if name == "recolor, masks" else "alpha")
            stage = AugmentStage(settings, fill=InpaintSettings(model="telea"))
            timed = list(variants(stage, mine, places, scratch, asked.seconds))
            other = None
            if name == "recolor, all":
                other = plainly(OnTheFly(mine, places, Choice(), stage), size)
            rounds: dict[tuple[str, int], list[float]] = {}
            for _ in range(ROUNDS):
                for where, jobs, once in timed:
                    rounds.setdefault((where, jobs), []).append(once())
                if other:
                    rounds.setdefault(("plain", 1), []).append(rate(other, 1, asked.seconds))
            found = {key: statistics.median(values) for key, values in rounds.items()}
            print(row(name, size, found), flush=True)
            if other:
                ratio = found["memory", 1] / found["plain", 1]
                print(f"  recolor, plain {size:4} {found['plain', 1]:7.1f}   ours / plain {ratio:.1f}", flush=True)


if __name__ == "__main__":
    main()
