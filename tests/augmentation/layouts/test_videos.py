"""Folders of videos: VideoMatte240K in its shapes, plain folders of frames, and files."""

import sys

import numpy as np
import pytest

from bgswap.augmentation.layouts.videos import read
from bgswap.errors import NotReady, UsageError
from bgswap.folders import picture
from tests.augmentation.layouts.made import by_key, junk, mask, oval, save


def clip(top, photo, frames, *, matte=True, suffix=".jpg"):
    """A clip of VideoMatte240K: <top>/fgr/0000/00000.jpg and its matte in pha/."""
    for number in range(frames):
        save(top[0] / "fgr" / top[1] / f"{number:05d}{suffix}", photo[number : 60 + number, :80])
        if matte:
            save(top[0] / "pha" / top[1] / f"{number:05d}{suffix}", oval(60, 80))


def film(path, photo, frames, *, matte=False):
    av = pytest.importorskip("av")
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for number in range(frames):
            pixels = np.dstack([oval(64, 96)] * 3) if matte else photo[4 * number : 4 * number + 64, :96]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def clips(tmp_path, photo):
    top = tmp_path / "VideoMatte240K_JPEG_SD"
    for split, name in (("train", "0001"), ("train", "0002"), ("valid", "0000"), ("test", "0003")):
        clip((top / split, name), photo, 3)
    return top


def test_videomatte_gives_frames_with_mattes_and_the_frame_before(clips):
    records = by_key(read(clips))
    assert list(records) == [
        f"{name}/{number:05d}"
        for name in ("test/0003", "train/0001", "train/0002", "valid/0000")
        for number in range(3)
    ]
    first, second = records["train/0001/00000"], records["train/0001/00001"]
    assert list(first.paths) == ["photo", "alpha"]
    assert list(second.paths) == ["photo", "alpha", "previous_photo", "previous_alpha"]
    assert second.paths["previous_photo"] == first.paths["photo"]
    assert second.paths["previous_alpha"] == first.paths["alpha"]
    assert second.fields == {"video": "train/0001", "frame": 1, "fps": None, "split": "train"}
    assert records["valid/0000/00000"].fields["split"] == "validation"
    assert all(mask(record).shape == (60, 80) for record in records.values())


def test_a_clip_with_its_own_fgr_and_pha_is_one_video(tmp_path, photo):
    for name in ("0000", "0001"):
        clip((tmp_path / "videomatte_512x288" / "motion" / name, ""), photo, 2, suffix=".png")
        save(tmp_path / "videomatte_512x288" / "motion" / name / "com" / "00000.png", photo[:60, :80])
        save(tmp_path / "videomatte_512x288" / "motion" / name / "bgr" / "00000.png", photo[:60, :80])
    records = by_key(read(tmp_path))
    assert list(records) == [f"videomatte_512x288/motion/{v}/{k:05d}" for v in ("0000", "0001") for k in range(2)]
    assert all("alpha" in record.paths for record in records.values())


def test_plain_folders_follow_the_numbers_in_their_names(tmp_path, photo):
    for number in (1, 2, 9, 10, 11):
        save(tmp_path / "walk" / f"frame{number}.png", photo[:60, :80])
    save(tmp_path / "run" / "deep" / "0.jpg", photo[:60, :80])
    junk(tmp_path / "walk" / "._frame1.png")
    records = by_key(read(tmp_path))
    assert [key for key in records if key.startswith("walk")] == sorted(f"walk/frame{k}" for k in (1, 2, 9, 10, 11))
    assert records["walk/frame10"].paths["previous_photo"].name == "frame9.png"
    assert records["walk/frame10"].fields["frame"] == 3
    assert "previous_photo" not in records["walk/frame1"].paths
    assert "previous_photo" not in records["run/deep/0"].paths
    assert list(by_key(read(tmp_path / "walk"))) == [key for key in records if key.startswith("walk")]


def test_a_frame_without_its_matte_is_named(clips):
    (clips / "train" / "pha" / "0001" / "00001.jpg").unlink()
    records = by_key(read(clips))
    assert "no matte" in records["train/0001/00001"].error
    assert not records["train/0001/00002"].error
    assert "previous_alpha" not in records["train/0001/00002"].paths


def test_video_files_give_a_record_a_frame(tmp_path, photo):
    path = film(tmp_path / "films" / "walk.mp4", photo, 5)
    records = by_key(read(tmp_path))
    assert list(records) == [f"films/walk/{number:06d}" for number in range(5)]
    last = records["films/walk/000004"]
    assert last.paths == {"photo": path / "000004", "previous_photo": path / "000003"}
    assert last.fields == {"video": "films/walk", "frame": 4, "fps": 25.0, "split": None}
    shown = picture.read(last.paths["photo"]).pixels
    assert np.abs(shown.astype(int) - photo[16:80, :96]).mean() < 12


def test_video_files_in_fgr_and_pha_are_photo_and_matte(tmp_path, photo):
    film(tmp_path / "VideoMatte240K" / "train" / "fgr" / "0000.mp4", photo, 4)
    film(tmp_path / "VideoMatte240K" / "train" / "pha" / "0000.mov", photo, 3, matte=True)
    records = by_key(read(tmp_path / "VideoMatte240K"))
    assert list(records) == [f"train/0000/{number:06d}" for number in range(4)]
    assert records["train/0000/000001"].paths["previous_alpha"].parts[-2:] == ("0000.mov", "000000")
    assert "no matte of frame 3" in records["train/0000/000003"].error


def test_names_that_meet_keep_their_suffix(tmp_path, photo):
    film(tmp_path / "a.mp4", photo, 1)
    film(tmp_path / "a.mov", photo, 1)
    save(tmp_path / "a" / "0.jpg", photo[:60, :80])
    assert list(by_key(read(tmp_path))) == ["a.mov/000000", "a.mp4/000000", "a/0"]


def test_a_broken_video_is_named_and_the_others_are_read(tmp_path, photo):
    film(tmp_path / "good.mp4", photo, 2)
    (tmp_path / "bad.mp4").write_text("no video")
    records = by_key(read(tmp_path))
    assert list(records) == ["bad", "good/000000", "good/000001"]
    assert records["bad"].error.startswith("bad.mp4 cannot be read as a video")


def test_without_pyav_the_extra_is_named(tmp_path, photo, monkeypatch):
    film(tmp_path / "good.mp4", photo, 2)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(NotReady, match=r"bgswap\[video\]"):
        list(read(tmp_path))


def test_a_folder_without_videos_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match="folders of frames"):
        list(read(tmp_path))
