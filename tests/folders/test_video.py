"""Frames of videos: the k-th is the k-th, in whatever order they are asked for."""

import struct
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bgswap.errors import NotReady, PictureError
from bgswap.folders import video

av = pytest.importorskip("av")

FRAMES, HEIGHT, WIDTH = 30, 96, 128
KINDS = [
    ("a.mp4", "libx264", {"g": "12", "bf": "2"}),
    ("a.mov", "mpeg4", {"g": "6"}),
    ("a.mkv", "libx264", {"g": "12"}),
    ("a.webm", "libvpx-vp9", {"g": "10", "cpu-used": "8", "deadline": "realtime"}),
    ("a.avi", "mpeg4", {"g": "6"}),
    ("b.avi", "libx264", {"g": "12", "bf": "2"}),  # AVI's time stamps do not tell B-frames' order
]


def views(photo: NDArray[np.uint8], count: int = FRAMES) -> list[NDArray[np.uint8]]:
    """A camera that pans over the photo: every frame differs from every other."""
    return [np.ascontiguousarray(photo[2 * k : 2 * k + HEIGHT, 5 * k : 5 * k + WIDTH]) for k in range(count)]


def write(path: Path, frames: list[NDArray[np.uint8]], codec: str = "libx264", **settings: Any) -> Path:
    turn, stamps = settings.pop("turn", 0), settings.pop("stamps", None)
    layout = settings.pop("layout", "yuv420p")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.options = layout, settings
        if turn:
            stream.set_display_rotation(turn)
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgba" if pixels.shape[2] == 4 else "rgb24")
            if stamps:
                frame.pts = stamps[number]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def nearest(pixels: NDArray[Any], frames: list[NDArray[np.uint8]]) -> tuple[int, float]:
    """Which of the frames it is, and how far it is from that, mean of 255."""
    errors = [float(np.abs(pixels[..., :3].astype(int) - frame[..., :3]).mean()) for frame in frames]
    return int(np.argmin(errors)), min(errors)


@pytest.mark.parametrize(("name", "codec", "settings"), KINDS, ids=[f"{name}-{codec}" for name, codec, _ in KINDS])
def test_frame_k_is_frame_k_in_order_and_out_of_order(tmp_path, photo, name, codec, settings):
    frames = views(photo)
    path = write(tmp_path / name, frames, codec, **settings)
    assert video.count(path) == (FRAMES, 25.0)
    for index in (*range(FRAMES), 0, 29, 11, 12, 13, 3, 2, 2, 24, 23, 5):
        at, error = nearest(video.frame(path, index).pixels, frames)
        assert (index, at) == (index, index)
        assert error < 12  # codec loss; the frame before or after is off by more than 20


def test_uneven_time_stamps_do_not_move_frames(tmp_path, photo):
    frames = views(photo, 12)
    stamps = [0, 1, 2, 9, 10, 30, 31, 32, 33, 60, 61, 90]
    path = write(tmp_path / "a.mkv", frames, stamps=stamps, g="4")
    assert video.count(path)[0] == 12
    assert [nearest(video.frame(path, index).pixels, frames)[0] for index in (11, 3, 4, 5, 0, 9)] == [11, 3, 4, 5, 0, 9]


def test_frames_that_an_edit_list_hides_do_not_count(tmp_path, photo):
    """Phones trim this way: the first frames stay in the file, and the list says where showing begins."""
    frames = views(photo)
    path = write(tmp_path / "a.mp4", frames, g="12", bf="2")
    data = bytearray(path.read_bytes())
    at = data.find(b"elst") + 16  # after the name, the version, the count and the edit's length
    (begin,) = struct.unpack(">i", data[at : at + 4])
    data[at : at + 4] = struct.pack(">i", begin + 10 * 512)  # 512 ticks a frame
    path.write_bytes(data)
    assert video.count(path)[0] == FRAMES - 10
    assert [nearest(video.frame(path, index).pixels, frames)[0] for index in (0, 5, 19, 1)] == [10, 15, 29, 11]


def test_a_video_held_upright_by_its_metadata_comes_upright(tmp_path, photo):
    """The pixels are stored lying, with a note to turn them by 90 degrees counterclockwise, as phones do."""
    frames = views(photo, 3)
    lying = [np.ascontiguousarray(np.rot90(frame, -1)) for frame in frames]
    path = write(tmp_path / "a.mp4", lying, turn=90)
    picture = video.frame(path, 1)
    assert picture.size == (HEIGHT, WIDTH)
    at, error = nearest(picture.pixels, frames)
    assert at == 1
    assert error < 12


def test_colors_come_back_without_a_cast(tmp_path, photo):
    flat = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    for color in ((200, 40, 30), (30, 160, 60), (40, 60, 200), (128, 128, 128), (250, 250, 250), (4, 4, 4)):
        flat[:] = color
        pixels = video.frame(write(tmp_path / "a.mp4", [flat] * 2, qp="1"), 1).pixels
        assert np.abs(pixels.reshape(-1, 3).mean(0) - color).max() < 3


