"""The one place where pictures are opened: upright, sRGB, straight alpha, whatever the file was.

Question: how do pictures become arrays? Choice: the header is read first (headers.py: allow-list, size, cap),
then the fastest decoder that is right for that kind (decode.py), then profile, orientation, depth. Why:
Pillow alone narrows 16-bit color silently; OpenCV alone turns some formats and not others, and knows no
profiles. Written: encode.py, files.py. What would change our mind: Pillow reading 16-bit RGB.
"""

from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.errors import PictureError
from bgswap.folders import decode, headers
from bgswap.folders.encode import encode
from bgswap.folders.files import write_whole as write
from bgswap.folders.headers import Header
from bgswap.folders.profiles import to_srgb
from bgswap.folders.records import file_of

__all__ = ["Header", "Picture", "ReadOptions", "encode", "probe", "read", "read_mask", "write"]

# EXIF orientation -> (transpose first, then the axis that cv2.flip takes, or None)
TURNS = {
    2: (False, 1),
    3: (False, -1),
    4: (False, 0),
    5: (True, None),
    6: (True, 1),
    7: (True, -1),
    8: (True, 0),
}


@dataclass(frozen=True)
class ReadOptions:
    """formats: "usual" or "wide"; max_pixels: held before decoding; depth: 16 keeps deep files deep."""

    formats: str = "usual"
    max_pixels: int = 150_000_000
    depth: int = 8


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels and what is known of them.

    pixels: (H, W, 3) RGB, (H, W, 4) RGBA with straight alpha, or (H, W) for a mask; uint8 or uint16; sRGB.
    notes: what the user should hear; metadata: "dpi" (x, y), "artist", "copyright" where known;
    full_size: (height, width) in the file, larger than the pixels after a reduced-size decode.
    """

    pixels: NDArray[Any]
    notes: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    full_size: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.full_size == (0, 0):
            object.__setattr__(self, "full_size", self.size)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def alpha(self) -> NDArray[Any] | None:
        """(H, W), a view; None where the picture has none."""
        return self.pixels[..., 3] if self.pixels.ndim == 3 and self.pixels.shape[2] == 4 else None

    @property
    def rgb(self) -> NDArray[Any]:
        """(H, W, 3), a view; of a mask, a copy with three equal channels."""
        return self.pixels[..., :3] if self.pixels.ndim == 3 else _in_color(self.pixels)


def probe(source: Path | bytes, options: ReadOptions | None = None) -> Header:
    """Format, upright size, depth and frame count from the header alone. Raises PictureError as `read` does."""
    options = options or ReadOptions()
    if isinstance(source, bytes):
        return _alone(_checked(headers.identify(BytesIO(source), options.formats), options))
    try:
        with source.open("rb") as file:
            return _alone(_checked(headers.identify(file, options.formats), options))
    except OSError as cause:
        raise PictureError(cause.strerror or str(cause)) from cause


def read(source: Path | bytes, options: ReadOptions | None = None, at_least: tuple[int, int] | None = None) -> Picture:
    """Open a picture: (H, W, 3) RGB or (H, W, 4) straight RGBA, upright, in sRGB.

    source: a file, a file's bytes, or a video's frame as VIDEO/INDEX, counted from 0; at_least: (height, width)
    that suffices: a JPEG may then come smaller by 2, 4 or 8, and `full_size` tells the file's own size. Of
    animations the first frame, with a note.

    Raises:
        PictureError: one sentence: what is wrong with the file and what to do. Never a codec's own error.
    """
    if isinstance(source, Path) and file_of(source) != source:
        return _frame(source)
    pixels, header, notes = _decoded(source, options or ReadOptions(), at_least, colors=True)
    return Picture(_in_color(pixels), notes, header.metadata, _name(source), header.size)


def read_mask(source: Path | bytes, options: ReadOptions | None = None) -> Picture:
    """Open a matte or mask: (H, W), white = person, or "act here". Color profiles are ignored.

    A picture with transparency gives its alpha, others their luminance (0.299 R + 0.587 G + 0.114 B). Grey
    pixels under an alpha that hides nothing are a mask saved as RGBA, as browsers do: their luminance is
    taken, with a note.
    """
    if isinstance(source, Path) and file_of(source) != source:
        shown = _frame(source)
        return replace(
            shown, pixels=cv2.cvtColor(shown.rgb, cv2.COLOR_RGB2GRAY) if shown.alpha is None else shown.alpha
        )
    pixels, header, notes = _decoded(source, options or ReadOptions(), None, colors=False)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        alpha = cv2.extractChannel(pixels, 3)
        if alpha.min() == np.iinfo(alpha.dtype).max and _is_grey(pixels):
            notes += ("its transparency hides nothing, so its greys were taken as the mask",)
            pixels = cv2.extractChannel(pixels, 0)
        else:
            pixels = alpha
    elif pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return Picture(pixels, notes, header.metadata, _name(source), header.size)


def _frame(source: Path) -> Picture:
    from bgswap.folders import video  # it needs Picture, and an extra

    if not (source.name.isascii() and source.name.isdigit()):
        raise PictureError(f"'{source.name}' is no number of a frame")
    return video.frame(source.parent, int(source.name))


def _decoded(
    source: Path | bytes, options: ReadOptions, at_least: tuple[int, int] | None, *, colors: bool
) -> tuple[NDArray[Any], Header, tuple[str, ...]]:
    """Upright pixels of one or more channels, the header, and all notes."""
    data = source if isinstance(source, bytes) else _bytes(source)
    header = _checked(headers.identify(BytesIO(data), options.formats), options)
    least = at_least if at_least is None or header.orientation < 5 else (at_least[1], at_least[0])
    pixels, notes, icc = decode.native(header, data, least)
    notes = header.notes + _suffix_note(source, header) + notes
    if pixels.dtype == np.uint16 and options.depth == 8:
        pixels = decode.narrow(pixels)
        notes += (f"{'float' if header.depth > 16 else '16-bit'} samples were narrowed to 8 bits",)
    if icc and colors:
        pixels, more = to_srgb(pixels, icc)
        notes += more
    return _upright(pixels, header.orientation), header, notes


def _alone(header: Header) -> Header:
    return replace(header, image=None)  # its file is closed: what is left can be kept and sent to workers


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise PictureError(cause.strerror or str(cause)) from cause


def _checked(header: Header, options: ReadOptions) -> Header:
    count = header.size[0] * header.size[1]
    if count == 0:
        raise PictureError("the header gives a side of 0 pixels: export the picture again")
    if count > options.max_pixels:
        sides = f"{header.size[1]} x {header.size[0]}"
        limit = f"{options.max_pixels / 1e6:g} megapixels"
        raise PictureError(f"{sides} is more than {limit}: if you trust this file, use --max-pixels {count}")
    return header


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo EXIF's orientation 1 to 8; may write into `pixels`, a fresh decode."""
    if orientation not in TURNS:
        return pixels
    swap, axis = TURNS[orientation]
    pixels = cv2.transpose(pixels) if swap else pixels
    return pixels if axis is None else cv2.flip(pixels, axis, dst=pixels)


def _in_color(pixels: NDArray[Any]) -> NDArray[Any]:
    return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels


def _is_grey(pixels: NDArray[Any]) -> bool:
    strips = (pixels[top : top + 256] for top in range(0, len(pixels), 256))
    return all(bool((strip[..., :1] == strip[..., 1:3]).all()) for strip in strips)


def _name(source: Path | bytes) -> str:
    return "" if isinstance(source, bytes) else source.name


def _suffix_note(source: Path | bytes, header: Header) -> tuple[str, ...]:
    suffixes = headers.SUFFIXES.get(header.format)
    if isinstance(source, bytes) or suffixes is None or not source.suffix or source.suffix.lower() in suffixes:
        return ()
    return (f"named {source.suffix} but is {header.format}",)
