"""TIFF: the header of any file, so that deep pictures are known before any decoder, and a plain writer.

Pillow cannot open float RGB and narrows 16-bit RGB without a word, so the first page's tags are read here.
Format: TIFF revision 6.0 (Aldus, 1992) and the BigTIFF design (Joris Van Damme, 2004).
"""

import struct
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bgswap.folders import png

STRIP_ROWS = 256
MAX_TAGS = 4096  # ours: more is not an honest page
INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # field type -> struct letter
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, OFFSETS, ORIENTATION = 256, 257, 258, 259, 262, 273, 274
SAMPLES, ROWS, COUNTS, X_DPI, Y_DPI, PLANAR, UNIT = 277, 278, 279, 282, 283, 284, 296
ARTIST, PREDICTOR, EXTRA, SAMPLE_FORMAT, COPYRIGHT, ICC = 315, 317, 338, 339, 33432, 34675
FLOAT, DEFLATE, WHITE_IS_ZERO, GREY, RGB, INCH = 3, 8, 0, 1, 2, 2
PREMULTIPLIED, STRAIGHT = 1, 2


class Page(NamedTuple):
    """The first page: sizes in pixels, `bits` a sample, where the orientation's value lies in the file."""

    height: int
    width: int
    bits: int
    channels: int
    is_float: bool
    photometric: int
    planar: bool  # each channel apart
    premultiplied: bool
    orientation: int
    orientation_at: int | None
    icc: bytes | None


def read_page(file: BinaryIO) -> Page | None:
    """The first page's tags, or None where this is not a TIFF with a sound first page."""
    try:
        tags, places = _tags(file)
    except (struct.error, KeyError, OverflowError, OSError):
        return None
    channels = _first(tags, SAMPLES, 1)
    return Page(
        height=_first(tags, HEIGHT, 0),
        width=_first(tags, WIDTH, 0),
        bits=max(tags.get(BITS, (1,)), default=1),
        channels=channels,
        is_float=_first(tags, SAMPLE_FORMAT, 1) == FLOAT,
        photometric=_first(tags, PHOTOMETRIC, GREY),
        planar=_first(tags, PLANAR, 1) == 2 and channels > 1,
        premultiplied=_first(tags, EXTRA, 0) == PREMULTIPLIED,
        orientation=_first(tags, ORIENTATION, 1),
        orientation_at=places.get(ORIENTATION),
        icc=bytes(tags[ICC]) if ICC in tags else None,
    )


def upright(data: bytes, page: Page, order: str) -> bytes:
    """The file with its orientation tag set to 1, so that no decoder turns it behind our back."""
    if page.orientation_at is None or page.orientation == 1:
        return data
    changed = bytearray(data)
    struct.pack_into(order + "H", changed, page.orientation_at, 1)
    return bytes(changed)


def byte_order(start: bytes) -> str:
    """struct's letter for the order that the first two bytes announce."""
    return "<" if start[:2] == b"II" else ">"


def encode(
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    icc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    text: Mapping[str, str] | None = None,
    keep_hidden: bool = False,
) -> bytes:
    """(H, W), (H, W, 3) or (H, W, 4) straight alpha, uint8 or uint16 -> TIFF: deflate, horizontal predictor.

    text: "artist" and "copyright"; dpi: (x, y); keep_hidden: keep colors where alpha is 0, else write 0, 0,
    0.
    """
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    strips = [_strip(pixels[top : top + STRIP_ROWS], keep_hidden) for top in range(0, height, STRIP_ROWS)]
    starts = np.cumsum([8, *(len(strip) + len(strip) % 2 for strip in strips)]).tolist()
    tags: dict[int, tuple[str, list[int] | bytes]] = {
        WIDTH: ("I", [width]),
        HEIGHT: ("I", [height]),
        BITS: ("H", [8 * pixels.itemsize] * channels),
        COMPRESSION: ("H", [DEFLATE]),
        PHOTOMETRIC: ("H", [GREY if channels == 1 else RGB]),
        OFFSETS: ("I", starts[:-1]),
        SAMPLES: ("H", [channels]),
        ROWS: ("I", [STRIP_ROWS]),
        COUNTS: ("I", [len(strip) for strip in strips]),
        PLANAR: ("H", [1]),
        PREDICTOR: ("H", [2]),
        SAMPLE_FORMAT: ("H", [1] * channels),
    }
    if channels == 4:
        tags[EXTRA] = ("H", [STRAIGHT])
    if dpi:
        tags |= {X_DPI: ("R", [round(dpi[0] * 100), 100]), Y_DPI: ("R", [round(dpi[1] * 100), 100])}
        tags[UNIT] = ("H", [INCH])
    for tag, name in ((ARTIST, "artist"), (COPYRIGHT, "copyright")):
        if text and name in text:
            tags[tag] = ("s", text[name].encode() + b"\0")
    if icc:
        tags[ICC] = ("u", icc)
    body = b"".join(strip + b"\0" * (len(strip) % 2) for strip in strips)
    return struct.pack("<2sHI", b"II", 42, starts[-1]) + body + _directory(tags, starts[-1])


