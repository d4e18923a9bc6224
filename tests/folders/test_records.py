import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgswap.errors import UsageError
from bgswap.folders.records import (
    Record,
    check_key,
    from_files,
    from_folder,
    from_lines,
    from_list0,
    join,
    select,
    show,
)


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def test_a_folder_gives_its_pictures_by_key_in_byte_order_and_passes_hidden_ones_over(tmp_path):
    touch(tmp_path, "b.JPG", "a/z.png", "a.webp", ".hidden.jpg", "._b.jpg", ".git/x.png", "notes.txt")
    assert [record.key for record in from_folder(tmp_path, "photo")] == ["a", "a/z", "b"]


def test_two_pictures_of_one_name_keep_their_suffixes_in_the_key(tmp_path):
    touch(tmp_path, "a.jpg", "a.png")
    assert [record.key for record in from_folder(tmp_path, "photo")] == ["a.jpg", "a.png"]


def test_linked_files_are_followed_and_linked_folders_are_not(tmp_path):
    touch(tmp_path, "in/a.jpg", "else/b.jpg")
    (tmp_path / "in/link.jpg").symlink_to(tmp_path / "else/b.jpg")
    (tmp_path / "in/folder").symlink_to(tmp_path / "else")
    assert [record.key for record in from_folder(tmp_path / "in", "photo")] == ["a", "link"]


def test_a_metadata_file_names_pictures_their_companions_and_free_fields(tmp_path):
    touch(tmp_path, "one.png", "m/one.png")
    line = {"file_name": "one.png", "mask_file_name": "m/one.png", "set": "street"}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(line) + "\n")
    (record,) = from_folder(tmp_path, "photo")
    assert record.key == "one"
    assert record.paths == {"photo": tmp_path / "one.png", "mask": tmp_path / "m/one.png"}
    assert record.fields == {"set": "street"}


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "a/../../b", "C:/x.png", "a//b", ""])
def test_a_metadata_file_cannot_lead_out_of_its_folder(tmp_path, name):
    (tmp_path / "metadata.jsonl").write_text(json.dumps({"file_name": name}) + "\n")
    with pytest.raises(UsageError):
        from_folder(tmp_path, "photo")


@pytest.mark.parametrize("line", [b"{", b"[]\n", b'{"key": "a"}\n', b'{"file_name": 7}\n'])
def test_a_broken_line_of_records_is_named_by_its_number(line):
    with pytest.raises(UsageError, match="line 1 "):
        list(from_lines([line], "photo"))


def test_piped_lines_keep_the_key_and_take_a_role_named_apart_over_the_file_name():
    line = json.dumps({"file_name": "/c/a.png", "photo_file_name": "/in/a.jpg", "key": "x/a"}).encode()
    (record,) = from_lines([line], "photo")
    assert record.key == "x/a"
    assert record.paths["photo"] == Path("/in/a.jpg")


def test_a_list_keeps_relative_folders_flattens_absolute_ones_and_names_an_empty_entry():
    found = from_list0(io.BytesIO(b"./in/a.jpg\0/abs/b.jpg\0\0"), "photo")
    assert [record.key for record in found] == ["in/a", "b", "name-3"]
    assert "empty" in found[2].error


def test_names_on_the_command_line_are_keyed_as_cp_would(tmp_path):
    touch(tmp_path, "x/a.jpg", "y/b.jpg")
    found = from_files([tmp_path / "x/a.jpg", tmp_path / "y"], "photo")
    assert [record.key for record in found] == ["a", "y/b"]


def test_a_missing_companion_is_the_records_failure_not_a_silent_drop(tmp_path):
    touch(tmp_path, "in/a.jpg", "in/b.jpg", "masks/a.png")
    found = list(join(from_folder(tmp_path / "in", "photo"), "mask", tmp_path / "masks"))
    assert found[0].paths["mask"] == tmp_path / "masks/a.png"
    assert "no mask 'b'" in found[1].error


def records(*keys: str) -> list[Record]:
    return [Record(key, {}) for key in keys]


def test_keys_and_exclude_choose_and_a_key_without_a_picture_fails(tmp_path):
    (tmp_path / "keys").write_text("a\nc\nnone\n")
    (tmp_path / "not").write_text("c\n")
    found = list(select(records("a", "b", "c"), tmp_path / "keys", tmp_path / "not", (1, 1)))
    assert [(record.key, bool(record.error)) for record in found] == [("a", False), ("none", True)]


@given(st.lists(st.text(min_size=1), unique=True, max_size=30), st.integers(1, 7))
def test_shards_share_out_every_record_once_and_a_new_one_moves_no_other(keys, count):
    shares = [[r.key for r in select(records(*keys), None, None, (i + 1, count))] for i in range(count)]
    assert sorted(key for share in shares for key in share) == sorted(keys)
    grown = [[r.key for r in select(records(*keys, "\0new"), None, None, (i + 1, count))] for i in range(count)]
    assert all(set(share) <= set(more) for share, more in zip(shares, grown, strict=True))


@given(st.text())
def test_a_shown_name_holds_no_control_or_direction_character(text):
    shown = show(text)
    assert not any(ord(c) < 32 or 0x202A <= ord(c) <= 0x202E or 0xD800 <= ord(c) < 0xE000 for c in shown)


@given(st.text(st.characters(blacklist_characters="/\0\\:", blacklist_categories=("Cs",)), min_size=1))
def test_a_plain_name_is_a_key(text):
    if text not in (".", ".."):
        assert check_key(text) == text
