"""A full disk, a read-only folder, Ctrl-C, kill and a closed pipe: nothing is half-written, and -u goes on."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands.faults import read_only, small_disk, small_files
from tests.commands.harness import PROGRAM, call, interruptible, pictures, run, shell, size, start, unfinished
from tests.commands.world import ONE_FOR_ALL, Command

MANY = 30
PIPE_BYTES = 4096  # about eight records: a run whose records nobody reads has to wait, so it cannot be over
PROMPT_S = 30.0  # bound of a prompt end on a machine that is busy with other things


@pytest.fixture
def many(source: Path, tmp_path: Path) -> Path:
    """A folder with one photo under many names."""
    photo = next(source.glob("b.*"))
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(MANY):
        shutil.copy(photo, folder / f"{number:03}{photo.suffix}")
    return folder


def assert_alike(out: Path, undisturbed: bytes) -> None:
    """Every picture of `out` is the undisturbed one; once in some hundred runs a pixel differed between processes."""
    wanted = open_pixels(undisturbed)
    for made in set(pictures(out).values()):
        assert np.abs(open_pixels(made) - wanted).mean() < 0.1


def open_pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)), np.float32)


@pytest.fixture
def undisturbed(command: Command, many: Path, tmp_path: Path) -> bytes:
    """What every output over `many` must be."""
    folder = tmp_path / "one"
    folder.mkdir()
    shutil.copy(next(many.glob("000.*")), folder)
    assert call(*command.line(folder, tmp_path / "alone")).status == 0
    (made,) = pictures(tmp_path / "alone").values()
    return made


def all_whole(out: Path) -> int:
    """How many pictures stand in `out`; each decodes to its last pixel."""
    return len([size(out / name) for name in pictures(out)])


def test_a_full_disk_fails_pictures_one_by_one_and_leaves_none_half_written(command, source, tmp_path):
    assert call(*command.line(source, tmp_path / "roomy")).status == 0
    wanted = pictures(tmp_path / "roomy")
    room = sum(map(len, wanted.values())) * 2 // 3 // 1024 + 4
    with small_disk(tmp_path / "disk", room) as enlarge:
        out = tmp_path / "disk" / "out"
        ran = call(*command.line(source, out, "-j", 1))
        assert ran.status == 1
        assert "No space left on device" in ran.err
        assert 0 < all_whole(out) < 4
        assert not unfinished(out)
        assert pictures(out).items() <= wanted.items()
        enlarge()
        ran = call(*command.line(source, out, "-u"))
        assert ran.status == 0
        assert "4 to do" not in ran.err
        assert pictures(out) == wanted


@ONE_FOR_ALL
def test_a_limit_on_file_size_fails_pictures_and_leaves_none_half_written(command, source, tmp_path):
    out = tmp_path / "out"
    ran = run(*command.line(source, out), preexec_fn=small_files(2048, tmp_path / "scratch"))
    assert ran.status == 1
    assert "File too large" in ran.err
    assert "4 failed" in ran.err
    assert not pictures(out)
    assert not unfinished(out)


def test_a_read_only_folder_is_a_sentence_a_picture(command, source, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with read_only(out):
        ran = call(*command.line(source, out))
        assert ran.status == 1
        assert ran.err.count("cannot write ") >= 4
        assert not list(out.iterdir())


@ONE_FOR_ALL
def test_a_full_standard_output_is_a_sentence(command, source):
    with Path("/dev/full").open("wb") as full:
        with pytest.raises(OSError, match="No space"):
            os.write(full.fileno(), b"plain")
        photo = next(source.glob("b.*"))
        line = ["--person", photo, "--bg", command.place, "-o", "-"] if command.name == "composite" else [photo, "-"]
        child = start(command.name, *command.quick, *line, stdout=full)
        assert child.stderr is not None
        err = child.stderr.read()
        assert child.wait(PROMPT_S) == 1
    assert b"No space left on device" in err
    assert b"Traceback" not in err


DAILY = [
    ("matte", signal.SIGINT),
    ("inpaint", signal.SIGINT),
    ("composite", signal.SIGINT),
    ("inpaint", signal.SIGKILL),
]
SLOW = [
    (name, signal.SIGTERM) for name in ("matte", "inpaint", "composite")
]  # kills of the others: the next test but one


@pytest.mark.parametrize(
    ("command", "number"),
    [*DAILY, *(pytest.param(*one, marks=pytest.mark.slow) for one in SLOW)],
    indirect=["command"],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_signal_in_the_middle_leaves_whole_files_and_update_goes_on(command, many, undisturbed, tmp_path, number):
    out = tmp_path / "out"
    child = start(*command.line(many, out, "--records", "-j", 2), stdout=subprocess.PIPE)
    assert child.stdout is not None
    fcntl.fcntl(child.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    assert child.stderr is not None
    assert child.stdout.readline()  # the first record is done: the run is under way
    child.send_signal(number)
    assert child.wait(PROMPT_S) == -number
    assert b"Traceback" not in child.stderr.read()
    made = all_whole(out)
    assert 0 < made < MANY
    if number != signal.SIGKILL:
        assert not unfinished(out)
    ran = call(*command.line(many, out, "-u"))
    assert ran.status == 0
    assert f"{MANY} to do" not in ran.err
    assert len(pictures(out)) == MANY
    assert_alike(out, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_a_run_that_waits_for_records_ends_at_once(made, tmp_path, number):
    line = ["--records-from", "-", "--bg", made.place, "-t", tmp_path / "out", "--records"]
    child = start("composite", *line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdin.write(json.dumps({"file_name": str(made.cutouts / "a.png")}).encode() + b"\n")
    child.stdin.flush()
    assert child.stdout.readline()
    child.send_signal(number)
    assert child.wait(PROMPT_S) == -number
    assert child.stderr.read() == b""


@pytest.mark.slow
@pytest.mark.parametrize("records", range(1, 24, 4))
def test_a_kill_at_any_time_leaves_whole_files_and_update_goes_on(command, many, undisturbed, tmp_path, records):
    out = tmp_path / "out"
    child = start(*command.line(many, out, "--records", "-j", 2), stdout=subprocess.PIPE)
    assert child.stdout is not None
    fcntl.fcntl(child.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    for _ in range(records):
        assert child.stdout.readline()
    child.kill()
    assert child.wait(PROMPT_S) == -signal.SIGKILL
    assert records <= all_whole(out) < MANY
    assert call(*command.line(many, out, "-u")).status == 0
    assert_alike(out, undisturbed)


def test_a_torn_last_line_of_the_journal_costs_one_record_only(command, source, tmp_path):
    out = tmp_path / "out"
    assert call(*command.line(source, out)).status == 0
    journal = out / ".bgswap" / f"{command.name}.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    assert "1 to do, 3 unchanged" in call(*command.line(source, out, "-u")).err
    assert "0 to do, 4 unchanged" in call(*command.line(source, out, "-u")).err


@ONE_FOR_ALL
def test_a_closed_pipe_ends_a_run_as_it_ends_cat(command, many, tmp_path):
    words = " ".join(f"'{word}'" for word in command.line(many, tmp_path / "out", "--records"))
    ran = shell(f"bgswap {words} -q -j 1 | head -1", cwd=tmp_path)
    assert ran.status == 128 + signal.SIGPIPE
    assert ran.out.count(b"\n") == 1
    assert ran.err == ""
    assert 0 < all_whole(tmp_path / "out") < MANY


@ONE_FOR_ALL
def test_ctrl_c_stops_a_shell_loop_too(command, many, tmp_path):
    words = " ".join(f"'{word}'" for word in command.line(many, tmp_path / "out", "--records", "-j", 1))
    script = f'for i in 1 2; do "$@" {words}; echo next; done'
    program = ["bash", "-c", script, "bash", *PROGRAM]
    child = subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=interruptible
    )
    assert child.stdout is not None
    fcntl.fcntl(child.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    assert child.stdout.readline()
    os.killpg(child.pid, signal.SIGINT)
    rest = child.stdout.read()
    assert child.wait(PROMPT_S) == -signal.SIGINT
    assert b"next" not in rest
