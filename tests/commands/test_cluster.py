"""More than one machine, as far as one can show it: a Dask cluster of two worker processes, one of them killed."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.harness import call, pictures, run, start, unfinished
from tests.commands.world import Command, World, commands

pytestmark = pytest.mark.slow
MANY = 80
PROMPT_S = 30.0
PIPE_BYTES = 4096  # about eight records: nothing is over while nobody reads on


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two worker processes of one thread, on this machine's own address only."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as made:
        yield made


def process_ids(cluster: Any) -> set[int]:
    """Of the workers that are alive."""
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        return set(client.run(os.getpid).values())


@pytest.fixture
def many(source: Path, tmp_path: Path) -> Path:
    """A folder of photos, four and many copies."""
    folder = tmp_path / "many"
    folder.mkdir()
    photos = sorted(source.rglob("*.*"))
    for number in range(MANY):
        shutil.copy(photos[number % 4], folder / f"{number:03}{photos[number % 4].suffix}")
    return folder


def test_a_cluster_makes_what_one_machine_makes_though_a_worker_is_killed_midway(cluster, command, many, tmp_path):
    assert call(*command.line(many, tmp_path / "local")).status == 0
    before = process_ids(cluster)
    out = tmp_path / "out"
    line = command.line(many, out, "--records", "--cluster", cluster.scheduler_address)
    child = start(*line, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    fcntl.fcntl(child.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    records = [child.stdout.readline()]
    os.kill(min(before), signal.SIGKILL)
    assert len(pictures(out)) < MANY
    records += child.stdout.read().splitlines()
    err = child.stderr.read().decode()
    assert child.wait(PROMPT_S) == 0, err
    assert len(records) == MANY
    assert process_ids(cluster) != before
    assert pictures(out) == pictures(tmp_path / "local")
    assert not unfinished(out)
    assert f"{MANY} done" in err


def test_a_broken_photo_on_a_cluster_is_named_and_update_there_retries_it_alone(cluster, command, source, tmp_path):
    photo = next(source.glob("a.*"))
    whole = photo.read_bytes()
    photo.write_bytes(whole[:300])
    line = command.line(source, tmp_path / "out", "-u", "--cluster", cluster.scheduler_address)
    ran = run(*line)
    assert ran.status == 1
    assert f"3 done, 1 failed ({photo}: " in ran.err
    photo.write_bytes(whole)
    ran = run(*line)
    assert ran.status == 0
    assert "1 to do, 3 unchanged" in ran.err


def test_a_scheduler_that_is_not_there_is_status_3(made: World, tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        command: Command = commands(made)["composite"]
        ran = run(*command.line(made.cutouts, tmp_path / "out", "--cluster", address))
    assert ran.status == 3
    assert "dask scheduler" in ran.err


def test_a_cluster_measures_what_one_machine_measures(cluster, world, tmp_path):
    line = ("eval", world.cutouts, world.home / "mattes", "--input", world.photos, "--trimap", "auto")
    local, far = (tmp_path / f"{name}.html" for name in ("local", "far"))
    alone = call(*line, "--html", local)
    spread = run(*line, "--html", far, "--cluster", cluster.scheduler_address)
    assert spread.status == 0, spread.err
    assert spread.out == alone.out
    assert far.read_text() == local.read_text()
