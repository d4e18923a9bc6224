"""Part of results.py: mattes of street people, of others, and of cut-outs whose soft alpha is true."""

import sys
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from matte_quality import Sample
from numpy.typing import NDArray
from results_samples import Source, named

from bgswap.compositing.systems import SYSTEMS
from bgswap.errors import BgswapError
from bgswap.evaluation.metrics.alpha_mad import alpha_mad
from bgswap.evaluation.metrics.grad import grad
from bgswap.evaluation.metrics.iou import iou
from bgswap.matting.predict import MatteSettings, load_matter
from bgswap.zoo.choice import ModelOptions

TITLE = "Mattes"
HEAD = ("", "street MAD", "IoU", "grad", "others MAD", "IoU", "grad", "cut-outs MAD", "grad")
LEGEND = (
    "Mean absolute difference of alpha, IoU at one half, gradient error in thousands, means of photos. cut-outs: 5 "
    "pictures with true soft alpha over 8 places each, the same in every split. Masks of street people are off by 1 to "
    "3 pixels and those of the others by up to 8: their grad tells little."
)
DIGITS = (4, 3, 2, 4, 3, 2, 4, 2)
RECTANGLE, ROUNDS = 0.03, 5  # of GrabCut: its margin, share of the sides; rounds. Ours

Way = Callable[[NDArray[Any]], NDArray[np.float32]]  # photo (H, W, 3) -> alpha (H, W) 0..1


def measure(source: Source, ours: str) -> tuple[list[list[Any]], str]:
    """The table's rows, and how many pictures."""
    sets = source.mattes()
    rows: list[list[Any]] = []
    for name, way in ways(ours).items():
        if way is None:
            rows.append([name, *[None] * len(DIGITS)])
            continue
        print(f"mattes: {name}", file=sys.stderr)
        street, others, cut = (np.mean([scores(way(one.photo), one) for one in some], 0) for some in sets.values())
        rows.append([name, *street, *others, cut[0], cut[2]])
    return rows, ", ".join(f"{len(some)} {name}" for name, some in sets.items())


def ways(ours: str) -> dict[str, Way | None]:
    """Rows: None where a system has no matte of its own, or is not here."""
    rows: dict[str, Way | None] = {"do nothing: all of it": lambda photo: np.ones(photo.shape[:2], np.float32)}
    rows["GrabCut"] = grabcut
    for name, system in SYSTEMS.items():
        model = system.options.get("matte_model")
        settings = MatteSettings(model=model, refine=system.options["refine"]) if model else None
        rows[name] = learned(settings) if settings else None
    rows[named(ours)] = learned(MatteSettings(model=ours))
    return rows


def learned(settings: MatteSettings) -> Way | None:
    """A matting network as `bgswap matte` runs it."""
    try:
        matter, _ = load_matter(settings, ModelOptions(device="cpu"))
    except BgswapError as error:
        print(f"{settings.model}: {error}", file=sys.stderr)
        return None
    return lambda photo: matter.estimate(photo).alpha / np.float32(255)


def grabcut(photo: NDArray[Any]) -> NDArray[np.float32]:
    """Rother, Kolmogorov, Blake, SIGGRAPH 2004, by OpenCV, from a rectangle that leaves out the frame's margin."""
    height, width = photo.shape[:2]
    down, across = max(1, round(RECTANGLE * height)), max(1, round(RECTANGLE * width))
    mask, models = np.zeros((height, width), np.uint8), [np.zeros((1, 65)) for _ in range(2)]
    cv2.setRNGSeed(0)
    inside = (across, down, width - 2 * across, height - 2 * down)
    cv2.grabCut(cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), mask, inside, *models, ROUNDS, cv2.GC_INIT_WITH_RECT)
    return (mask & 1).astype(np.float32)


def scores(alpha: NDArray[np.float32], sample: Sample) -> tuple[float, float, float]:
    """MAD, IoU, gradient error."""
    planes = [torch.from_numpy(np.ascontiguousarray(one, np.float32))[None, None] for one in (alpha, sample.alpha)]
    return float(alpha_mad(*planes)), float(iou(*planes)), float(grad(*planes))
