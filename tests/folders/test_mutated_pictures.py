"""Damaged files: whatever the bytes are, there is a Picture or one sentence, soon, and within the cap."""

import resource
import time
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bgswap.errors import PictureError
from bgswap.folders import png
from bgswap.folders.encode import encode
from bgswap.folders.picture import Picture, ReadOptions, probe, read, read_mask
from bgswap.folders.profiles import srgb_profile

MUTATIONS = 150
OPTIONS = ReadOptions(formats="wide", max_pixels=4_000_000)
LIMIT_S = 2.0
MEMORY_KIB = 200 * 1024  # eight times the pixels of the cap, as RGB with 16 bits
KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "16-bit PNG", "16-bit TIFF", "PAM", "AVIF")


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """One to five edits, mostly in the header: bytes changed, repeated, removed, set to 0 or 255; a cut."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        reach = len(changed) if rng.random() < 0.4 else min(len(changed), 400)
        at = int(rng.integers(0, max(1, reach)))
        size = int(rng.integers(1, 9))
        match rng.integers(0, 6):
            case 0:
                changed[at : at + 1] = bytes([rng.integers(0, 256)])
            case 1:
                changed[at : at + size] = b"\xff" * size
            case 2:
                changed[at : at + size] = bytes(size)
            case 3:
                del changed[int(rng.integers(0, len(changed) + 1)) :]
            case 4:
                changed[at:at] = changed[at : at + 16 * size]
            case 5:
                del changed[at : at + size]
    return bytes(changed)


def original(kind: str, photo: NDArray[np.uint8]) -> bytes:
    pixels = np.ascontiguousarray(photo[:96, 160:290])
    if kind.startswith("16"):
        return encode(pixels.astype(np.uint16) * 257, kind[7:].lower())
    if kind == "PAM":
        return encode(pixels, "pam")
    file = BytesIO()
    exif = Image.Exif()
    exif[0x0112], exif[0x8298] = 6, "Ada"
    settings: dict[str, Any] = {} if kind == "GIF" else {"exif": exif}
    Image.fromarray(pixels).save(file, kind, **settings)
    return file.getvalue()


def check(kind: str, photo: NDArray[np.uint8], seeds: range) -> None:
    whole, sentences = original(kind, photo), []
    read(whole, OPTIONS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in seeds:
        data = mutated(whole, np.random.default_rng(seed))
        began = time.process_time()
        for ask in (read, read_mask):
            try:
                got = ask(data, OPTIONS)
            except PictureError as error:
                sentences.append(str(error))
                continue
            assert isinstance(got, Picture)
            assert got.size[0] * got.size[1] <= OPTIONS.max_pixels, seed
            assert got.pixels.dtype in (np.uint8, np.uint16)
            assert probe(data, OPTIONS).size == got.size, seed
        assert time.process_time() - began < LIMIT_S, seed
    assert sentences
    assert all(sentence and "\n" not in sentence for sentence in sentences)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_gives_a_picture_or_one_sentence(photo: NDArray[np.uint8], kind: str) -> None:
    check(kind, photo, range(MUTATIONS))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_damaged_files_give_a_picture_or_one_sentence(photo: NDArray[np.uint8], kind: str) -> None:
    check(kind, photo, range(MUTATIONS, 1_250))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("deep", [False, True])
def test_a_damaged_profile_never_costs_the_picture(photo: NDArray[np.uint8], deep: bool) -> None:
    pixels = photo[:16, :16] if not deep else photo[:16, :16].astype(np.uint16) * 257
    for seed in range(MUTATIONS):
        icc = mutated(srgb_profile(), np.random.default_rng(seed))
        got = read(png.encode(pixels, icc=icc or b"x"), ReadOptions(depth=16))
        assert got.pixels.shape == pixels.shape
        assert got.pixels.dtype == pixels.dtype
