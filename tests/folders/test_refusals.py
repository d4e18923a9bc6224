"""What is not read, and the sentence that says so."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bgswap.errors import PictureError
from bgswap.folders import decode, headers
from bgswap.folders.picture import ReadOptions, probe, read, read_mask

WIDE = ReadOptions(formats="wide")


def saved(pixels: NDArray[Any], kind: str, **settings: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind, **settings)
    return file.getvalue()


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    for source in (b"", tmp_path / "a.jpg"):
        for ask in (read, read_mask, probe):
            with pytest.raises(PictureError, match="empty"):
                ask(source)  # type: ignore[operator]


def test_a_missing_file_and_a_folder_are_told_as_the_system_tells_them(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="No such file"):
        read(tmp_path / "nosuch.jpg")
    with pytest.raises(PictureError, match="directory"):
        probe(tmp_path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "PPM"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_half_a_file_is_an_error_and_no_picture_with_junk_below(photo: NDArray, kind: str, share: float) -> None:
    data = saved(photo, kind)
    with pytest.raises(PictureError):
        read(data[: int(len(data) * share)])


@pytest.mark.parametrize("settings", [{"progressive": True}, {"restart_marker_rows": 1}])
def test_half_a_jpeg_is_an_error_though_its_thumbnail_has_an_end_marker(
    photo: NDArray, settings: dict[str, Any]
) -> None:
    thumbnail = saved(photo[::8, ::8], "JPEG")
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\0" + thumbnail
    data = saved(photo, "JPEG", exif=exif, **settings)
    assert read(data).size == (512, 512)
    with pytest.raises(PictureError, match="cut short"):
        read(data[: len(data) * 2 // 3])


def test_a_jpeg_with_more_behind_its_end_is_read(photo: NDArray) -> None:
    data = saved(photo, "JPEG")
    np.testing.assert_array_equal(read(data + b"a film of the same moment" * 99).pixels, read(data).pixels)


@pytest.mark.parametrize("kind", ["EPS", "PDF", "PSD", "SVG"])
def test_files_of_other_programs_are_named_and_never_opened(
    photo: NDArray, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = {"PSD": b"8BPS\0\1" + bytes(40), "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}
    data = starts.get(kind) or saved(photo, kind)
    for options in (ReadOptions(), WIDE):
        with pytest.raises(PictureError, match=r"^this is (a|an|Post).* and not a picture"):
            read(data, options)


def test_no_parser_outside_the_list_is_ever_tried(photo: NDArray, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    tried: list[str] = []
    for name, (factory, accept) in list(Image.OPEN.items()):

        def spy(file: Any, path: Any, name: str = name, factory: Any = factory) -> Any:
            tried.append(name)
            return factory(file, path)

        monkeypatch.setitem(Image.OPEN, name, (spy, accept))
    for data in (
        saved(photo, "EPS"),
        saved(photo, "ICNS"),
        bytes(range(256)) * 40,
        b"SIMPLE  =   T" + bytes(3000),
    ):
        with pytest.raises(PictureError):
            read(data, WIDE)
    assert set(tried) <= {*headers.USUAL, *headers.WIDE}


@pytest.mark.parametrize("kind", ["JPEG2000", "TGA", "ICO", "PCX", "SGI", "DDS", "DIB", "QOI"])
def test_rarer_formats_are_read_only_when_asked_for(photo: NDArray, kind: str) -> None:
    pixels = photo[:64, :64].copy()
    settings = {"sizes": [(64, 64)]} if kind == "ICO" else {}
    data = saved(pixels, kind, **settings)
    np.testing.assert_array_equal(read(data, WIDE).rgb, pixels)
    with pytest.raises(PictureError, match="not a picture" if kind == "TGA" else f"{kind}.*--formats wide"):
        read(data)


def test_the_name_decides_nothing_but_a_note(photo: NDArray, tmp_path: Path) -> None:
    for name, noted in (("a.jpg", True), ("a.PNG", False), ("a", False)):
        (tmp_path / name).write_bytes(saved(photo, "PNG"))
        got = read(tmp_path / name)
        np.testing.assert_array_equal(got.pixels, photo)
        assert got.name == name
        assert got.notes == (("named .jpg but is PNG",) if noted else ())


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF", "BMP", "PPM", "JPEG", "WEBP", "AVIF"])
def test_the_pixel_cap_is_held_before_anything_is_decoded(
    photo: NDArray, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "native", lambda *_: pytest.fail("decoded"))
    with pytest.raises(PictureError, match=r"512 x 512 is more than 0.1 megapixels.*--max-pixels 262144"):
        read(saved(photo, kind), ReadOptions(max_pixels=100_000))


def test_a_small_file_that_claims_a_huge_picture_is_refused_and_pillows_own_limit_is_not_touched() -> None:
    bomb = bytearray(saved(np.zeros((1, 1, 3), np.uint8), "BMP"))
    bomb[18:26] = (60_000).to_bytes(4, "little") * 2
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(PictureError, match="60000 x 60000 is more than 150 megapixels"):
        read(bytes(bomb))
    assert probe(bytes(bomb), ReadOptions(max_pixels=10**10)).size == (60_000, 60_000)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_heic_without_its_extra_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(PictureError, match=r"extra 'heif'"):
        read(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))


def test_heic_with_its_extra_is_read_upright(photo: NDArray) -> None:
    pytest.importorskip("pillow_heif", reason="the extra 'heif' is not installed").register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = 6
    got = read(saved(photo[:96, :128].copy(), "HEIF", quality=95, exif=exif.tobytes()))
    turned = np.rot90(photo[:96, :128], -1)
    assert got.pixels.shape == turned.shape
    assert np.abs(got.pixels.astype(int) - turned).mean() < 4
    with pytest.raises(PictureError):
        read(saved(photo, "HEIF")[:3000])


def test_the_end_of_a_jpeg_is_looked_for_behind_its_first_scan(photo: NDArray[Any]) -> None:
    # some versions of OpenCV give a whole picture with junk below, so this may not rest on its answer
    thumbnail = saved(photo[::8, ::8], "JPEG")
    data = saved(photo, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0" + thumbnail)
    assert decode._ends(data)
    assert decode._ends(data + b"more")
    assert not decode._ends(data[:-2])
    assert not decode._ends(data[: len(thumbnail) + 200])
    assert not decode._ends(b"\xff\xd8")
