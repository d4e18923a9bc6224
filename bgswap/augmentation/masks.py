"""Masks as data sets tell them: a picture, a label map, polygons or runs, all to (H, W) uint8, 255 = inside.

A layout that has more to say than "white = person" says it in its records' field `outline`, a JSON value:
{"threshold": 128}, {"values": [1]}, {"nonzero": true}, {"polygons": ..., "size": ...} or {"rle": ...}.
Nothing is drawn while records are listed; `mask_of` draws when the sample is made.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.errors import PictureError
from bgswap.folders.decode import narrow

KINDS = ("threshold", "values", "nonzero", "polygons", "rle")
MOST_PIXELS = 150_000_000  # of a mask told without a picture; as for pictures (folders/picture.py, ReadOptions)


def mask_of(pixels: NDArray[Any] | None, outline: Mapping[str, Any] | None) -> NDArray[np.uint8]:
    """A mask (H, W) uint8, 255 = inside, 0 = outside.

    pixels: (H, W), (H, W, 3) or (H, W, 4), uint8 or uint16, never written into; None where the outline alone
    tells it. outline: how to read them. None: grey, luminance, or alpha, soft values kept. {"threshold": t}: of
    that, at least t of 255. {"values": [...]}: pixels equal to a number (all colors alike) or to an [r, g, b].
    {"nonzero": true}: pixels with any color. {"polygons": [[x, y, ...], ...], "size": [h, w]}: their union.
    {"rle": {"counts": [...] or "...", "size": [h, w]}}: COCO's runs down the columns, the first one outside.

    Raises:
        PictureError: outline and pixels do not fit, or the outline is none of these.
    """
    if outline is None:
        return _soft(_some(pixels))
    kind = next((name for name in KINDS if name in outline), "")
    if kind == "polygons":
        return _polygons(outline["polygons"], _size(outline.get("size")))
    if kind == "rle":
        runs = outline["rle"]
        if not isinstance(runs, Mapping) or "counts" not in runs:
            raise PictureError("the mask's runs need 'counts' and 'size', as COCO has them")
        return _runs(runs["counts"], _size(runs.get("size")))
    given = _some(pixels)
    if kind == "threshold":
        return _hard(_soft(given) >= outline[kind])
    if kind == "values":
        return _equal(given, outline[kind])
    if kind == "nonzero":
        colors = given[..., :3] if given.ndim == 3 else given[..., None]
        return _hard((colors != 0).any(axis=2) if outline[kind] else np.ones(given.shape[:2], np.bool_))
    raise PictureError(f"the mask's outline has none of {', '.join(KINDS)}: see bgswap/augmentation/masks.py")


def decode_counts(text: str | bytes) -> list[int]:
    """The run lengths of COCO's compressed string: 5 bits a character, from the third on as steps from two before."""
    data = text.encode("ascii", "replace") if isinstance(text, str) else text
    counts: list[int] = []
    value = shift = 0
    for character in data:
        bits = character - 48
        if not 0 <= bits < 64:
            raise PictureError("the mask's compressed runs hold a character that COCO's form does not have")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:  # more of this number follows
            continue
        if bits & 16:  # the last character's highest bit is the sign
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise PictureError("the mask's compressed runs end in the middle of a number")
    return counts


def _some(pixels: NDArray[Any] | None) -> NDArray[Any]:
    if pixels is None:
        raise PictureError("this mask needs its picture, and the record has none")
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.ndim not in (2, 3) or channels not in (1, 3, 4) or pixels.dtype not in (np.uint8, np.uint16):
        raise PictureError(f"a mask of shape {pixels.shape} and type {pixels.dtype} is none that can be read")
    return pixels[..., 0] if pixels.ndim == 3 and channels == 1 else pixels


