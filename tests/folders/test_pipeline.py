import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bgswap.errors import Exit, NotReady
from bgswap.folders import picture, pipeline
from bgswap.folders.layout import Layout, Target
from bgswap.folders.plan import RunOptions
from bgswap.folders.records import Record, from_folder
from tests.folders.stages import Negative

OPTIONS = RunOptions(jobs=2)


@pytest.fixture
def source(tmp_path: Path, photo: NDArray[np.uint8]) -> Path:
    """Five real pictures, each another piece of the astronaut, in nested folders."""
    for number, key in enumerate(["a", "b", "sub/c", "sub/d", "sub/deep/e"]):
        path = tmp_path / "in" / f"{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture.encode(photo[: 40 + number, : 60 + number], "png"))
    return tmp_path / "in"


def run(source: Path, stage: Negative = Negative(), options: RunOptions = OPTIONS, format: str = "png") -> Exit:  # noqa: B008
    layout = Layout({"negative": Target(source.parent / "out", format)})
    return pipeline.run(stage, from_folder(source, "photo"), layout, options)


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.png")}


def test_every_picture_is_worked_on_and_the_tree_is_kept(source):
    assert run(source) == Exit.DONE
    out = source.parent / "out"
    assert set(bytes_below(out)) == {"a.png", "b.png", "sub/c.png", "sub/d.png", "sub/deep/e.png"}
    made = picture.read(out / "sub/deep/e.png").pixels
    assert np.array_equal(made, 255 - picture.read(source / "sub/deep/e.png").pixels)


def test_jobs_and_shards_change_nothing_in_the_bytes(source):
    run(source, options=replace(OPTIONS, jobs=1))
    once = bytes_below(source.parent / "out")
    (source.parent / "out").rename(source.parent / "first")
    for index in (1, 2, 3):
        run(source, options=replace(OPTIONS, shard=(index, 3)))
    assert bytes_below(source.parent / "out") == once


