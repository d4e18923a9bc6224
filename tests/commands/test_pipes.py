"""Pictures and records through pipes: the next command understands them, and stdout carries nothing else."""

import json
import os
import pty
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.commands.harness import call, pictures, shell, size, start
from tests.commands.world import ONE_FOR_ALL, Command, World

PROMPT_S = 30.0


def one(command: Command, feed: Path | str, out: Path | str, *more: object) -> list[object]:
    """The command line for one picture."""
    if command.name == "composite":
        return ["composite", "--person", feed, "--bg", command.place, "-o", out, *more]
    return [command.name, feed, out, *command.quick, *more]


def test_matte_pipes_a_cut_out_into_composite_as_files_would(world: World, tmp_path: Path):
    script = f"bgswap matte - - | bgswap composite --person - --bg {world.place} -o - > o.jpg"
    with (world.photos / "a.jpg").open("rb") as photo:
        ran = shell(script, tmp_path, stdin=photo)
    assert (ran.status, ran.out) == (0, b"")
    assert call("matte", world.photos / "a.jpg", tmp_path / "a.png").status == 0
    assert call("composite", "--person", tmp_path / "a.png", "--bg", world.place, "-o", tmp_path / "f.jpg").status == 0
    assert (tmp_path / "o.jpg").read_bytes() == (tmp_path / "f.jpg").read_bytes()
    assert size(tmp_path / "o.jpg") == size(world.place)


@pytest.mark.parametrize("to", ["png", "jpg", "pam"])
def test_standard_output_is_one_picture_to_its_last_byte(command: Command, source, tmp_path, to):
    photo = next(source.glob("a.*"))
    more = ["--background", "white"] if (command.name, to) == ("matte", "jpg") else []
    ran = call(*one(command, "-", "-", "--to", to, *more), stdin=photo.read_bytes())
    assert ran.status == 0
    assert call(*one(command, photo, tmp_path / f"file.{to}", *more)).status == 0
    assert ran.out == (tmp_path / f"file.{to}").read_bytes()
    if to != "pam":
        assert Image.open(BytesIO(ran.out)).format == {"png": "PNG", "jpg": "JPEG"}[to]
        assert ran.out.endswith({"png": b"IEND\xaeB`\x82", "jpg": b"\xff\xd9"}[to])
    else:
        head, pixels = ran.out.split(b"ENDHDR\n", 1)
        facts = dict(line.split() for line in head.splitlines()[1:])
        assert len(pixels) == int(facts[b"WIDTH"]) * int(facts[b"HEIGHT"]) * int(facts[b"DEPTH"])


def test_a_cut_out_on_standard_output_is_no_jpg(made):
    ran = call("matte", "-", "-", "--to", "jpg", stdin=(made.photos / "a.jpg").read_bytes())
    assert (ran.status, ran.out) == (2, b"")
    assert "--background" in ran.err


def test_a_broken_picture_on_standard_input_is_named_and_nothing_is_written(command, tmp_path):
    for data in (b"", b"no picture", b"\xff\xd8\xff\xe0" + b"\0" * 50):
        ran = call(*one(command, "-", "-"), stdin=data)
        assert (ran.status, ran.out) == (1, b"")
        assert ran.err


def test_several_pictures_are_not_poured_into_one_stream(command, source):
    ran = call(*one(command, source, "-"))
    assert (ran.status, ran.out) == (2, b"")
    assert "standard output" in ran.err


@ONE_FOR_ALL
def test_a_picture_is_not_written_to_a_terminal(command, source):
    terminal, end = pty.openpty()
    child = start(*one(command, next(source.glob("a.*")), "-"), stdout=end)
    os.close(end)
    assert child.stderr is not None
    err = child.stderr.read().decode()
    assert child.wait(PROMPT_S) == 2
    assert "terminal" in err
    with pytest.raises(OSError, match="Input/output"):  # nobody holds the other end, and nothing was written
        os.read(terminal, 1)
    os.close(terminal)


@ONE_FOR_ALL
def test_a_terminal_that_is_to_be_read_is_announced(command, tmp_path):
    terminal, end = pty.openpty()
    child = start(*one(command, "-", tmp_path / "out.png"), stdin=end)
    os.close(end)
    assert child.stderr is not None
    assert b"standard input" in child.stderr.readline()
    os.write(terminal, b"\x04")
    assert child.wait(PROMPT_S) == 1
    os.close(terminal)


