"""Batches in their order, made ahead by threads: what a step trains on is a function of the seed and its index alone.

Question: torch's DataLoader, or threads of our own? Choice: threads. Why: making a sample is work of torch and OpenCV,
which let other threads run; nothing is copied between processes, batches are assembled where they are used, and a run
goes on at any step without replaying. What would change it: makers that hold Python's lock for long.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice
from random import Random
from zlib import crc32

import numpy as np

from bgswap.errors import UsageError
from bgswap.training.homes import Home
from bgswap.training.making import LOOKED, Assembly, Crew, Job, Maker, Sample, fill
from bgswap.training.settings import Settings, Size
from bgswap.training.sources import Source

AHEAD = 2  # ours: one step in the making and one ready are enough where making is faster than training


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
        self._order, self._maker = Order(len(indices), seed), Maker(source, indices)
        self._next, self._begin, self._pin = start, plan.first(start), home.device.type == "cuda"
        self._pending: deque[tuple[Assembly, list[Future[None]]]] = deque()
        self._crew = Crew(self._workers)

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

    def _begun(self, index: int) -> "tuple[Assembly, list[Future[None]]]":
        """A step's batch, given to the threads, of which each makes every so manieth sample."""
        size, batch = self._plan.at(index)
        mine, first = self._rows[batch], self._plan.first(index)
        jobs = [Job(row, *self._order.at(first + at), first + at < self._begin + LOOKED) for row, at in enumerate(mine)]
        made, many = Assembly(len(jobs), self._pin), self._workers
        shares = [jobs[worker::many] for worker in range(min(many, len(jobs)))]
        return made, [self._crew.begin(fill, made, self._maker, jobs, size) for jobs in shares]

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
    jobs = [Job(n % batch, place, copy, n < LOOKED) for n, (place, copy) in chosen]
    maker, crew = Maker(source, indices), Crew(max(1, workers))
    try:
        cut = [jobs[first : first + batch] for first in range(0, len(jobs), batch)]
        made = [Assembly(len(some), pin=False) for some in cut]
        waiting = [crew.begin(fill, one, maker, some, size) for one, some in zip(made, cut, strict=True)]
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


def _rows(batch: int, home: Home, parts: int) -> range:
    """This process's rows of the whole batch, which all processes' rows make up in order."""
    per, left = divmod(batch, home.world * parts)
    if left:
        raise UsageError(
            f"batch={batch} cannot be shared out over {home.world} devices with accumulate={parts}: "
            f"choose a multiple of {home.world * parts}"
        )
    return range(home.rank * parts * per, (home.rank + 1) * parts * per)
