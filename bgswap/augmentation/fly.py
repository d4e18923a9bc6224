"""Samples without the command: on the fly as training takes them, and one from pixels; by the very same functions."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from bgswap.augmentation import samples
from bgswap.augmentation.ranges import RANGES, FrameRanges
from bgswap.augmentation.samples import Sample, SampleSettings
from bgswap.augmentation.sources import Choice, Pool
from bgswap.augmentation.stage import AugmentStage, levels
from bgswap.errors import UsageError
from bgswap.folders.picture import ReadOptions
from bgswap.folders.records import Record
from bgswap.folders.task import Task, read_inputs
from bgswap.inpainting.fill import InpaintSettings


class OnTheFly:
    """len() photos; calling it makes a sample. May be called from several threads."""

    def __init__(
        self,
        photos: Sequence[Record],
        places: Sequence[Record],
        choice: Choice,
        stage: AugmentStage,
        *,
        keep: bool = True,
    ) -> None:
        """Choose the photos and load what is needed. keep: decoded pictures stay in memory, up to a bound.

        Raises:
            UsageError: the methods need pictures that nobody named.
            NotReady: a network that was asked for is not to be had.
        """
        torch.set_num_threads(1)  # sums come out alike; many samples are made at a time instead
        cv2.setNumThreads(1)
        self.pool, self.stage, self.keep = Pool(photos, places, choice, stage.settings), stage, keep
        self.tools, self.notes = stage.tools(1)

    def __len__(self) -> int:
        return len(self.pool.photos)

    def __call__(self, index: int, copy: int = 0, step: int = 1) -> Sample:
        """Sample `copy` of photo `index`: float32 0..1, not yet rounded to the 8 bits of a file, else the same.

        Raises:
            PictureError: a picture cannot be read, does not fit the others, or shows nobody.
        """
        record = self.pool.sample(self.pool.photos[index], copy, step)
        shared = frozenset(record.paths.values()) if self.keep else frozenset()
        return self.stage.sample(
            read_inputs(self.stage, Task(record, {}, {}, {}, shared), ReadOptions()), record, self.tools
        )


def make_one(
    images: Mapping[str, NDArray[np.uint8]], others: Sequence[NDArray[np.uint8]], method: str, options: dict[str, Any]
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """One sample from pixels alone: pictures by role, and its line.

    images: "photo" (H, W, 3), "foreground" (H, W, 4), "plate", "background"; others: cut-outs (h, w, 4) of other
    people. options: seed, copy, size, fill, and fields of the method's ranges and of FrameRanges.
    """
    if method not in RANGES:
        raise UsageError(f"no method '{method}': choose one of {', '.join(RANGES)}")
    seed, copy, size = (options.pop(name, usual) for name, usual in (("seed", 0), ("copy", 0), ("size", 256)))
    fill = InpaintSettings(model=options.pop("fill", InpaintSettings.model))
    frame, ranges = _taken(FrameRanges, options), _taken(RANGES[method], options)
    if options:
        raise TypeError(f"{method} has no setting {', '.join(sorted(options))}")
    sides = (size, size) if isinstance(size, int) else size
    settings = SampleSettings((method,), seed, sides, frame, (ranges,)).easy()
    for role in ("plate", "background"):
        if role in samples.needs(settings) and role not in images:
            raise UsageError(f"{method} needs a {role}: pass {role}=...")
    stage, read = AugmentStage(settings, fill=fill), dict(images)
    if others:
        read["reference"] = others[copy % len(others)]
        read |= {f"decoy_{i}": others[(copy + i) % len(others)][..., 3] for i in range(stage.decoys)}
    made = samples.make(read, "picture", copy, settings, stage.tools(1)[0])
    told = {"method": method, "seed": seed, "copy": copy, **made.fields}
    return {role: levels(role, picture) for role, picture in made.pictures.items()}, told


def _taken(kind: Any, options: dict[str, Any]) -> Any:
    """A dataclass of ranges with those of its fields that options give, which are taken out."""
    return kind(**{one.name: options.pop(one.name) for one in fields(kind) if one.name in options})
