"""Cut-outs and places for the compositing tests, from scikit-image's pictures; real people where the extra data is."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]


@pytest.fixture(scope="session")
def half_length(photo: Picture) -> Picture:
    """The astronaut as RGBA (512, 512, 4), a soft matte drawn by hand: cut by the photo's lower border only."""
    alpha = np.zeros(photo.shape[:2], np.uint8)
    cv2.ellipse(alpha, (224, 118), (78, 112), 0, 0, 360, 255, -1)
    body = np.array([[60, 512], [70, 330], [150, 250], [210, 220], [270, 220], [330, 260], [400, 330], [430, 512]])
    cv2.fillPoly(alpha, [body], 255)
    return np.dstack([photo, cv2.GaussianBlur(alpha, (0, 0), 2.5)])


@pytest.fixture(scope="session")
def whole_person(half_length: Picture) -> Picture:
    """The same person at a third of the size, with photo all around it: (400, 300, 4), feet in the picture."""
    small = cv2.resize(half_length[:, 40:450], (137, 171), interpolation=cv2.INTER_AREA)
    cutout = np.zeros((400, 300, 4), np.uint8)
    cutout[180:351, 80:217] = small
    return cutout


@pytest.fixture(scope="session")
def place(photo: Picture) -> Picture:
    """Another picture to stand in: (360, 540, 3), the coffee cup of scikit-image (public domain, Rachel Michetti)."""
    import skimage

    file = Path(skimage.__file__).parent / "data" / "coffee.png"
    if not file.exists():  # not in every wheel: the astronaut's own surroundings, mirrored and stretched, do as well
        return np.ascontiguousarray(cv2.resize(photo[:, ::-1], (540, 360), interpolation=cv2.INTER_AREA))
    return np.ascontiguousarray(np.asarray(Image.open(file).convert("RGB"))[:360, :540])


@pytest.fixture(scope="session")
def person_of(test_data: Path) -> Callable[[str], Picture]:
    """Read a real person by number, such as person_of("0003"): RGBA at the photo's size."""

    def read(number: str) -> Picture:
        photo = np.asarray(Image.open(test_data / "people" / "photos" / f"{number}.jpg").convert("RGB"))
        mask = np.asarray(Image.open(test_data / "people" / "masks" / f"{number}.png").convert("L"))
        return np.dstack([photo, mask])

    return read


@pytest.fixture(scope="session")
def place_of(test_data: Path) -> Callable[[str], Picture]:
    """Read a real place by name, such as place_of("p145")."""
    return lambda name: np.asarray(Image.open(test_data / "places" / f"{name}.jpg").convert("RGB"))
