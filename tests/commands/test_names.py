"""File names of every kind, and photos that lie on their side."""

import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands.harness import call, pictures, run, size
from tests.commands.world import World

HARD = [
    b"new\nline",
    b"esc\x1b[2J",
    b"latin\xe9",
    "grüße 写真".encode(),
    b" two  spaces ",
    b"-dash",
    b"a.b.c",
    b"$(id)'\"",
]
C_LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "", "PYTHONCOERCECLOCALE": ""}


@pytest.fixture
def hard(made: World, tmp_path: Path) -> Path:
    """Cut-outs under hard names."""
    folder = tmp_path / "hard"
    folder.mkdir()
    for name in HARD:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name + b".png")).write_bytes(
            (made.cutouts / "a.png").read_bytes()
        )
    return folder


def names(folder: Path) -> set[bytes]:
    return {os.fsencode(path.name) for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("locale", [{}, C_LOCALE], ids=["own", "C"])
def test_hard_names_are_worked_on_and_printed_escaped(made: World, hard: Path, tmp_path: Path, locale: dict[str, str]):
    line = ["composite", "--person", hard, "--bg", made.place, "-o", f"{tmp_path}/out/", "-v", "--records"]
    more = ["--report", tmp_path / "report.jsonl", "--depfile", tmp_path / "deps"]
    go = partial(run, env=locale) if locale else call  # a locale is taken at the start
    ran = go(*line, *more)
    assert ran.status == 0
    assert names(tmp_path / "out") == {name + b".jpg" for name in HARD}
    assert "esc\\x1b[2J" in ran.err
    assert "new\\nline" in ran.err
    assert "latin\\udce9" in ran.err
    records = [json.loads(line) for line in ran.out.decode("ascii").splitlines()]
    assert {os.fsencode(Path(record["file_name"]).name) for record in records} == names(tmp_path / "out")
    assert len((tmp_path / "report.jsonl").read_text("ascii").splitlines()) == len(HARD) + 1
    assert "0 to do" in go(*line[:-2], "-u").err


def test_hard_names_go_through_a_pipe_of_records(made: World, hard: Path, tmp_path: Path):
    first = call("composite", "--person", hard, "--bg", made.place, "-o", f"{tmp_path}/out/", "--records")
    second = call("composite", "--records-from", "-", "--bg", made.place, "-o", f"{tmp_path}/again/", stdin=first.out)
    assert second.status == 0
    assert pictures(tmp_path / "again") == pictures(tmp_path / "out")


def test_hard_names_of_broken_pictures_do_no_harm_to_the_terminal(made: World, hard: Path, tmp_path: Path):
    for path in hard.iterdir():
        path.write_bytes(b"broken")
    ran = run("composite", "--person", hard, "--bg", made.place, "-o", f"{tmp_path}/out/", env=C_LOCALE)
    assert ran.status == 1
    assert f"{len(HARD)} failed" in ran.err
    ran = call("composite", "--person", hard, "--bg", made.place, "-o", f"{tmp_path}/out/", "--dry-run")
    assert len(ran.out.splitlines()) == len(HARD)
    assert b"\x1b" not in ran.out


def test_a_file_named_dash_is_meant_by_its_folder(made: World, tmp_path: Path, monkeypatch):
    (tmp_path / "-").write_bytes((made.holes / "a.png").read_bytes())
    monkeypatch.chdir(tmp_path)
    ran = call("inpaint", "./-", "out.png", "--model", "telea")
    assert ran.status == 0
    assert size(tmp_path / "out.png") == size(made.holes / "a.png")


def test_a_name_that_looks_like_an_option_follows_two_dashes(made: World, tmp_path: Path, monkeypatch):
    (tmp_path / "-u.png").write_bytes((made.holes / "a.png").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert call("inpaint", "--model", "telea", "--", "-u.png", "out.png").status == 0
    assert (tmp_path / "out.png").exists()


def test_a_link_at_the_output_is_replaced_and_what_it_names_stays(made: World, tmp_path: Path):
    (tmp_path / "precious.png").write_bytes(b"precious")
    (tmp_path / "out.png").symlink_to("precious.png")
    assert call("inpaint", made.holes / "a.png", tmp_path / "out.png", "--model", "telea").status == 0
    assert (tmp_path / "precious.png").read_bytes() == b"precious"
    assert not (tmp_path / "out.png").is_symlink()


def test_a_link_below_out_leads_nowhere_else(made: World, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    ran = call("inpaint", made.holes, tmp_path / "out", "--model", "telea")
    assert ran.status == 1
    assert "leads out of" in ran.err
    assert not list((tmp_path / "elsewhere").rglob("*.png"))


def test_outputs_have_the_mode_of_any_new_file(made: World, tmp_path: Path):
    before = os.umask(0o027)
    try:
        assert call("inpaint", made.holes / "a.png", tmp_path / "out.png", "--model", "telea").status == 0
    finally:
        os.umask(before)
    assert (tmp_path / "out.png").stat().st_mode & 0o777 == 0o640


def test_a_photo_on_its_side_comes_out_upright(made: World, tmp_path: Path):
    upright = Image.open(made.photos / "b.png").convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    upright.rotate(90, expand=True).save(tmp_path / "side.png", exif=exif)
    upright.save(tmp_path / "upright.png")
    for name in ("side", "upright"):
        assert call("matte", tmp_path / f"{name}.png", tmp_path / f"{name}-cut.png").status == 0
    side, straight = (Image.open(tmp_path / f"{name}-cut.png") for name in ("side", "upright"))
    assert side.size == straight.size == upright.size
    assert not side.getexif().get(0x0112)
    assert np.array_equal(np.asarray(side), np.asarray(straight))
