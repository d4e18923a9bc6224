"""Segment Anything by a point: an encoder sees the photo, a decoder answers. Kirillov et al., ICCV 2023

As rembg feeds its exported files: the photo is scaled into the upper left corner of 684 x 1024, pixels stay 0..255, and
the mask is where the decoder's numbers are above 0.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.matting.look import Rough, Runner, full, shrink

HEIGHT, WIDTH = 684, 1024  # the encoder's fixed input
SIDE = 256  # of the mask that may be passed in from an earlier answer; none is here


def look_at_point(parts: tuple[Runner, Runner], photo: NDArray[Any], x: float, y: float) -> Rough:
    """The matte of whatever is at (x, y), shares of the frame, in a photo (H, W, 3) uint8 or uint16.

    parts: the encoder and the decoder.
    """
    encoder, decoder = parts
    height, width = photo.shape[:2]
    scale = min(HEIGHT / height, WIDTH / width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    small = np.multiply(shrink(photo, rows, columns), 255 / full(photo), dtype=np.float32)
    canvas = cv2.copyMakeBorder(small, 0, HEIGHT - rows, 0, WIDTH - columns, cv2.BORDER_CONSTANT)
    embedding = encoder(canvas)[0]
    # the second point, labeled -1, says that no box was given
    points = np.array([[[x * width * scale, y * height * scale], [0, 0]]], np.float32)
    masks = decoder(
        embedding,
        points,
        np.array([[1, -1]], np.float32),
        np.zeros((1, 1, SIDE, SIDE), np.float32),
        np.zeros(1, np.float32),
        np.array([HEIGHT, WIDTH], np.float32),
    )[0]
    logits = masks[0].max(axis=0)[:rows, :columns]
    alpha = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return Rough(alpha.astype(np.float32), small / np.float32(255))
