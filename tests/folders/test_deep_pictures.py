"""Pictures of 16 bits and of floats, and the odd kinds of TIFF. tifffile and OpenCV write the files."""

import zlib
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bgswap.errors import PictureError
from bgswap.folders import decode, png, pnm
from bgswap.folders.picture import ReadOptions, probe, read, read_mask

DEEP = ReadOptions(depth=16)


def tiff(pixels: NDArray, **settings: Any) -> bytes:
    file = BytesIO()
    tifffile.imwrite(file, pixels, **settings)
    return file.getvalue()


def test_16_bit_samples_round_to_the_nearest_of_256_levels() -> None:
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(decode.narrow(every), np.round(every / 257).astype(np.uint8))


def _deep(small: NDArray) -> NDArray[np.uint16]:
    return small.astype(np.uint16) * 256 + small[::-1, ::-1]  # low bytes that no 8-bit path could keep


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "big-endian TIFF", "BigTIFF", "tiled TIFF", "PAM"])
def test_16_bit_pictures_keep_every_bit_at_depth_16_and_scale_at_depth_8(
    small: NDArray, kind: str, channels: int
) -> None:
    deep = np.dstack([_deep(small), np.full(small.shape[:2], 40_000, np.uint16)])
    deep = deep[..., 0].copy() if channels == 1 else deep[..., :channels].copy()
    settings = {
        "big-endian TIFF": {"byteorder": ">"},
        "BigTIFF": {"bigtiff": True},
        "tiled TIFF": {"tile": (32, 32)},
    }
    if kind == "PNG":
        order = deep if channels == 1 else deep[..., [2, 1, 0, 3][:channels]]
        data = cv2.imencode(".png", np.ascontiguousarray(order))[1].tobytes()
    elif kind == "PAM":
        data = pnm.encode(deep)
    else:
        extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
        shown = "minisblack" if channels == 1 else "rgb"
        data = tiff(deep, photometric=shown, **extra, **settings.get(kind, {}))
    expected = np.dstack([deep] * 3) if channels == 1 else deep
    kept = read(data, DEEP)
    assert probe(data).depth == 16
    np.testing.assert_array_equal(kept.pixels, expected)
    assert kept.notes == ()
    narrowed = read(data)
    np.testing.assert_array_equal(narrowed.pixels, np.round(expected / 257).astype(np.uint8))
    assert "narrowed to 8 bits" in " ".join(narrowed.notes)


def test_8_bit_pictures_stay_8_bit_at_depth_16(small: NDArray) -> None:
    assert read(png.encode(small), DEEP).pixels.dtype == np.uint8


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("grey", [False, True])
def test_float_tiff_is_scaled_and_not_clipped(small: NDArray, kind: type, grey: bool) -> None:
    values = (small[..., 0] if grey else small).astype(kind) / 255
    shown = {"photometric": "minisblack" if grey else "rgb"}
    oracle = np.dstack([small[..., 0]] * 3) if grey else small
    np.testing.assert_array_equal(read(tiff(values, **shown)).pixels, oracle)
    bright = read(tiff(values * 37, **shown))
    top = oracle.max()
    np.testing.assert_allclose(bright.pixels, oracle * (255 / top), atol=1)
    assert "float samples reach" in " ".join(bright.notes)
    odd = values.copy()
    odd[0, 0], odd[0, 1], odd[0, 2] = np.nan, -1, np.inf
    np.testing.assert_allclose(
        read(tiff(odd, **shown)).pixels[1:], oracle[1:] * (255 / max(values.max(), 1) / 255), atol=1
    )


def test_premultiplied_tiff_becomes_straight(small: NDArray) -> None:
    alpha = np.full((*small.shape[:2], 1), 128, np.uint8)
    plain = np.dstack([(small.astype(float) * 128 / 255).round().astype(np.uint8), alpha])
    for data in (
        tiff(plain, photometric="rgb", extrasamples=["assocalpha"]),
        tiff(plain.astype(np.uint16) * 257, photometric="rgb", extrasamples=["assocalpha"]),
    ):
        got = read(data)
        np.testing.assert_allclose(got.rgb.astype(int), small.astype(int), atol=2)
        np.testing.assert_array_equal(got.alpha, alpha[..., 0])


def test_a_white_is_zero_tiff_is_not_a_negative(small: NDArray) -> None:
    grey = small[..., 0]
    for values in (grey, grey.astype(np.uint16) * 257):
        data = tiff(np.iinfo(values.dtype).max - values, photometric="miniswhite")
        np.testing.assert_array_equal(read_mask(data).pixels, grey)


@pytest.mark.parametrize("settings", [{"planarconfig": "separate"}, {"dtype": np.uint32}, {"dtype": np.float16}])
def test_tiff_that_no_decoder_here_reads_rightly_is_refused(small: NDArray, settings: dict[str, Any]) -> None:
    deep = small.astype(settings.pop("dtype", np.uint16))
    deep = np.moveaxis(deep, 2, 0).copy() if settings else deep
    with pytest.raises(PictureError, match="save it as"):
        read(tiff(deep, photometric="rgb", **settings))


@pytest.mark.parametrize("grey", [False, True])
def test_alpha_and_transparent_colors_of_16_bit_png_are_kept(small: NDArray, grey: bool) -> None:
    deep = _deep(small)
    deep = deep[..., 0].copy() if grey else deep
    expected = np.dstack([deep] * 3) if grey else deep
    clear = np.atleast_1d(deep[3, 4])
    data = png.encode(deep, srgb=False)
    length = len(clear) * 2
    content = b"tRNS" + clear.astype(">u2").tobytes()
    chunk = length.to_bytes(4, "big") + content + zlib.crc32(content).to_bytes(4, "big")
    got = read(data[:33] + chunk + data[33:], DEEP)
    np.testing.assert_array_equal(got.rgb, expected)
    hit = (expected == (clear if len(clear) == 3 else clear.repeat(3))).all(-1)
    np.testing.assert_array_equal(got.alpha, np.where(hit, 0, 65535))
    if grey:
        both = np.dstack([deep, deep[::-1]])
        got = read(png.encode(both, keep_hidden=True), DEEP)
        np.testing.assert_array_equal(got.rgb, expected)
        np.testing.assert_array_equal(got.alpha, deep[::-1])
        np.testing.assert_array_equal(read(pnm.encode(both), DEEP).pixels, got.pixels)
