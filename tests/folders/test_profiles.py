"""Color profiles, against profiles made here whose effect is known from the formulas."""

import struct
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from bgswap.folders.encode import encode
from bgswap.folders.picture import ReadOptions, read, read_mask
from bgswap.folders.profiles import srgb_profile, to_srgb

DEEP = ReadOptions(depth=16)
D50 = (0.9642, 1.0, 0.8249)
SRGB = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))  # columns, at D50
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))


def _xyz(value: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in value))


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


SRGB_CURVE = b"para\0\0\0\0" + struct.pack(
    ">HH5i", 3, 0, *(round(v * 65536) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)
SAMPLED = b"curv\0\0\0\0" + struct.pack(">I", 1024) + (np.linspace(0, 1, 1024) ** 1.8 * 65535).astype(">u2").tobytes()


def profile(space: bytes, tags: Mapping[bytes, bytes], connection: bytes = b"XYZ ") -> bytes:
    """A version 4 profile of these tags."""
    tags = {b"desc": b"mluc" + bytes(4) + struct.pack(">II", 0, 12), b"wtpt": _xyz(D50), **tags}
    head = struct.pack(">I4sI4s4s4s12s4s", 0, b"lcms", 0x04300000, b"mntr", space, connection, bytes(12), b"acsp")
    head = head.ljust(68, b"\0") + _xyz(D50)[8:]
    body, table, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    made = head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(made)) + made[4:]


def matrix(columns: tuple[tuple[float, ...], ...], curve: bytes) -> bytes:
    names = zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
    return profile(b"RGB ", {name: _xyz(c) for name, c in names} | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def saved(pixels: NDArray[Any] | Image.Image, kind: str, **settings: Any) -> bytes:
    file = BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, kind, **settings)
    return file.getvalue()


def _encode(linear: NDArray) -> NDArray:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.fixture(scope="session")
def small(photo: NDArray) -> NDArray[np.uint8]:
    return np.ascontiguousarray(photo[:300:2, :300:2])


SWAPPED = matrix(SRGB[::-1], SRGB_CURVE)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_profile_of_swapped_primaries_swaps_red_and_blue(small: NDArray, kind: str) -> None:
    settings = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    plain = read(saved(small, kind, **settings)).pixels
    got = read(saved(small, kind, icc_profile=SWAPPED, **settings))
    assert np.abs(got.pixels[..., ::-1].astype(int) - plain).max() <= 2
    assert got.notes == ()


def test_alpha_is_left_alone_by_a_profile(small: NDArray) -> None:
    rgba = np.dstack([small, small[::-1, :, 1]])
    got = read(saved(rgba, "PNG", icc_profile=SWAPPED)).pixels
    np.testing.assert_array_equal(got[..., 3], rgba[..., 3])
    assert np.abs(got[..., 2::-1].astype(int) - small).max() <= 2


@pytest.mark.parametrize(("curve", "power"), [(_gamma(1.8), 1.8), (SAMPLED, 1.8), (b"curv" + bytes(8), 1.0)])
@pytest.mark.parametrize("depth", [8, 16])
def test_tone_curves_follow_their_formula(small: NDArray, curve: bytes, power: float, depth: int) -> None:
    icc = matrix(SRGB, curve)
    top = 2**depth - 1
    pixels = small if depth == 8 else small.astype(np.uint16) * 257
    oracle = _encode((pixels / top) ** power) * top
    got, notes = to_srgb(pixels.copy(), icc)
    assert notes == ()
    assert np.abs(got - oracle).max() <= (2 if depth == 8 else 90)  # of 65,535: the sampled curve's own steps


def test_16_bit_colors_agree_with_littlecms_and_are_finer(small: NDArray) -> None:
    for icc in (matrix(DISPLAY_P3, SRGB_CURVE), matrix(DISPLAY_P3, _gamma(2.2))):
        coarse, _ = to_srgb(small.copy(), icc)
        fine, _ = to_srgb(small.astype(np.uint16) * 257, icc)
        assert np.abs(fine / 257 - coarse).max() <= 1.01
        assert (fine % 257 != 0).mean() > 0.5


def test_a_grey_profile_is_applied_to_grey_and_masks_ignore_it(small: NDArray) -> None:
    icc = profile(b"GRAY", {b"kTRC": _gamma(1.0)})
    grey = small[..., 0]
    data = saved(grey, "PNG", icc_profile=icc)
    got = read(data).pixels
    oracle = _encode(grey / 255) * 255
    assert np.abs(got - oracle[..., None]).max() <= 2
    np.testing.assert_array_equal(read_mask(data).pixels, grey)
    deep, _ = to_srgb(grey.astype(np.uint16) * 257, icc)
    assert np.abs(deep / 257 - oracle).max() <= 0.01


