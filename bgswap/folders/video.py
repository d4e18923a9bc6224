"""Frames of video files, exact to the frame: upright, sRGB, as pictures are. Needs the extra bgswap[video].

Question: which frame is frame k, when files store frames out of order, at uneven times, or lie about both?
Choice: the container is read through once, undecoded, and its time stamps sorted; frame k is the k-th of these,
reached from the key frame before it. Where stamps cannot be trusted (AVI with B-frames: FFmpeg invents them),
frames are counted from the start. Why: seeking by k / fps is off by one as soon as a rate is 29.97 or varies.
"""

import threading
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bgswap.errors import PictureError, missing_extra
from bgswap.folders.picture import Picture

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

OPEN = 16  # decoders kept open a thread: several systems' videos side by side, and their mask
KEPT = 4  # ours: decoded frames kept a decoder, so that the frame before is at hand
# swscale: bilinear chroma at full size, accurate, alike on all machines. Its fast way is 17 ms a frame of 1080 rows
# faster and one level too dark (measured: mean -1.1 of 255, against -0.02).
SCALER = 0x2 | 0x2000 | 0x40000 | 0x80000
BT709, UNSPECIFIED = 1, 2  # H.273's numbers of color matrices
HD = 720  # rows from which players take untagged video for BT.709, below for BT.601
LIKE = 0.01  # ours: a video's own word for its rate is taken where it differs by less from what the stamps tell
HDR = {16: "PQ", 18: "HLG"}  # H.273's numbers of transfer curves

_own = threading.local()


def frame(path: Path, index: int) -> Picture:
    """Frame `index` of a video, counted from 0 in the order in which it is shown.

    (H, W, 3) uint8 RGB, or RGBA with straight alpha where the video has some; turned upright; BT.709's and
    sRGB's curves are taken for one another, as browsers do. In order it costs a decode, elsewhere one from the
    key frame before. A thread keeps its last two videos open.

    Raises:
        PictureError: the file is no video, or has no such frame, or that frame is damaged.
        NotReady: PyAV is not installed.
    """
    return _decoder(path).picture(index)


def count(path: Path) -> tuple[int, float]:
    """How many frames a video has, and how many a second (0 where the file does not tell).

    By the header where it says so, less the frames that an edit list hides; else packets are counted undecoded.
    Raises as `frame` does.
    """
    container, stream = _opened(path)
    with container:
        rate = float(stream.average_rate or stream.guessed_rate or Fraction(0))
        entries = getattr(stream, "index_entries", ())  # of MP4 and AVI every frame; PyAV before 15 has none
        hidden = sum(entry.is_discard for entry in entries) if len(entries) == stream.frames else 0
        frames = stream.frames - hidden
        return frames if frames > 0 else len(_stamps(container, stream)[0]), rate


@dataclass(frozen=True)
class Frame:
    """One frame of a video that is read from its beginning; stamp: its time after the first one, in ticks."""

    index: int
    stamp: int
    picture: Picture


class Reader:
    """A video read once, frame after frame; by one thread at a time. Raises as `frame` does.

    rate: frames a second on average. tick: seconds of a tick, which stamps are counted in. stamps: of all frames.
    begin: seconds at which the file shows its first frame; sound is to be moved by as much. notes: what the user
    should hear, complete when the last frame was read.
    """

    def __init__(self, path: Path) -> None:
        self._decoder = _Decoder(path)
        stream, stamps = self._decoder.stream, self._decoder.stamps
        self.tick = stream.time_base or Fraction(1, 1000)
        ticks = stamps[-1] - stamps[0] if stamps else 0
        told = stream.average_rate or stream.guessed_rate or Fraction(25)
        self.rate = told if not ticks else (len(stamps) - 1) / (ticks * self.tick)
        if abs(self.rate / told - 1) < LIKE:  # stamps are rounded, rates are not
            self.rate = told
        if not stamps:
            stamps, self.tick = list(range(self._decoder.number)), 1 / self.rate
        self.begin = stamps[0] * self.tick
        self.stamps = [stamp - stamps[0] for stamp in stamps]
        self.notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> Fraction:
        """From the first frame's beginning to the last one's end."""
        return self.stamps[-1] * self.tick + 1 / self.rate

    def __iter__(self) -> Iterator[Frame]:
        """All frames from here on. What cannot be decoded is an error, or with nothing after it the video's end."""
        wanted = 0
        for index, decoded in self._decoder.coming:
            if decoded.is_corrupt:
                continue
            if index != wanted:
                raise PictureError(f"its frame {wanted} cannot be decoded: the video is damaged there")
            wanted += 1
            yield Frame(index, self.stamps[index], _picture(decoded, self._decoder.path.name))
        if wanted < len(self.stamps):
            self.notes = (f"was cut off: only {wanted} of its {len(self.stamps)} frames can be decoded",)

    def close(self) -> None:
        """Close the file."""
        self._decoder._close()


def _opened(path: Path) -> "tuple[InputContainer, VideoStream]":
    try:
        import av
    except ImportError as cause:
        raise missing_extra("video", "reading video files") from cause
    try:
        path.stat()
        container = av.open(str(path.absolute()))
    except av.error.FFmpegError as cause:
        told = cause.strerror or str(cause)
        raise PictureError(f"cannot be read as a video ({told}): play it, and convert it if it plays") from cause
    except OSError as cause:
        raise PictureError(cause.strerror or str(cause)) from cause
    if not container.streams.video:
        container.close()
        raise PictureError("has no pictures, only sound or text: name a video")
    best = container.streams.best("video")  # not the cover that some music files have
    return container, next((one for one in container.streams.video if one is best), container.streams.video[0])


