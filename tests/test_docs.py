"""README, manual pages and help tell the truth: their commands run, their options exist, their pages are current."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bgswap.cli import COMMANDS, main
from bgswap.evaluation.study.command import study
from bgswap.folders import picture
from tests.demo_photos import PICTURES, package_file

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def leaves() -> list[tuple[str, str, click.Command]]:
    """(page, command line, command) of everything that can be called."""
    found = []
    for name, one in [*((name, command(name)) for name in COMMANDS), ("eval-study", study)]:
        if isinstance(one, click.Group):
            found += [(name, f"{name.replace('-', ' ')} {sub}", inner) for sub, inner in one.commands.items()]
        else:
            found.append((name, name, one))
    return found


def examples(text: str | None) -> list[str]:
    return [
        line.strip() for line in (text or "").partition("\b\n")[2].splitlines() if line.strip().startswith("bgswap")
    ]


@pytest.fixture
def folder(tmp_path: Path, photo, astronaut_file: Path) -> Path:
    """The names that README uses, as small real pictures: me.jpg beach.jpg photos/ places/ ..."""
    me, beach = photo[:400, 60:380], picture.read(package_file("sklearn", "datasets/images/china.jpg")).rgb[::2, ::2]
    for name, pixels in {
        "me": me,
        "beach": beach,
        "photos/ada": me,
        "photos/x/eva": me[::2, ::2],
        "places/a": beach,
    }.items():
        path = tmp_path / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture.encode(pixels, "jpg"))
    return tmp_path


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    # a make that runs these tests must not lend its own flags (-s, -j) to the make of README
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    call = ["bash", "-euo", "pipefail", "-c", script]
    return subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
@pytest.mark.parametrize(
    "block", [text for kind, text in BLOCKS if kind == "sh"], ids=lambda text: text.split("#")[0].strip()[:40]
)
def test_every_command_of_readme_runs(block, folder):
    ready = "bgswap matte -q photos/ cutouts/ --alpha mattes/\n"
    ready += "bgswap inpaint -q photos/ plates/ --mask mattes/ --model telea\n"
    done = shell((ready if "bgswap matte photos/ cutouts/ --alpha" not in block else "") + block, folder)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_makefile_of_readme_works_and_does_nothing_the_second_time(folder):
    (makefile,) = [text for kind, text in BLOCKS if kind == "make"]
    (folder / "Makefile").write_text(makefile)
    assert shell("make -s out/.stamp", folder).returncode == 0
    assert (folder / "out/x/eva.jpg").exists()
    assert "up to date" in shell("make out/.stamp", folder).stdout


@pytest.mark.slow
def test_the_python_calls_of_readme_run(folder):
    (calls,) = [text for kind, text in BLOCKS if kind == "python"]
    check = (
        "\nassert cut.mode == 'RGBA'\nassert cut.size == plate.size == photo.size\nassert picture.size == place.size"
    )
    done = subprocess.run([sys.executable, "-c", calls + check], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_path_that_readme_names_exists():
    for path in re.findall(r"`((?:bgswap|tests|man)/[\w./-]*)`", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\((man/[^)]*)\)", README):
        assert (ROOT / path).is_file(), path


def test_readme_speaks_of_no_option_that_does_not_exist():
    known = {
        name
        for _, _, one in leaves()
        for parameter in one.params
        for name in [*parameter.opts, *parameter.secondary_opts]
    }
    left_out = README.partition("## Left out")[2].partition("## Contributing")[0]
    told = README.replace(left_out, "").replace("--no-deps", "")  # that one is pip's
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", told)) <= known | {
        "--array",
        "--help",
        "--nnodes",
        "--nproc-per-node",
    }  # SLURM, torchrun


@pytest.mark.parametrize(("page", "line", "one"), leaves(), ids=lambda x: x if isinstance(x, str) else "")
def test_every_option_stands_in_its_page_with_help(page, line, one):
    text = (ROOT / f"man/bgswap-{page}.1").read_text().replace("\\-", "-")
    for parameter in one.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{line} {parameter.opts[-1]} has no help"
            assert parameter.opts[-1] in text, f"{parameter.opts[-1]} is not in bgswap-{page}.1"


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("models", "doctor")])
def test_help_says_in_its_first_line_what_is_written_and_shows_an_example(name):
    text = command(name).help or ""
    assert text.startswith("Write ")
    assert examples(text)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["matte", "inpaint", "augment", "train", "composite", "eval"])
def test_the_examples_of_a_command_run(name, folder):
    ready = "bgswap matte -q photos/ cutouts/ --alpha mattes/\nbgswap matte -q me.jpg me-cut.png --alpha me-alpha.png\n"
    if name == "augment":
        ready += "bgswap inpaint -q photos/ plates/ --mask mattes/ --model telea\n"
    if name == "train":
        ready += "bgswap augment -q photos/ samples/ --foreground cutouts/ --method recolor --size 64 --copies 4\n"
    if name == "eval":
        ready += "cp -r mattes truth && bgswap augment -q photos/ samples/ --foreground cutouts/ --method recolor\n"
        ready += "cp -r samples/composite composites\n"
    done = shell(ready + "\n".join(examples(command(name).help)), folder)
    assert done.returncode == 0, done.stderr


def test_the_manual_pages_are_what_make_man_writes(tmp_path):
    spec = importlib.util.spec_from_file_location("make_pages", ROOT / "man/make_pages.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    maker.write(tmp_path)
    for made in sorted(tmp_path.iterdir()):
        assert made.read_text() == (ROOT / "man" / made.name).read_text(), f"{made.name} is stale: make man"
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (ROOT / "man").glob("bgswap-*.1")}


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
@pytest.mark.parametrize("page", sorted((ROOT / "man").glob("*.1")), ids=lambda p: p.name)
def test_a_manual_page_is_clean_to_mandoc(page):
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(page)], capture_output=True, text=True)
    assert not done.stdout + done.stderr


def test_the_demo_pictures_of_readme_are_small():
    assert sum(path.stat().st_size for path in (ROOT / "man/pictures").iterdir()) < 1_000_000
    assert set(PICTURES) == {"astronaut.png", "china.jpg"}
