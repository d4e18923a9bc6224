import os
from pathlib import Path

import pytest

from bgswap.folders.journal import Journal, fingerprint_of_files, printable


def entry(key: str, **changes: object) -> dict:
    return {"key": key, "status": "ok", "inputs": "i", "settings": "s", "outputs": {f"{key}.png": 3}, **changes}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(b"abc")
    return tmp_path


def test_what_was_done_with_these_inputs_and_settings_is_done(out):
    Journal(out, "matte").add(entry("a"))
    assert Journal(out, "matte").done("a", "i", "s", {"foreground": out / "a.png"})


@pytest.mark.parametrize("change", [{"inputs": "other"}, {"settings": "other"}, {"status": "failed"}])
def test_other_inputs_other_settings_and_failures_are_not_done(out, change):
    Journal(out, "matte").add(entry("a", **change))
    assert not Journal(out, "matte").done("a", "i", "s", {"foreground": out / "a.png"})


def test_an_output_that_is_gone_or_of_another_size_is_not_done(out):
    Journal(out, "matte").add(entry("a"))
    (out / "a.png").write_bytes(b"abcd")
    assert not Journal(out, "matte").done("a", "i", "s", {"foreground": out / "a.png"})
    (out / "a.png").unlink()
    assert not Journal(out, "matte").done("a", "i", "s", {"foreground": out / "a.png"})


def test_a_line_torn_by_a_kill_is_passed_over_and_the_next_line_is_whole(out):
    log = Journal(out, "matte")
    log.add(entry("a"))
    with log.file.open("ab") as file:
        file.write(b'{"key": "b", "sta')
    again = Journal(out, "matte")
    again.add(entry("c"))
    assert set(Journal(out, "matte").entries) == {"a", "c"}


def test_every_shard_writes_its_own_file_and_reads_them_all(out):
    Journal(out, "matte", (1, 2)).add(entry("a"))
    Journal(out, "matte", (2, 2)).add(entry("b"))
    assert {path.name for path in (out / ".bgswap").iterdir()} == {"matte-1-of-2.jsonl", "matte-2-of-2.jsonl"}
    assert set(Journal(out, "matte").entries) == {"a", "b"}


def test_the_folder_can_be_moved_and_its_journal_still_counts(out, tmp_path_factory):
    Journal(out, "matte").add(entry("a"))
    moved = tmp_path_factory.mktemp("else") / "moved"
    os.rename(out, moved)
    assert Journal(moved, "matte").done("a", "i", "s", {"foreground": moved / "a.png"})


def test_outputs_that_are_no_longer_made_are_named_while_they_stand(out):
    log = Journal(out, "matte")
    log.add(entry("a"))
    log.add(entry("gone"))
    assert log.orphans({out / "b.png"}) == [out / "a.png"]
    assert log.orphans({out / "a.png"}) == []


def test_a_fingerprint_changes_with_the_file(out):
    before = fingerprint_of_files({"photo": out / "a.png"})
    os.utime(out / "a.png", ns=(1, 1))
    assert fingerprint_of_files({"photo": out / "a.png"}) != before
    assert fingerprint_of_files({"photo": out / "none"}) == "photo:none"


def test_a_name_that_is_not_utf8_also_stands_as_its_bytes():
    line = printable({"src": os.fsdecode(b"f\xff.jpg")})
    assert line.isascii()
    assert '"src_b64": "Zv8uanBn"' in line
