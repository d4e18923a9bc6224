"""The writer, checked by Pillow, OpenCV and tifffile, and by our own reader."""

import re
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from bgswap.errors import BgswapError, PictureError, UsageError
from bgswap.folders import pnm
from bgswap.folders.encode import FORMATS, check_size, clear_hidden, encode, suffix_format
from bgswap.folders.picture import Picture, ReadOptions, read

DEEP = ReadOptions(depth=16)
EXACT = {"png": None, "tiff": None, "pam": None, "bmp": None, "webp": 100}
KNOWN = {"dpi": (300.0, 200.0), "artist": "Ada Łovelace", "copyright": "© 2026 Ada"}


@pytest.fixture(scope="session")
def cut_out(photo: NDArray) -> NDArray[np.uint8]:
    """The astronaut behind a soft disc: alpha 0, 1 to 254, and 255 all occur. (512, 512, 4)"""
    y, x = np.mgrid[:512, :512]
    alpha = np.clip(300 - np.hypot(y - 256, x - 256) * 1.5, 0, 255).astype(np.uint8)
    return np.dstack([photo, alpha])


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_written_is_read_back(photo: NDArray, format: str) -> None:
    got = read(encode(photo, format, quality=EXACT.get(format)))
    error = np.abs(got.pixels.astype(int) - photo)
    assert error.max() == 0 if format in EXACT else error.mean() < 2
    assert got.notes == ()


@pytest.mark.parametrize("format", [name for name, kind in FORMATS.items() if kind.alpha])
def test_alpha_stays_straight_and_hidden_colors_are_black(cut_out: NDArray, format: str) -> None:
    before = cut_out.copy()
    got = read(encode(cut_out, format, quality=EXACT.get(format))).pixels
    hidden = cut_out[..., 3] == 0
    if format in EXACT:
        np.testing.assert_array_equal(got[~hidden], cut_out[~hidden])
        assert (got[hidden] == 0).all()
        kept = read(encode(cut_out, format, quality=EXACT[format], keep_hidden=True)).pixels
        np.testing.assert_array_equal(kept, cut_out)
    else:
        solid = cut_out[..., 3] == 255
        assert np.abs(got[solid].astype(int) - cut_out[solid]).mean() < 3
        assert np.abs(got[..., 3].astype(int) - cut_out[..., 3]).max() <= 8
    np.testing.assert_array_equal(cut_out, before)


@pytest.mark.parametrize("format", FORMATS)
def test_a_grey_matte_is_written_in_every_format(cut_out: NDArray, format: str) -> None:
    matte = cut_out[..., 3]
    got = read(encode(matte, format, quality=EXACT.get(format))).pixels[..., 0]
    assert np.abs(got.astype(int) - matte).max() <= (0 if format in EXACT else 8)


@pytest.mark.parametrize("format", [name for name, kind in FORMATS.items() if kind.depth == 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_deep_pixels_stay_deep_where_the_format_can(photo: NDArray, format: str, channels: int) -> None:
    deep = np.dstack([photo, photo[..., :1]]).astype(np.uint16) * 256 + 77
    deep = deep[..., 0] if channels == 1 else deep[..., :channels]
    got = read(encode(deep, format), DEEP).pixels
    np.testing.assert_array_equal(got, np.dstack([deep] * 3) if channels == 1 else deep)


@pytest.mark.parametrize("format", [name for name, kind in FORMATS.items() if kind.depth == 8])
def test_deep_pixels_are_narrowed_by_rounding_where_it_cannot(photo: NDArray, format: str) -> None:
    deep = photo.astype(np.uint16) * 257
    deep[photo > 0] -= 100
    assert encode(deep, format) == encode(photo, format)


@given(
    st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda kind: hnp.arrays(kind, st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4)))
    )
)
@settings(max_examples=100, deadline=None)
def test_pam_and_tiff_give_any_pixels_back(pixels: NDArray) -> None:
    pam = pnm.encode(pixels)
    got = pnm.decode(pam, pnm.read_head(pam))
    assert got.dtype == pixels.dtype
    np.testing.assert_array_equal(got, pixels)
    if pixels.shape[2] == 3:  # behind its header a PAM is a PPM, which OpenCV reads
        ppm = b"P6 %d %d %d\n" % (*pixels.shape[1::-1], np.iinfo(pixels.dtype).max) + pam.split(b"ENDHDR\n", 1)[1]
        by_cv2 = cv2.imdecode(np.frombuffer(ppm, np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(by_cv2[..., ::-1], pixels)
    if pixels.shape[2] != 2:
        pixels = pixels[..., 0] if pixels.shape[2] == 1 else pixels
        tiff = encode(pixels, "tiff", keep_hidden=True)
        if pixels.dtype == np.uint8:  # tifffile undoes a predictor only with a package that is not here
            np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(tiff))), pixels)
        with tifffile.TiffFile(BytesIO(tiff)) as file:
            assert file.pages[0].shape == pixels.shape  # type: ignore[union-attr]


