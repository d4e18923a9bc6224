"""Batches in their order, made ahead by threads: what a step trains on is a function of the seed and its index alone.

Question: torch's DataLoader, or threads of our own? Choice: threads. Why: making a sample is work of torch and OpenCV,
which let other threads run; nothing is copied between processes, batches are assembled where they are used, and a run
goes on at any step without replaying. What would change it: makers that hold Python's lock for long.
"""

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice
from random import Random
from typing import Any
from zlib import crc32

import cv2
import numpy as np
import torch
from torch import Tensor

from bgswap.errors import BgswapError, PictureError, UsageError
from bgswap.folders.records import show
from bgswap.training.homes import Home
from bgswap.training.settings import Settings, Size
from bgswap.training.sources import Source, threads_kept

AHEAD = 2  # ours: one step in the making and one ready are enough where making is faster than training
LOOKED, MOST = 100, 10  # ours: of so many first samples so many may fail, else something is wrong with all

Sample = dict[str, Tensor]


@dataclass(frozen=True)
class Plan:
    """Which size and batch a step has. What lies beyond `steps` is as the last one."""

    settings: Settings
    steps: int

    @cached_property
    def _ends(self) -> list[int]:
        """The first step after each size."""
        shares = self.settings.shares or (1.0,) * len(self.settings.size)
        return [round(self.steps * so_far / sum(shares)) for so_far in accumulate(shares)]

    @cached_property
    def sizes(self) -> list[Size]:
        """The sizes that have steps, in turn, each once."""
        begins = [0, *self._ends[:-1]]
        used = (n for n, (begin, end) in enumerate(zip(begins, self._ends, strict=True)) if begin < end)
        return list(dict.fromkeys(self.settings.size[n] for n in used))

    @cached_property
    def batches(self) -> tuple[int, ...]:
        """Samples a step over all devices, at each of the settings' sizes."""
        return self.settings.batch if len(self.settings.batch) > 1 else self.settings.batch * len(self.settings.size)

    def at(self, index: int) -> tuple[Size, int]:
        """The size and the batch over all devices of a step."""
        place = min(bisect_right(self._ends, index), len(self._ends) - 1)
        return self.settings.size[place], self.batches[place]

    def first(self, index: int) -> int:
        """How many samples the steps before `index` take."""
        begins, ends = [0, *self._ends[:-1]], [*self._ends[:-1], max(index, self._ends[-1])]
        steps = (max(0, min(index, end) - begin) for begin, end in zip(begins, ends, strict=True))
        return sum(many * batch for many, batch in zip(steps, self.batches, strict=True))


class Order:
    """Endless shuffles of `count` samples: which one stands at a position hangs on the seed and the position alone."""

    def __init__(self, count: int, seed: int):
        self._count, self._seed = count, seed
        self._epoch, self._places = -1, np.empty(0, np.int64)

    def at(self, position: int) -> tuple[int, int]:
        """(place, epoch) of the sample at `position`; each epoch has every place once."""
        epoch, along = divmod(position, self._count)
        if epoch != self._epoch:  # raw bits and a stable sort: no version of numpy orders them otherwise
            bits = np.random.PCG64(crc32(f"{self._seed} {epoch} order".encode())).random_raw(self._count)
            self._epoch, self._places = epoch, np.argsort(bits, kind="stable")
        return int(self._places[along]), epoch


class Batches:
    """The steps' batches from step `start` to the plan's last: each a list of parts, (B, C, H, W) or (B, N) by role.

    Pictures lie channels last. Neither their order nor their numbers hang on the threads that make them. What a thread
    raises comes out where its step is asked for. Use it in a `with`, or close it.
    """

    def __init__(  # noqa: PLR0913 - where in the run, and who of all makes what
        self,
        source: Source,
        indices: Sequence[int],
        plan: Plan,
        home: Home,
        accumulate: int = 1,
        workers: int = 1,
        ahead: int = AHEAD,
        *,
        start: int = 0,
        seed: int = 0,
    ):
        """Begin with the samples `indices` of the source.

        Args:
            source: makes them.
            indices: those to train on.
            plan: sizes and batches.
            home: this process's part of all, and its device, for which batches are pinned where it is a GPU.
            accumulate: parts of a process's batch.
            workers: threads.
            ahead: steps that are made or lie ready beside the one that is asked for.
            start: the first step that is given.
            seed: of the order.

        Raises:
            UsageError: there are no samples, or a batch cannot be shared out.
        """
        self._rows = {batch: _rows(batch, home, accumulate) for batch in plan.batches}
        self._plan, self._parts, self._workers, self._ahead = plan, accumulate, max(1, workers), ahead
        self._order, self._maker = Order(len(indices), seed), _Maker(source, indices)
        self._next, self._begin, self._pin = start, plan.first(start), home.device.type == "cuda"
        self._pending: deque[tuple[_Assembly, list[Future[None]]]] = deque()
        self._crew = _Crew(self._workers)

    def __iter__(self) -> Iterator[list[Sample]]:
        """Itself."""
        return self

    def __next__(self) -> list[Sample]:
        """The next step's parts."""
        try:
            while self._next < self._plan.steps and len(self._pending) <= self._ahead:
                self._pending.append(self._begun(self._next))
                self._next += 1
            if not self._pending:
                raise StopIteration
            made, waiting = self._pending.popleft()
            for one in waiting:
                one.result()
        except BaseException:  # also an interrupt: no thread is left behind
            self.close()
            raise
        return made.parts(self._parts)

    def _begun(self, index: int) -> "tuple[_Assembly, list[Future[None]]]":
        """A step's batch, given to the threads, of which each makes every so manieth sample."""
        size, batch = self._plan.at(index)
        mine, first = self._rows[batch], self._plan.first(index)
        jobs = [
            _Job(row, *self._order.at(first + at), first + at < self._begin + LOOKED) for row, at in enumerate(mine)
        ]
        made, many = _Assembly(len(jobs), self._pin), self._workers
        shares = [jobs[worker::many] for worker in range(min(many, len(jobs)))]
        return made, [self._crew.begin(_fill, made, self._maker, jobs, size) for jobs in shares]

    def close(self) -> None:
        """Stop the threads, and wait for the samples that they have in hand. Nothing more is given."""
        self._next = self._plan.steps
        self._crew.close()
        self._pending.clear()

    def __enter__(self) -> "Batches":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


