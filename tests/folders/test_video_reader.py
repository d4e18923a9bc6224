"""A video read once from its beginning: the same frames as asked for one by one, with their times."""

import numpy as np
import pytest

from bgswap.errors import PictureError
from bgswap.folders import video
from bgswap.folders.video import Reader

from . import clips

av = pytest.importorskip("av")

H264 = ("libx264", "yuv420p")


def views(photo, count=30):
    return [np.ascontiguousarray(photo[2 * k : 2 * k + 96, 5 * k : 5 * k + 128]) for k in range(count)]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", H264, {"g": "12", "bf": "2"}),
        ("b.avi", H264, {"g": "12", "bf": "2"}),  # AVI's time stamps do not tell B-frames' order
        ("a.mkv", None, {}),
    ],
)
def test_all_frames_come_in_order_as_they_do_one_by_one(tmp_path, photo, name, codec, options):
    path = clips.write(tmp_path / name, views(photo), codec=codec, options=options)
    reader = Reader(path)
    found = list(reader)
    assert [frame.index for frame in found] == list(range(30))
    assert reader.rate == 25
    assert reader.seconds == pytest.approx(30 / 25, abs=1e-3)
    assert [float(frame.stamp * reader.tick) for frame in found] == pytest.approx([k / 25 for k in range(30)], abs=1e-3)
    for frame in found[::7]:
        assert (frame.picture.pixels == video.frame(path, frame.index).pixels).all()
    assert reader.notes == ()
    reader.close()


def test_uneven_stamps_are_told_and_the_rate_is_their_mean(tmp_path, photo):
    stamps = [0, 1, 2, 9, 10, 30, 31, 32, 33, 60]
    reader = Reader(clips.write(tmp_path / "a.mkv", views(photo, 10), stamps=stamps))
    assert [float(stamp * reader.tick) for stamp in reader.stamps] == pytest.approx([k / 25 for k in stamps], abs=1e-3)
    assert float(reader.rate) == pytest.approx(9 / (60 / 25), rel=1e-2)
    reader.close()


def test_a_damaged_frame_in_the_middle_is_an_error(tmp_path, photo):
    options = {"g": "10", "bf": "0", "sc_threshold": "0"}
    path = clips.spoiled(clips.write(tmp_path / "a.mkv", views(photo), codec=H264, options=options), 13)
    reader, seen = Reader(path), list[int]()
    with pytest.raises(PictureError, match="its frame 13 cannot be decoded"):
        seen.extend(frame.index for frame in reader)
    assert seen == list(range(13))
    reader.close()


def test_a_video_that_was_cut_off_ends_with_a_note(tmp_path, photo):
    options = {"g": "10", "bf": "0", "sc_threshold": "0"}
    path = clips.write(tmp_path / "a.mkv", views(photo), codec=H264, options=options)
    path = clips.spoiled(path, 29)
    reader = Reader(path)
    assert len(list(reader)) == 29
    assert reader.notes == ("was cut off: only 29 of its 30 frames can be decoded",)
    reader.close()
