"""Binary PGM, PPM and PAM (P5, P6, P7): the plain pictures that pipes carry. After netpbm's format pages."""

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bgswap.errors import PictureError

TUPLES = {1: b"GRAYSCALE", 2: b"GRAYSCALE_ALPHA", 3: b"RGB", 4: b"RGB_ALPHA"}
HEAD_BYTES = 4096  # ours: no honest header is longer
BROKEN = "the PNM header is broken: write the picture again"
_FIELD = re.compile(rb"(?:\s|#[^\n]*\n)+(\d{1,9})")


class Head(NamedTuple):
    """What the header says; `offset` is where the samples begin, `top` the value of white."""

    height: int
    width: int
    channels: int
    top: int
    offset: int


def recognize(start: bytes) -> bool:
    """Whether a file with these first bytes is ours to read; P1 to P4 are left to Pillow."""
    return (start[:2] in (b"P5", b"P6") and start[2:3].isspace()) or start[:3] in (b"P7\n", b"P7\r")


def read_head(start: bytes) -> Head:
    """Parse the first HEAD_BYTES of a file. Raises PictureError where they make no sense."""
    head = _pam_head(start) if start[:2] == b"P7" else _ppm_head(start)
    if not (0 < head.top < 65536 and head.height > 0 and head.width > 0 and head.channels in TUPLES):
        raise PictureError(BROKEN)
    return head


def decode(data: bytes, head: Head) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The samples as (H, W) or (H, W, channels), stretched so that white is 255 or 65535."""
    kind: np.dtype[Any] = np.dtype(np.uint8) if head.top < 256 else np.dtype(">u2")
    count = head.height * head.width * head.channels
    if len(data) - head.offset < count * kind.itemsize:
        raise PictureError("the picture is cut short: copy or make it again")
    flat: NDArray[Any] = np.frombuffer(data, kind, count, head.offset)
    samples: NDArray[Any] = flat.reshape(head.height, head.width, head.channels)
    white = 255 if head.top < 256 else 65535
    if head.top == white:
        return samples.astype(kind.newbyteorder("="))  # a copy: bytes are read-only
    table = np.minimum(np.arange(white + 1) * white / head.top + 0.5, white).astype(kind.newbyteorder("="))
    stretched: NDArray[np.uint8] | NDArray[np.uint16] = table[samples]
    return stretched


def encode(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """(H, W) or (H, W, 1 to 4), uint8 or uint16 -> a PAM file (P7), samples as they are."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    fields = (width, height, channels, 255 if pixels.itemsize == 1 else 65535, TUPLES[channels])
    head = b"P7\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL %d\nTUPLTYPE %s\nENDHDR\n" % fields
    return head + pixels.astype(pixels.dtype.newbyteorder(">"), copy=False).tobytes()


def _ppm_head(start: bytes) -> Head:
    values, at = [], 2
    for _ in range(3):
        field = _FIELD.match(start, at)
        if field is None:
            raise PictureError(BROKEN)
        values.append(int(field[1]))
        at = field.end()
    return Head(values[1], values[0], 1 if start[:2] == b"P5" else 3, values[2], at + 1)


def _pam_head(start: bytes) -> Head:
    end = re.search(rb"\nENDHDR[ \t\r]*\n", start)
    if end is None:
        raise PictureError(BROKEN)
    fields = dict(re.findall(rb"^(WIDTH|HEIGHT|DEPTH|MAXVAL)\s+(\d{1,9})\s*$", start[: end.start()], re.MULTILINE))
    if len(fields) < 4:
        raise PictureError(BROKEN)
    width, height, depth, top = (int(fields[name]) for name in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"))
    return Head(height, width, depth, top, end.end())
