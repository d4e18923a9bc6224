"""What networks paint against the same taken as a change of color, and doing nothing, where the truth is known.

    bgswap augment photos/ samples/ --alpha masks/ --method recolor --method relight --size 352
    python tests/bench/painted.py samples/ [--model harmonize-gan-small --model RUN ...] [--strength 0.5,1]

Composite sets the person of every sample where it stands already, so that all that changes is its color. A network that
takes the place apart is shown it with the person filled in. Small samples are painted at their own size, larger ones
from a small copy, as photos are. Figures are means over samples; `detail` is the person's mean absolute Laplacian over
the truth's (1: as sharp), its geometric mean; `better`, in how many samples fMSE is below doing nothing's and below the
painted one's. `--sheet FILE`: one row for each of a dozen samples.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from bgswap.compositing.compose import compose
from bgswap.compositing.decide import CompositeSettings, decide
from bgswap.compositing.decider import Networks
from bgswap.evaluation.metrics.fmse import fmse
from bgswap.evaluation.metrics.mse import mse
from bgswap.evaluation.metrics.psnr import psnr
from bgswap.folders import picture
from bgswap.inpainting.fill import Filler, InpaintSettings

MODELS = ("harmonize-gan-small", "hpbnet-small", "triple-unet-small")
CLASSICAL = ("reinhard", "histogram")
SHOWN = 12
Picture = NDArray[np.uint8]
Way = tuple[str, CompositeSettings, bool]


@dataclass(frozen=True)
class Sample:
    """A composite and the true one (h, w, 3), with the person's matte (h, w)."""

    composite: Picture
    matte: Picture
    true: Picture


def samples(folder: Path, limit: int) -> Iterator[Sample]:
    """As `bgswap augment` wrote them."""
    for line in (folder / "metadata.jsonl").read_text().splitlines()[:limit]:
        row = json.loads(line)
        files = [folder / row[f"{role}file_name"] for role in ("", "composite_true_", "alpha_")]
        composite, true = (picture.read(file).rgb for file in files[:2])
        yield Sample(composite, picture.read_mask(files[2]).pixels, true)


def recolored(sample: Sample, settings: CompositeSettings, networks: Networks, filler: Filler | None) -> Picture:
    """The sample's person as composite would have it; filler: of the place that the network is shown."""
    person = np.dstack([sample.composite, sample.matte])
    place = filler.fill(sample.composite, sample.matte).pixels if filler else sample.composite
    decisions = decide(person, place, settings, networks)
    return np.asarray(compose(person, sample.composite, decisions, settings, networks=networks)[0])


def scores(found: Picture, sample: Sample) -> tuple[float, float, float, float]:
    """MSE, PSNR and fMSE in levels of 255, and detail."""
    a, b, mask = (
        torch.from_numpy(np.atleast_3d(one).transpose(2, 0, 1)[None] / np.float32(255))
        for one in (found, sample.true, sample.matte)
    )
    gray = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (found, sample.true)]
    sharp = [np.abs(cv2.Laplacian(one, cv2.CV_32F))[sample.matte > 127].mean() for one in gray]
    return float(mse(a, b)), float(psnr(a, b)), float(fmse(a, b, mask)), float(sharp[0] / max(sharp[1], 1e-3))


def ways(
    models: list[str], strengths: list[float], networks: Networks
) -> Iterator[tuple[str, CompositeSettings, bool]]:
    """What is compared: name, settings, whether the place is shown with the person filled in."""
    quiet: dict[str, Any] = {"place": "keep", "shadow": "none"}
    yield "nothing", CompositeSettings(**quiet), False
    for model in models:
        card = networks.decider("harmonize", model).card
        apart = "background" in card.takes
        if "picture" in card.gives:
            yield f"{model} painted", CompositeSettings(**quiet, harmonize=model, paint=True), apart
        for strength in strengths:
            yield f"{model} {strength:g}", CompositeSettings(**quiet, harmonize=model, strength=strength), apart
    for way in CLASSICAL:
        for strength in strengths:
            yield f"{way} {strength:g}", CompositeSettings(**quiet, harmonize=way, strength=strength), False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("samples", type=Path)
    parser.add_argument("--model", action="append")
    parser.add_argument("--strength", default="0.5,1")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--sheet", type=Path)
    chosen: Any = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    networks, filler = Networks(), Filler(InpaintSettings(model="telea"))
    given = list(samples(chosen.samples, chosen.limit))
    strengths = [float(one) for one in chosen.strength.split(",")]
    rows = [[sample.composite] for sample in given[:SHOWN]]
    nothing = painted = np.zeros(0)
    print(f"{'':30} {'MSE':>6} {'PSNR':>6} {'fMSE':>6} {'detail':>6}   better than nothing, painted; of {len(given)}")
    for name, settings, apart in ways(chosen.model or list(MODELS), strengths, networks):
        pictures = [recolored(sample, settings, networks, filler if apart else None) for sample in given]
        for row, found in zip(rows, pictures, strict=False):
            row.append(found)
        table = np.array([scores(found, sample) for found, sample in zip(pictures, given, strict=True)])
        errors = table[:, 2]
        nothing = errors if name == "nothing" else nothing
        painted = errors if name.endswith("painted") else np.zeros(0) if name.startswith(CLASSICAL) else painted
        rivals = [other for other in (nothing, painted) if other.size and other is not errors]
        wins = "".join(f"{(errors < other).sum():6}" for other in rivals)
        means = (*table[:, :3].mean(0), np.exp(np.log(table[:, 3]).mean()))
        print("{:30} {:6.0f} {:6.2f} {:6.0f} {:6.2f}".format(name, *means), wins)
    if chosen.sheet:
        lines = [np.concatenate([*row, one.true], 1) for row, one in zip(rows, given, strict=False)]
        chosen.sheet.write_bytes(picture.encode(picture.Picture(np.concatenate(lines)), "jpg"))


if __name__ == "__main__":
    main()