def _strip(rows: NDArray[Any], keep_hidden: bool) -> bytes:
    if rows.ndim == 3 and rows.shape[2] == 4 and not keep_hidden:
        rows = png.clear_strip(np.ascontiguousarray(rows))
    apart = rows.astype(rows.dtype.newbyteorder("<"))
    apart[:, 1:] = rows[:, 1:] - rows[:, :-1]  # the horizontal predictor: unsigned differences wrap round
    return bytes(png.deflate.compress(apart.tobytes(), 1))


def _directory(tags: Mapping[int, tuple[str, list[int] | bytes]], start: int) -> bytes:
    """The list of tags, followed by the values that do not fit into four bytes."""
    kinds = {"H": 3, "I": 4, "R": 5, "s": 2, "u": 7}
    head, values = struct.pack("<H", len(tags)), b""
    beyond = start + 2 + 12 * len(tags) + 4
    for tag, (kind, content) in sorted(tags.items()):
        letter = "I" if kind == "R" else kind
        raw = content if isinstance(content, bytes) else struct.pack(f"<{len(content)}{letter}", *content)
        count = len(content) // 2 if kind == "R" else len(content)
        head += struct.pack("<HHI", tag, kinds[kind], count)
        if len(raw) <= 4:
            head += raw.ljust(4, b"\0")
        else:
            head += struct.pack("<I", beyond + len(values))
            values += raw + b"\0" * (len(raw) % 2)
    return head + struct.pack("<I", 0) + values


def _first(tags: Mapping[int, tuple[int, ...] | bytes], tag: int, default: int) -> int:
    values = tags.get(tag, ())
    return values[0] if values else default


def _tags(file: BinaryIO) -> tuple[dict[int, tuple[int, ...] | bytes], dict[int, int]]:
    """Integer tags (and the profile) of the first page, and where in the file each value begins."""
    file.seek(0)
    start = file.read(16)
    order = byte_order(start)
    big = start[2:4] in (b"+\0", b"\0+")
    word, entry = ("Q", "HHQ8s") if big else ("I", "HHI4s")
    (at,) = struct.unpack_from(order + word, start, 8 if big else 4)
    file.seek(at)
    count_kind = order + ("Q" if big else "H")
    (count,) = struct.unpack(count_kind, file.read(struct.calcsize(count_kind)))
    size = struct.calcsize(order + entry)
    table = file.read(size * min(count, MAX_TAGS))
    tags: dict[int, tuple[int, ...] | bytes] = {}
    places: dict[int, int] = {}
    here = at + struct.calcsize(count_kind)
    for index in range(len(table) // size):
        tag, kind, length, inline = struct.unpack_from(order + entry, table, index * size)
        wanted = tag == ICC or (kind in INTEGERS and tag not in (OFFSETS, COUNTS))
        if not wanted or length > (1 << 24 if tag == ICC else MAX_TAGS):
            continue
        letter = "s" if tag == ICC else INTEGERS[kind]
        raw_size = length if tag == ICC else length * struct.calcsize(letter)
        places[tag] = here + (index + 1) * size - len(inline)
        if raw_size > len(inline):
            (places[tag],) = struct.unpack(order + word, inline)
            file.seek(places[tag])
            inline = file.read(raw_size)
        values = struct.unpack_from(f"{order}{length}{letter}", inline)
        tags[tag] = values[0] if tag == ICC else values
    return tags, places
