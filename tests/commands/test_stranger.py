"""A stranger's first ten minutes: what they type, and what they must see."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bgswap
from tests.commands.harness import PROGRAM, call, environment, pictures, run, shell, size
from tests.commands.world import World

COMMANDS = ("matte", "inpaint", "composite", "models", "doctor")


@pytest.fixture
def me(made: World, tmp_path: Path) -> Path:
    """The stranger's photo, in a folder of its own."""
    photo = tmp_path / "home" / "me.jpg"
    photo.parent.mkdir()
    photo.write_bytes((made.photos / "a.jpg").read_bytes())
    return photo


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which no model was ever fetched."""
    home = tmp_path / "empty home"
    home.mkdir()
    names = ("HOME", "BGSWAP_MODELS", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "U2NET_HOME", "TORCH_HOME")
    return {name: str(home) for name in names}


def test_bgswap_alone_shows_every_command_and_where_to_go_on():
    ran = run()
    text = ran.out.decode()
    assert (ran.status, ran.err) == (0, "")
    assert all(f"\n  {command}" in text for command in COMMANDS)
    assert text.count("\n  bgswap ") >= 2 or text.count("bgswap matte ") + text.count("bgswap composite ") >= 2
    assert "bgswap COMMAND -h" in text


def test_the_version_is_one_line():
    for option in ("--version", "-V"):
        assert run(option).out.decode() == f"bgswap {bgswap.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_explains_itself(command: str, option: str):
    ran = call(command, option)
    text = ran.out.decode()
    assert ran.status == 0
    assert text.startswith("Usage: ")
    assert f"bgswap {command} " in text or command == "doctor"  # an example


def test_doctor_tells_what_works_and_is_content_without_a_gpu(nowhere):
    ran = call("doctor", env={**nowhere, "CUDA_VISIBLE_DEVICES": ""})
    text = ran.out.decode()
    assert ran.status == 0
    for word in ("Python", "torch", "CUDA", "cache folder", "free", "models here", "people"):
        assert word in text
    assert nowhere["HOME"] not in text  # it is made to be pasted somewhere


def test_the_first_photo_is_cut_out_without_any_download(me: Path, nowhere):
    ran = run("matte", "me.jpg", "me.png", cwd=me.parent, env=nowhere)
    assert (ran.status, ran.out) == (0, b"")
    assert "cpu" in ran.err or "cuda" in ran.err
    assert " done in " in ran.err
    assert size(me.parent / "me.png") == size(me)
    cut = np.asarray(Image.open(me.parent / "me.png"))
    assert cut.shape[2] == 4
    assert cut[-20, 64, 3] > 200  # the suit
    assert cut[5, 5, 3] < 50  # the flag's corner
    assert sorted(path.name for path in me.parent.iterdir()) == ["me.jpg", "me.png"]
    assert not list(Path(nowhere["HOME"]).rglob("*"))  # no cache, no telemetry of a library
    first = (me.parent / "me.png").read_bytes()
    assert call("matte", me, me.parent / "again.png").status == 0
    assert (me.parent / "again.png").read_bytes() == first


def test_a_composite_is_a_jpeg_at_the_places_size_and_says_where_the_person_went(me: Path, made: World):
    ran = call("composite", "--person", me, "--bg", made.place, "-o", me.parent / "out.jpg")
    assert ran.status == 0
    with Image.open(me.parent / "out.jpg") as out:
        assert (out.format, out.size) == ("JPEG", size(made.place))
    assert "--place" in ran.err


def test_the_device_is_told_once_a_run(made: World, tmp_path: Path):
    ran = call("matte", made.photos, tmp_path / "cut")
    assert ran.err.count("device: ") == 1
    ran = call("composite", "--person", made.photos, "--bg", made.place, "-o", f"{tmp_path}/out/")
    assert ran.err.count("device: ") == 1


def test_without_an_output_a_composite_is_named_after_both(me: Path, made: World, monkeypatch):
    monkeypatch.chdir(me.parent)
    ran = call("composite", "--person", "me.jpg", "--bg", made.place)
    assert ran.status == 0
    assert sorted(path.name for path in me.parent.iterdir()) == ["me.jpg", "me_coffee.jpg"]
    ran = call("composite", "--person", "me.jpg", "--bg", "#336699")
    assert ran.status == 0
    assert size(me.parent / "me_336699.jpg") == size(me)


def test_update_with_nothing_to_do_loads_no_model(made: World, tmp_path: Path):
    out = tmp_path / "cut"
    assert call("matte", made.photos, out).status == 0
    line = [PROGRAM[0], "-X", "importtime", *PROGRAM[1:], "matte", "-u", str(made.photos), str(out)]
    child = subprocess.run(line, capture_output=True, text=True, env=environment(), check=True)
    assert "0 to do" in child.stderr
    loaded = {part.split("|")[-1].strip() for part in child.stderr.splitlines() if part.startswith("import time")}
    assert "bgswap.matting.stage" in loaded
    assert not loaded & {"onnxruntime", "torch"}


def test_update_is_not_confused_by_options_that_change_no_pixel(made: World, tmp_path: Path):
    out = tmp_path / "cut"
    online = {"BGSWAP_OFFLINE": ""}
    assert call("matte", made.photos, out, env=online).status == 0
    options = ["--offline", "-j", "1", "-q", "--accept-license", "bria-rmbg", "--max-pixels", "1000000"]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert call("matte", "-u", made.photos, out, *options, env=online).status == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_find_gives_a_plan(made: World, tmp_path: Path):
    script = "find . -name '*.jpg' -print0 | bgswap matte --files0-from=- -t ../cut/ --dry-run"
    before = pictures(made.home)
    ran = shell(script, made.photos)
    assert ran.status == 0
    lines = sorted(ran.out.decode().splitlines())
    assert lines == ["a.jpg\t../cut/a.png\tmake", "sub/c.jpg\t../cut/sub/c.png\tmake"]
    assert pictures(made.home) == before


@pytest.mark.parametrize("command", ["matte", "inpaint"])
def test_a_photo_that_is_not_there_is_one_sentence(command: str, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = call(command, "nosuch.jpg", "x.png")
    assert ran.status == 1
    assert f"bgswap {command}: nosuch.jpg: No such file or directory" in ran.err.splitlines()
    assert not list(tmp_path.iterdir())


def test_a_person_or_place_that_is_not_there_is_named(made: World, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = call("composite", "--person", "nosuch.png", "--bg", made.place, "-o", "x.jpg")
    assert ran.status == 1
    assert "bgswap composite: nosuch.png: No such file or directory" in ran.err
    ran = call("composite", "--person", made.cutouts / "a.png", "--bg", "nosuch.jpg", "-o", "x.jpg")
    assert ran.status in (1, 2)
    assert "nosuch.jpg: No such file or directory" in ran.err
    assert not list(tmp_path.iterdir())


def test_a_gpu_that_was_asked_for_and_is_not_there_is_status_3_with_the_cure(me: Path):
    ran = run("matte", "--device", "cuda", me, me.parent / "x.png", env={"CUDA_VISIBLE_DEVICES": ""})
    assert (ran.status, ran.out) == (3, b"")
    assert "no CUDA device" in ran.err
    assert "install" in ran.err.lower()
    assert not (me.parent / "x.png").exists()


def test_a_model_that_is_not_there_offline_is_status_3_and_says_how_to_get_it(me: Path, nowhere):
    ran = run("matte", "--model", "u2net", "--offline", me, me.parent / "x.png", env=nowhere)
    assert (ran.status, ran.out) == (3, b"")
    for part in (
        "u2net.onnx",
        nowhere["BGSWAP_MODELS"],
        "https://",
        "bgswap models fetch u2net",
        "bgswap models verify",
    ):
        assert part in ran.err
    assert not (me.parent / "x.png").exists()


def test_a_license_must_be_accepted_first(me: Path, nowhere):
    ran = run("matte", "--model", "bria-rmbg", "--offline", me, me.parent / "x.png", env=nowhere)
    assert ran.status == 3
    assert "--accept-license bria-rmbg" in ran.err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(["mate"], "matte"), (["matte", "--updat"], "--update"), (["composite", "--backgroud", "x"], "--background")],
)
def test_what_is_mistyped_is_answered_with_what_was_meant(typed: list[str], meant: str):
    ran = call(*typed)
    assert (ran.status, ran.out) == (2, b"")
    assert meant in ran.err


@pytest.mark.parametrize(
    "line",
    [["matte"], ["matte", "a.jpg"], ["inpaint", "a.jpg"], ["composite"], ["composite", "--person", "a.png"],
     ["matte", "a.jpg", "b.jpg", "c.png"], ["matte", "a.jpg", "noending"], ["matte", "--shard", "3/2", "a", "b/"]],
)  # fmt: skip
def test_a_line_that_makes_no_sense_is_status_2_and_a_sentence(line: list[str], tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = call(*line)
    assert (ran.status, ran.out) == (2, b"")
    assert ran.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed_without_loading_anything(shell_name: str):
    code = (
        "import sys; sys.argv = ['bgswap']\nfrom bgswap.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'numpy', 'cv2', 'onnxruntime', 'PIL'} & set(sys.modules)"
    )
    env = environment({"_BGSWAP_COMPLETE": f"{shell_name}_source"})
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert "_BGSWAP_COMPLETE" in child.stdout


def test_tab_offers_commands_options_and_model_names():
    def offered(words: str) -> str:
        env = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split())), "_BGSWAP_COMPLETE": "bash_complete"}
        script = Path(sys.executable).parent / "bgswap"  # completion is told its program by the name
        return subprocess.run([script], capture_output=True, text=True, env=environment(env), check=True).stdout

    assert "plain,matte\n" in offered("bgswap ")
    assert "plain,u2netp\n" in offered("bgswap matte --model ")


def test_the_python_call_says_what_it_takes_and_gives(me: Path):
    for word in ("straight alpha", "sRGB", "uint8"):
        assert word in str(bgswap.matte.__doc__)
    cut = bgswap.matte(Image.open(me))
    assert (cut.mode, cut.size) == ("RGBA", size(me))
    assert call("matte", me, me.parent / "me.png").status == 0
    assert np.array_equal(np.asarray(cut), np.asarray(Image.open(me.parent / "me.png")))


def test_debug_alone_shows_tracebacks(me: Path):
    me.write_bytes(b"\xff\xd8 no photo")
    child = subprocess.run(
        [*PROGRAM, "matte", "--debug", me, os.devnull + ".png"], capture_output=True, env=environment(), check=False
    )
    assert child.returncode == 1
    assert b"Traceback" in child.stderr
