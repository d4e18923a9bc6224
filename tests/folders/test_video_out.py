"""Videos out: what was written is what is read, sound and time stamps come along, and nothing is left half-written."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bgswap.errors import NotReady, PictureError, UsageError
from bgswap.folders import video
from bgswap.folders.video import Reader
from bgswap.folders.video_out import KINDS, VideoOut, kept_size
from bgswap.folders.video_sound import Sound

from . import clips

av = pytest.importorskip("av")

FRAMES, HEIGHT, WIDTH = 20, 96, 128
RATE = Fraction(30000, 1001)


def views(photo: NDArray[np.uint8], height: int = HEIGHT, width: int = WIDTH) -> list[NDArray[np.uint8]]:
    return [np.ascontiguousarray(photo[2 * k : 2 * k + height, 5 * k : 5 * k + width]) for k in range(FRAMES)]


def put(path: Path, frames: list[Any], rate: Fraction = RATE, **more: Any) -> Path:
    with VideoOut(path, frames[0].shape[:2], rate, 1 / rate, **more) as out:
        for stamp, pixels in enumerate(frames):
            out.write(pixels, stamp)
    return path


@pytest.mark.parametrize("suffix", sorted(KINDS))
def test_frames_and_rate_come_back(tmp_path, photo, suffix):
    frames = views(photo)
    path = put(tmp_path / f"a{suffix}", frames)
    number, rate = video.count(path)
    assert number == FRAMES
    assert rate == pytest.approx(float(RATE), rel=2e-4)  # Matroska's stamps are milliseconds
    for index, frame in enumerate(frames):
        assert np.abs(video.frame(path, index).pixels.astype(int) - frame).mean() < 3.5
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_colors_are_tagged_and_come_back_without_a_cast(tmp_path, suffix):
    flat = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    for color in ((200, 40, 30), (40, 60, 200), (128, 128, 128), (250, 250, 250)):
        flat[:] = color
        path = put(tmp_path / f"a{suffix}", [flat] * 2)
        assert np.abs(video.frame(path, 1).pixels.reshape(-1, 3).mean(0) - color).max() < 3
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (1, 1)  # BT.709, limited
        assert frame.format.name == "yuv420p"


def test_a_matte_comes_back_within_a_few_levels(tmp_path, half_matte):
    path = put(tmp_path / "a.mp4", [half_matte] * 3, matte=True)
    assert np.abs(video.frame(path, 2).pixels[..., 0].astype(int) - half_matte).mean() < 1


@pytest.fixture
def half_matte() -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.clip(255 * (40 - np.hypot(rows - 48, columns - 64)) / 6, 0, 255).astype(np.uint8)


def test_uneven_time_stamps_stay_as_they_are(tmp_path, photo):
    stamps = [0, 40, 41, 90, 300, 301, 302, 1000]
    for suffix in (".mp4", ".mkv", ".webm"):
        path = tmp_path / f"a{suffix}"
        with VideoOut(path, (HEIGHT, WIDTH), Fraction(8), Fraction(1, 1000)) as out:
            for frame, stamp in zip(views(photo), stamps, strict=False):
                out.write(frame, stamp)
        reader = Reader(path)
        assert [float(s * reader.tick) * 1000 for s in reader.stamps] == pytest.approx(stamps, abs=0.51)
        reader.close()


@pytest.mark.parametrize(
    ("codec", "suffix"), [("aac", ".mp4"), ("aac", ".mov"), ("aac", ".mkv"), ("libopus", ".webm"), ("libopus", ".mp4")]
)
def test_sound_is_copied_bit_for_bit(tmp_path, photo, codec, suffix):
    source = clips.write(tmp_path / "source.mkv", views(photo), sound=codec)
    reader = Reader(source)
    path = tmp_path / f"a{suffix}"
    with VideoOut(path, (HEIGHT, WIDTH), reader.rate, reader.tick, sound=Sound(source, reader.begin)) as out:
        for frame in reader:
            out.write(frame.picture.pixels, frame.stamp)
    before, after = clips.packets(source), clips.packets(path)
    assert [data for _, data in after] == [data for _, data in before]
    written = Reader(path)
    first = after[0][0] - float(written.begin)  # players show sound and pictures as far apart as they were
    assert first == pytest.approx(before[0][0] - float(reader.begin), abs=0.002)
    reader.close()
    written.close()


def test_sound_that_the_container_refuses_is_encoded_anew(tmp_path, photo):
    source = clips.write(tmp_path / "source.mkv", views(photo) * 2, sound="aac")
    for suffix, rate in ((".webm", 25), (".webm", 50)):
        path = put(tmp_path / f"a{suffix}", views(photo) * 2, Fraction(rate), sound=Sound(source))
        samples = clips.heard(path)
        assert len(samples) / clips.RATE == pytest.approx(2 * FRAMES / rate, abs=0.06)  # no longer than the pictures
        spectrum = np.abs(np.fft.rfft(samples[4000:-4000]))
        tone = np.argmax(spectrum) * clips.RATE / (len(samples) - 8000)
        assert tone == pytest.approx(440, abs=5)


def test_sound_ends_with_the_pictures(tmp_path, photo):
    source = clips.write(tmp_path / "source.mkv", views(photo) * 3, sound="aac")
    path = put(tmp_path / "a.mp4", views(photo), Fraction(25), sound=Sound(source))
    assert clips.packets(path)[-1][0] < FRAMES / 25


def test_equal_frames_give_equal_bytes(tmp_path, photo):
    for suffix in sorted(KINDS):
        one, two = (put(tmp_path / f"{name}{suffix}", views(photo)) for name in "ab")
        assert one.read_bytes() == two.read_bytes()


def test_an_odd_row_is_left_out_where_the_codec_needs_even_ones_and_nothing_is_scaled(tmp_path, photo):
    frames = views(photo, 95, 127)
    path = put(tmp_path / "a.mp4", frames)
    assert kept_size(path, (95, 127)) == (94, 126)
    picture = video.frame(path, 3)
    assert picture.size == (94, 126)
    assert np.abs(picture.pixels.astype(int) - frames[3][:94, :126]).mean() < 3.5
    assert video.frame(put(tmp_path / "a.webm", frames), 3).size == (95, 127)


def test_an_error_on_the_way_leaves_the_old_file_and_nothing_else(tmp_path, photo):
    path = tmp_path / "a.mp4"
    path.write_text("the old one")

    def interrupted() -> None:
        with VideoOut(path, (HEIGHT, WIDTH), RATE, 1 / RATE) as out:
            for stamp, frame in enumerate(views(photo)):
                out.write(frame, stamp)
            assert path.read_text() == "the old one"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_frame_of_another_size_is_an_error_in_a_sentence(tmp_path, photo):
    with pytest.raises(
        PictureError, match=r"a\.mp4: a video's frames are all of one size, and one is 64x96 after 128x96"
    ):
        put(tmp_path / "a.mp4", [*views(photo), views(photo, 96, 64)[0]])
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_no_video_is_written_as_is_refused(tmp_path, photo):
    with pytest.raises(UsageError, match=r"no video is written as '\.avi': use one of \.mp4"):
        put(tmp_path / "a.avi", views(photo))


def test_a_folder_that_is_not_there_is_named(tmp_path, photo):
    with pytest.raises(PictureError, match=r"none/a\.mp4 cannot be written: No such file"):
        put(tmp_path / "none" / "a.mp4", views(photo))


def test_without_pyav_the_extra_is_named(tmp_path, photo, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(NotReady, match=r"pip install 'bgswap\[video\]'"):
        put(tmp_path / "a.mp4", views(photo))


ENDING = """
import os, sys, resource, signal
from fractions import Fraction
from pathlib import Path
import numpy as np
from bgswap.errors import PictureError
from bgswap.folders import files
from bgswap.folders.video_out import VideoOut
if sys.argv[2] == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
noise = np.random.default_rng(0).integers(0, 256, (20, 96, 128, 3), dtype=np.uint8)
try:
    with VideoOut(Path(sys.argv[1]) / "a.mkv", (96, 128), Fraction(25), Fraction(1, 25)) as out:
        for stamp in range(100):
            out.write(noise[stamp % 20], stamp)
            if sys.argv[2] == "death" and stamp == 50:
                files.discard_unfinished()
                os._exit(9)
except PictureError as error:
    sys.exit(f"{error}")
"""


@pytest.mark.parametrize(("how", "said"), [("full", "a.mkv cannot be written: File too large"), ("death", "")])
def test_a_full_disk_and_a_death_leave_nothing(tmp_path, how, said):
    ended = subprocess.run([sys.executable, "-c", ENDING, str(tmp_path), how], capture_output=True, text=True)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []
