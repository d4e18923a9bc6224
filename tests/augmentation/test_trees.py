"""Finding folders and pictures in trees that others have laid out."""

import pytest

from bgswap.augmentation.trees import child, find, folders, joined, pictures
from bgswap.errors import UsageError
from tests.augmentation.layouts.made import junk, oval, save


def test_folders_come_nearest_first_and_by_name_without_hidden_ones(tmp_path):
    for name in ("b/z", "a/y/x", ".git/a"):
        (tmp_path / name).mkdir(parents=True)
    junk(tmp_path / "._a")
    found = [folder.relative_to(tmp_path).as_posix() for folder in folders(tmp_path)]
    assert found == [".", "a", "b", "a/y", "b/z", "a/y/x"]
    assert [folder.name for folder in folders(tmp_path, 1)][1:] == ["a", "b"]


def test_a_child_is_found_in_any_case_and_the_first_name_wins(tmp_path):
    for name in ("GT", "masks"):
        (tmp_path / name).mkdir()
    save(tmp_path / "imgs.png", oval(9, 9))
    assert child(tmp_path, "masks", "gt") == tmp_path / "masks"
    assert child(tmp_path, "nothing", "gt") == tmp_path / "GT"
    assert child(tmp_path, "imgs.png") is None


def test_pictures_are_those_directly_in_a_folder_by_stem(tmp_path):
    for name in ("a.png", "b.PNG", "deep/c.png"):
        save(tmp_path / name, oval(9, 9))
    junk(tmp_path / "._a.png")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "d.png").mkdir()
    assert {stem: path.name for stem, path in pictures(tmp_path).items()} == {"a": "a.png", "b": "b.PNG"}
    assert pictures(tmp_path, {".jpg"}) == pictures(None) == {}


def test_joining_names_what_is_lacking_and_takes_what_is_not_needed_as_it_comes(tmp_path):
    a, b = tmp_path / "a.jpg", tmp_path / "b.jpg"
    roles = {"photo": {"1": a}, "mask": {"1": a, "2": b}, "trimap": {"3": b}}
    first, second = joined(roles, ("photo", "mask"), "train/", {"split": "train"})
    assert (first.key, list(first.paths), first.error) == ("train/1", ["photo", "mask"], "")
    assert (second.key, list(second.paths), second.fields) == ("train/2", ["mask"], {"split": "train"})
    assert "no photo" in second.error


def test_a_folder_that_nothing_fits_is_an_error_that_says_what_was_wanted(tmp_path):
    with pytest.raises(UsageError, match="hold no such thing"):
        find(tmp_path, lambda folder: folder.name == "other", "such thing")
    with pytest.raises(UsageError, match="no such folder"):
        find(tmp_path / "gone", lambda _: True, "such thing")
