"""PSNR of composites against the error of their mattes: `python tests/bench/mask_noise.py RUN SAMPLES`.

SAMPLES is a folder of triplets as `bgswap augment --method triplet` writes it; RUN a run of `bgswap train multi-stream`
or its weights. Each matte is spoiled by growing amounts as training spoils it (bgswap/training/spoil.py), the same for
all ways; rows tell the mean error of the mattes (MAD, 0..1) and the mean PSNR in dB of `over`, the photo's own colors
as they are, of `feather` and `laplacian`, which cut the matte at one half first as `bgswap eval`'s baselines do, and of
the run. --sheet writes pictures of the first samples: photo | spoiled matte | over | feather | laplacian | run | true.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from bgswap.augmentation.models import load_fusion
from bgswap.compositing.blend import over
from bgswap.evaluation.baselines import feather, laplacian
from bgswap.folders import picture
from bgswap.training.recipe import Step
from bgswap.training.spoil import spoil
from bgswap.zoo.choice import ModelOptions

Pixels = NDArray[np.uint8]
Way = Callable[[Pixels, Pixels, Pixels], Pixels]
AMOUNTS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)  # of what training does by default
EDGE, PATCHES, BLUR, COARSE = 15.0, 64.0, 3.0, 4  # its defaults
MOST = 100.0  # dB of equal pictures


@dataclass(frozen=True)
class Sample:
    """Pixels of a triplet: (H, W, 3), alpha (H, W)."""

    image: Pixels
    alpha: Pixels
    background: Pixels
    true: Pixels


def read(folder: Path) -> Iterator[Sample]:
    """The triplets of a folder, in the order of its lines."""
    for line in (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        image, background, true = (
            picture.read(folder / told[key]).rgb
            for key in ("file_name", "background_file_name", "composite_true_file_name")
        )
        yield Sample(image, picture.read_mask(folder / told["alpha_file_name"]).pixels, background, true)


def spoiled(alpha: Pixels, amount: float, number: int) -> Pixels:
    """A matte (H, W), its edge off by up to 15 pixels x amount, and so on; the same for the same number."""
    if not amount:
        return alpha
    side = (len(alpha), alpha.shape[1])
    step = Step(number, 1, side, torch.device("cpu"), 0)
    given = torch.from_numpy(alpha / np.float32(255))[None, None]
    coarse = max(1, round(COARSE * amount))
    most = {"edge": (EDGE * amount / 2, EDGE * amount), "patches": (PATCHES * amount / 2, PATCHES * amount)}
    made = spoil(given, step, **most, blur=BLUR * amount, coarse=coarse)
    return np.rint(made[0, 0].numpy() * 255).astype(np.uint8)


def psnr(made: Pixels, true: Pixels) -> float:
    """In dB, on 0..255."""
    mse = np.square(made.astype(np.float64) - true).mean()
    return float(min(MOST, 10 * np.log10(255**2 / mse))) if mse else MOST


def fused(run: str) -> Way:
    """The way of a trained fusion network."""
    network = load_fusion(run, ModelOptions())

    def way(image: Pixels, alpha: Pixels, background: Pixels) -> Pixels:
        def planes(pixels: Pixels) -> torch.Tensor:
            return torch.from_numpy(np.atleast_3d(pixels).transpose(2, 0, 1) / np.float32(255))

        made = network(planes(image), planes(alpha), planes(background))
        return np.rint(made.numpy().transpose(1, 2, 0) * 255).astype(np.uint8)

    return way


def plain(image: Pixels, alpha: Pixels, background: Pixels) -> Pixels:
    """`over` in sRGB."""
    return over.blend(image, alpha, background, light="srgb", width_px=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a run folder, weights, or a model's name")
    parser.add_argument("samples", type=Path, help="a folder of triplets")
    parser.add_argument("--limit", type=int, help="samples at most")
    parser.add_argument("--sheet", type=Path, help="a PNG of the first four samples at every amount")
    chosen: Any = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    ways: dict[str, Way] = {"over": plain, "feather": feather.make, "laplacian": laplacian.make}
    ways["run"] = fused(chosen.run)
    triplets = list(read(chosen.samples))[: chosen.limit]
    print(f"{len(triplets)} triplets of {chosen.samples}: mean PSNR, dB")
    print(f"{'amount':>6} {'MAD':>7}" + "".join(f"{name:>11}" for name in ways))
    sheet = []
    for amount in AMOUNTS:
        errors, scores = [], []
        for number, one in enumerate(triplets):
            alpha = spoiled(one.alpha, amount, number)
            errors.append(np.abs(alpha.astype(np.float64) - one.alpha).mean() / 255)
            made = [way(one.image, alpha, one.background) for way in ways.values()]
            scores.append([psnr(composite, one.true) for composite in made])
            if number < 4:
                grey = np.repeat(alpha[..., None], 3, axis=2)
                sheet.append(np.concatenate([one.image, grey, *made, one.true], axis=1))
        print(
            f"{amount:6.2f} {np.mean(errors):7.4f}" + "".join(f"{v:11.2f}" for v in np.mean(scores, axis=0)), flush=True
        )
    if chosen.sheet:
        widest = max(row.shape[1] for row in sheet)
        rows = [np.pad(row, ((0, 0), (0, widest - row.shape[1]), (0, 0))) for row in sheet]
        chosen.sheet.write_bytes(picture.encode(picture.Picture(np.concatenate(rows)), "png"))


if __name__ == "__main__":
    main()
