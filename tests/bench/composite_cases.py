"""A person and a place of any size, and decisions by hand: what composite.py measures on."""

from pathlib import Path
from typing import Any

RADIUS = 1 / 150  # of the lens's disc, share of the frame's height: 20 pixels at 12 megapixels


def pictures(megapixels: float) -> tuple[Any, Any]:
    """A cut-out (H, W, 4) and a place (H, W, 3), uint8: the astronaut tiled, without ever holding more than both."""
    import cv2
    import numpy as np
    import skimage
    from PIL import Image

    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    height = round(width * 3 / 4)
    tile = np.asarray(Image.open(Path(skimage.__file__).parent / "data" / "astronaut.png").convert("RGB"))
    place = np.empty((height, width, 3), np.uint8)
    person = np.zeros((height, width, 4), np.uint8)
    for y in range(0, height, 512):
        for x in range(0, width, 512):
            part = place[y : y + 512, x : x + 512]
            part[...] = tile[::-1][: part.shape[0], : part.shape[1]]
            person[y : y + 512, x : x + 512, :3] = tile[: part.shape[0], : part.shape[1]]
    alpha = np.zeros((height, width), np.uint8)
    cv2.ellipse(alpha, (width // 2, height // 2), (width // 4, int(height * 0.42)), 0, 0, 360, 255, -1)
    person[..., 3] = cv2.blur(alpha, (9, 9))
    return person, place


def decisions(person: Any, *, scaled: bool = False, lens: bool = False, way: str = "cast") -> Any:
    """Decisions by hand: a local grid near identity, a shadow, over; the person at its own position, or scaled."""
    import numpy as np

    from bgswap.compositing.decisions import ColorMap, Decisions, Lens, Place, ShadowLayer
    from bgswap.compositing.outline import trace

    (_, left, bottom, right), (height, width) = (traced := trace(person)).box, person.shape[:2]
    place = Place((left + right) / 2 / width, bottom / height, traced.height / height)
    grid = np.tile(np.array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], np.float32), (16, 16, 8, 1))
    grid += np.random.default_rng(0).normal(0, 0.02, grid.shape).astype(np.float32)
    shadow = ShadowLayer(120.0, 0.8, 0.01, 0.6 if way == "cast" else 0.0, 0.7, (0.95, 1.0, 1.05), way)
    return Decisions(
        Place(0.5, 0.95, 0.7) if scaled else place,
        harmonize=ColorMap("reinhard", 1.0, grid=grid),
        shadow=shadow,
        lens=Lens(grain=4.0, blur=1.0 / height, defocus=RADIUS) if lens else None,
    )
