"""The sound of one video for another: its packets as they are, or encoded anew where the container refuses them."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgswap.errors import PictureError, missing_extra

if TYPE_CHECKING:
    from av.container import OutputContainer

RATE = 48000  # samples a second of sound that is encoded anew: Opus knows no other above 24000
UNFIT = {"mov": {"opus", "flac"}}  # FFmpeg says that it can, and then refuses
BITS = 160_000  # ours: a second


class Sound:
    """The best sound of a video file, to be read once. begin: seconds in that file that become 0.

    present: whether the file has any. copied: whether its packets come through untouched, known after `join`.
    """

    def __init__(self, path: Path, begin: Fraction = Fraction(0)) -> None:
        try:
            import av
        except ImportError as cause:
            raise missing_extra("video", "reading video files") from cause
        try:
            self._container = av.open(str(path.absolute()))
        except (av.error.FFmpegError, OSError) as cause:
            raise PictureError(f"cannot be read as a video ({cause.strerror or cause})") from cause
        self._from = self._container.streams.best("audio")
        self.present = self._from is not None
        self._begin, self.copied = begin, False
        self._to: Any = None
        self._coming: Iterator[Any] = iter(())
        self._held: Any = None

    def join(self, container: "OutputContainer", codec: str) -> None:
        """Add its stream to a container that nothing was written to yet. codec: where it cannot be copied."""
        source: Any = self._from
        name = source.codec_context.name
        self.copied = name in container.supported_codecs and name not in UNFIT.get(container.format.name, ())
        if self.copied:
            self._to = container.add_stream_from_template(source)
        else:
            layout = "mono" if source.codec_context.channels == 1 else "stereo"
            self._to = container.add_stream(codec, rate=RATE, layout=layout, bit_rate=BITS)
        self._coming = self._copies() if self.copied else self._encoded()
        self._held = next(self._coming, None)

    def until(self, seconds: Fraction) -> Iterator[Any]:
        """The next packets, of what begins before `seconds`."""
        while self._held is not None and self._held.pts * self._held.time_base < seconds:
            yield self._held
            self._held = next(self._coming, None)

    def close(self) -> None:
        """Close the file that it is read from."""
        self._container.close()

    def _packets(self) -> Iterator[Any]:
        import av

        try:
            for packet in self._container.demux(self._from):
                if packet.size and packet.pts is not None:
                    yield packet
        except av.error.FFmpegError:  # cut off: what is whole is heard
            return

    def _copies(self) -> Iterator[Any]:
        for packet in self._packets():
            later = round(self._begin / packet.time_base)
            packet.pts -= later
            packet.dts = None if packet.dts is None else packet.dts - later
            packet.stream = self._to
            yield packet

    def _encoded(self) -> Iterator[Any]:
        import av

        for packet in self._packets():
            try:
                frames: list[Any] = list(packet.decode())
            except av.error.FFmpegError:
                continue
            for frame in frames:
                frame.pts -= round(self._begin / frame.time_base)
                yield from self._to.encode(frame)
        yield from self._to.encode(None)
