"""Part of results.py: harmonization, on pairs made as in training, on pairs that are not, and on untouched photos."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from painted import Picture, Sample, recolored, samples, scores
from results_samples import Source, named
from results_unseen import unseen

from bgswap.compositing.decide import CompositeSettings
from bgswap.compositing.decider import Networks, network_for
from bgswap.compositing.systems import SYSTEMS
from bgswap.errors import BgswapError
from bgswap.evaluation.metric import find
from bgswap.inpainting.fill import Filler, InpaintSettings
from bgswap.zoo.choice import ModelOptions

TITLE = "Colors"
HEAD = ("", "MSE", "PSNR", "fMSE", "LPIPS", "unseen MSE", "unseen PSNR", "untouched")
LEGEND = (
    "Pairs by `augment --method recolor --method relight --seed 6 --copies 2 --size 256`; unseen: the same people by "
    "color distribution transfer and random 3D tables, which no training uses. MSE in levels² and PSNR in dB over the "
    "whole picture, fMSE over the person, LPIPS by SqueezeNet, means of pictures. untouched: mean change of the person "
    "on its own photo, in levels of 255. Systems paint; classical ways and ours change colors, in full and by half."
)
DIGITS = (0, 2, 0, 4, 0, 2, 1)
STAY: dict[str, Any] = {"place": "keep", "shadow": "none"}
CLASSICAL = ("reinhard", "histogram")
FULL = 1.0  # strength


def ways(ours: str, networks: Networks) -> dict[str, CompositeSettings | None]:
    """Rows: settings, or None where a way changes no colors or is not here."""
    rows: dict[str, CompositeSettings | None] = {"do nothing": CompositeSettings(**STAY)}
    half = CompositeSettings.strength
    for way in CLASSICAL:
        rows[way] = CompositeSettings(**STAY, harmonize=way, strength=FULL)
        rows[f"{way}, strength {half:g}"] = CompositeSettings(**STAY, harmonize=way)
    for name, system in SYSTEMS.items():
        chosen = system.options.get("harmonize")
        network = system.options["model"] if chosen == "learned" else chosen
        rows[name] = CompositeSettings(**STAY, harmonize=network, paint=True) if network else None
    try:
        networks.decider("harmonize", network_for("harmonize", ours))
    except BgswapError as error:
        print(f"{ours}: {error}", file=sys.stderr)
        rows[named(ours)] = None
    else:
        rows[named(ours)] = CompositeSettings(**STAY, harmonize=ours, strength=FULL)
        rows[f"{named(ours)}, strength {half:g}"] = CompositeSettings(**STAY, harmonize=ours)
    return rows


def measure(source: Source, ours: str) -> tuple[list[list[Any]], str]:
    """The table's rows, and how many pictures."""
    given = list(samples(source.recolored(), None))
    others = list(unseen(given))
    whole = [replace(one, composite=one.true) for one in given[::2]]
    networks, filler, perceptual = Networks(), Filler(InpaintSettings(model="telea")), lpips()
    rows: list[list[Any]] = []
    for name, settings in ways(ours, networks).items():
        if settings is None:
            rows.append([name, *[None] * len(DIGITS)])
            continue
        print(f"colors: {name}", file=sys.stderr)
        fill = filler if takes_apart(settings, networks) else None
        made = [recolored(one, settings, networks, fill) for one in given]
        table = np.mean([scores(found, one)[:3] for found, one in zip(made, given, strict=True)], 0)
        near = (
            np.mean([perceptual(found, one.true) for found, one in zip(made, given, strict=True)])
            if perceptual
            else None
        )
        new = np.mean([scores(recolored(one, settings, networks, fill), one)[:2] for one in others], 0)
        moved = np.mean([change(recolored(one, settings, networks, fill), one) for one in whole])
        rows.append([name, *table, near, *new, moved])
    return rows, f"{len(given)} pairs, {len(others)} unseen ones, {len(whole)} untouched photos"


def takes_apart(settings: CompositeSettings, networks: Networks) -> bool:
    """Whether the way is a network that is shown the place with the person filled in."""
    if settings.harmonize in ("none", *CLASSICAL):
        return False
    return "background" in networks.decider("harmonize", settings.harmonize).card.takes


def change(found: Picture, sample: Sample) -> float:
    """Mean change of the person's colors, levels."""
    off = np.abs(found.astype(np.float32) - sample.composite).mean(2)
    return float(np.average(off, weights=sample.matte))


def lpips() -> Callable[[Picture, Picture], float] | None:
    """LPIPS by SqueezeNet where its weights are at hand, or in the reader's catalog."""
    (metric,) = find(["lpips:squeeze"])
    try:
        trunk = metric.trunk([ModelOptions(device="cpu", offline=True).network(name) for name in metric.models])
    except BgswapError as error:
        print(f"no LPIPS: {error}", file=sys.stderr)
        return None

    def distance(found: Picture, true: Picture) -> float:
        planes = [torch.from_numpy(one.transpose(2, 0, 1)[None] / np.float32(255)) for one in (found, true)]
        with torch.inference_mode():
            return float(metric(*planes, **trunk))

    return distance
