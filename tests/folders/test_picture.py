"""The rows of manners.md, section 4, that concern reading. Pictures are made here from the astronaut."""

import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bgswap.folders import picture
from bgswap.folders.picture import ReadOptions, probe, read, read_mask

DEEP = ReadOptions(depth=16)
LOSSLESS = {"PNG": {}, "WEBP": {"lossless": True}, "TIFF": {}, "BMP": {}, "PPM": {}}
LOSSY: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
}


def saved(pixels: NDArray | Image.Image, kind: str, **settings: Any) -> bytes:
    file = BytesIO()
    image = Image.fromarray(pixels) if isinstance(pixels, np.ndarray) else pixels
    image.save(file, kind, **settings)
    return file.getvalue()


def tiff(pixels: NDArray, **settings: Any) -> bytes:
    file = BytesIO()
    tifffile.imwrite(file, pixels, **settings)
    return file.getvalue()


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_give_the_very_pixels(small: NDArray, kind: str) -> None:
    got = read(saved(small, kind, **LOSSLESS[kind]))
    np.testing.assert_array_equal(got.pixels, small)
    assert (got.size, got.full_size, got.alpha, got.notes) == ((96, 130), (96, 130), None, ())
    assert got.pixels.flags.writeable


@pytest.mark.parametrize("kind", LOSSY)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_lossy_formats_agree_with_pillow_within_one_level(small: NDArray, kind: str, mode: str) -> None:
    data = saved(Image.fromarray(small).convert(mode), kind, **LOSSY[kind])
    oracle = np.asarray(Image.open(BytesIO(data)).convert("RGB")).astype(int)
    assert np.abs(read(data).pixels - oracle).max() <= 1


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "deep PNG", "deep TIFF", "CMYK"])
def test_every_orientation_comes_out_upright(small: NDArray, kind: str, value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    if kind.startswith("deep"):
        deep = small.astype(np.uint16) * 257
        if kind == "deep PNG":
            plain = cv2.imencode(".png", deep[..., ::-1])[1].tobytes()
            block = exif.tobytes()[6:]
            data = plain[:33] + _chunk(b"eXIf", block) + plain[33:]
        else:
            data = tiff(deep, photometric="rgb", extratags=[(274, "H", 1, value, True)])
    else:
        image = Image.fromarray(small).convert("CMYK" if kind == "CMYK" else "RGB")
        data = saved(image, "JPEG" if kind == "CMYK" else kind, exif=exif, **LOSSY.get(kind, {}))
    upright = Image.fromarray(small)
    upright.getexif()[0x0112] = value
    oracle = np.asarray(ImageOps.exif_transpose(upright))
    got = read(data)
    assert got.pixels.shape == oracle.shape
    assert probe(data).size == oracle.shape[:2]
    assert np.abs(got.pixels.astype(int) - oracle).mean() < 4  # JPEG and AVIF lose a little


def _chunk(name: bytes, content: bytes) -> bytes:
    import zlib

    return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")


def test_palettes_with_transparency_become_rgba(small: NDArray) -> None:
    image = Image.fromarray(small).quantize(16)
    plain = read(saved(image, "PNG"))
    np.testing.assert_array_equal(plain.pixels, np.asarray(image.convert("RGB")))
    holes = bytes([0, 128, *[255] * 14])
    got = read(saved(image, "PNG", transparency=holes))
    np.testing.assert_array_equal(got.alpha, np.asarray(list(holes), np.uint8)[np.asarray(image)])
    np.testing.assert_array_equal(got.rgb, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_transparent_color_of_a_png_becomes_alpha(small: NDArray, mode: str) -> None:
    image = Image.fromarray(small).convert(mode)
    color = image.getpixel((5, 5))
    got = read(saved(image, "PNG", transparency=color))
    hit = np.asarray(image) == color
    np.testing.assert_array_equal(got.alpha == 0, hit.all(-1) if mode == "RGB" else hit)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGBA"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_bilevel_and_alpha_modes_agree_with_pillow(small: NDArray, kind: str, mode: str) -> None:
    image = Image.fromarray(np.dstack([small, small[::-1, :, 0]])).convert(mode)
    oracle = np.asarray(image.convert("RGBA" if mode in ("LA", "RGBA") else "RGB"))
    np.testing.assert_array_equal(read(saved(image, kind)).pixels, oracle)


def test_animations_give_their_first_frame_and_say_how_many_there_are(small: NDArray) -> None:
    frames = [Image.fromarray(np.roll(small, 9 * i, 1)) for i in range(3)]
    for kind in ("GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"):
        lossless = {"lossless": True} if kind == "WEBP" else {}
        got = read(data := saved(frames[0], kind, save_all=True, append_images=frames[1:], **lossless))
        assert f"of 3 {'pages' if kind == 'TIFF' else 'pictures' if kind == 'MPO' else 'frames'}" in got.notes[0]
        assert np.abs(got.rgb.astype(int) - small).mean() < 12, kind  # a GIF has 256 colors
        assert (probe(data).format, probe(data).frames) == (kind, 3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (2, 60_000)])
def test_sides_of_one_pixel_and_long_strips_are_read(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    for kind in ("PNG", "TIFF", "JPEG", "BMP"):
        assert read(saved(pixels, kind), at_least=(1, 1)).full_size == shape
    np.testing.assert_array_equal(read(saved(pixels, "PNG")).pixels, pixels)


@pytest.mark.parametrize("shape", [(96, 130), (511, 509)])
@pytest.mark.parametrize("value", [1, 6])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_reduced_decode_is_the_smallest_that_is_large_enough(
    photo: NDArray, shape: tuple[int, int], value: int, mode: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    data = saved(Image.fromarray(photo[: shape[0], : shape[1]]).convert(mode), "JPEG", exif=exif)
    height, width = full = read(data).size
    half = (-(-height // 2), -(-width // 2))
    for scale, least in (
        (1, full),
        (2, half),
        (1, (half[0] + 1, 1)),
        (1, (1, half[1] + 1)),
        (8, (1, 1)),
        (1, (1, 9999)),
    ):
        got = read(data, at_least=least)
        assert got.full_size == full
        oracle = Image.open(BytesIO(data))
        if scale > 1:
            oracle.draft(mode, (oracle.width // scale, oracle.height // scale))
        oracle = ImageOps.exif_transpose(oracle.convert("RGB"))
        assert np.abs(got.pixels - np.asarray(oracle).astype(int)).max() <= 1


def test_a_mask_is_the_alpha_or_else_the_luminance(small: NDArray) -> None:
    grey = small[..., 0]
    np.testing.assert_array_equal(read_mask(saved(grey, "PNG")).pixels, grey)
    cut = np.dstack([small, grey])
    np.testing.assert_array_equal(read_mask(saved(cut, "PNG")).pixels, grey)
    oracle = np.asarray(Image.fromarray(small).convert("L")).astype(int)
    assert np.abs(read_mask(saved(small, "PNG")).pixels - oracle).max() <= 1
    hard = np.asarray(Image.fromarray(small).convert("1"))
    np.testing.assert_array_equal(read_mask(saved(hard, "PNG")).pixels, np.where(hard, 255, 0))


def test_a_mask_saved_as_opaque_rgba_gives_its_greys_and_an_opaque_cut_out_is_all_white(
    small: NDArray,
) -> None:
    opaque = np.full(small.shape[:2], 255, np.uint8)
    got = read_mask(saved(np.dstack([small[..., 0]] * 3 + [opaque]), "PNG"))
    np.testing.assert_array_equal(got.pixels, small[..., 0])
    assert got.notes
    assert (read_mask(saved(np.dstack([small, opaque]), "PNG")).pixels == 255).all()


def test_only_resolution_artist_and_copyright_are_known_of_a_photo(small: NDArray) -> None:
    exif = Image.Exif()
    exif[0x8298], exif[0x013B], exif[0x010F] = "© Ada".encode(), "Ada", "Camera maker"
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    safe = {"dpi": (300, 200), "copyright": "© Ada", "artist": "Ada"}
    assert read(saved(small, "JPEG", exif=exif, dpi=(300, 200), comment=b"secret")).metadata == safe
    assert read(saved(small, "JPEG")).metadata == {}


def test_a_picture_shows_views_of_its_own_pixels(small: NDArray) -> None:
    one = picture.Picture(np.dstack([small, small[..., 0]]))
    assert one.alpha is not None
    assert np.shares_memory(one.rgb, one.pixels)
    assert np.shares_memory(one.alpha, one.pixels)
    assert picture.Picture(small[..., 0]).rgb.shape == small.shape


def test_a_gain_map_is_dropped_with_a_note(small: NDArray) -> None:
    got = read(saved(small, "JPEG", xmp=b"<x:xmpmeta hdrgm:Version='1.0'/>"))
    assert got.notes == ("the gain map was dropped",)


def test_a_probe_can_be_sent_to_another_process(astronaut_file: Path) -> None:
    header = pickle.loads(pickle.dumps(probe(astronaut_file)))
    assert (header.format, header.size, header.depth, header.frames) == ("PNG", (512, 512), 8, 1)