@pytest.mark.parametrize("icc", [srgb_profile(), matrix(SRGB, SRGB_CURVE)])
def test_srgb_under_any_name_changes_nothing(small: NDArray, icc: bytes) -> None:
    np.testing.assert_array_equal(read(saved(small, "PNG", icc_profile=icc)).pixels, small)


@pytest.mark.parametrize("icc", [b"no profile at all", SWAPPED[:200], SWAPPED[:36] + b"nope" + SWAPPED[40:]])
@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L"])
def test_a_broken_profile_is_a_note_and_no_error(small: NDArray, icc: bytes, mode: str) -> None:
    image = Image.fromarray(small).convert(mode)
    kind = {"kind": "JPEG", "quality": 100} if mode == "CMYK" else {"kind": "PNG"}
    plain, got = read(saved(image, **kind)), read(saved(image, icc_profile=icc, **kind))
    np.testing.assert_array_equal(got.pixels, plain.pixels)
    assert "profile is broken" in " ".join(got.notes)


def test_a_profile_for_other_pixels_is_a_note(small: NDArray) -> None:
    got = read(saved(small, "PNG", icc_profile=profile(b"GRAY", {b"kTRC": _gamma(1.8)})))
    np.testing.assert_array_equal(got.pixels, small)
    assert "does not fit" in got.notes[0]


def _ink_table(lab_of: Any) -> bytes:
    """An A2B0 table (mft2) from CMYK to Lab of 2 points an axis; lab_of(c, m, y, k) with inks 0 or 1."""
    grid = [lab_of(*((i >> s) & 1 for s in (3, 2, 1, 0))) for i in range(16)]
    coded = [round(v) for L, a, b in grid for v in (L * 652.8, (a + 128) * 256, (b + 128) * 256)]
    line = struct.pack(">2H", 0, 65535)
    unit = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    return b"mft2\0\0\0\0\4\3\2\0" + unit + struct.pack(">2H", 2, 2) + line * 4 + struct.pack(">48H", *coded) + line * 3


def test_cmyk_goes_through_its_profile_or_the_plain_formula(small: NDArray) -> None:
    image = Image.fromarray(small).convert("CMYK")
    plain = read(saved(image, "JPEG", quality=100, subsampling=0))
    assert np.abs(plain.pixels.astype(int) - small).mean() < 2  # upright tones: no negative
    assert "plain formula" in plain.notes[-1]
    # inks whose Lab is grey by how much ink there is: a profile that takes all color away
    icc = profile(b"CMYK", {b"A2B0": _ink_table(lambda c, m, y, k: (100 - 25 * (c + m + y + k), 0, 0))}, b"Lab ")
    icc = icc[:12] + b"prtr" + icc[16:]
    got = read(saved(image, "JPEG", quality=100, subsampling=0, icc_profile=icc))
    assert got.notes == ()
    assert np.ptp(got.pixels.astype(int), axis=2).max() <= 3
    assert np.corrcoef(got.pixels[..., 0].ravel(), small.mean(2).ravel())[0, 1] > 0.95


def test_a_cmyk_jpeg_without_adobes_marker_is_noted(small: NDArray) -> None:
    data = saved(Image.fromarray(small).convert("CMYK"), "JPEG")
    at = data.index(b"\xff\xee")
    stripped = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    assert "Adobe" in " ".join(read(stripped).notes)
    assert "Adobe" not in " ".join(read(data).notes)


def test_a_lab_tiff_gets_its_colors(small: NDArray) -> None:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = to_lab.apply(Image.fromarray(small))
    got = read(saved(lab, "TIFF"))
    assert np.abs(got.pixels.astype(int) - small).mean() < 2
    assert got.notes == ()


def test_deep_files_with_a_profile_are_converted_too(small: NDArray) -> None:
    deep = small.astype(np.uint16) * 257
    from bgswap.folders import png

    data = png.encode(deep, icc=SWAPPED)
    got = read(data, DEEP).pixels
    assert np.abs(got[..., ::-1].astype(int) - deep).max() < 200
    assert np.abs(read(data).pixels[..., ::-1].astype(int) - small).max() <= 2
    assert read(encode(deep, "tiff"), DEEP).notes == ()
