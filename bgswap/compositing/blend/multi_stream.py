"""A network repairs the edge: fusion of Zhang et al., Deep Image Compositing, WACV 2021, arXiv 2011.02146"""

from collections.abc import Callable

import cv2
import numpy as np

from bgswap.compositing.blend._edges import Repainted, SmallChange, edge_tiles, push_pull
from bgswap.compositing.light import Float
from bgswap.compositing.scene import Layers
from bgswap.errors import UsageError
from bgswap.zoo.loader import Model

WIDTH = 0.012  # ours: reach of the band on both sides of the edge, 12 pixels at 1000 rows
TILE, OVERLAP = 192, 32  # ours: 256 pixels with what they share, 60 MB; the shipped one was trained on 128
LEVELS = 6  # ours: colors are carried outward over a tile's overlap, 2^5 pixels
SOFT = 0.02  # ours: alpha this far from 0 and 1 is an edge
NEARBY = 5  # ours: pixels of the square whose colors a pixel may have
LEAST = 0.2  # ours: of alpha, by which a change of the composite becomes one of the person's colors
TAKES = ("photo", "alpha", "background")


def reach(_width_px: float) -> int:
    """Pixels beyond a pixel that decide about it, of those given to `blend`: the rest was looked at beforehand."""
    return 0


def prepare(small: Callable[[], Layers], model: Model | None, frame: tuple[int, int], width_px: float) -> Repainted:
    """Run the network on a frame (height, width), small, for a band of width_px pixels on both sides of the edge.

    The network sees tiles along the edge at fixed places of the small frame. What it changes of plain compositing is
    told as a change of the person's colors, enlarged, and made at full size inside a band around the edge: so edges
    keep the sharpness of the full-size alpha, and where there is none of the person the place is untouched. Added to
    the composite itself, it glowed beside the hard edges of large frames. The network's photo is the person with its
    colors carried outward, as the old surroundings are gone. Not as in the paper: there the whole picture is the
    network's, at 768 pixels.

    Raises:
        UsageError: no network, or not one that takes photo, alpha and background and gives a picture.
    """
    if model is None or tuple(model.card.takes) != TAKES or model.card.gives[0] != "picture":
        name = "" if model is None else f"{model.card.name}: "
        raise UsageError(f"{name}to blend, a network takes {', '.join(TAKES)}: name a run of multi-stream")
    layers = small()
    change = change_of(layers, model) / np.maximum(layers.alpha, LEAST)[..., None]
    width = abs(width_px) * layers.alpha.shape[0] / frame[0]
    # Full in the band's inner half, gone a small pixel before its end: between pixels it is interpolated.
    share = np.clip((width - 1 - distance_to_edge(layers.alpha)) / max(0.5 * width, 1e-3), 0, 1)
    return Repainted(SmallChange(change * share[..., None], frame))


def distance_to_edge(alpha: Float) -> Float:
    """Pixels from each pixel (h, w) to the nearest soft one, or step between solid and empty ones."""
    solid = (alpha > SOFT).astype(np.uint8), (alpha >= 1 - SOFT).astype(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    edge = (cv2.dilate(solid[0], cross) > 0) & (cv2.erode(solid[1], cross) == 0)
    if not edge.any():
        return np.full(alpha.shape, np.inf, np.float32)
    distance: Float = cv2.distanceTransform((~edge).astype(np.uint8), cv2.DIST_L2, 5)
    return distance


def change_of(layers: Layers, model: Model) -> Float:
    """What the network changes of plain compositing, (h, w, 3), sRGB; 0 in tiles without an edge."""
    import torch

    from bgswap.zoo.planes import PictureModel

    network = PictureModel(model)
    photo = np.clip(push_pull(layers.foreground, layers.alpha, LEVELS), 0, 1)
    planes = photo, layers.alpha[..., None], layers.background
    plain = layers.composite
    bounds = _bounds(photo, layers.background)
    total, weights = np.zeros_like(photo), np.zeros((*layers.alpha.shape, 1), np.float32)
    for _, around, _ in edge_tiles(layers.alpha, OVERLAP, TILE):
        given = [torch.from_numpy(plane[around].transpose(2, 0, 1).copy()) for plane in planes]
        window = _window(around, layers.alpha.shape)
        picture = network(*given).permute(1, 2, 0).numpy()
        total[around] += window * (np.clip(picture, *(bound[around] for bound in bounds)) - plain[around])
        weights[around] += window
    change: Float = (total / np.maximum(weights, 1e-3)).astype(np.float32)
    return change


def _bounds(photo: Float, background: Float) -> tuple[Float, Float]:
    """Least and greatest of the colors nearby, two pictures (h, w, 3): an edge is made of these, and of no others."""
    square = np.ones((NEARBY, NEARBY), np.uint8)
    return cv2.erode(np.minimum(photo, background), square), cv2.dilate(np.maximum(photo, background), square)


def _window(around: tuple[slice, slice], size: tuple[int, ...]) -> Float:
    """Weights (h, w, 1) of a tile, which fall towards its sides over what it shares with its neighbors."""
    sides = []
    for side, length in zip(around, size, strict=True):
        places = np.arange(side.start, side.stop) + 0.5
        before = places - side.start if side.start else np.full_like(places, np.inf)
        after = side.stop - places if side.stop < length else np.full_like(places, np.inf)
        sides.append(np.clip(np.minimum(before, after) / (2 * OVERLAP), 0, 1))
    window: Float = (sides[0][:, None] * sides[1]).astype(np.float32)[..., None]
    return window