def _stamps(container: "InputContainer", stream: "VideoStream") -> tuple[list[int | None], list[int]]:
    """Time stamps of all frames and of key frames, as stored, by reading all packets."""
    import av

    stamps: list[int | None] = []
    keys = []
    try:
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                stamps.append(packet.pts)
                if packet.is_keyframe and packet.pts is not None:
                    keys.append(packet.pts)
    except av.error.FFmpegError:  # cut off: what is whole counts
        pass
    if not stamps:
        raise PictureError("has no frames: the video was cut off before its first one")
    return stamps, keys


class _Decoder:
    """An open video that knows which frame comes next."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.container, self.stream = _opened(path)
        with self.container:
            stamps, keys = _stamps(self.container, self.stream)
        self.number = len(stamps)
        self.container, self.stream = _opened(path)
        self.stream.codec_context.thread_count = 1  # photos are made side by side already
        known = [stamp for stamp in stamps if stamp is not None]
        invented = "avi" in self.container.format.name and self.stream.codec_context.has_b_frames
        trusted = len(set(known)) == len(stamps) and not invented
        self.stamps = sorted(known) if trusted else []
        self.keys = sorted(keys) if trusted else []
        self.kept: deque[tuple[int, VideoFrame]] = deque(maxlen=KEPT)
        self.coming = self._frames()
        self.next = 0  # the index that the decoder's next frame has at least

    def picture(self, index: int) -> Picture:
        if not 0 <= index < self.number:
            raise PictureError(f"has {self.number} frames, numbered from 0: there is no frame {index}")
        found = next((kept for at, kept in self.kept if at == index), None)
        if found is None and not self._must_seek(index):
            found = self._advance(index)
        last = bisect_right(self.keys, self.stamps[index]) - 1 if self.stamps else 0
        for start in dict.fromkeys(max(last - back, 0) for back in (0, 1, 4, last)):
            found = found or self._from_key(index, start)
        if found is None:
            raise PictureError(f"its frame {index} cannot be decoded: the video is damaged there")
        return _picture(found, self.path.name)

    def _must_seek(self, index: int) -> bool:
        """True for frames behind, and for those that a key frame comes before."""
        if index < self.next:
            return True
        if not self.stamps or index == self.next:
            return False
        low, high = self.stamps[self.next], self.stamps[index]
        return bisect_right(self.keys, high) > bisect_right(self.keys, low)

    def _from_key(self, index: int, start: int) -> "VideoFrame | None":
        """Decode from key frame `start` on; from the video's first packet for 0."""
        self._close()
        self.container, self.stream = _opened(self.path)
        self.stream.codec_context.thread_count = 1
        self.next = 0
        if start > 0:
            self.container.seek(self.keys[start], stream=self.stream)
            self.next = bisect_left(self.stamps, self.keys[start])
        self.coming = self._frames()
        return self._advance(index)

    def _advance(self, index: int) -> "VideoFrame | None":
        """Decode on to a frame; None where it does not come whole."""
        for number, decoded in self.coming:
            self.next = number + 1
            if number > index:
                return None
            if number == index:
                return None if decoded.is_corrupt else decoded
        return None

    def _frames(self) -> "Iterator[tuple[int, VideoFrame]]":
        """Frames as the decoder gives them, with their indices."""
        import av

        number = 0
        for packet in self.container.demux(self.stream):
            try:
                decoded: list[Any] = list(packet.decode())
            except av.error.FFmpegError:
                continue  # the frames of this packet are missing, later ones may come
            for one in decoded:
                if self.stamps:
                    number = bisect_left(self.stamps, one.pts) if one.pts is not None else len(self.stamps)
                    if number == len(self.stamps) or self.stamps[number] != one.pts:
                        continue  # not a frame of the list: an edit list hides it
                self.kept.append((number, one))
                yield number, one
                number += 1

    def _close(self) -> None:
        self.kept.clear()
        self.coming.close()  # type: ignore[attr-defined]
        self.container.close()


def _decoder(path: Path) -> _Decoder:
    """This thread's decoder of a file, opened again where the file has changed."""
    try:
        state = path.stat()
    except OSError as cause:
        raise PictureError(cause.strerror or str(cause)) from cause
    name = (str(path.absolute()), state.st_mtime_ns, state.st_size)
    decoders: dict[Any, _Decoder] = _own.__dict__.setdefault("decoders", {})
    found = decoders.pop(name, None) or _Decoder(path)
    decoders[name] = found  # the last one used is the last one closed
    while len(decoders) > OPEN:
        decoders.pop(next(iter(decoders)))._close()
    return found


def _picture(decoded: "VideoFrame", name: str) -> Picture:
    alpha = any(part.is_alpha for part in decoded.format.components)
    untagged = decoded.colorspace == UNSPECIFIED and min(decoded.height, decoded.width) >= HD
    matrix = {"src_colorspace": BT709} if untagged else {}
    shown = decoded.reformat(format="rgba" if alpha else "rgb24", interpolation=SCALER, **matrix)
    pixels: NDArray[np.uint8] = shown.to_ndarray()  # type: ignore[assignment]
    pixels = np.ascontiguousarray(np.rot90(pixels, round(decoded.rotation / 90) % 4))
    curve = HDR.get(decoded.color_trc)
    notes = (f"{curve} video was read without tone mapping: its colors look flat",) if curve else ()
    return Picture(pixels, notes, name=name)
