"""From an identified file to pixels: each codec's own way, one result.

Every function gives (H, W) grey, (H, W, 3) RGB or (H, W, 4) straight RGBA in a fresh array, uint8 or, where
the file is deeper, uint16 spread over the whole range; not yet turned upright, colors still as the file
measures them.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bgswap.errors import PictureError
from bgswap.folders import png, pnm, profiles, tiff
from bgswap.folders.headers import Header, one_sentence

STRIP_ROWS = 256
BROKEN = "the {} picture is broken and cannot be decoded: export it again"
REDUCED = {
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
DIRECT = {"1": "L", "L": "L", "RGB": "RGB", "RGBA": "RGBA"}  # modes that need no look at the palette
Notes = tuple[str, ...]


def native(header: Header, data: bytes, least: tuple[int, int] | None) -> tuple[NDArray[Any], Notes, bytes | None]:
    """Decode the whole file `data` -> pixels, notes, and the profile that its colors are still measured in.

    least: (height, width) as stored; a JPEG may be decoded smaller by 2, 4 or 8, never below that.
    """
    with one_sentence(BROKEN.format(header.format)):
        if header.plain is not None:
            return _without_grey_alpha(pnm.decode(data, header.plain)), (), None
        if header.page is not None:
            return *_deep_tiff(data, header.page), header.icc
        image = header.image
        assert image is not None
        if header.format in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
            pixels = _jpeg(image, data, least)
            if pixels is not None:
                return pixels, (), header.icc
        if header.format == "PNG" and header.depth == 16:
            return _png_16(data, image), (), header.icc
        if header.format == "PNG" and (plain := png.decode(data)) is not None:
            return plain, (), header.icc
        scale = reduction((image.height, image.width), least)
        if scale > 1 and header.format in ("JPEG", "MPO"):
            image.draft(image.mode, (image.width // scale, image.height // scale))
        image.load()
        if image.mode in ("CMYK", "LAB"):
            pixels, notes = profiles.image_to_srgb(image, header.icc)
            return pixels, notes, None
        if image.mode.startswith("I") or image.mode == "F":
            return *_deep_grey(image), header.icc
        return _by_strips(image), (), header.icc


def reduction(size: tuple[int, int], least: tuple[int, int] | None) -> int:
    """The largest of 1, 2, 4, 8 that leaves (height, width) at or above `least`; decoders round sides up."""
    if least is None:
        return 1
    return max(s for s in (1, 2, 4, 8) if s == 1 or (-(-size[0] // s) >= least[0] and -(-size[1] // s) >= least[1]))


def narrow(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """0..65535 -> 0..255, rounded: the nearest level to v / 257."""
    narrowed: NDArray[np.uint8] = cv2.convertScaleAbs(pixels, alpha=1 / 257)
    return narrowed


def _jpeg(image: Image.Image, data: bytes, least: tuple[int, int] | None) -> NDArray[np.uint8] | None:
    """An ordinary JPEG the fast way, or None where only Pillow can tell whether it is whole."""
    if not _ends(data):
        return None
    grey = image.mode == "L"
    scale = reduction((image.height, image.width), least)
    flags = cv2.IMREAD_IGNORE_ORIENTATION | (0 if grey else cv2.IMREAD_COLOR_RGB) | REDUCED.get(scale, 0)
    try:
        pixels: NDArray[np.uint8] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    expected = (-(-image.height // scale), -(-image.width // scale))
    return pixels if pixels is not None and pixels.shape[:2] == expected else None


def _ends(data: bytes) -> bool:
    """Whether the end-of-image marker follows the first scan: OpenCV fills what is missing with junk.

    Inside a scan every 0xFF of the coded picture is followed by 0, so the first FF D9 after it is the true
    end; the one of a thumbnail comes before.
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xDA:
            return data.find(b"\xff\xd9", at) >= 0
        if data[at + 1] == 0xFF:  # padding
            at += 1
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _png_16(data: bytes, image: Image.Image) -> NDArray[np.uint16]:
    """Pillow would narrow 16-bit color without a word; OpenCV keeps it, blue first."""
    coded = np.frombuffer(data, np.uint8)
    pixels: NDArray[Any] | None
    deep = cv2.IMREAD_IGNORE_ORIENTATION | cv2.IMREAD_ANYDEPTH
    if image.mode.startswith("I"):
        pixels = cv2.imdecode(coded, deep | cv2.IMREAD_GRAYSCALE)
    elif image.has_transparency_data:
        pixels = cv2.imdecode(coded, cv2.IMREAD_UNCHANGED)
    else:
        pixels = cv2.imdecode(coded, deep | cv2.IMREAD_COLOR_RGB)
    if pixels is None or pixels.dtype != np.uint16 or pixels.shape[:2] != (image.height, image.width):
        raise PictureError(BROKEN.format("PNG"))
    if pixels.ndim == 2 and "transparency" in image.info:
        alpha = np.where(pixels == image.info["transparency"], np.uint16(0), np.uint16(65535))
        return np.dstack([pixels, pixels, pixels, alpha])
    return _swap_red_and_blue(pixels) if pixels.ndim == 3 and pixels.shape[2] == 4 else pixels


