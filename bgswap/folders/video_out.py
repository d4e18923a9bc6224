"""Videos written whole or not at all, with another video's sound. Needs the extra bgswap[video].

Question: which codecs? Choice: what plays nearly everywhere: H.264 in .mp4, .m4v, .mov and .mkv, VP9 in .webm, both at
a constant quality, 4:2:0, tagged BT.709. Equal frames give equal bytes: encoders get a fixed number of threads.
"""

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.errors import PictureError, UsageError, missing_extra
from bgswap.folders.files import Unfinished
from bgswap.folders.records import show
from bgswap.folders.video import BT709, SCALER
from bgswap.folders.video_sound import Sound

# suffix -> container, picture codec, what its sound is encoded as where it cannot be copied
KINDS = {
    ".mp4": ("mp4", "libx264", "aac"),
    ".m4v": ("mp4", "libx264", "aac"),
    ".mov": ("mov", "libx264", "aac"),
    ".mkv": ("matroska", "libx264", "aac"),
    ".webm": ("webm", "libvpx-vp9", "libopus"),
}
QUALITY = {"libx264": 18, "libvpx-vp9": 24}  # ours: constant rate factors at which loss is hard to see
CLOSER = 10  # ours: added quality for mattes, whose levels are measured
SPEED = {
    "libx264": {"preset": "fast"},
    "libvpx-vp9": {"b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1", "tile-columns": "2"},
}
THREADS = 4  # ours: of an encoder, on every machine: x264's bytes hang on their number
AVX_512 = 13  # OpenCV's number of a processor's feature
FINEST = 100_000  # ours: of a rate as FFmpeg takes it, a fraction of 32-bit numbers
LIMITED = 1  # FFmpeg's number of the range 16..235, as televisions and most videos have it


def check_suffix(path: Path) -> None:
    """UsageError for names that no video is written as."""
    if path.suffix.lower() not in KINDS:
        raise UsageError(f"no video is written as '{path.suffix}': use one of {' '.join(KINDS)}")


def kept_size(path: Path, size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a picture as the video keeps it: H.264 in 4:2:0 leaves out an odd last row or column."""
    even = KINDS[path.suffix.lower()][1] == "libx264"
    return (size[0] // 2 * 2, size[1] // 2 * 2) if even else size


class VideoOut:
    """A video in the making, for `with`: it takes its name when all is well, and leaves nothing behind otherwise.

    size: (height, width) of the pictures; see kept_size. rate: frames a second, for the encoder. tick: seconds of a
    tick, which stamps are counted in. sound: one that is present; it is copied where the container takes its codec,
    else encoded anew, and closed at the end. matte: closer to the pixels.

    Raises:
        PictureError: the file cannot be written, with its name. UsageError: suffix. NotReady: PyAV is not installed.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        rate: Fraction,
        tick: Fraction,
        *,
        sound: Sound | None = None,
        matte: bool = False,
    ) -> None:
        check_suffix(path)
        try:
            import av
        except ImportError as cause:
            raise missing_extra("video", "writing video files") from cause
        self.path, self.size, self.tick = path, kept_size(path, size), tick
        kind, codec, sound_codec = KINDS[path.suffix.lower()]
        if min(self.size) < 2:
            raise PictureError(f"{show(path)}: {size[1]}x{size[0]} pixels are too few for a video")
        self._sound = sound
        self._last = Fraction(0)
        self._temporary: Unfinished | None = None
        try:
            self._temporary = Unfinished(path)
            os.close(self._temporary.descriptor)
            options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {}
            self._container = av.open(
                str(self._temporary.path), "w", format=kind, options=options | {"fflags": "+bitexact"}
            )
            self._stream: Any = self._container.add_stream(codec, rate=rate.limit_denominator(FINEST))
            self._set_up(codec, matte)
            if sound is not None:
                sound.join(self._container, sound_codec)
        except BaseException as cause:
            self._discard()
            raise _told(cause, path) from cause

    def _set_up(self, codec: str, matte: bool) -> None:
        stream = self._stream
        stream.height, stream.width = self.size
        stream.pix_fmt = "yuv420p"
        stream.options = SPEED[codec] | {"crf": str(QUALITY[codec] - (CLOSER if matte else 0))}
        if codec == "libx264" and cv2.checkHardwareSupport(AVX_512):
            # Its AVX-512 code reads memory that nobody wrote: 160 pixels wide, equal frames gave two different files.
            stream.options = stream.options | {"x264-params": "asm=AVX2"}
        context = stream.codec_context
        context.time_base = self.tick
        context.thread_count = THREADS
        context.color_range = LIMITED
        context.colorspace = context.color_primaries = context.color_trc = BT709

    def write(self, pixels: NDArray[np.uint8], stamp: int) -> None:
        """Add a picture (H, W, 3) sRGB, or a matte (H, W), that is shown from `stamp` ticks on.

        Raises:
            PictureError: it has another size than the first one, or the disk is full.
        """
        import av

        if kept_size(self.path, (pixels.shape[0], pixels.shape[1])) != self.size:
            sizes = f"{pixels.shape[1]}x{pixels.shape[0]} after {self.size[1]}x{self.size[0]}"
            raise PictureError(f"{show(self.path)}: a video's frames are all of one size, and one is {sizes}")
        pixels = pixels[: self.size[0], : self.size[1]]
        colors = pixels if pixels.ndim == 3 else np.dstack([pixels] * 3)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(colors), format="rgb24")
        limits: dict[str, Any] = {"dst_colorspace": BT709, "dst_color_range": LIMITED, "interpolation": SCALER}
        frame = frame.reformat(format="yuv420p", **limits)
        frame.pts, frame.time_base = stamp, self.tick
        try:
            self._container.mux(self._stream.encode(frame))
            self._hear(stamp * self.tick)
        except (av.error.FFmpegError, OSError) as cause:
            raise _told(cause, self.path) from cause
        self._last = stamp * self.tick

    def _hear(self, seconds: Fraction) -> None:
        if self._sound is not None:
            for packet in self._sound.until(seconds):
                self._container.mux(packet)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            self._container.mux(self._stream.encode(None))
            self._hear(self._last + 1 / Fraction(self._stream.average_rate or self._stream.rate or 25))
            self._container.close()
            assert self._temporary is not None  # made before anything was written
            self._temporary.keep()
        except BaseException as cause:
            self._discard()
            raise _told(cause, self.path) from cause
        if self._sound is not None:
            self._sound.close()

    def _discard(self) -> None:
        import av

        for one in (getattr(self, "_container", None), self._sound):
            with suppress(av.error.FFmpegError, OSError):  # what is thrown away need not be whole
                if one is not None:
                    one.close()
        if self._temporary is not None:
            self._temporary.discard()


def _told(cause: BaseException, path: Path) -> BaseException:
    """A codec's or the system's own error as a sentence; any other as it is."""
    import av

    if isinstance(cause, av.error.FFmpegError | OSError):
        return PictureError(f"{show(path)} cannot be written: {cause.strerror or cause}")
    return cause
