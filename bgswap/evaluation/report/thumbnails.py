"""Small pictures and outlines that go into a page: a few kilobytes each, so that hundreds fit."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.folders.decode import narrow
from bgswap.folders.picture import encode

QUALITY = 82  # ours: blocks are not seen at the shown size, and errors of a few levels still are
PAGE_BYTES = 3_000_000  # ours: of all small pictures of a page, before base64 makes 4 of 3 bytes
PIXEL_BYTES = 0.22  # ours: WebP at QUALITY, the mean of street photos of 150 to 400 pixels (0.14 to 0.25)
ASPECT = 0.72  # ours: a picture's area over its longest side squared; 2:3, 3:4 and squares mixed
SIDES = (96, 640)  # ours: below, faces are lost; above, even ten pictures zoom in well enough
SQUARES = 8  # ours: pixels of a checkerboard's squares under transparency
GREYS = (204, 255)  # ours: the checkerboard's
OUTLINE_SIDE = 256  # ours: pixels of the mask that is traced
SLACK = 0.6  # ours: pixels that an outline may leave the traced one
SPECK = 6.0  # ours: traced pixels; what is smaller is not drawn
PIECES = 40  # ours: the most contours of a picture, largest first
SHADES = 128  # a soft mask's outline runs at one half


def side_for(count: int) -> int:
    """The longest side, pixels, at which `count` small pictures (pictures x columns) fill PAGE_BYTES, within SIDES.

    Five hundred, a hundred pictures in five columns, come to some 190 pixels, and to 4 MB of page.
    """
    side = math.sqrt(PAGE_BYTES / max(1, count) / PIXEL_BYTES / ASPECT)
    return int(min(max(side, SIDES[0]), SIDES[1]))


def small(pixels: NDArray[Any], side: int) -> bytes:
    """A WebP whose longest side is at most `side` pixels; nothing is enlarged.

    pixels: (H, W, 3), (H, W, 4) straight alpha, shown over a checkerboard, or (H, W); uint8 or uint16, sRGB.
    Shrunk by area averages, so without aliases; the color profile is left out: without one, browsers take sRGB.
    """
    if pixels.dtype == np.uint16:
        pixels = narrow(pixels)
    shown = (_over_squares if pixels.shape[2:] == (4,) else _shrunk)(pixels, side)
    return _without_profile(encode(shown, "webp", quality=QUALITY, metadata="strip"))


def outline(mask: NDArray[np.uint8]) -> list[list[tuple[float, float]]]:
    """(H, W) uint8 -> the contours of what is at least half white, each a list of (x, y), shares 0..1 of the sides.

    Traced on a mask of at most OUTLINE_SIDE pixels, through the middles of the border's pixels, simplified within SLACK
    pixels and rounded to thousandths: some hundred points a person. Holes have contours of their own.
    """
    traced = _shrunk(mask, OUTLINE_SIDE)
    height, width = traced.shape[:2]
    found, _ = cv2.findContours((traced >= SHADES).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    kept = sorted((one for one in found if cv2.contourArea(one) >= SPECK), key=cv2.contourArea, reverse=True)[:PIECES]
    simple = [cv2.approxPolyDP(one, SLACK, True).reshape(-1, 2) for one in kept]
    return [[(round((x + 0.5) / width, 3), round((y + 0.5) / height, 3)) for x, y in one.tolist()] for one in simple]


def _shrunk(pixels: NDArray[Any], side: int) -> NDArray[Any]:
    height, width = pixels.shape[:2]
    share = side / max(height, width)
    if share >= 1:
        return pixels
    size = max(1, round(width * share)), max(1, round(height * share))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def _over_squares(rgba: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Premultiplied before shrinking, so that hidden colors do not bleed into the edge."""
    alpha = rgba[..., 3]
    colors = cv2.multiply(rgba[..., :3], cv2.merge([alpha] * 3), scale=1 / 255)
    colors, alpha = _shrunk(colors, side), _shrunk(alpha, side)
    rows, columns = np.ogrid[: alpha.shape[0], : alpha.shape[1]]
    squares = np.where((rows // SQUARES + columns // SQUARES) % 2, *GREYS).astype(np.float32)
    through = squares * (1 - alpha / np.float32(255))
    return np.asarray((colors + through[..., None]).clip(0, 255).round().astype(np.uint8))


def _without_profile(webp: bytes) -> bytes:
    """The bare picture of a WebP without transparency: a profile of 588 bytes is a tenth of a small picture."""
    start = 12  # "RIFF", length, "WEBP"; then chunks of name, length, content, each filled up to even lengths
    while start < len(webp):
        name, length = webp[start : start + 4], int.from_bytes(webp[start + 4 : start + 8], "little")
        end = start + 8 + length + length % 2
        if name in (b"VP8 ", b"VP8L"):
            chunk = webp[start:end]
            return b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk
        start = end
    return webp
