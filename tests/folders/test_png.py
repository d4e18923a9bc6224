"""Every law is checked by decoders that are not ours: Pillow for 8 bits, OpenCV for 16."""

import struct
import zlib
from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from bgswap.folders import png
from bgswap.folders.profiles import srgb_profile

kinds = st.sampled_from([np.uint8, np.uint16])
shapes = st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from([0, 1, 2, 3, 4])).map(
    lambda s: s[:2] if s[2] == 0 else s
)


def _decode(data: bytes, pixels: NDArray) -> NDArray:
    """By OpenCV, in the shape and channel order of `pixels`. Grey with alpha comes as four channels there."""
    got = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels == 2:
        got = got[..., [0, 3]]
    elif channels > 2:
        got = got[..., [2, 1, 0, 3][:channels]]
    return got.reshape(pixels.shape)


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """The chunks by name, each checksum held; several IDAT are joined."""
    found: dict[bytes, bytes] = {}
    at = 8
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        name, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(name + content)
        found[name] = found.get(name, b"") + content
        at += 12 + size
    return found


@given(kinds.flatmap(lambda kind: hnp.arrays(kind, shapes)))
@settings(max_examples=150, deadline=None)
def test_any_pixels_come_back_as_they_were(pixels: NDArray) -> None:
    data = png.encode(pixels, keep_hidden=True)
    got = _decode(data, pixels)
    assert got.dtype == pixels.dtype
    np.testing.assert_array_equal(got, pixels)
    Image.open(BytesIO(data)).load()


def test_a_photo_of_many_strips_comes_back_as_it_was(photo: NDArray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "STRIP_BYTES", 10_000)
    data = png.encode(photo)
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(data))), photo)


def test_a_view_with_strides_is_written_like_its_copy(photo: NDArray) -> None:
    view = photo[10:200:3, ::-2]
    assert png.encode(view) == png.encode(np.ascontiguousarray(view))
    rgba = np.dstack([photo, photo[..., 0]])[:, ::-1]
    assert png.encode(rgba) == png.encode(rgba.copy())


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_colors_under_alpha_0_are_written_as_black_unless_kept(photo: NDArray, kind: type) -> None:
    rgba = np.dstack([photo, photo[..., 0]]).astype(kind)
    rgba[:100, :, 3] = 0
    rgba[100:200, :, 3] = 1
    before = rgba.copy()
    got = _decode(png.encode(rgba), rgba)
    assert (got[rgba[..., 3] == 0] == 0).all()
    np.testing.assert_array_equal(got[rgba[..., 3] > 0], rgba[rgba[..., 3] > 0])
    np.testing.assert_array_equal(_decode(png.encode(rgba, keep_hidden=True), rgba), rgba)
    np.testing.assert_array_equal(rgba, before)  # the caller's pixels are not written into


def test_equal_pictures_give_equal_bytes(photo: NDArray) -> None:
    assert png.encode(photo, dpi=(300, 300)) == png.encode(photo.copy(), dpi=(300, 300))


def test_it_is_about_as_small_as_pillows_level_1(photo: NDArray) -> None:
    file = BytesIO()
    Image.fromarray(photo).save(file, "PNG", compress_level=1)
    assert len(png.encode(photo)) < 1.2 * len(file.getvalue())


def test_resolution_and_words_and_color_space_are_told(photo: NDArray) -> None:
    data = png.encode(photo, dpi=(300, 150), text={"Author": "Ada Łovelace", "Copyright": "© 2026"})
    image = Image.open(BytesIO(data))
    assert image.info["dpi"] == pytest.approx((300, 150), abs=0.02)
    assert image.text == {"Author": "Ada Łovelace", "Copyright": "© 2026"}  # type: ignore[attr-defined]
    assert image.info["srgb"] == 0
    assert set(_chunks(data)) == {b"IHDR", b"sRGB", b"pHYs", b"iTXt", b"IDAT", b"IEND"}


def test_a_profile_takes_the_place_of_the_srgb_tag(photo: NDArray) -> None:
    data = png.encode(photo, icc=srgb_profile())
    assert Image.open(BytesIO(data)).info["icc_profile"] == srgb_profile()
    assert b"sRGB" not in _chunks(data)
    assert set(_chunks(png.encode(photo, srgb=False))) == {b"IHDR", b"IDAT", b"IEND"}


def test_without_isal_zlib_writes_the_same_picture(photo: NDArray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "deflate", zlib)
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(png.encode(photo)))), photo)


@given(
    height=st.integers(1, 40), width=st.integers(1, 40), channels=st.sampled_from([1, 3, 4]), seed=st.integers(0, 99)
)  # fmt: skip
def test_what_was_written_is_read_back_the_fast_way(height, width, channels, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    data = png.encode(pixels[..., 0] if channels == 1 else pixels, keep_hidden=True)
    read = png.decode(data)
    assert read is not None
    assert np.array_equal(read.reshape(pixels.shape), pixels)


def test_a_large_picture_of_many_strips_is_read_as_pillow_reads_it(photo):
    large = np.tile(photo, (4, 3, 1))
    data = png.encode(large)
    assert data.count(b"IDAT") > 2
    assert np.array_equal(png.decode(data), np.asarray(Image.open(BytesIO(data))))


@pytest.mark.parametrize("mode", ["P", "LA", "I;16", "1"])
def test_other_kinds_are_left_to_other_decoders(photo, mode):
    buffer = BytesIO()
    picture = Image.fromarray(photo[:50, :50])
    (Image.fromarray(np.zeros((9, 9), np.uint16)) if mode == "I;16" else picture.convert(mode)).save(buffer, "PNG")
    assert png.decode(buffer.getvalue()) is None


def test_other_filters_transparent_colors_and_animations_are_left_to_other_decoders(photo):
    twice = {"save_all": True, "append_images": [Image.new("RGB", (50, 50))]}
    for more in ({}, {"transparency": (1, 2, 3)}, twice):
        buffer = BytesIO()
        Image.fromarray(photo[:50, :50]).save(buffer, "PNG", **more)
        assert png.decode(buffer.getvalue()) is None


def test_whatever_is_damaged_is_left_to_a_decoder_that_can_tell(photo):
    data = png.encode(photo[:60, :70])
    assert png.decode(data) is not None
    for place in range(8, len(data) - 12, 97):  # the signature is others' business, IEND says nothing
        broken = bytearray(data)
        broken[place] ^= 0x55
        read = png.decode(bytes(broken))
        assert read is None or np.array_equal(read, photo[:60, :70]), place
    for cut in (20, len(data) // 2, len(data) - 13):
        assert png.decode(data[:cut]) is None


def test_a_stream_that_holds_more_than_its_picture_is_not_unpacked():
    head = struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)
    for extra in (1, 50_000_000):
        body = zlib.compress(bytes(4 * 5 + extra), 9)
        parts = [png.SIGNATURE]
        for name, content in ((b"IHDR", head), (b"IDAT", body), (b"IEND", b"")):
            parts += [struct.pack(">I", len(content)), name, content, struct.pack(">I", zlib.crc32(name + content))]
        assert png.decode(b"".join(parts)) is None