def _soft(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey, luminance, or alpha; greys under an alpha that hides nothing count as picture.read_mask has it."""
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        alpha = pixels[..., 3]
        opaque = alpha.size > 0 and alpha.min() == np.iinfo(pixels.dtype).max
        grey = opaque and bool((pixels[..., :1] == pixels[..., 1:3]).all())
        plane = pixels[..., 0] if grey else alpha
    elif pixels.ndim == 3:
        plane = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    else:
        plane = pixels
    plane = narrow(np.ascontiguousarray(plane)) if plane.dtype == np.uint16 else plane
    return np.array(plane, np.uint8, order="C")


def _hard(inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return inside.astype(np.uint8) * np.uint8(255)


def _equal(pixels: NDArray[Any], values: Any) -> NDArray[np.uint8]:
    colors = pixels[..., :3] if pixels.ndim == 3 else pixels[..., None]
    inside = np.zeros(pixels.shape[:2], np.bool_)
    for value in values if isinstance(values, Sequence) else [values]:
        if np.ndim(value) and np.size(value) != 3:
            raise PictureError(f"{value} is neither a grey value nor a color [r, g, b] of a mask")
        inside |= (colors == np.asarray(value)).all(axis=2)
    return _hard(inside)


def _size(size: Any) -> tuple[int, int]:
    try:
        height, width = (int(side) for side in size)
    except (TypeError, ValueError) as cause:
        raise PictureError("the mask's outline needs its size, [height, width]") from cause
    if height < 1 or width < 1 or height * width > MOST_PIXELS:
        raise PictureError(f"a mask of {width} x {height} cannot be drawn")
    return height, width


def _runs(counts: Any, size: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = size
    try:
        lengths = np.asarray(decode_counts(counts) if isinstance(counts, str | bytes) else counts, np.int64)
    except (TypeError, ValueError, OverflowError) as cause:
        raise PictureError("the mask's runs are not whole numbers") from cause
    if lengths.ndim != 1 or (lengths < 0).any() or int(lengths.sum()) != height * width:
        raise PictureError(f"the mask's runs do not cover {width} x {height} pixels")
    values = np.zeros(len(lengths), np.uint8)
    values[1::2] = 255
    return np.ascontiguousarray(np.repeat(values, lengths).reshape(width, height).T)


def _polygons(polygons: Any, size: tuple[int, int]) -> NDArray[np.uint8]:
    mask = np.zeros(size, np.uint8)
    for polygon in polygons:
        try:
            points = np.asarray(polygon, np.float64).reshape(-1, 2)
        except (TypeError, ValueError) as cause:
            raise PictureError("a polygon of the mask is not a list of x, y, x, y, ...") from cause
        if not np.isfinite(points).all():
            raise PictureError("a polygon of the mask has a corner that is not a number")
        if len(points) > 2:
            _fill(mask, points)
    return mask


def _fill(mask: NDArray[np.uint8], points: NDArray[np.float64]) -> None:
    """Set pixels of `mask` whose centers lie in the polygon (N, 2) x, y, by crossings to their left (even-odd).

    COCO's own rasterizer has pixel (row, column) cover [column, column + 1) x [row, row + 1) and takes parity
    too; cv2.fillPoly would draw the border as well, half a pixel wider all round.
    """
    height, width = mask.shape
    top, bottom = (int(np.clip(np.floor(end), 0, height)) for end in (points[:, 1].min(), points[:, 1].max() + 1))
    left, right = (int(np.clip(np.floor(end), 0, width)) for end in (points[:, 0].min(), points[:, 0].max() + 1))
    if bottom <= top or right <= left:
        return
    start, end = points, np.roll(points, -1, axis=0)
    upper, lower = np.where(start[:, 1:] <= end[:, 1:], (start, end), (end, start))
    first = np.clip(np.ceil(upper[:, 1] - 0.5), top, bottom).astype(np.int64)  # rows whose centers the edge meets
    count = np.clip(np.ceil(lower[:, 1] - 0.5), top, bottom).astype(np.int64) - first
    edge = np.repeat(np.arange(len(points)), count)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    slope = (lower[edge, 0] - upper[edge, 0]) / (lower[edge, 1] - upper[edge, 1])
    crossing = upper[edge, 0] + (row + 0.5 - upper[edge, 1]) * slope
    column = np.clip(np.ceil(crossing - 0.5), left, right).astype(np.int64)
    span = right - left + 1
    toggles = np.bincount((row - top) * span + column - left, minlength=(bottom - top) * span)
    inside = np.cumsum(toggles.reshape(-1, span).astype(np.uint8), axis=1, dtype=np.uint8)[:, :-1] & 1
    mask[top:bottom, left:right] |= inside * np.uint8(255)
