"""Samples on the fly, as training takes them: made when asked for, by the same stage as the command's."""

from collections.abc import Sequence

import torch

from bgswap.augmentation.samples import Sample
from bgswap.augmentation.sources import Choice, Pool
from bgswap.augmentation.stage import AugmentStage
from bgswap.folders.picture import ReadOptions
from bgswap.folders.records import Record
from bgswap.folders.task import Task, read_inputs


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