def test_large_video_without_a_tag_is_read_by_the_matrix_of_high_definition(tmp_path):
    flat = np.full((720, 720, 3), (200, 40, 30), np.uint8)
    source = av.VideoFrame.from_ndarray(flat, format="rgb24").reformat(format="yuv420p", dst_colorspace="ITU709")
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 720, 720, "yuv420p"
        plain = av.VideoFrame.from_ndarray(source.to_ndarray(), format="yuv420p")  # the tag stays behind
        container.mux(stream.encode(plain))
        container.mux(stream.encode())
    pixels = video.frame(tmp_path / "a.mkv", 0).pixels
    assert np.abs(pixels.reshape(-1, 3).mean(0) - (200, 40, 30)).max() < 3


def test_transparent_video_gives_straight_alpha(tmp_path, photo):
    frames = [np.dstack([frame, np.full(frame.shape[:2], 60 * k, np.uint8)]) for k, frame in enumerate(views(photo, 3))]
    path = write(tmp_path / "a.mov", frames, "qtrle", layout="argb")
    picture = video.frame(path, 2)
    assert picture.alpha is not None
    assert (picture.pixels == frames[2]).all()  # qtrle loses nothing


def test_threads_have_decoders_of_their_own(tmp_path, photo):
    frames = views(photo)
    path = write(tmp_path / "a.mp4", frames, g="12")
    found: dict[int, list[int]] = {}

    def work(number: int) -> None:
        order = np.random.default_rng(number).permutation(FRAMES).tolist()
        found[number] = [nearest(video.frame(path, k).pixels, frames)[0] - k for k in order]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [0] * FRAMES for number in range(3)}


def test_more_videos_than_are_kept_open_take_turns(tmp_path, photo):
    frames = views(photo)
    paths = [write(tmp_path / f"{k}.mp4", frames[k:]) for k in range(4)]
    for index in (0, 1, 2, 7):
        assert [nearest(video.frame(path, index).pixels, frames)[0] for path in paths] == [index + k for k in range(4)]


def test_a_file_that_was_replaced_is_opened_again(tmp_path, photo):
    frames = views(photo)
    path = write(tmp_path / "a.mp4", frames[:10])
    assert nearest(video.frame(path, 0).pixels, frames)[0] == 0
    write(path, frames[15:])
    assert nearest(video.frame(path, 0).pixels, frames)[0] == 15


def test_what_is_no_video_is_said_in_a_sentence(tmp_path, photo):
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "empty.mkv").touch()
    for ask in (video.count, lambda path: video.frame(path, 0)):
        with pytest.raises(PictureError, match="cannot be read as a video"):
            ask(tmp_path / "text.mp4")
        with pytest.raises(PictureError, match="cannot be read as a video"):
            ask(tmp_path / "empty.mkv")
        with pytest.raises(PictureError, match="No such file"):
            ask(tmp_path / "none.mp4")


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(PictureError, match="no pictures"):
        video.count(tmp_path / "a.mkv")


def test_a_frame_that_is_not_there_is_named(tmp_path, photo):
    path = write(tmp_path / "a.mp4", views(photo, 5))
    for index in (5, -1):
        with pytest.raises(PictureError, match=f"has 5 frames, numbered from 0: there is no frame {index}"):
            video.frame(path, index)


def test_a_video_cut_off_gives_what_is_whole_and_names_the_rest(tmp_path, photo):
    frames = views(photo)
    whole = write(tmp_path / "a.mkv", frames, g="10", bf="0")
    (tmp_path / "b.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    frames_left, _ = video.count(tmp_path / "b.mkv")
    assert 0 < frames_left < FRAMES
    assert nearest(video.frame(tmp_path / "b.mkv", frames_left - 2).pixels, frames)[0] == frames_left - 2
    with pytest.raises(PictureError, match="there is no frame"):
        video.frame(tmp_path / "b.mkv", frames_left)


def test_a_damaged_frame_is_an_error_and_the_frames_after_the_next_key_frame_are_not(tmp_path, photo):
    frames = views(photo)
    path = write(tmp_path / "a.mkv", frames, "libx264", g="10", bf="0", sc_threshold="0")
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    at, size = places[13]
    data[at + 12 : at + size] = bytes(size - 12)
    path.write_bytes(data)
    assert nearest(video.frame(path, 25).pixels, frames)[0] == 25
    assert nearest(video.frame(path, 9).pixels, frames)[0] == 9
    with pytest.raises(PictureError, match="frame 13 cannot be decoded"):
        video.frame(path, 13)


def test_without_pyav_the_extra_is_named(tmp_path, photo, monkeypatch):
    path = write(tmp_path / "a.mp4", views(photo, 2))
    monkeypatch.setitem(sys.modules, "av", None)
    for ask in (video.count, lambda file: video.frame(file, 0)):
        with pytest.raises(NotReady, match=r"pip install 'bgswap\[video\]'"):
            ask(path)


def test_a_frame_whose_decoder_had_to_guess_is_an_error(tmp_path, photo):
    """MPEG-4's decoder patches what it cannot read, and says so."""
    path = write(tmp_path / "a.mkv", views(photo), "mpeg4", g="10")
    with av.open(str(path)) as container:
        at, size = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size][13]
    data = bytearray(path.read_bytes())
    middle = slice(at + size // 2, at + size // 2 + 60)
    data[middle] = np.random.default_rng(0).bytes(60)
    path.write_bytes(data)
    with pytest.raises(PictureError, match="frame 13 cannot be decoded"):
        video.frame(path, 13)
