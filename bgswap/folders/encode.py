"""One writer for every format: pixels in, the bytes of a file out. Equal input, equal bytes."""

import struct
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bgswap.errors import BgswapError, PictureError, UsageError
from bgswap.folders import png, pnm, tiff
from bgswap.folders.metadata import exif_bytes
from bgswap.folders.profiles import srgb_profile

if TYPE_CHECKING:
    from bgswap.folders.picture import Picture


class Format(NamedTuple):
    """What a format can hold. max_side: pixels; depth: the most bits a sample; quality: the default, if any."""

    suffixes: tuple[str, ...]
    alpha: bool
    max_side: int
    depth: int = 8
    quality: int | None = None


FORMATS = {
    "png": Format((".png",), alpha=True, max_side=2**31 - 1, depth=16),
    "jpg": Format((".jpg", ".jpeg", ".jpe"), alpha=False, max_side=65500, quality=95),
    "webp": Format((".webp",), alpha=True, max_side=16383, quality=95),
    "tiff": Format((".tiff", ".tif"), alpha=True, max_side=2**31 - 1, depth=16),
    "avif": Format((".avif",), alpha=True, max_side=32768, quality=90),
    "bmp": Format((".bmp",), alpha=False, max_side=32767),
    "pam": Format((".pam",), alpha=True, max_side=2**31 - 1, depth=16),
}
PNG_WORDS = {"Author": "artist", "Copyright": "copyright"}
SEGMENT_BYTES = 65533  # the most that a JPEG segment holds beside its own length


def suffix_format(suffix: str) -> str:
    """The format of a file name's suffix, in any case: ".JPG" -> "jpg". Raises UsageError for others."""
    for name, kind in FORMATS.items():
        if suffix.lower() in kind.suffixes:
            return name
    known = " ".join(kind.suffixes[0] for kind in FORMATS.values())
    raise UsageError(f"no format is written as '{suffix}': use one of {known}")


def check_size(format: str, size: tuple[int, int]) -> None:
    """Raise PictureError where `size` (height, width) is too large for the format: ask before the work."""
    limit = FORMATS[format].max_side
    if max(size) > limit:
        sides = f"{size[1]} x {size[0]}"
        raise PictureError(f"{format} ends at {limit} pixels a side and this picture is {sides}: use png or tiff")


def clear_hidden(rgba: NDArray[Any], *, in_place: bool = False) -> NDArray[Any]:
    """(H, W, 4) -> the same with colors 0, 0, 0 where alpha is 0: what nobody sees is not sent along.

    in_place: write into `rgba` itself, only for arrays that the caller made and nobody else holds.
    """
    if in_place:
        rgba[rgba[..., 3] == 0] = 0
        return rgba
    return png.clear_strip(np.ascontiguousarray(rgba))


def encode(
    picture: "Picture | NDArray[Any]",
    format: str,
    *,
    quality: int | None = None,
    metadata: str = "safe",
    keep_hidden: bool = False,
) -> bytes:
    """A Picture, or (H, W), (H, W, 3), (H, W, 4) pixels (sRGB, straight alpha) -> the bytes of a file.

    format: a name in FORMATS; quality: 1 to 100 for jpg, webp and avif (webp's 100 is lossless), None for the
    format's own; metadata: "safe" passes resolution, artist and copyright on, "strip" nothing; keep_hidden:
    keep the colors where alpha is 0. Formats of 8 bits narrow 16-bit pixels. Colors are tagged sRGB where the
    format can say so; (H, W) mattes in PNG carry no color tag, they are measures and no colors.

    Raises:
        BgswapError: transparency in a format that has none.
        PictureError: a side beyond the format's limit.
    """
    pixels, known = (picture, {}) if isinstance(picture, np.ndarray) else (picture.pixels, picture.metadata)
    pixels = _fitting(pixels, format)
    safe = known if metadata == "safe" else {}
    quality = FORMATS[format].quality if quality is None else quality
    if format == "png":
        words = {name: safe[key] for name, key in PNG_WORDS.items() if key in safe}
        return png.encode(pixels, srgb=pixels.ndim == 3, dpi=safe.get("dpi"), text=words, keep_hidden=keep_hidden)
    if format == "tiff":
        icc = srgb_profile() if pixels.ndim == 3 else None
        return tiff.encode(pixels, icc=icc, dpi=safe.get("dpi"), text=safe, keep_hidden=keep_hidden)
    if pixels.ndim == 3 and pixels.shape[2] == 4 and not keep_hidden:
        pixels = clear_hidden(pixels)
    if format == "pam":
        return pnm.encode(pixels)
    if format == "bmp":
        return _by_cv2(pixels, ".bmp", [])
    return (_jpeg if format == "jpg" else _by_pillow)(pixels, format, quality or 95, safe)