def test_records_of_matte_feed_composite_and_inpaint_as_the_folders_would(world: World, tmp_path: Path):
    script = f"""
    bgswap matte {world.photos} cut --records | tee records \\
    | bgswap composite --records-from - --bg {world.place} -o set/ || exit
    bgswap inpaint --records-from records plates --model telea
    """
    ran = shell(script, tmp_path)
    assert (ran.status, ran.out) == (0, b"")
    assert call("composite", "--person", tmp_path / "cut", "--bg", world.place, "-o", tmp_path / "set2/").status == 0
    assert pictures(tmp_path / "set") == pictures(tmp_path / "set2")
    line = ["inpaint", world.photos, tmp_path / "plates2", "--mask", tmp_path / "cut", "--model", "telea"]
    assert call(*line).status == 0
    assert pictures(tmp_path / "plates") == pictures(tmp_path / "plates2")
    assert len(pictures(tmp_path / "plates")) == 4


@ONE_FOR_ALL
def test_piped_records_are_worked_on_as_they_come(command, source, tmp_path):
    child = start(
        *command.listed(tmp_path / "out", "--records-from", "-", "--records"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    for photo in sorted(source.glob("*.*")):
        child.stdin.write(json.dumps({"file_name": str(photo), "key": photo.stem}).encode() + b"\n")
        child.stdin.flush()
        record = json.loads(child.stdout.readline())  # answered before the next one is sent
        assert record["key"] == photo.stem
        assert Path(record["file_name"]).is_absolute()
        assert size(Path(record["file_name"]))
    child.stdin.close()
    assert child.wait(PROMPT_S) == 0


@pytest.mark.parametrize(
    "line", [b"nonsense\n", b"[1]\n", b'{"key": "a"}\n', b'{"file_name": "a.jpg", "key": "../a"}\n']
)
def test_a_line_that_is_no_record_is_wrong_use(command, tmp_path, line):
    ran = call(*command.listed(tmp_path / "out", "--records-from", "-"), stdin=line)
    assert ran.status == 2
    assert "line 1" in ran.err or "key" in ran.err
    assert not pictures(tmp_path / "out")


@ONE_FOR_ALL
def test_fail_fast_does_not_wait_for_records_that_may_still_come(command, source, tmp_path):
    line = command.listed(tmp_path / "out", "--records-from", "-", "--fail-fast")
    child = start(*line, stdin=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stderr is not None
    child.stdin.write(json.dumps({"file_name": str(tmp_path / "nosuch.png")}).encode() + b"\n")
    child.stdin.flush()
    assert child.wait(PROMPT_S) == 1
    err = child.stderr.read()
    assert b"No such file" in err
    assert b"Fatal" not in err


@ONE_FOR_ALL
def test_shell_pipes_that_look_like_files_are_read_and_written(command, source, tmp_path):
    photo = next(source.glob("a.*"))
    words = " ".join(map(str, one(command, "<(cat photo)", "/dev/stdout", "--format", "png", "-q")))
    ran = shell(f"cp {photo} photo; bgswap {words} | cat", tmp_path)
    assert (ran.status, ran.err) == (0, "")
    assert call(*one(command, photo, tmp_path / "file.png")).status == 0
    assert ran.out == (tmp_path / "file.png").read_bytes()


def test_no_records_are_said_to_be_none(command, tmp_path):
    ran = call(*command.listed(tmp_path / "out", "--records-from", "-"))
    assert ran.status == 1
    assert "no records came" in ran.err


def test_records_and_a_picture_do_not_mix_and_a_plan_needs_all_records(command, source, tmp_path):
    assert call(*one(command, next(source.glob("a.*")), "-", "--records")).status == 2
    ran = call(*command.listed(tmp_path / "out", "--records-from", "-", "--dry-run"))
    assert ran.status == 2


def test_a_photo_without_its_mask_is_a_failure_that_names_the_key(world: World, tmp_path: Path):
    (world.home / "mattes" / "a.png").unlink()
    mattes = world.home / "mattes"
    ran = call("inpaint", world.photos, tmp_path / "out", "--mask", mattes, "--model", "telea")
    assert ran.status == 1
    assert f"no mask 'a' in {mattes}" in ran.err
    assert len(pictures(tmp_path / "out")) == 3
