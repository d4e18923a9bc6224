"""Small videos for tests, made from stills, with a tone as sound."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 48000  # samples a second
LOSSLESS = {3: ("ffv1", "bgr0"), 4: ("ffv1", "bgra")}


def write(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    rate: int = 25,
    *,
    sound: str = "",
    stamps: Sequence[int] = (),
    codec: tuple[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A video of (H, W, 3) or (H, W, 4); lossless, for .mkv and .avi, unless a codec and its layout are named.

    sound: a codec; 440 Hz, as long as the frames. stamps: of frames, in frames.
    """
    import av

    name, layout = codec or LOSSLESS[frames[0].shape[2]]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(name, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.options = layout, options or {}
        voice: Any = container.add_stream(sound, rate=RATE, layout="mono") if sound else None
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgba" if pixels.shape[2] == 4 else "rgb24")
            if stamps:
                frame.pts = stamps[number]
            container.mux(stream.encode(frame))
            if voice:
                container.mux(voice.encode(tone(number, rate)))
        container.mux(stream.encode())
        if voice:
            container.mux(voice.encode())
    return path


def tone(number: int, rate: int) -> Any:
    """The sound of one frame."""
    import av

    begin, end = RATE * number // rate, RATE * (number + 1) // rate
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(begin, end) / RATE)
    frame = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts = RATE, begin
    return frame


def packets(path: Path) -> list[tuple[float, bytes]]:
    """Seconds and bytes of every packet of sound."""
    import av

    with av.open(str(path)) as container:
        return [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(audio=0) if p.size]


def heard(path: Path) -> NDArray[np.float32]:
    """The sound's samples."""
    import av

    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def spoiled(path: Path, number: int) -> Path:
    """The same file with a frame in it that cannot be decoded (Matroska: H.264)."""
    import av

    with av.open(str(path)) as container:
        at, size = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size][number]
    data = bytearray(path.read_bytes())
    data[at + 12 : at + size] = bytes(size - 12)
    path.write_bytes(data)
    return path
