"""Samples that the trainer's tests learn from: windows of the astronaut, as `bgswap augment` writes them."""

from pathlib import Path

import numpy as np
import pytest

from bgswap.folders import picture
from tests.commands.harness import call


@pytest.fixture(scope="session")
def crops(tmp_path_factory, astronaut) -> Path:
    """Sixteen crops of the astronaut as photos/ and mattes/; she stands in all of them."""
    home = tmp_path_factory.mktemp("crops")
    photo, alpha = astronaut
    for number in range(16):
        top, left, side = 12 * (number % 4), 30 * (number // 4), 320 + 10 * number
        part = np.s_[top : top + side, left : left + side]
        for kind, pixels, suffix in (("photos", photo, "jpg"), ("mattes", alpha, "png")):
            path = home / kind / f"{number:04d}.{suffix}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(picture.encode(np.ascontiguousarray(pixels[part]), suffix))
    return home


@pytest.fixture(scope="session")
def matting_samples(tmp_path_factory, crops) -> Path:
    """Thirty-two samples of 64 pixels: image, alpha_true."""
    return _samples(tmp_path_factory, crops, "matting", "--matting-new-place", "0", "--background", crops / "photos")


@pytest.fixture(scope="session")
def recolor_samples(tmp_path_factory, crops) -> Path:
    """Thirty-two samples of 64 pixels: composite, alpha, composite_true."""
    return _samples(tmp_path_factory, crops, "recolor")


def _samples(tmp_path_factory, crops: Path, method: str, *more: object) -> Path:
    out = tmp_path_factory.mktemp(method) / "samples"
    done = call("augment", crops / "photos", out, "--alpha", crops / "mattes", "--method", method, "--size", "64",
                "--copies", "2", "--seed", "3", *more)  # fmt: skip
    assert done.status == 0, done.err
    return out
