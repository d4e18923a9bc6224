"""Where work runs: threads of this process, or a Dask cluster. Both are executors over chunks of records.

Decision (2026-11): a pool of threads that each carry one photo from file to file, not a thread a step.
Decoding, networks, filters and deflate all release the interpreter lock, whole-photo threads measured 8.7
times the plain loop against 7.5 for a thread a step, and no picture waits in a queue. Free-threaded or
GPU-bound work could change that.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from bgswap.errors import NotReady, missing_extra

RETRIES = 3  # ours: how often a chunk may lose its worker before its records fail


def usable_cpus() -> int:
    """The processors that this process may use, by affinity where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def local(jobs: int) -> Iterator[Executor]:
    """A pool of `jobs` threads. On an interrupt what has not begun is dropped; nothing is waited for."""
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="bgswap")
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """A Dask cluster's executor and its number of threads. Its workers see the same files."""
    try:
        from distributed import Client
    except ImportError as cause:
        raise missing_extra("cluster", "--cluster") from cause
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as cause:
        raise NotReady(f"no Dask scheduler answers at {address}: start one with `dask scheduler`") from cause
    with client:
        workers = client.scheduler_info(n_workers=-1)["workers"]
        if not workers:
            raise NotReady(f"the cluster at {address} has no workers: start some with `dask worker {address}`")
        # pure=False: equal calls would run once, and ours write files
        executor = client.get_executor(pure=False, retries=RETRIES)
        try:
            yield executor, sum(worker["nthreads"] for worker in workers.values())
        finally:
            executor.shutdown(wait=False)  # on Dask this also cancels what has not begun