def held(
    source: Source, indices: Sequence[int], size: Size, count: int, seed: int, *, workers: int = 1, batch: int = 8
) -> list[Sample]:
    """`count` fixed samples of the held-out `indices` in batches of at most `batch`, evenly spread over their photos.

    Each photo gives one before any gives a second. Copies are numbered from -1 down, which training never does. A
    folder gives no more samples than it has.
    """
    chosen = enumerate(_spread(source, indices, count, seed))
    jobs = [_Job(n % batch, place, copy, n < LOOKED) for n, (place, copy) in chosen]
    maker, crew = _Maker(source, indices), _Crew(max(1, workers))
    try:
        cut = [jobs[first : first + batch] for first in range(0, len(jobs), batch)]
        made = [_Assembly(len(some), pin=False) for some in cut]
        waiting = [crew.begin(_fill, one, maker, some, size) for one, some in zip(made, cut, strict=True)]
        for one in waiting:
            one.result()
    finally:
        crew.close()
    return [one.parts(1)[0] for one in made]


def _spread(source: Source, indices: Sequence[int], count: int, seed: int) -> list[tuple[int, int]]:
    """(place in `indices`, copy) of validation's samples."""
    photos: dict[int, list[int]] = {}
    for place, index in enumerate(indices):
        photos.setdefault(source.photo_of(index), []).append(place)
    groups = list(photos.values())
    if count < len(groups):
        groups = [groups[(2 * n + 1) * len(groups) // (2 * count)] for n in range(count)]
    begins = [
        Random(f"{seed} {source.photos[source.photo_of(indices[own[0]])]} held").randrange(len(own)) for own in groups
    ]
    rounds = -(-count // len(groups)) if source.endless else max(len(own) for own in groups)
    found = (
        (own[(begin + number) % len(own)], -1 - number // len(own))
        for number in range(rounds)
        for own, begin in zip(groups, begins, strict=True)
        if source.endless or number < len(own)
    )
    return list(islice(found, count))


@dataclass(frozen=True)
class _Job:
    """One sample to make: its row in the batch, its place among the samples, its copy; early: of the run's first."""

    row: int
    place: int
    copy: int
    early: bool


def _rows(batch: int, home: Home, parts: int) -> range:
    """This process's rows of the whole batch, which all processes' rows make up in order."""
    per, left = divmod(batch, home.world * parts)
    if left:
        raise UsageError(
            f"batch={batch} cannot be shared out over {home.world} devices with accumulate={parts}: "
            f"choose a multiple of {home.world * parts}"
        )
    return range(home.rank * parts * per, (home.rank + 1) * parts * per)


class _Assembly:
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


class _Maker:
    """Makes samples. For one that cannot be made the next of `indices` stands in, and a note names it once."""

    def __init__(self, source: Source, indices: Sequence[int]):
        if not indices:
            raise UsageError("there is no sample to train or to validate on")
        self._source, self._indices = source, list(indices)
        self._failed: set[str] = set()
        self._lock = threading.Lock()

    def make(self, job: _Job, size: Size) -> Sample:
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


class _Crew:
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
    torch.get_num_threads()  # the first call in a thread takes the process's number; only then does it keep its own
    torch.set_num_threads(1)


def _fill(made: _Assembly, maker: _Maker, jobs: Sequence[_Job], size: Size, stopped: threading.Event) -> None:
    for job in jobs:
        if stopped.is_set():
            return
        made.put(job.row, maker.make(job, size))
