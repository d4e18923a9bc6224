"""Whole commands, measured from outside: wall and processor seconds and the peak memory of every run."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

# a child's peak begins at that of the process it was forked from, so a small one stands between us and the command
LAUNCHER = """
import json, os, sys, time
began = time.perf_counter()
null = os.open(os.devnull, os.O_WRONLY)
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
_, status, usage = os.wait4(child, 0)
code = os.waitstatus_to_exitcode(status)
print(json.dumps([code, time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
"""


@dataclass(frozen=True)
class Run:
    """One finished command. peak_mib: largest resident size of the process."""

    wall: float
    cpu: float
    peak_mib: float


def run(command: Sequence[str], environment: dict[str, str] | None = None) -> Run:
    """Run a command to its end; its output is thrown away, a failure ends the benchmark."""
    launch = [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(launch, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    code, *figures = json.loads(done.stdout)
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}:\n{done.stderr[-2000:]}")
    return Run(*figures)


def median(runs: Sequence[Run]) -> Run:
    """The median of each figure."""
    return Run(*(statistics.median(getattr(r, name) for r in runs) for name in ("wall", "cpu", "peak_mib")))
