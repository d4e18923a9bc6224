"""Color profiles (ICC): whatever a file was measured in becomes sRGB.

Eight bits go through LittleCMS in strips. Sixteen bits are out of its reach here (Pillow hands it 8-bit
pixels), so profiles of curves and a matrix, which cameras and editors write, are worked out in float from the
tags (ICC.1:2022).
"""

import struct
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

STRIP_ROWS = 256
BROKEN = "the color profile is broken and was ignored: colors are taken as sRGB"
NEAR = 1  # levels: profiles that move no color further are sRGB under another name
CREATED = slice(24, 36)  # date and time in a profile's header
# sRGB primaries, adapted to the D50 white of the profile connection space (IEC 61966-2-1 with Bradford)
SRGB_TO_XYZ = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)


@lru_cache(maxsize=1)
def srgb_profile() -> bytes:
    """A small sRGB profile; the date of its making is fixed, so that equal pictures give equal files."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[CREATED] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    return bytes(made)


def to_srgb(pixels: NDArray[Any], icc: bytes) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Grey (H, W), RGB or RGBA pixels measured in `icc` -> the same shape in sRGB, and notes.

    Works in place: the caller must own `pixels` (a fresh decode). Alpha is left alone. uint8 or uint16.
    """
    try:
        space = _space(icc)
        if space not in ("RGB", "L") or (space == "L" and pixels.ndim == 3):
            return pixels, (f"a color profile for {space} pixels does not fit this picture and was ignored",)
        if _is_srgb(icc, space):
            return pixels, ()
        if pixels.dtype == np.uint16:
            return _to_srgb_16(pixels, icc, space)
        if pixels.ndim == 2:
            return cv2.LUT(pixels, _ramp(icc, space), dst=pixels), ()
        change = _transform(icc, "RGB")
        for strip in _strips(pixels):
            strip[..., :3] = np.asarray(change.apply(Image.fromarray(np.ascontiguousarray(strip[..., :3]))))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, ArithmeticError, LookupError, struct.error):
        return pixels, (BROKEN,)
    return pixels, ()


@lru_cache(maxsize=8)
def _transform(icc: bytes | None, mode: str, *, exact: bool = False) -> ImageCms.ImageCmsTransform:
    """From a profile (None: CIE Lab) to 8-bit sRGB. Relative colorimetric, black stays black, as editors do."""
    source = _profile(icc) if icc else ImageCms.createProfile("LAB")
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    if exact:  # twelve times slower; the short cut is up to 10 levels off in the darks of a linear grey profile
        flags |= ImageCms.Flags.NOOPTIMIZE
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", intent, flags)


def _profile(icc: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(BytesIO(icc))


def image_to_srgb(image: Image.Image, icc: bytes | None) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """A CMYK or LAB picture -> (H, W, 3) uint8 sRGB, and notes. Without a sound profile: the plain formula."""
    change, notes = None, tuple[str, ...]()
    try:
        if image.mode == "LAB":
            change = _transform(None, "LAB")
        elif icc and _space(icc) == image.mode:
            change = _transform(icc, image.mode)
    except (ImageCms.PyCMSError, OSError):
        notes = (BROKEN,)
    if change is None:
        notes += (f"{image.mode} colors without a profile were converted by the plain formula",)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, STRIP_ROWS):
        strip = image.crop((0, top, image.width, min(image.height, top + STRIP_ROWS)))
        pixels[top : top + STRIP_ROWS] = np.asarray(change.apply(strip) if change else strip.convert("RGB"))
    return pixels, notes


def _space(icc: bytes) -> str:
    """The Pillow mode that a profile measures: RGB, L, CMYK or LAB."""
    name = _profile(icc).profile.xcolor_space.strip()
    return {"GRAY": "L", "Lab": "LAB"}.get(name, name)


