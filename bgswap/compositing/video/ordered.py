"""Work on a stream of things on several threads, in order and in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from typing import Any, TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")
END = object()


@contextmanager
def threads(number: int) -> Iterator[ThreadPoolExecutor]:
    """A pool that on leaving waits for what runs and drops what has not begun."""
    pool = ThreadPoolExecutor(max(1, number), thread_name_prefix="bgswap")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Item], Done], items: Iterable[Item], ahead: int
) -> Iterator[Done]:
    """What `work` makes of every item, in their order; up to `ahead` more are begun before one is asked for.

    items are drawn by the caller's thread. The first error in that order is raised.
    """
    running: deque[Future[Done]] = deque()
    for item in items:
        running.append(pool.submit(work, item))
        if len(running) > ahead:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


def read_ahead(pool: ThreadPoolExecutor, items: Iterable[Item], ahead: int) -> Iterator[Item]:
    """The items, drawn by the one thread of `pool`, up to `ahead` more than were asked for."""
    iterator = iter(items)

    def step(_: None) -> Any:
        return next(iterator, END)

    for item in in_order(pool, step, repeat(None), ahead):
        if item is END:
            return
        yield item
