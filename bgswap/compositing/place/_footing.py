"""What a place tells for nothing of where feet can stand: its sky, its water and its horizon, on a small picture.

All rules and numbers are ours. They know nothing of things: they only keep feet off large smooth regions that begin
at the upper border (sky, haze, bare walls) and off blue and green water, as far as colors tell it.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.light import Float, luminance, to_unit
from bgswap.compositing.place._borders import shape
from bgswap.compositing.resample import shrink
from bgswap.compositing.scene import Scene

SIDE = 128  # longer side in pixels of the picture that is looked at
SMOOTH = 0.03  # of sRGB 0..1 a pixel: the sky changes less than this
BLACK = 0.1  # sRGB luminance
USUAL_HORIZON, LOWEST = 0.42, 0.6  # shares of the frame's height
LEVEL = 0.9, 1.3  # a person's height over the feet's distance below the horizon: cameras at 1.9 m and at 1.3 m
EYES = 1.15  # likewise, the usual camera: 1.5 m
BARE = 0.4  # ground under the feet, a share, below which a place is said to have none
WET = 0.35  # how well one stands where it looks like water: colors alone cannot tell it from blue shade


@dataclass(frozen=True, eq=False)
class Footing:
    """firm (h, w) float32, how well feet stand there: 0 on sky, WET on what looks like water, 1 elsewhere.

    horizon: share of the frame's height, estimated from where the sky ends.
    """

    firm: Float
    horizon: float

    def under(self, x: float, y: float, width: float) -> float:
        """Mean of `firm` where somebody stands on (x, y) with a box of this width, shares of the frame; 0..1."""
        rows, columns = self.firm.shape
        left = min(max(0, int((x - width / 4) * columns)), columns - 1)
        right = max(left + 1, min(columns, round((x + width / 4) * columns)))
        bottom = min(max(1, round(y * rows)), rows)
        return float(self.firm[max(0, bottom - 1 - rows // 32) : bottom, left:right].mean())


def look(background: NDArray[Any]) -> Footing:
    """Estimate it from a place's picture (h, w, 3), uint8 or uint16."""
    small = cv2.GaussianBlur(to_unit(shrink(background, SIDE)), (0, 0), 1.0)
    sky = _sky(small)
    firm = np.where(sky, 0.0, np.where(_water(small), WET, 1.0)).astype(np.float32)
    return Footing(firm, _horizon(sky))


def missing_ground(scene: Scene) -> tuple[str, ...]:
    """What to tell the user where a whole person's feet seem to stand on nothing firm."""
    if "bottom" in scene.outline.cut or scene.seen is None or scene.place.y > 1:
        return ()
    place = scene.place
    width = place.height * shape(scene.outline, scene.frame)
    if look(scene.background).under(place.x, place.y, width) >= BARE:
        return ()
    return ("no ground seems to be under the person's feet, but water, sky or a bare wall: --place X,Y,H moves them",)


def _sky(small: Float) -> NDArray[np.bool_]:
    """Smooth pixels joined to the upper border, as far down as no edge stops them."""
    steep = np.zeros(small.shape[:2], np.float32)
    for dx, dy in ((1, 0), (0, 1)):
        slope = np.abs(cv2.Sobel(small, cv2.CV_32F, dx, dy, scale=1 / 8))
        steep = np.maximum(steep, slope.max(axis=2))
    smooth = cv2.morphologyEx((steep < SMOOTH).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, labels = cv2.connectedComponents(smooth, connectivity=4)
    joined = np.isin(labels, np.unique(labels[:2][labels[:2] > 0]))
    grown = cv2.dilate(joined.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    # At night the ground is as dark and smooth as the sky: what is black in the lower half counts as ground.
    half = len(grown) // 2
    grown[half:] &= luminance(small[half:]) > BLACK
    return np.asarray(grown)


def _water(small: Float) -> NDArray[np.bool_]:
    """Where blue or blue-green outweighs red by much: seas, pools and lakes by day, and blue shade with them."""
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]
    return np.asarray((blue > red + 0.12) & (blue > green - 0.08) & (luminance(small) > 0.12))


def _horizon(sky: NDArray[np.bool_]) -> float:
    """A high percentile of the sky's depth: buildings and hills hide the horizon, and no sky shows below it."""
    deep = sky.sum(axis=0) / len(sky)
    seen = deep[deep > 0.05]
    if seen.size < sky.shape[1] // 8:
        return USUAL_HORIZON
    return float(np.clip(np.percentile(seen, 90), USUAL_HORIZON, LOWEST))
