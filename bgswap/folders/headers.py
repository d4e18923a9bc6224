"""What a file is, by its content alone: the allow-list, the header, and the sentence for everything else.

Pillow's plug-ins are called one by one and not by Image.open: nothing beyond the list is ever tried (EPS
would start another program), and the pixel cap is ours, per call, where Pillow's is one for the whole
process.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, BinaryIO

from PIL import Image

from bgswap.errors import BgswapError, PictureError
from bgswap.folders import metadata, pnm, tiff

# format -> Pillow's module for it
USUAL = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "WEBP": "WebPImagePlugin",
    "TIFF": "TiffImagePlugin",
    "GIF": "GifImagePlugin",
    "AVIF": "AvifImagePlugin",
    "BMP": "BmpImagePlugin",
    "PPM": "PpmImagePlugin",
}
WIDE = {
    "JPEG2000": "Jpeg2KImagePlugin",
    "QOI": "QoiImagePlugin",
    "DDS": "DdsImagePlugin",
    "SGI": "SgiImagePlugin",
    "SUN": "SunImagePlugin",
    "ICO": "IcoImagePlugin",
    "PCX": "PcxImagePlugin",
    "DIB": "BmpImagePlugin",
    "TGA": "TgaImagePlugin",  # last: it has no signature, only a plausible header
}
SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "MPO": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "AVIF": (".avif", ".avifs"),
    "BMP": (".bmp", ".dib"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pam", ".pfm"),
    "HEIF": (".heic", ".heif", ".hif"),
}
HEIC = re.compile(rb"....ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)
FOREIGN = {  # beginnings of what people hand in by mistake
    b"%PDF": "a PDF",
    b"%!PS": "PostScript",
    b"8BPS": "a Photoshop file",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML text",
    b"<!DOC": "a web page",
    b"<html": "a web page",
    b"PK\x03\x04": "a zip archive",
    b"GIMP": "a GIMP file",
}
DEEP_TIFF = (16, 32, 64)  # bits a sample that Pillow narrows or refuses
START_BYTES = pnm.HEAD_BYTES


@dataclass(frozen=True)
class Header:
    """What is known before any pixel is decoded. size: (height, width), upright; depth: bits a sample."""

    format: str
    size: tuple[int, int]
    depth: int
    frames: int = 1
    orientation: int = 1
    icc: bytes | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    image: Image.Image | None = None  # open and not yet decoded; None where we read the format ourselves
    page: tiff.Page | None = None  # of a TIFF too deep for Pillow
    plain: pnm.Head | None = None


def identify(file: BinaryIO, formats: str) -> Header:
    """Recognize a picture by its first bytes and read its header. `formats`: "usual" or "wide".

    Raises PictureError, one sentence, for an empty file, another kind of file, a broken header.
    """
    start = file.read(START_BYTES)
    if not start:
        raise PictureError("the file is empty: copy or download it again")
    with one_sentence("the header is broken: export the picture again"):
        if pnm.recognize(start):
            head = pnm.read_head(start)
            return Header("PPM", (head.height, head.width), 8 if head.top < 256 else 16, plain=head)
        if TIFF_START.match(start) and (page := tiff.read_page(file)) and _is_deep(page):
            return _deep_tiff(file, start, page)
        if HEIC.match(start):
            return _from_pillow(_heif(file), start)
        image = _open(file, start, USUAL) or (_open(file, start, WIDE) if formats == "wide" else None)
    if image is None:
        raise PictureError(_why_not(file, start, formats))
    with one_sentence("the header is broken: export the picture again"):
        return _from_pillow(image, start)


TIFF_START = re.compile(rb"II[*+]\0|MM\0[*+]")


@contextmanager
def one_sentence(sentence: str) -> Iterator[None]:
    """Around calls into codecs: on broken bytes they raise anything, the user hears `sentence`."""
    try:
        yield
    except (BgswapError, MemoryError):
        raise
    except Exception as cause:
        cut = "truncated" in str(cause).lower()
        raise PictureError("the picture is cut short: copy or download it again" if cut else sentence) from cause


def _open(file: BinaryIO, start: bytes, formats: dict[str, str]) -> Image.Image | None:
    for name, module in formats.items():
        import_module(f"PIL.{module}")
        factory, accept = Image.OPEN[name]
        if accept is not None and accept(start[:16]) is not True:
            continue
        file.seek(0)
        try:
            return factory(file, "")
        except (SyntaxError, IndexError, TypeError) as cause:  # how a plug-in says "not mine", or "broken"
            if accept is not None and formats is USUAL:
                raise PictureError(f"the {name} header is broken: export the picture again") from cause
    return None


def _heif(file: BinaryIO) -> Image.Image:
    try:
        import pillow_heif
    except ImportError:
        raise PictureError("HEIC pictures need the extra 'heif': pip install 'bgswap[heif]'") from None
    file.seek(0)
    pillow_heif.register_heif_opener()
    image: Image.Image = Image.OPEN["HEIF"][0](file, "")  # upright already: the decoder turns it
    return image


def _from_pillow(image: Image.Image, start: bytes) -> Header:
    kind = image.format or "?"
    exif = metadata.exif_of(image)
    # a TIFF turns itself when it loads, and tells its upright size before
    turn = 1 if kind == "TIFF" else metadata.orientation(exif)
    height, width = image.height, image.width
    frames, notes = _frames(image)
    packet = image.info.get("xmp")
    if isinstance(packet, bytes) and b"hdrgm:Version" in packet:
        notes += ("the gain map was dropped",)
    if kind == "JPEG" and image.mode == "CMYK" and "adobe" not in image.info:
        notes += ("a CMYK JPEG without Adobe's marker: if it looks like a negative, convert it to RGB first",)
    return Header(
        format=kind,
        size=(width, height) if turn >= 5 else (height, width),
        depth=_depth(image, start),
        frames=frames,
        orientation=turn,
        icc=image.info.get("icc_profile") or None,
        metadata=metadata.safe_part(image, exif),
        notes=notes,
        image=image,
    )


def _deep_tiff(file: BinaryIO, start: bytes, page: tiff.Page) -> Header:
    size = (page.width, page.height) if 5 <= page.orientation <= 8 else (page.height, page.width)
    turn = page.orientation if 1 <= page.orientation <= 8 else 1
    frames, notes, safe = 1, tuple[str, ...](), {}
    try:
        image = _open(file, start, {"TIFF": USUAL["TIFF"]})
    except Exception:  # noqa: BLE001 - Pillow knows no float RGB; then only its metadata is missing
        image = None
    if image is not None:
        (frames, notes), safe = _frames(image), metadata.safe_part(image, metadata.exif_of(image))
    return Header("TIFF", size, page.bits, frames, turn, page.icc, safe, notes, page=page)


def _is_deep(page: tiff.Page) -> bool:
    return page.bits in DEEP_TIFF and page.photometric in (tiff.WHITE_IS_ZERO, tiff.GREY, tiff.RGB)


def _frames(image: Image.Image) -> tuple[int, tuple[str, ...]]:
    try:
        count = int(getattr(image, "n_frames", 1))
        image.seek(0)
    except Exception:  # noqa: BLE001 - a broken later frame is no reason to refuse the first
        return 1, ()
    if count < 2:
        return 1, ()
    many = {"MPO": "pictures", "TIFF": "pages", "HEIF": "pictures", "ICO": "sizes"}.get(image.format or "", "frames")
    return count, (f"only the first of {count} {many} is used",)


def _depth(image: Image.Image, start: bytes) -> int:
    if image.format == "PNG":
        return max(8, start[24])
    if image.mode.startswith("I;16"):
        return 16
    return 32 if image.mode in ("I", "F") else 8


def _why_not(file: BinaryIO, start: bytes, formats: str) -> str:
    if formats != "wide":
        try:
            image = _open(file, start, {name: module for name, module in WIDE.items() if name != "TGA"})
        except Exception:  # noqa: BLE001 - only a guess for the message
            image = None
        if image is not None:
            return f"{image.format} pictures are read with --formats wide only"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    for beginning, what in FOREIGN.items():
        if text.startswith(beginning):
            return f"this is {what} and not a picture that bgswap reads: export it as PNG or JPEG"
    return "this is not a picture that bgswap reads: convert it to PNG or JPEG"
