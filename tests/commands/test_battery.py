"""What every stage command must do with folders: matte, inpaint and composite alike."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commands.harness import call, pictures, run, size
from tests.commands.world import Command, World, save

SIDES = [(1, 1), (1, 50), (50, 1), (33, 17), (400, 3)]  # width, height


def test_an_empty_folder_is_status_1_and_a_sentence(command: Command, tmp_path: Path, out: Path):
    (tmp_path / "empty").mkdir()
    ran = call(*command.line(tmp_path / "empty", out))
    assert ran.status == 1
    assert ran.err.strip() == f"bgswap {command.name}: no pictures were found"
    assert not out.exists()


def test_nested_folders_keep_their_tree_and_sources_stay_as_they_are(command, source, out, expected):
    before = pictures(source)
    ran = run(*command.line(source, out, *command.default))
    assert (ran.status, ran.out) == (0, b"")
    assert "4 done in " in ran.err
    assert set(pictures(out)) == expected
    assert pictures(source) == before
    for name in expected if command.name != "composite" else ():
        photo = next(p for p in source.rglob("*.*") if p.stem == Path(name).stem)
        assert size(out / name) == size(photo)


def test_a_broken_photo_among_good_ones_is_named_and_the_others_are_made(command, source, out, expected):
    broken = next(source.glob("a.*"))
    broken.write_bytes(broken.read_bytes()[:400])
    ran = call(*command.line(source, out))
    assert ran.status == 1
    assert f"3 done, 1 failed ({broken}: " in ran.err
    assert set(pictures(out)) == expected - {f"a.{command.suffix}"}
    ran = call(*command.line(source, out, "-u"))
    assert ran.status == 1
    assert "1 to do, 3 unchanged" in ran.err  # only the bad one is tried again


def test_fail_fast_stops_at_the_first_broken_one(command, source, out):
    next(source.glob("a.*")).write_bytes(b"")
    ran = call(*command.line(source, out, "--fail-fast", "-j", 1))
    assert ran.status == 1
    assert "1 failed" in ran.err
    assert len(pictures(out)) < 3


def test_odd_sizes_come_out_whole(command, world, tmp_path, out):
    feed = tmp_path / "odd"
    person = Image.open(world.cutouts / "a.png")
    for width, height in SIDES:
        small = person.resize((width, height))
        alpha = np.indices((height, width))
        covered = (alpha[0] * 2 > height) | (alpha[1] * 2 > width)  # never the first pixel
        hole = command.name == "inpaint"
        small.putalpha(Image.fromarray(np.where(covered ^ hole, 255, 0).astype(np.uint8)))
        save(small.convert("RGB") if command.name == "matte" else small, feed / f"{width}x{height}.png")
    ran = call(*command.line(feed, out))
    named = {path.stem for path in out.rglob(f"*.{command.suffix}")}
    for width, height in SIDES:
        name = f"{width}x{height}"
        if name not in named:  # nobody in it: a sentence, never silence
            assert f"{name}.png: " in ran.err, name
            assert command.name == "composite"
            continue
        made = out / f"{name}.{command.suffix}"
        assert size(made) == (size(command.place) if command.name == "composite" else (width, height))
    assert ran.status == (0 if len(named) == len(SIDES) else 1)


def test_a_second_run_makes_the_same_bytes_and_update_finds_nothing_to_do(command, source, out):
    assert run(*command.line(source, out)).status == 0
    first = pictures(out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.*") if path.is_file()}
    ran = call(*command.line(source, out, "-u"))
    assert ran.status == 0
    assert "0 to do, 4 unchanged" in ran.err
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert call(*command.line(source, out, "-j", 1)).status == 0
    assert pictures(out) == first


def test_update_redoes_all_with_other_options_and_one_whose_photo_changed(command, source, out):
    assert call(*command.line(source, out)).status == 0
    first = pictures(out)
    ran = call(*command.line(source, out, "-u", *command.other))
    assert "4 to do, 0 unchanged" in ran.err
    assert all(first[name] != data for name, data in pictures(out).items())
    photo = next(source.glob("b.*"))
    Image.open(photo).rotate(180).save(photo)
    ran = call(*command.line(source, out, "-u", *command.other))
    assert "1 to do, 3 unchanged" in ran.err


def test_a_place_that_changed_is_seen_by_a_process_that_lives_on(world: World, out: Path):
    line = ["composite", "--person", world.cutouts, "--bg", world.place, "-o", f"{out}/"]
    assert call(*line).status == 0
    first = pictures(out)
    Image.open(world.place).rotate(180).save(world.place)
    assert "4 to do" in call(*line, "-u").err
    assert all(data != first[name] for name, data in pictures(out).items())
    before = pictures(out)
    assert run(*line).status == 0
    assert pictures(out) == before


def test_an_output_that_was_deleted_is_made_again_by_update(command, source, out, expected):
    assert call(*command.line(source, out)).status == 0
    first = pictures(out)
    (out / sorted(expected)[0]).unlink()
    assert "1 to do, 3 unchanged" in call(*command.line(source, out, "-u")).err
    assert pictures(out) == first


@pytest.mark.parametrize("below", [".", "cut", "sub/cut"])
def test_out_equal_to_or_inside_in_is_wrong_use(command, source, below):
    before = pictures(source)
    ran = call(*command.line(source, source / below))
    assert ran.status == 2
    assert "lies in the source" in ran.err
    assert pictures(source) == before


def test_two_inputs_for_one_output_stop_the_run_before_the_first_write(command, source, out):
    twin = source / "b.gif"
    Image.open(next(source.glob("b.*"))).save(twin)
    for options in ([], ["--dry-run"]):
        ran = call(*command.line(source, out, *options))
        assert ran.status == 1
        assert "b.gif" in ran.err
        assert "would both write" in ran.err
        assert not out.exists()
    assert call(*command.line(source, out, "--name", "{stem}.{ext}.{format}")).status == 0
    assert len(pictures(out)) == 5


def test_an_input_is_never_replaced(command, source, tmp_path):
    photo = shutil.copy(next(source.glob("b.*")), tmp_path / f"me.{command.suffix}")
    if command.name == "composite":
        Image.open(photo).convert("RGB").save(photo)
        line = ["composite", "--person", next(source.glob("b.*")), "--bg", photo, "-o", photo]
    else:
        line = [command.name, photo, photo]
    before = Path(photo).read_bytes()
    ran = call(*line)
    assert ran.status in (1, 2)
    assert "never replaced" in ran.err
    assert Path(photo).read_bytes() == before


def test_two_outputs_of_one_photo_do_not_take_one_name(world: World, out: Path):
    for line in (
        ["matte", world.photos, out, "--alpha", out],
        ["matte", world.photos / "a.jpg", out / "a.png", "--alpha", out / "a.png"],
        ["matte", world.photos / "a.jpg", "-", "--alpha", "-"],
        ["inpaint", world.holes, out, "--filled", out],
    ):
        ran = call(*line)
        assert ran.status in (1, 2)
        assert (ran.out, out.exists()) == (b"", False)


def test_every_output_of_a_photo_keeps_the_tree(world: World, out: Path, tmp_path: Path):
    more = {name: tmp_path / name for name in ("alpha", "hole", "write-trimap")}
    options = [word for name, folder in more.items() for word in (f"--{name}", folder)]
    assert call("matte", world.photos, out, *options).status == 0
    assert len(pictures(out)) == 4
    for folder in more.values():
        assert set(pictures(folder)) == set(pictures(out))
    assert "0 to do" in call("matte", world.photos, out, *options, "-u").err
    (more["hole"] / "a.png").unlink()
    assert "1 to do" in call("matte", world.photos, out, *options, "-u").err
    ran = call("inpaint", more["hole"], tmp_path / "plates", "--model", "telea")
    assert ran.status == 0
