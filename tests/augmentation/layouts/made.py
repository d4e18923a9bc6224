"""Small pictures for trees that are laid out as the data sets are."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.augmentation.masks import mask_of
from bgswap.folders import picture
from bgswap.folders.records import Record


def save(path: Path, pixels: NDArray[Any]) -> Path:
    """Write RGB, RGBA or grey pixels as the suffix says, with the folders that lead there; 16 bits stay 16."""
    path.parent.mkdir(parents=True, exist_ok=True)
    order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    turned = cv2.cvtColor(pixels, order[pixels.shape[2]]) if pixels.ndim == 3 else pixels
    path.write_bytes(cv2.imencode(path.suffix, turned)[1].tobytes())
    return path


def junk(path: Path) -> None:
    """A resource fork of a Macintosh disk: named like a picture, "._" before it, and no picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ")


def oval(height: int, width: int) -> NDArray[np.uint8]:
    """A mask whose middle is inside and whose corners are not, (H, W) 0 or 255."""
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (width // 2, height // 2), (width // 3, height // 3), 0, 0, 360, 255, -1)
    return mask


def by_key(records: Iterable[Record]) -> dict[str, Record]:
    """Records by key, in their order; no key may come twice."""
    listed = list(records)
    found = {record.key: record for record in listed}
    assert len(found) == len(listed)
    return found


def mask(record: Record) -> NDArray[np.uint8]:
    """The record's mask or alpha, opened and solved; it must fit its photo."""
    path = record.paths.get("alpha") or record.paths.get("mask")
    solved = mask_of(picture.read(path).pixels if path else None, record.fields.get("outline"))
    assert solved.shape == picture.read(record.paths["photo"]).size
    return solved
