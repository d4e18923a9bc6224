"""How a place is lit, guessed from its small picture: from where, how hard, how much, and what color its shade has.

Sunlight is believed only where three things agree: a sky that is blue, a picture that is bright, and ground under the
feet that is no darker than the place's brightest ground (else the feet stand in shade). All other light, be it clouds,
dusk, night or a lamp, is taken as wide and weak, and so are its shadows: a faint soft shadow that is not quite right is
believed, a hard one is not. Where nothing tells the side that the light comes from, it comes from behind the camera, as
photographers have it, and the shadow is mostly hidden behind the person.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.light import WEIGHTS, Float, to_linear
from bgswap.compositing.scene import Layers, Scene

# All ours, set by eye on 165 places by day, dusk and night, in snow and indoors.
BLUE = (0.6, 1.2)  # natural logarithm of blue over red of a sky that is hardly clear, and surely
SKY = 0.22  # of the upper third, that must be sky for its color to tell anything
BRIGHT = (0.08, 0.16)  # mean linear light of a picture that is hardly a day's, and surely
LIT = (0.35, 0.7)  # light of the ground at the feet over that of the brightest ground: shade, sun
LOW_SUN = (12.0, 30.0)  # the brightest of the upper part over the ground: light comes from before the camera
TINY = 16  # pixels a side: smaller places tell nothing
SOFT = {"length": 0.4, "width": 0.18, "density": 0.26}  # under clouds, in rooms
SUN = {"length": 0.6, "width": 0.035, "density": 0.52}
NIGHT = 0.5  # of SOFT's density is left where it is dark: lamps light from all sides
AWAY = 0.6  # how much light comes from behind the camera, where light from one side is at most 1
UNSURE = 0.25  # signs of a side that are weaker are taken as none
SHADE = 0.18  # natural logarithm of blue over red that a blue sky's shade gains


@dataclass(frozen=True)
class Daylight:
    """Light as shadows show it. azimuth, length, density and tint as ShadowLayer has them.

    width: blur at the person's height away from the feet, in the person's heights. sun: 0..1, how sure it is that the
    sun shines on the feet.
    """

    azimuth: float
    length: float
    width: float
    density: float
    tint: tuple[float, float, float]
    sun: float


def daylight(scene: Scene) -> Daylight:
    """The light at a scene's feet."""
    layers = scene.whole
    if min(layers.alpha.shape) < TINY:
        return Daylight(0.0, tint=(1.0, 1.0, 1.0), sun=0.0, **SOFT)
    linear = to_linear(layers.background)
    light: Float = linear @ WEIGHTS
    sky = sky_of(layers.background)
    feet = scene.place.x, min(1.0, scene.place.y)
    day = _between(float(light.mean()), BRIGHT)
    sun = day * _clear(linear, sky) * _between(_at_feet(light, feet), LIT)
    ratio = float(cv2.GaussianBlur(light, (0, 0), len(light) / 12)[: int(0.6 * len(light))].max()) / (
        float(np.median(light[int(0.6 * len(light)) :])) + 0.01
    )
    ahead = _between(ratio, LOW_SUN) * (1 - sun)
    aside = _aside(light, sky, layers)
    azimuth = float(np.rad2deg(np.arctan2(-aside, AWAY * (1 - 2 * ahead))))
    mixed = {name: (1 - sun) * soft + sun * SUN[name] for name, soft in SOFT.items()}
    mixed["density"] *= NIGHT + (1 - NIGHT) * day
    blue = SHADE * sun
    tint = np.exp([-blue / 2, 0.0, blue / 2])
    red, green, blue = (tint / tint.mean()).tolist()
    return Daylight(azimuth, tint=(red, green, blue), sun=sun, **mixed)


def sky_of(place: Float) -> NDArray[np.bool_]:
    """Where a place (h, w, 3) sRGB shows its sky, (h, w): bright or blue, smooth and joined to the upper border."""
    height = len(place)
    gray: Float = cv2.GaussianBlur(place, (0, 0), 1.5) @ WEIGHTS
    slope = np.hypot(cv2.Sobel(gray, -1, 1, 0), cv2.Sobel(gray, -1, 0, 1))
    bright = gray > max(0.35, float(np.percentile(gray, 45)))
    red, green, blue = np.moveaxis(place, 2, 0)
    clear = (gray > 0.35) & (blue - red > 0.15) & (blue - green > 0.04)  # may be darker than ground in the sun
    smooth = ((slope < 0.12) & (bright | clear)).astype(np.uint8)
    smooth[int(0.65 * height) :] = 0
    _, areas = cv2.connectedComponents(smooth)
    tops = np.unique(areas[:3])
    return np.isin(areas, tops[tops > 0])


def _clear(linear: Float, sky: NDArray[np.bool_]) -> float:
    """How surely the sky is blue, 0..1."""
    if sky[: len(sky) // 3].mean() < SKY:
        return 0.0
    colors = linear[sky]
    return _between(float(np.median(np.log((colors[:, 2] + 0.01) / (colors[:, 0] + 0.01)))), BLUE)


def _at_feet(light: Float, feet: tuple[float, float]) -> float:
    """Light of the ground about the feet over that of the brightest ground."""
    height, width = light.shape
    x, y = feet[0] * width, feet[1] * height
    reach = max(2, round(0.04 * height))
    around = light[max(0, int(y) - reach) : int(y) + reach + 1, max(0, int(x) - 2 * reach) : int(x) + 2 * reach + 1]
    ground = light[min(height - 2, int(min(0.65 * height, y - reach))) :]
    if not around.size:
        return 0.0
    return float(np.median(around)) / (float(np.percentile(cv2.GaussianBlur(ground, (0, 0), 2), 90)) + 0.01)


def _aside(light: Float, sky: NDArray[np.bool_], layers: Layers) -> float:
    """From which side the light comes: 1 from the right, -1 from the left, 0 for nobody knows."""
    height, width = light.shape
    middle = slice(int(0.25 * height), int(0.75 * height))
    # A street's right wall is lit from the left, and its ground is in shade on the side that the light comes from.
    walls = -_slant(light[middle], ~sky[middle])
    ground = -_slant(light[int(0.6 * height) :], np.ones((height - int(0.6 * height), width), bool))
    glow = _slant(light, sky)
    person = _slant(layers.foreground @ WEIGHTS, layers.alpha > 0.9)
    told = 0.8 * walls + ground + 0.6 * glow + 0.6 * person
    return float(np.sign(told) * np.clip((abs(told) - UNSURE) / (1 - UNSURE), 0, 1))


def _slant(light: Float, where: NDArray[np.bool_]) -> float:
    """How far light grows from left to right, -1..1: its logarithm's correlation with the column."""
    if where.sum() < 200:
        return 0.0
    column = np.broadcast_to(np.arange(light.shape[1], dtype=np.float32), light.shape)[where]
    level = np.log(light[where] + 0.01)
    column, level = column - column.mean(), level - level.mean()
    return float((column * level).mean() / (column.std() * max(0.1, float(level.std())) + 1e-6))


def _between(value: float, ends: tuple[float, float]) -> float:
    """0 below both ends, 1 above, and smooth between (Hermite's cubic)."""
    share = min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)
    return share * share * (3 - 2 * share)
