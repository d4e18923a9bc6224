"""Imagefolder: metadata in three formats, splits, labels by folder, and what bgswap augment wrote."""

import json
import sys
import types

import pytest

from bgswap.augmentation.layouts.imagefolder import read
from bgswap.errors import UsageError
from tests.augmentation.layouts.made import by_key, junk, mask, oval, save


@pytest.fixture
def people(tmp_path, photo):
    for name in ("ada", "bob"):
        save(tmp_path / "set" / f"{name}.jpg", photo[:80, :60])
        save(tmp_path / "set" / "m" / f"{name}.png", oval(80, 60))
    return tmp_path / "set"


def rows():
    return [
        {"file_name": "bob.jpg", "mask_file_name": "m/bob.png", "people": 2, "weight": 0.5, "text": "007"},
        {"file_name": "ada.jpg", "mask_file_name": "m/ada.png", "people": 1, "weight": 1.5, "text": "a, b"},
    ]


def write_jsonl(folder, lines, name="metadata.jsonl"):
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


def check(people):
    records = by_key(read(people))
    assert list(records) == ["ada", "bob"]
    assert all(list(record.paths) == ["photo", "mask"] and not record.error for record in records.values())
    assert records["bob"].fields == {"split": None, "people": 2, "weight": 0.5, "text": "007"}
    assert records["ada"].fields["text"] == "a, b"
    assert all(mask(record).max() == 255 for record in records.values())


def test_json_lines_name_the_photo_its_companions_and_free_fields(people):
    write_jsonl(people, rows())
    check(people)


def test_a_table_says_the_same(people):
    lines = ["file_name,mask_file_name,people,weight,text"]
    lines += [f'{r["file_name"]},{r["mask_file_name"]},{r["people"]},{r["weight"]},"{r["text"]}"' for r in rows()]
    (people / "metadata.csv").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig")
    check(people)


def test_parquet_says_the_same(people):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(rows()), people / "metadata.parquet")
    check(people)


def test_parquet_without_pyarrow_says_what_to_do(people, monkeypatch):
    (people / "metadata.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match="pip install pyarrow"):
        list(read(people))


def test_parquet_rows_become_records(people, monkeypatch):
    """Where pyarrow is missing, a stand-in gives the rows that it would."""
    table = types.SimpleNamespace(to_pylist=rows)
    stand_in = types.ModuleType("pyarrow")
    stand_in.parquet = types.SimpleNamespace(read_table=lambda file: table)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyarrow", stand_in)
    (people / "metadata.parquet").write_bytes(b"PAR1")
    check(people)


def test_each_split_has_metadata_of_its_own(tmp_path, photo):
    for split in ("train", "test"):
        save(tmp_path / split / "ada.jpg", photo[:80, :60])
        write_jsonl(tmp_path / split, [{"file_name": "ada.jpg", "label": 1}])
    records = by_key(read(tmp_path))
    assert {key: record.fields["split"] for key, record in records.items()} == {
        "test/ada": "test",
        "train/ada": "train",
    }


def test_shards_are_read_as_one(people):
    write_jsonl(people, rows()[:1], "metadata-1-of-2.jsonl")
    write_jsonl(people, rows()[1:], "metadata-2-of-2.jsonl")
    check(people)


def test_samples_of_augment_keep_the_role_of_their_first_picture(tmp_path, photo):
    for role in ("composite", "alpha", "composite_true"):
        save(tmp_path / role / "ada_000.png", photo[:80, :60] if role != "alpha" else oval(80, 60))
    line = {"key": "ada_000", "file_name": "composite/ada_000.png", "alpha_file_name": "alpha/ada_000.png"}
    line |= {"composite_true_file_name": "composite_true/ada_000.png", "method": "recolor", "seed": 1, "copy": 0}
    write_jsonl(tmp_path, [line])
    (record,) = read(tmp_path)
    assert record.key == "ada_000"
    assert set(record.paths) == {"composite", "alpha", "composite_true"}
    assert not record.error


def test_a_picture_that_is_named_and_not_there_is_an_error_of_its_record(people):
    write_jsonl(people, rows())
    (people / "m" / "ada.png").unlink()
    records = by_key(read(people))
    assert records["ada"].error == "metadata.jsonl names ada.png, which is not there"
    assert not records["bob"].error


def test_without_metadata_folders_are_labels(tmp_path, photo):
    for name in ("train/cat/1", "train/dog/1", "test/cat/2"):
        save(tmp_path / "split" / f"{name}.jpg", photo[:80, :60])
        save(tmp_path / "plain" / f"{name.split('/', 1)[1]}.jpg", photo[:80, :60])
    junk(tmp_path / "plain" / "cat" / "._1.jpg")
    split = by_key(read(tmp_path / "split"))
    assert {key: (r.fields["split"], r.fields["label"]) for key, r in split.items()} == {
        "test/cat/2": ("test", "cat"),
        "train/cat/1": ("train", "cat"),
        "train/dog/1": ("train", "dog"),
    }
    plain = by_key(read(tmp_path / "plain"))
    assert {key: r.fields["label"] for key, r in plain.items()} == {"cat/1": "cat", "cat/2": "cat", "dog/1": "dog"}


@pytest.mark.parametrize(
    ("line", "told"),
    [("{", "line 1 is not JSON"), ("[]", "entry 1 has no file_name"), ('{"text": "a"}', "no file_name")],
)
def test_metadata_that_cannot_be_used_are_refused(people, line, told):
    (people / "metadata.jsonl").write_text(line + "\n")
    with pytest.raises(UsageError, match=told):
        list(read(people))


def test_names_that_lead_out_of_the_folder_are_refused(people):
    write_jsonl(people, [{"file_name": "../ada.jpg"}])
    with pytest.raises(UsageError):
        list(read(people))


def test_two_kinds_of_metadata_are_refused(people):
    write_jsonl(people, rows())
    (people / "metadata.csv").write_text("file_name\nada.jpg\n")
    with pytest.raises(UsageError, match=r"metadata\.jsonl and metadata\.csv"):
        list(read(people))


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(UsageError, match="imagefolder"):
        list(read(tmp_path))