@lru_cache(maxsize=32)
def _is_srgb(icc: bytes, space: str) -> bool:
    if space == "L":
        return bool(np.abs(_ramp(icc, space).astype(int) - np.arange(256)).max() <= NEAR)
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    probe = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(9, 81, 3)
    changed = np.asarray(_transform(icc, "RGB").apply(Image.fromarray(probe)))
    return bool(np.abs(changed.astype(int) - probe).max() <= NEAR)


def _ramp(icc: bytes, space: str) -> NDArray[np.uint8]:
    """What each of the 256 greys becomes."""
    grey = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    changed = _transform(icc, space, exact=True).apply(grey if space == "L" else grey.convert("RGB"))
    ramp: NDArray[np.uint8] = np.asarray(changed)[0, :, 1].copy()
    return ramp


def _strips(pixels: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for top in range(0, len(pixels), STRIP_ROWS):
        yield pixels[top : top + STRIP_ROWS]


def _to_srgb_16(pixels: NDArray[Any], icc: bytes, space: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    tags = _tags(icc)
    names = ("rTRC", "gTRC", "bTRC") if space == "RGB" else ("kTRC",)
    if not all(name in tags for name in names) or (space == "RGB" and "rXYZ" not in tags):
        narrow = cv2.convertScaleAbs(pixels, alpha=1 / 257)
        alpha = pixels[..., 3:].copy() if pixels.ndim == 3 else None
        changed = to_srgb(narrow, icc)[0].astype(np.uint16) * 257
        if alpha is not None:
            changed[..., 3:] = alpha
        return changed, ("this color profile is a table: colors were converted with 8 bits of precision",)
    curves = [_curve(tags[name]) for name in names] * (3 // len(names))
    matrix = np.eye(3)
    if space == "RGB":
        columns = [struct.unpack_from(">3i", tags[name], 8) for name in ("rXYZ", "gXYZ", "bXYZ")]
        matrix = np.linalg.inv(SRGB_TO_XYZ) @ (np.array(columns).T / 65536)
    for strip in _strips(pixels):
        if strip.ndim == 2:
            strip[:] = _srgb_16(curves[1][strip])
        else:
            linear = np.stack([curves[c][strip[..., c]] for c in range(3)], -1)
            strip[..., :3] = _srgb_16(linear @ matrix.T.astype(np.float32))
    return pixels, ()


def _srgb_16(linear: NDArray[Any]) -> NDArray[np.uint16]:
    """Linear light 0..1 -> sRGB 0..65535 (IEC 61966-2-1)."""
    light = np.clip(linear, 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    levels: NDArray[np.uint16] = (encoded * 65535 + 0.5).astype(np.uint16)
    return levels


def _tags(icc: bytes) -> dict[str, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    entries = (struct.unpack_from(">4sII", icc, 132 + 12 * index) for index in range(min(count, 200)))
    return {name.decode("latin-1"): icc[at : at + size] for name, at, size in entries}


def _curve(tag: bytes) -> NDArray[np.float32]:
    """A 'curv' or 'para' tag as 65,536 values of linear light (ICC.1:2022, 10.6 and 10.18)."""
    y: NDArray[np.floating[Any]]
    x = np.linspace(0, 1, 65536)
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        count = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}[kind] if kind < 5 else 0
        numbers = [v / 65536 for v in struct.unpack_from(f">{count}i", tag, 12)]
        g, a, b, c, d, e, f = numbers + [0.0] * (7 - count)
        a = a if kind else 1.0
        knee = d if kind >= 3 else (-b / a if kind else 0.0)
        above, below = {2: (c, c), 4: (e, f)}.get(kind, (0.0, 0.0))
        low = (c * x if kind >= 3 else 0.0 * x) + below
        y = np.where(x >= knee, np.maximum(a * x + b, 0) ** g + above, low)
    else:
        (count,) = struct.unpack_from(">I", tag, 8)
        points = np.frombuffer(tag, ">u2", count, 12)
        if count == 0:
            y = x
        elif count == 1:
            y = x ** (points[0] / 256)
        else:
            y = np.interp(x, np.linspace(0, 1, count), points / 65535)
    light: NDArray[np.float32] = y.astype(np.float32)
    return light
