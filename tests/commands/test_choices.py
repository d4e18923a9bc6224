"""Which pictures a run takes, what it calls its outputs, and what it writes beside them."""

import json
from pathlib import Path

from PIL import Image

from tests.commands.harness import call, pictures, start, unfinished
from tests.commands.world import PHOTOS, Command, World


def test_a_dry_run_prints_the_plan_and_writes_nothing(command, source, out, expected):
    ran = call(*command.line(source, out, "--dry-run"))
    lines = [line.split("\t") for line in ran.out.decode().splitlines()]
    assert ran.status == 0
    assert {(Path(line[0]).parent, line[2]) for line in lines} == {
        ((source / name).parent, "make") for name in expected
    }
    assert {line[1] for line in lines} == {str(out / name) for name in expected}
    assert not out.exists()


def test_name_and_format_decide_what_outputs_are_called(command, source, out):
    ran = call(*command.line(source, out, "--name", "x-{stem}.{format}", *formatted(command)))
    assert ran.status == 0
    wanted = {(Path(name).parent / f"x-{Path(name).stem}.{command.format}").as_posix() for name in PHOTOS}
    assert set(pictures(out)) == wanted
    with Image.open(out / f"x-a.{command.format}") as made:
        assert made.format == {"webp": "WEBP", "jpg": "JPEG", "png": "PNG"}[command.format]


def formatted(command: Command) -> list[str]:
    return ["--format", command.format, "--quality", "80"] if command.format != "png" else ["--format", "png"]


def test_shards_together_make_what_a_whole_run_makes(command, source, out, tmp_path):
    assert call(*command.line(source, out)).status == 0
    share = tmp_path / "shards"
    counts = []
    for index in (1, 2, 3):
        assert call(*command.line(source, share, "--shard", f"{index}/3")).status == 0
        counts.append(len(pictures(share)))
    assert pictures(share) == pictures(out)
    assert counts[0] < 4
    assert "0 to do" in call(*command.line(source, share, "-u")).err  # the shards' journals count together


def test_shards_that_run_at_the_same_time_do_not_disturb_each_other(made: World, tmp_path: Path):
    line = ["inpaint", made.holes, tmp_path / "out", "--model", "telea"]
    assert call("inpaint", made.holes, tmp_path / "whole", "--model", "telea").status == 0
    children = [start(*line, "--shard", f"{index}/2") for index in (1, 2)]
    assert [child.wait(60) for child in children] == [0, 0]
    assert pictures(tmp_path / "out") == pictures(tmp_path / "whole")
    assert not unfinished(tmp_path / "out")


def test_no_clobber_leaves_what_exists_and_ends_well(command, source, out):
    (out / "sub").mkdir(parents=True)
    mine = out / "sub" / f"c.{command.suffix}"
    mine.write_bytes(b"mine")
    ran = call(*command.line(source, out, "-n"))
    assert ran.status == 0
    assert "3 done, 1 skipped" in ran.err
    assert mine.read_bytes() == b"mine"


def test_keys_and_exclude_choose_and_a_key_without_picture_is_a_failure(command, source, out, tmp_path):
    (tmp_path / "keys").write_text("a\nsub/c\nnobody\n")
    (tmp_path / "not").write_text("a\n")
    ran = call(*command.line(source, out, "--keys", tmp_path / "keys", "--exclude", tmp_path / "not"))
    assert ran.status == 1
    assert "nobody: no picture has this key" in ran.err
    assert set(pictures(out)) == {f"sub/c.{command.suffix}"}


def test_update_of_some_does_not_call_the_others_stale(command, source, out, tmp_path):
    assert call(*command.line(source, out)).status == 0
    (tmp_path / "keys").write_text("a\n")
    for options in (["--keys", tmp_path / "keys"], ["--exclude", tmp_path / "keys"], ["--shard", "1/2"]):
        ran = call(*command.line(source, out, "-u", *options))
        assert "0 to do" in ran.err
        assert "no longer made" not in ran.err


def test_a_list_on_standard_input_works_as_find_writes_it(command, source, tmp_path, monkeypatch):
    names = sorted(path.relative_to(source) for path in source.rglob("*.*"))
    monkeypatch.chdir(source)
    ran = call(*command.listed(tmp_path / "out", "--files0-from=-"), stdin=b"\0".join(map(bytes, names)) + b"\0")
    assert ran.status == 0
    assert set(pictures(tmp_path / "out")) == {str(n.with_suffix(f".{command.suffix}")) for n in names}
    ran = call(*command.listed(tmp_path / "two", "--files0-from=-"), stdin=bytes(names[0]) + b"\0\0")
    assert ran.status == 1
    assert "the list's name 2 is empty" in ran.err


def test_target_directory_takes_every_operand_as_a_source(command, source, out):
    photo = next(source.glob("a.*"))
    ran = call(*command.listed(out, *(["--person", photo] if command.name == "composite" else [photo])))
    assert ran.status == 0
    assert set(pictures(out)) == {f"a.{command.suffix}"}


def test_a_report_has_a_line_a_record_and_an_unwritable_one_is_a_sentence(command, source, out, tmp_path):
    next(source.glob("a.*")).write_bytes(b"")
    report = tmp_path / "report.jsonl"
    assert call(*command.line(source, out, "--report", report)).status == 1
    head, *lines = map(json.loads, report.read_text().splitlines())
    assert head["command"] == command.name
    assert [(line["key"], line["status"]) for line in lines] == [
        ("a", "failed"), ("b", "ok"), ("sub/c", "ok"), ("sub/deep/d", "ok"),
    ]  # fmt: skip
    assert all(Path(line["dst"]).is_file() for line in lines[1:])
    for option in ("--report", "--depfile"):
        ran = call(*command.line(source, out, option, tmp_path / "no such folder" / "file"))
        assert ran.status in (1, 2)
        assert "no such folder" in ran.err


def test_a_dependency_file_makes_make_rebuild_what_changed(command, source, out, tmp_path):
    assert call(*command.line(source, out, "--depfile", tmp_path / "deps")).status == 0
    rules = (tmp_path / "deps").read_text().splitlines()
    assert len(rules) == 4
    assert any(rule.startswith(f"{out}/a.{command.suffix}: {source}/a.") for rule in rules)
