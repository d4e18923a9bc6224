"""The making of a batch: jobs given to threads, rows put into their place, stand-ins for what cannot be made."""

import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import torch
from torch import Tensor

from bgswap.errors import BgswapError, PictureError, UsageError
from bgswap.folders.records import show
from bgswap.training.settings import Size
from bgswap.training.sources import Source, threads_kept

LEAST_PRIORITY = 19
LOOKED, MOST = 100, 10  # ours: of so many first samples so many may fail, else something is wrong with all

Sample = dict[str, Tensor]


@dataclass(frozen=True)
class Job:
    """One sample to make: its row in the batch, its place among the samples, its copy; early: of the run's first."""

    row: int
    place: int
    copy: int
    early: bool


class Assembly:
    """A batch that grows row by row, from several threads."""

    def __init__(self, rows: int, pin: bool):
        self._rows, self._pin = rows, pin
        self._made: Sample = {}
        self._lock = threading.Lock()

    def put(self, row: int, sample: Sample) -> None:
        """Copy a sample into its row; the first one tells what the batch holds."""
        with self._lock:
            if not self._made:
                self._made = {role: self._empty(one) for role, one in sample.items()}
        for role, one in sample.items():
            self._made[role][row].copy_(one)

    def _empty(self, one: Tensor) -> Tensor:
        lie = torch.channels_last if one.ndim == 3 else torch.contiguous_format
        return torch.empty((self._rows, *one.shape), memory_format=lie, pin_memory=self._pin)

    def parts(self, many: int) -> list[Sample]:
        """The whole batch cut into parts, which share its memory."""
        per = self._rows // many
        return [{role: one[n * per : (n + 1) * per] for role, one in self._made.items()} for n in range(many)]


class Maker:
    """Makes samples. For one that cannot be made the next of `indices` stands in, and a note names it once."""

    def __init__(self, source: Source, indices: Sequence[int]):
        if not indices:
            raise UsageError("there is no sample to train or to validate on")
        self._source, self._indices = source, list(indices)
        self._failed: set[str] = set()
        self._lock = threading.Lock()

    def make(self, job: Job, size: Size) -> Sample:
        """A sample. BgswapError where too many cannot be made."""
        cause = None
        for further in range(len(self._indices)):
            index = self._indices[(job.place + further) % len(self._indices)]
            try:
                return self._source.sample(index, job.copy, size)
            except PictureError as found:
                cause = found
                self._tell(self._source.photos[self._source.photo_of(index)], found, job.early)
        raise BgswapError(f"none of {len(self._indices)} samples can be made: {cause}") from cause

    def _tell(self, key: str, cause: PictureError, early: bool) -> None:
        with self._lock:
            if key not in self._failed:
                self._failed.add(key)
                self._source.notes.append(f"{show(key)}: {cause}. Another sample stands in for it")
            if early and len(self._failed) > MOST:
                raise BgswapError(
                    f"{len(self._failed)} of the first samples cannot be made, the last: {cause}"
                ) from cause


class Crew:
    """Threads in which torch and OpenCV use one core each; the caller's number of torch's threads stays."""

    def __init__(self, workers: int):
        self.stopped = threading.Event()
        self._of_opencv = cv2.getNumThreads()  # one number for the whole process: it comes back when the crew leaves
        gate = threading.Barrier(workers + 1)
        self._executor = ThreadPoolExecutor(workers, "samples", initializer=_with_one_core)
        try:
            with threads_kept():
                for _ in range(workers):
                    self._executor.submit(gate.wait)
                gate.wait()
        except BaseException:
            gate.abort()
            self.close()
            raise
        cv2.setNumThreads(1)

    def begin(self, work: Callable[..., None], *what: Any) -> "Future[None]":
        """Have it done, with `stopped` as its last argument."""
        return self._executor.submit(work, *what, self.stopped)

    def close(self) -> None:
        """Drop what has not begun, and wait for the rest."""
        if not self.stopped.is_set():
            self.stopped.set()
            self._executor.shutdown(cancel_futures=True)
            cv2.setNumThreads(self._of_opencv)


def _with_one_core() -> None:
    # Makers run where the training step leaves a core idle: its own threads wait for each other, so that one which has
    # to share its core slows them all (1.15 times making + step without this, see tests/bench/train_step.py --fly).
    if sys.platform == "linux":  # elsewhere a thread has no priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LEAST_PRIORITY)
    torch.get_num_threads()  # the first call in a thread takes the process's number; only then does it keep its own
    torch.set_num_threads(1)


def fill(made: Assembly, maker: Maker, jobs: Sequence[Job], size: Size, stopped: threading.Event) -> None:
    for job in jobs:
        if stopped.is_set():
            return
        made.put(job.row, maker.make(job, size))
