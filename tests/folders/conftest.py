"""What the tests of pictures share."""

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def small(photo: NDArray) -> NDArray[np.uint8]:
    """The astronaut's face, (96, 130, 3): one side is a multiple of 8, the other of nothing much."""
    return np.ascontiguousarray(photo[60:156, 160:290])