def _deep_tiff(data: bytes, page: tiff.Page) -> tuple[NDArray[np.uint16], Notes]:
    """16-bit and float TIFF, grey, RGB or RGBA."""
    depths = (32, 64) if page.is_float else (16,)
    if page.planar or page.channels not in (1, 3, 4) or page.bits not in depths:
        kind = f"{page.bits}-bit {'float' if page.is_float else 'integer'} TIFF of {page.channels} channels"
        apart = " stored apart" if page.planar else ""
        raise PictureError(f"a {kind}{apart} is not read: save it as a 16-bit RGB PNG")
    whole = tiff.upright(data, page, tiff.byte_order(data))
    pixels = cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != (page.height, page.width):
        raise PictureError(BROKEN.format("TIFF"))
    pixels, notes = (pixels, ()) if pixels.dtype == np.uint16 else _spread(pixels)
    pixels = _swap_red_and_blue(pixels) if pixels.ndim == 3 else pixels
    if page.photometric == tiff.WHITE_IS_ZERO:
        np.subtract(65535, pixels, out=pixels)
    if page.premultiplied and pixels.ndim == 3 and pixels.shape[2] == 4:
        _straighten(pixels)
    return pixels, notes


def _deep_grey(image: Image.Image) -> tuple[NDArray[np.uint16], Notes]:
    """Pillow's deep grey modes: I;16 of either order, I (32-bit integers), F (float)."""
    values = np.asarray(image)
    if image.mode == "F":
        return _spread(values)
    if image.mode == "I" and values.size and (values.min() < 0 or values.max() > 65535):
        raise PictureError("32-bit integer samples are not read: save it as a 16-bit PNG")
    return values.astype(np.uint16), ()


def _spread(values: NDArray[Any]) -> tuple[NDArray[np.uint16], Notes]:
    """Float samples -> uint16. 0..1 is the whole range; what reaches higher is divided by its greatest value."""
    if values.dtype.kind != "f":
        raise PictureError("32-bit integer samples are not read: save it as a 16-bit PNG")
    colors = values[..., :3] if values.ndim == 3 else values
    top = max(float(np.max(strip, initial=0, where=np.isfinite(strip))) for strip in _strips(colors))
    scale = np.full(values.shape[2] if values.ndim == 3 else 1, 65535.0)
    scale[:3] /= max(top, 1.0)
    spread = np.empty(values.shape, np.uint16)
    for part, strip in zip(_strips(spread), _strips(values), strict=True):
        sound = np.nan_to_num(strip, nan=0.0, posinf=top, neginf=0.0)
        part[:] = np.clip(sound * scale + 0.5, 0, 65535)
    return spread, (f"float samples reach {top:.4g}: scaled so that this is white",) if top > 1 else ()


def _straighten(rgba: NDArray[np.uint16]) -> None:
    """Divide colors by alpha, in place: the file holds them premultiplied."""
    for strip in _strips(rgba):
        alpha = np.maximum(strip[..., 3:], 1).astype(np.float32)
        strip[..., :3] = np.minimum(strip[..., :3] * (65535 / alpha) + 0.5, 65535)


def _swap_red_and_blue(pixels: NDArray[Any]) -> NDArray[Any]:
    code = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}[pixels.shape[2]]
    for strip in _strips(pixels):
        strip[:] = cv2.cvtColor(strip, code)
    return pixels


def _by_strips(image: Image.Image) -> NDArray[np.uint8]:
    """Any 8-bit Pillow picture as an array: strips keep it at one copy beside Pillow's own."""
    mode = DIRECT.get(image.mode)
    if mode is None or (mode != "RGBA" and image.has_transparency_data):
        mode = "RGBA" if image.has_transparency_data else "RGB"
    shape = (image.height, image.width, len(mode))
    pixels = np.empty(shape[:2] if mode == "L" else shape, np.uint8)
    for top in range(0, image.height, STRIP_ROWS):
        strip = image.crop((0, top, image.width, min(image.height, top + STRIP_ROWS)))
        pixels[top : top + STRIP_ROWS] = np.asarray(strip if strip.mode == mode else strip.convert(mode))
    return pixels


def _without_grey_alpha(pixels: NDArray[Any]) -> NDArray[Any]:
    """(H, W, 1) -> (H, W); grey with alpha -> RGBA."""
    if pixels.shape[2] == 1:
        return pixels[..., 0]
    return np.ascontiguousarray(pixels[..., [0, 0, 0, 1]]) if pixels.shape[2] == 2 else pixels


def _strips(pixels: NDArray[Any]) -> list[NDArray[Any]]:
    return [pixels[top : top + STRIP_ROWS] for top in range(0, len(pixels), STRIP_ROWS)]
