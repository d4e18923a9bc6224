"""Damaged pictures through the whole commands: each is made whole or named, and nothing falls over."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands.harness import call, pictures, run, size, unfinished
from tests.commands.world import Command, World
from tests.folders.test_mutated_pictures import mutated

KINDS = {"matte": ["JPEG", "PNG", "WEBP"], "inpaint": ["PNG", "WEBP", "TIFF"], "composite": ["PNG", "WEBP", "TIFF"]}
SIDE = 48
CAP = 4_000_000  # pixels: a damaged header must not cost a minute


def damage(command: Command, world: World, folder: Path, seeds: range) -> None:
    """Write a damaged picture a seed, in turn of every kind that suits the command."""
    folder.mkdir()
    whole = []
    for kind in KINDS[command.name]:
        file = BytesIO()
        feed = next((world.home / command.feed).glob("a.*"))
        Image.open(feed).resize((SIDE, SIDE)).save(file, kind)
        whole.append((kind.lower(), file.getvalue()))
    for seed in seeds:
        kind, data = whole[seed % len(whole)]
        changed = mutated(data, np.random.default_rng(seed))
        (folder / f"{seed:05}.{kind}").write_bytes(changed)


def check(command: Command, world: World, tmp_path: Path, seeds: range) -> None:
    folder, out = tmp_path / "damaged", tmp_path / "out"
    damage(command, world, folder, seeds)
    ran = call(*command.line(folder, out, "--max-pixels", CAP))
    made = {Path(name).stem for name in pictures(out)}
    named = [path for path in folder.iterdir() if f"bgswap {command.name}: {path}: " in ran.err]
    failed = {path.stem for path in folder.iterdir() if path.stem not in made}
    assert failed <= {path.stem for path in named}
    assert ran.status == 1
    assert f"{len(made)} done, {len(failed)} failed" in ran.err
    assert len(made) + len(failed) == len(seeds)
    assert made
    assert failed
    assert not unfinished(out)
    for name in pictures(out):
        assert min(size(out / name)) >= 1


@pytest.mark.filterwarnings("ignore")
def test_five_hundred_damaged_pictures_are_made_whole_or_named(command, world, tmp_path):
    check(command, world, tmp_path, range(100 if command.name == "matte" else 200))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ten_thousand_damaged_pictures_are_made_whole_or_named(command, world, tmp_path):
    check(command, world, tmp_path, range(1_000, 4_334))


@pytest.mark.filterwarnings("ignore")
def test_damaged_masks_and_places_fail_the_records_that_read_them(world, tmp_path):
    matte = (world.home / "mattes" / "a.png").read_bytes()
    for seed in range(60):
        data = mutated(matte, np.random.default_rng(seed))
        photo, mask = tmp_path / "photos" / f"{seed}.jpg", tmp_path / "masks" / f"{seed}.png"
        for path, content in ((photo, (world.photos / "a.jpg").read_bytes()), (mask, data)):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
    ran = call("inpaint", tmp_path / "photos", tmp_path / "out", "--mask", tmp_path / "masks", "--model", "telea")
    made = {Path(name).stem for name in pictures(tmp_path / "out")}
    assert ran.status == 1
    assert 0 < len(made) < 60
    for mask in (tmp_path / "masks").iterdir():
        assert mask.stem in made or f"{mask.parent}/{mask.name}: " in ran.err or f"{mask.stem}.jpg: " in ran.err
    world.place.write_bytes(world.place.read_bytes()[:600])
    ran = call("composite", "--person", world.cutouts, "--bg", world.place, "-o", tmp_path / "set/")
    assert ran.status == 1
    assert "4 failed" in ran.err
    assert ran.err.count(f"{world.place}: ") >= 4


def test_what_libraries_think_of_a_broken_file_does_not_reach_the_user(world, tmp_path):
    whole = BytesIO()
    Image.open(world.cutouts / "a.png").save(whole, "TIFF")
    samples = b"\x15\x01\x03\x00\x01\x00\x00\x00"  # tag 277, samples a pixel, one short
    assert samples + b"\x04" in whole.getvalue()
    (tmp_path / "many.tif").write_bytes(whole.getvalue().replace(samples + b"\x04", samples + b"\x28"))
    (tmp_path / "cut.tif").write_bytes(whole.getvalue()[:-3000])
    ran = run("composite", "--person", tmp_path, "--bg", world.place, "-o", f"{tmp_path}-out/")
    assert ran.status == 1
    assert all(line.startswith("bgswap composite: ") for line in ran.err.splitlines())