@pytest.mark.parametrize("top", [1, 100, 255, 1000, 65535])
def test_white_of_a_pnm_is_white_whatever_its_greatest_value(top: int) -> None:
    kind = ">u2" if top > 255 else "u1"
    data = b"P5 # a comment\n3 1\n%d\n" % top + np.array([0, top // 2, top], kind).tobytes()
    got = read(data, DEEP).pixels[0, :, 0]
    white = 65535 if top > 255 else 255
    assert got.tolist() == [0, round(top // 2 * white / top), white]


@pytest.mark.parametrize("format", FORMATS)
def test_equal_pictures_give_equal_bytes(photo: NDArray, format: str) -> None:
    picture = Picture(photo[:64, :64], metadata=dict(KNOWN))
    again = Picture(photo[:64, :64].copy(), metadata=dict(KNOWN))
    assert encode(picture, format) == encode(again, format)


def test_the_embedded_profile_holds_no_date_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    from bgswap.folders import profiles

    assert profiles.srgb_profile()[24:36] == bytes([7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("format", ["jpg", "png", "tiff", "webp", "avif"])
def test_safe_metadata_is_passed_on_and_strip_passes_nothing(photo: NDArray, format: str) -> None:
    picture = Picture(photo[:64, :64], metadata=dict(KNOWN))
    got = read(encode(picture, format)).metadata
    assert (got["artist"], got["copyright"]) == (KNOWN["artist"], KNOWN["copyright"])
    if format in ("jpg", "png", "tiff"):  # WebP and AVIF have no field for it outside EXIF
        assert got["dpi"] == pytest.approx((300, 200), abs=0.02)
    stripped = encode(picture, format, metadata="strip")
    assert read(stripped).metadata == {}
    assert b"Ada" not in stripped


def test_nothing_else_of_a_photo_reaches_the_output(photo: NDArray) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker-secret"
    exif.get_ifd(0x8825)[1], exif.get_ifd(0x8825)[29] = "N", "place-secret"
    exif.get_ifd(0x8769)[0x927C] = b"note-secret"
    file = BytesIO()
    settings: dict[str, Any] = {"exif": exif, "comment": b"comment-secret", "xmp": b"<x:xmpmeta xmp-secret/>"}
    Image.fromarray(photo).save(file, "JPEG", **settings)
    assert len(re.findall(b"secret", file.getvalue())) == 5
    for format in FORMATS:
        assert b"secret" not in encode(read(file.getvalue()), format)


@pytest.mark.parametrize("format", ["jpg", "webp", "avif", "tiff"])
def test_colors_are_tagged_as_srgb(photo: NDArray, format: str) -> None:
    image = Image.open(BytesIO(encode(photo, format)))
    from bgswap.folders.profiles import srgb_profile

    assert image.info["icc_profile"] == srgb_profile()


def test_a_jpeg_keeps_full_color_resolution_and_obeys_quality(photo: NDArray) -> None:
    image = Image.open(BytesIO(encode(photo, "jpg")))
    assert [part[1:3] for part in image.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]
    sizes = [len(encode(photo, "jpg", quality=quality)) for quality in (30, 80, 95, 100)]
    assert sizes == sorted(sizes)
    assert len(encode(photo, "jpg")) == sizes[2]


@pytest.mark.parametrize("format", ["jpg", "bmp"])
def test_transparency_is_refused_where_a_format_has_none(cut_out: NDArray, format: str) -> None:
    with pytest.raises(BgswapError, match=r"write png, or give --background"):
        encode(cut_out, format)


@pytest.mark.parametrize(("format", "limit"), [("jpg", 65500), ("webp", 16383), ("png", 2**31 - 1)])
def test_sides_beyond_a_formats_limit_are_refused_before_the_work(format: str, limit: int) -> None:
    check_size(format, (1, limit))
    with pytest.raises(PictureError, match=f"{format} ends at {limit} pixels"):
        check_size(format, (limit + 1, 1))


@pytest.mark.parametrize(("format", "limit"), [("jpg", 65500), ("webp", 16383), ("avif", 32768), ("bmp", 32767)])
def test_the_longest_side_that_a_format_takes_is_really_written(format: str, limit: int) -> None:
    assert read(encode(np.zeros((1, limit, 3), np.uint8), format)).size == (1, limit)


def test_a_suffix_gives_its_format_in_any_case() -> None:
    assert [suffix_format(s) for s in (".JPG", ".jpeg", ".tif", ".pam")] == ["jpg", "jpg", "tiff", "pam"]
    for wrong in (".txt", "", "jpg"):
        with pytest.raises(UsageError, match=r"use one of \.png"):
            suffix_format(wrong)
    with pytest.raises(UsageError, match="no format is named"):
        encode(np.zeros((1, 1), np.uint8), "gif")


def test_hidden_colors_are_cleared_in_a_copy_or_in_place(cut_out: NDArray) -> None:
    mine = cut_out.copy()
    cleared = clear_hidden(mine)
    np.testing.assert_array_equal(mine, cut_out)
    assert (cleared[cut_out[..., 3] == 0] == 0).all()
    np.testing.assert_array_equal(cleared[cut_out[..., 3] > 0], cut_out[cut_out[..., 3] > 0])
    assert clear_hidden(mine, in_place=True) is mine
    np.testing.assert_array_equal(mine, cleared)


def test_avif_keeps_full_color_resolution() -> None:
    checks = np.indices((64, 64)).sum(0) % 2
    pixels = np.where(checks[..., None], np.array([255, 0, 0]), np.array([0, 0, 255])).astype(np.uint8)
    got = read(encode(pixels, "avif", quality=95)).pixels
    assert np.abs(got.astype(int) - pixels).mean() < 40  # halved color resolution makes it all purple: 85


def test_a_jpeg_has_one_jfif_header_and_a_tiff_its_tags_in_order(photo: NDArray) -> None:
    assert encode(photo, "jpg").count(b"JFIF\0") == 1
    rgba = np.dstack([photo, photo[..., 0]])
    with tifffile.TiffFile(BytesIO(encode(Picture(rgba, metadata=KNOWN), "tiff"))) as file:
        codes = [tag.code for tag in file.pages[0].tags]  # type: ignore[union-attr]
    assert codes == sorted(codes)
    assert len(codes) > 15


def test_the_writer_itself_holds_the_limits_too() -> None:
    with pytest.raises(PictureError, match="webp ends at 16383"):
        encode(np.zeros((1, 16384, 3), np.uint8), "webp")
    with pytest.raises(BgswapError, match="float64"):
        encode(np.zeros((1, 1, 3)), "png")