def _fitting(pixels: NDArray[Any], format: str) -> NDArray[Any]:
    """The pixels as the format can hold them, or the reason why it cannot."""
    if format not in FORMATS:
        raise UsageError(f"no format is named '{format}': use one of {' '.join(FORMATS)}")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise BgswapError(f"pixels are written as uint8 or uint16, these are {pixels.dtype}: scale and round them")
    check_size(format, pixels.shape[:2])
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if pixels.ndim == 3 and pixels.shape[2] == 4 and not FORMATS[format].alpha:
        raise BgswapError(f"{format} has no transparency: write png, or give --background COLOR")
    deep = pixels.dtype == np.uint16 and FORMATS[format].depth == 8
    return cv2.convertScaleAbs(pixels, alpha=1 / 257) if deep else pixels


def _by_cv2(pixels: NDArray[np.uint8], suffix: str, settings: list[int]) -> bytes:
    swapped = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.ndim == 3 else np.ascontiguousarray(pixels)
    done, coded = cv2.imencode(suffix, swapped, settings)
    if not done:
        raise PictureError(f"this picture cannot be written as {suffix[1:]}: use png")
    return bytes(coded)


def _jpeg(pixels: NDArray[np.uint8], _: str, quality: int, safe: Mapping[str, Any]) -> bytes:
    """Full-resolution color (4:4:4), then our own segments between the file's start and its tables."""
    full = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, full]
    coded = _by_cv2(pixels, ".jpg", settings)
    across, down = (max(1, min(65535, round(value))) for value in safe.get("dpi", (1, 1)))
    start = struct.pack(">HHH5sHBHHBB", 0xFFD8, 0xFFE0, 16, b"JFIF\0", 0x0101, int("dpi" in safe), across, down, 0, 0)
    if words := exif_bytes(safe):
        start += _segment(0xFFE1, words)
    if pixels.ndim == 3:
        start += _segment(0xFFE2, b"ICC_PROFILE\0\x01\x01" + srgb_profile())
    return start + memoryview(coded)[20:]  # what the encoder wrote for start and JFIF is 2 + 18 bytes


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">HH", marker, len(content) + 2) + content[:SEGMENT_BYTES]


def _by_pillow(pixels: NDArray[np.uint8], format: str, quality: int, safe: Mapping[str, Any]) -> bytes:
    file = BytesIO()
    settings: dict[str, Any] = {"quality": quality, "icc_profile": srgb_profile(), "exif": exif_bytes(safe)}
    if format == "webp":
        settings |= {"lossless": quality == 100, "method": 4, "exact": True}
        settings["quality"] = 50 if quality == 100 else quality  # without loss it means effort
    else:
        settings |= {"subsampling": "4:4:4", "speed": 8}
    try:
        Image.fromarray(np.ascontiguousarray(pixels)).save(file, format.upper(), **settings)
    except (OSError, ValueError, KeyError) as cause:
        raise PictureError(f"this picture cannot be written as {format} ({cause}): use png") from cause
    return file.getvalue()
