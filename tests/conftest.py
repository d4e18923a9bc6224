"""Pictures and folders that the tests share. Extra photos are found by BGSWAP_TEST_DATA, or skipped."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def astronaut_file() -> Path:
    """scikit-image's astronaut: 512 x 512 RGB, a person cut by the lower border (public domain, NASA)."""
    import importlib.util

    spec = importlib.util.find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data" / "astronaut.png"


@pytest.fixture(scope="session")
def photo(astronaut_file: Path) -> NDArray[np.uint8]:
    """The astronaut's pixels, (512, 512, 3) uint8 RGB."""
    from PIL import Image

    return np.asarray(Image.open(astronaut_file).convert("RGB"))


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of extra real photos, or skip."""
    folder = Path(os.environ.get("BGSWAP_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no extra photos at {folder}: set BGSWAP_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def astronaut(photo: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The astronaut (512, 512, 3) and her matte (512, 512) by the shipped network; the lower border cuts her."""
    from bgswap.matting.predict import Matter, MatteSettings
    from bgswap.zoo import loader

    settings = MatteSettings()
    return photo, Matter(loader.load(settings.model), settings).estimate(photo).alpha
