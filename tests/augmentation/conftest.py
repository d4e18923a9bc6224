"""People with their mattes, for all tests of augmentation."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bgswap.folders import picture
from bgswap.matting.predict import Matter, MatteSettings
from bgswap.zoo import loader

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="session")
def astronaut(photo: Pixels) -> tuple[Pixels, Pixels]:
    """The astronaut (512, 512, 3) and her matte (512, 512) by the shipped network; the lower border cuts her."""
    settings = MatteSettings()
    return photo, Matter(loader.load(settings.model), settings).estimate(photo).alpha


@pytest.fixture(scope="session")
def street(test_data: Path) -> list[tuple[Pixels, Pixels]]:
    """Four standing people of the training blocks with their masks, or skip."""
    keys = sorted(path.stem for path in (test_data / "people" / "masks").glob("00[0-7]*.png"))[:40:10]
    folder = test_data / "people"
    return [
        (picture.read(folder / f"photos/{key}.jpg").rgb, picture.read_mask(folder / f"masks/{key}.png").pixels)
        for key in keys
    ]
