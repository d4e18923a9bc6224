"""The few things about a picture that travel on: resolution, artist, copyright.

Question: what of a photo's metadata may an output carry? Choice: an allow-list. Why: place, serial numbers
and thumbnails (which show the uncut photo) tell what nobody meant to publish. To change our mind: a named
wish for a field.
"""

import math
from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL.ExifTags import Base

LONGEST = 1000  # letters of a text field
DPI_RANGE = (2.0, 50_000.0)  # ours: 1 is what readers give where nothing was said
WORDS = {"artist": (Base.Artist, ("Author", "Artist")), "copyright": (Base.Copyright, ("Copyright",))}


def safe_part(image: Image.Image, exif: Mapping[int, Any]) -> dict[str, Any]:
    """What may be passed on of an opened picture: "dpi" (x, y), "artist", "copyright", where known. exif: its own."""
    found: dict[str, Any] = {}
    if dpi := _dpi(image.info.get("dpi")):
        found["dpi"] = dpi
    for name, (tag, keywords) in WORDS.items():
        given = [exif.get(tag), *(image.info.get(word) for word in keywords)]
        words = next((words for one in given if (words := _words(one))), None)
        if words:
            found[name] = words
    return found


def orientation(exif: Mapping[int, Any]) -> int:
    """EXIF's 1 to 8; a missing or senseless value is 1."""
    value = exif.get(Base.Orientation, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def exif_bytes(safe: Mapping[str, Any]) -> bytes:
    """An EXIF block with artist and copyright alone; empty where neither is known."""
    exif = Image.Exif()
    for name, (tag, _) in WORDS.items():
        if name in safe:
            exif[tag] = safe[name].encode()
    return exif.tobytes() if len(exif) else b""


def exif_of(image: Image.Image) -> Mapping[int, Any]:
    """The EXIF fields of an opened picture; none where the block is broken."""
    try:
        if image.format == "PNG" and not _says_more_at_its_end(image):
            return Image.Image.getexif(image)  # PNG's own decodes all pixels first, to see what comes after them
        return image.getexif()
    except Exception:  # noqa: BLE001 - a broken EXIF block is no reason to refuse the picture
        return {}


def _says_more_at_its_end(image: Image.Image) -> bool:
    """Whether a PNG has chunks after its pixels, by the chunks' heads alone."""
    file = getattr(image, "fp", None)
    if file is None:
        return True
    place, inside = file.tell(), False
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            kind = head[4:]
            if kind == b"IEND":
                return False
            if inside and kind != b"IDAT":
                return True
            inside |= kind == b"IDAT"
            file.seek(int.from_bytes(head[:4]) + 4, 1)
        return True  # cut short: let the decoder tell
    finally:
        file.seek(place)


def _dpi(value: Any) -> tuple[float, float] | None:
    try:
        across, down = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    low, high = DPI_RANGE
    if not all(math.isfinite(part) and low <= part <= high for part in (across, down)):
        return None
    return across, down


def _words(value: Any) -> str | None:
    """Printable text of a field that Pillow gives as bytes or as Latin-1; UTF-8 where it is that."""
    if isinstance(value, str):
        try:
            value = value.encode("latin-1")
        except UnicodeEncodeError:
            value = value.encode("utf-8", "replace")
    if not isinstance(value, bytes):
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return "".join(letter for letter in text if letter.isprintable())[:LONGEST].strip() or None
