"""AISegment's two trees that mirror each other, and the junk that its archive holds."""

import numpy as np
import pytest

from bgswap.augmentation.layouts.aisegment import read
from bgswap.errors import UsageError
from tests.augmentation.layouts.made import by_key, junk, mask, oval, save

PAIRS = (
    "1803151818/{}00000000/1803151818-00000003",
    "1803201916/{}00000001/1803201916-00000007",
    "1803241125/{}00000000/1803241125-00000005",
)


def _fill(home, photo):
    """The tree as published, with both of its files that are none of it."""
    matte = np.dstack([photo[:80, 200:260] * (oval(80, 60)[..., None] > 0), oval(80, 60)])
    for pair in PAIRS:
        save(home / "clip_img" / f"{pair.format('clip_')}.jpg", photo[:80, 200:260])
        save(home / "matting" / f"{pair.format('matting_')}.png", matte)
    junk(home / "matting" / "1803201916" / "._matting_00000000")
    junk(home / "clip_img" / "1803241125" / "clip_00000000" / "._1803241125-00000005.jpg")
    junk(home / "clip_img" / "._1803241125")
    return home


def test_every_portrait_meets_its_matte_and_junk_is_passed_over(tmp_path, photo):
    records = by_key(read(_fill(tmp_path, photo)))
    assert list(records) == [pair.format("clip_") for pair in PAIRS]
    assert all(list(record.paths) == ["photo", "alpha"] and not record.error for record in records.values())
    assert [record.fields["session"] for record in records.values()] == ["1803151818", "1803201916", "1803241125"]


def test_the_matte_is_the_fourth_channel(tmp_path, photo):
    for record in read(_fill(tmp_path, photo)):
        assert (mask(record) == oval(80, 60)).all()


def test_a_copy_that_holds_the_tree_twice_is_read_once(tmp_path, photo):
    _fill(tmp_path / "data" / "matting_human_half", photo)
    once = by_key(read(tmp_path / "data"))
    _fill(tmp_path / "data", photo)
    twice = by_key(read(tmp_path / "data"))
    assert list(once) == list(twice) == [pair.format("clip_") for pair in PAIRS]
    assert all("matting_human_half" not in str(record.source) for record in twice.values())


def test_a_missing_partner_on_either_side_is_named(tmp_path, photo):
    home = _fill(tmp_path, photo)
    (home / "clip_img" / f"{PAIRS[0].format('clip_')}.jpg").unlink()
    (home / "matting" / f"{PAIRS[1].format('matting_')}.png").unlink()
    errors = [record.error for record in read(home)]
    assert "photo" in errors[0]
    assert "alpha" in errors[1]
    assert not errors[2]


def test_another_folder_is_refused_in_words(tmp_path):
    (tmp_path / "clip_img").mkdir()
    with pytest.raises(UsageError, match="clip_img beside a folder matting"):
        list(read(tmp_path))
