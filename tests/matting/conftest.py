"""The shipped network, loaded once, and a street photo of one whole person with its true mask."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from bgswap.zoo import loader


@pytest.fixture(scope="session")
def model():
    return loader.load("people", device="cpu")


@pytest.fixture(scope="session")
def street(test_data):
    """A validation photo of people/: .photo (H, W, 3) and .mask (H, W), uint8."""
    folder = test_data / "people"
    photo, mask = (np.asarray(Image.open(folder / name)) for name in ("photos/0083.jpg", "masks/0083.png"))
    return SimpleNamespace(photo=photo, mask=mask)
