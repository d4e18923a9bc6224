"""What compose is measured against: Pillow's paste, OpenCV's seamlessClone, and its own arithmetic in plain NumPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def paste(person: Picture, place: Picture) -> Picture:
    """Cut-and-paste with Pillow."""
    from PIL import Image

    canvas, cutout = Image.fromarray(place), Image.fromarray(person)
    canvas.paste(cutout, (0, 0), cutout)
    return np.asarray(canvas)


def seamless_clone(person: Picture, place: Picture) -> Picture:
    """Poisson editing with OpenCV, over the person's box; its mask is hard."""
    import cv2

    mask = np.where(person[..., 3] > 127, np.uint8(255), np.uint8(0))
    x, y, width, height = cv2.boundingRect(mask)
    middle = (x + width // 2, y + height // 2)  # as it is: seamlessClone puts the box's middle there
    return cv2.seamlessClone(np.ascontiguousarray(person[..., :3]), place, mask, middle, cv2.NORMAL_CLONE)


def plain_numpy(person: Picture, place: Picture, grid: Any, shading: Any) -> Picture:
    """Local grid, shadow and over in whole pictures of float32, as the formulas are read; for the same position.

    grid: (rows, columns, bins, 12). shading: a compositing.shading.Shading, whose small drawing is taken.
    """
    alpha = person[..., 3:].astype(np.float32) / 255
    foreground = _sliced(person[..., :3].astype(np.float32) / 255, grid)
    background = _shaded(place.astype(np.float32) / 255, shading)
    mixed = alpha * foreground + (1 - alpha) * background
    return np.rint(mixed * 255).astype(np.uint8)


def _sliced(colors: Any, grid: Any) -> Any:
    rows, columns, bins = grid.shape[:3]
    height, width = colors.shape[:2]
    places = (
        (((np.arange(height, dtype=np.float32) + 0.5) / height * rows - 0.5).clip(0, rows - 1))[:, None],
        (((np.arange(width, dtype=np.float32) + 0.5) / width * columns - 0.5).clip(0, columns - 1))[None],
        (colors @ np.array([0.2126, 0.7152, 0.0722], np.float32)) * (bins - 1),
    )
    first = [place.astype(np.int32) for place in places]
    after = [np.minimum(low + 1, count - 1) for low, count in zip(first, (rows, columns, bins), strict=True)]
    share = [place - low for place, low in zip(places, first, strict=True)]
    out = np.zeros_like(colors)
    for corner in range(8):
        picked = [(corner >> axis) & 1 for axis in range(3)]
        y, x, z = (after[axis] if picked[axis] else first[axis] for axis in range(3))
        weight = 1.0
        for axis in range(3):
            weight = weight * (share[axis] if picked[axis] else 1 - share[axis])
        vertex = (y * columns + x) * bins + z
        for number, flat in enumerate(grid.reshape(-1, 12).T):
            channel, term = divmod(number, 4)
            out[..., channel] += weight * flat[vertex] * (colors[..., term] if term < 3 else 1)
    return out.clip(0, 1)


def _shaded(colors: Any, shading: Any) -> Any:
    dark, kept = shading.dark, shading.kept
    height, width = colors.shape[:2]
    lost = np.zeros((height, width), np.float32)
    top, left = max(0, shading.rows[0]), max(0, shading.columns[0])
    bottom, right = min(height, shading.rows[1]), min(width, shading.columns[1])
    y = (shading.scale * (np.arange(top, bottom) + 0.5 - shading.origin[1]) - 0.5).clip(0, len(dark) - 1)
    x = (shading.scale * (np.arange(left, right) + 0.5 - shading.origin[0]) - 0.5).clip(0, dark.shape[1] - 1)
    row, column = y.astype(int), x.astype(int)
    below, beside = np.minimum(row + 1, len(dark) - 1), np.minimum(column + 1, dark.shape[1] - 1)
    down, over = (y - row)[:, None].astype(np.float32), (x - column)[None].astype(np.float32)
    lost[top:bottom, left:right] = (
        (1 - down) * (1 - over) * dark[np.ix_(row, column)]
        + (1 - down) * over * dark[np.ix_(row, beside)]
        + down * (1 - over) * dark[np.ix_(below, column)]
        + down * over * dark[np.ix_(below, beside)]
    )
    steps = np.arange(len(kept)) / (len(kept) - 2)  # the last one stands in for interpolation beyond the end
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** np.float32(2.4))
    for channel in range(3):
        linear[..., channel] *= np.interp(lost, steps, kept[:, channel]).astype(np.float32)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** np.float32(1 / 2.4) - 0.055)
