"""People with their mattes, for all tests of augmentation."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bgswap.folders import picture

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="session")
def street(test_data: Path) -> list[tuple[Pixels, Pixels]]:
    """Four standing people of the training blocks with their masks, or skip."""
    keys = sorted(path.stem for path in (test_data / "people" / "masks").glob("00[0-7]*.png"))[:40:10]
    folder = test_data / "people"
    return [
        (picture.read(folder / f"photos/{key}.jpg").rgb, picture.read_mask(folder / f"masks/{key}.png").pixels)
        for key in keys
    ]