def test_a_broken_picture_is_named_and_the_others_are_made(source, capsys):
    (source / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert run(source) == Exit.FAILED
    err = capsys.readouterr().err
    assert "b.png" in err
    assert "4 done, 1 failed" in err
    assert len(bytes_below(source.parent / "out")) == 4


def test_fail_fast_stops_at_the_first_failure(source):
    (source / "a.png").write_bytes(b"")
    assert run(source, Negative(seconds=0.05), replace(OPTIONS, jobs=1, fail_fast=True)) == Exit.FAILED
    assert len(bytes_below(source.parent / "out")) < 4


def test_update_skips_what_is_done_and_loads_no_model_for_nothing(source, capsys):
    run(source)
    before = {p: p.stat().st_mtime_ns for p in (source.parent / "out").rglob("*.png")}
    assert run(source, options=replace(OPTIONS, update=True)) == Exit.DONE
    assert "0 to do, 5 unchanged" in capsys.readouterr().err
    assert before == {p: p.stat().st_mtime_ns for p in before}


def test_update_redoes_what_changed_and_tries_failures_again(source, photo, capsys):
    good = (source / "b.png").read_bytes()
    (source / "b.png").write_bytes(b"broken")
    run(source)
    (source / "b.png").write_bytes(good)
    (source / "a.png").write_bytes(picture.encode(photo[:30, :30], "png"))
    capsys.readouterr()
    assert run(source, options=replace(OPTIONS, update=True)) == Exit.DONE
    assert "2 to do, 3 unchanged" in capsys.readouterr().err
    assert picture.read(source.parent / "out/a.png").size == (30, 30)


def test_update_redoes_all_with_other_settings_and_names_what_is_no_longer_made(source, capsys):
    run(source)
    capsys.readouterr()
    assert run(source, options=replace(OPTIONS, update=True), format="webp") == Exit.DONE
    err = capsys.readouterr().err
    assert "5 to do" in err
    assert err.count("no longer made") == 5
    assert len(bytes_below(source.parent / "out")) == 5


def test_no_clobber_leaves_what_exists_and_ends_well(source):
    (source.parent / "out").mkdir()
    (source.parent / "out/a.png").write_bytes(b"mine")
    assert run(source, options=replace(OPTIONS, no_clobber=True)) == Exit.DONE
    assert (source.parent / "out/a.png").read_bytes() == b"mine"
    assert (source.parent / "out/b.png").exists()


def test_no_clobber_holds_beside_update_too(source):
    run(source)
    (source / "a.png").write_bytes((source / "b.png").read_bytes())
    before = bytes_below(source.parent / "out")
    assert run(source, options=replace(OPTIONS, update=True, no_clobber=True)) == Exit.DONE
    assert bytes_below(source.parent / "out") == before


def test_an_output_is_replaced_whole_like_cp_does(source):
    (source.parent / "out").mkdir()
    (source.parent / "out/a.png").symlink_to(source.parent / "elsewhere.png")
    run(source)
    assert not (source.parent / "out/a.png").is_symlink()
    assert not (source.parent / "elsewhere.png").exists()


def test_a_model_that_is_not_ready_ends_the_run_before_anything_is_written(source):
    with pytest.raises(NotReady):
        run(source, Negative(ready=False))
    assert not bytes_below(source.parent / "out")


def test_a_dry_run_prints_the_plan_writes_nothing_and_fails_where_the_run_would(source, capsys):
    records = [*from_folder(source, "photo"), Record("none", {"photo": source / "none.png"})]
    layout = Layout({"negative": Target(source.parent / "out", "png")})
    assert pipeline.run(Negative(ready=False), records, layout, replace(OPTIONS, dry_run=True)) == Exit.FAILED
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{source}/a.png\t{source.parent}/out/a.png\tmake"
    assert "No such file" in lines[-1]
    assert not (source.parent / "out").exists()


def test_an_empty_folder_is_said_to_be_empty(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    assert run(tmp_path / "in") == Exit.FAILED
    assert "no pictures" in capsys.readouterr().err


def test_records_come_out_in_order_as_lines_that_the_next_command_reads(source, capsys):
    run(source, options=replace(OPTIONS, records=True))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["key"] for line in lines] == ["a", "b", "sub/c", "sub/d", "sub/deep/e"]
    assert lines[0]["file_name"] == lines[0]["negative_file_name"] == str(source.parent / "out/a.png")
    assert lines[0]["photo_file_name"] == str(source / "a.png")


def test_a_report_has_a_head_and_a_line_a_record_with_status_error_and_size(source):
    (source / "b.png").write_bytes(b"")
    report = source.parent / "report.jsonl"
    run(source, options=replace(OPTIONS, report=report))
    head, *lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert head["schema"] == 1
    assert [line["status"] for line in lines] == ["ok", "failed", "ok", "ok", "ok"]
    assert lines[1]["error"]["code"] == 1
    assert lines[0]["size"] == [40, 60]
    assert lines[0]["model"] == ["none"]


def test_a_depfile_names_inputs_for_make(source):
    (source / "b b.png").write_bytes((source / "b.png").read_bytes())
    run(source, options=replace(OPTIONS, depfile=source.parent / "deps"))
    rules = (source.parent / "deps").read_text()
    assert f"{source.parent}/out/a.png: {source}/a.png\n" in rules
    assert f"{source.parent}/out/b\\ b.png: {source}/b\\ b.png\n" in rules


def test_live_records_are_worked_on_as_they_come(source, capsys):
    seen = []

    def come():
        for record in from_folder(source, "photo"):
            seen.append(record.key)
            yield record

    layout = Layout({"negative": Target(source.parent / "out", "png")})
    assert pipeline.run(Negative(), come(), layout, OPTIONS, live=()) == Exit.DONE
    assert len(bytes_below(source.parent / "out")) == 5


def test_a_live_record_that_would_overwrite_an_earlier_one_fails(source, capsys):
    one = from_folder(source, "photo")[0]
    layout = Layout({"negative": Target(source.parent / "one.png", "png", is_folder=False)})
    assert pipeline.run(Negative(), iter([one, Record("x", one.paths)]), layout, OPTIONS, live=()) == Exit.FAILED
    assert "has already written" in capsys.readouterr().err


def test_a_picture_that_many_records_share_is_decoded_once(source, monkeypatch):
    opened = []
    real = picture.read
    monkeypatch.setattr(picture, "read", lambda path, *rest: opened.append(path) or real(path, *rest))
    records = [Record(f"{key}", {"photo": source / "a.png"}) for key in "abcdef"]
    layout = Layout({"negative": Target(source.parent / "out", "png")})
    assert pipeline.run(Negative(), records, layout, OPTIONS) == Exit.DONE
    assert len(opened) == 1
