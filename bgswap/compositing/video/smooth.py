"""Decisions over time: the numbers are smoothed, not the pixels, and the place is held, not the box.

Question: what keeps a video of composites still? Choice: colors, shadow and lens are exponential means over the frames
so far, as Harmonizer's six numbers are (Ke et al., ECCV 2022, 10.1007/978-3-031-19784-0_40: factor 1 - 1 / rate, which
is one second here). The box around somebody who moves pulses with every arm; so what the first frame that shows them
decides is kept as the affine from photo to frame, and all motion in the video stays theirs. Why: a mean of pixels would
leave trails. What would change our mind: camera motion of the place, which nothing here follows.
"""

from dataclasses import asdict, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.decisions import ColorMap, Decisions, Globals, Lens, Place, ShadowLayer
from bgswap.compositing.geometry import Matrix, placement_matrix, scale_of
from bgswap.compositing.outline import Outline

IDENTITY = np.eye(3, 4).reshape(12)  # an affine of colors that changes none
NEAR = 0.01  # ours: a person who would be scaled by less than this is not: sharp, and the scale cannot snap on and off
UNSEEN = 0.5 / 255  # ours: a shadow that darkens by less is none
SIDE, BLUR = 32, 4.0  # ours: pixels of a frame's side when looking for cuts, and what is taken off as light
ALIKE, APART = 0.2, 0.1  # ours: frames are of two shots that correlate less and differ more, on average, in 0..1
Numbers = dict[str, NDArray[np.float64]]


class Smoother:
    """Exponential means of what is decided frame after frame. seconds: their time constant; 0 passes frames on as is.

    rate: frames a second. Until that time is over all frames so far count alike.
    """

    def __init__(self, seconds: float, rate: float) -> None:
        self._share = 1.0 if seconds * rate <= 1 else 1 / (seconds * rate)
        self.restart()

    def restart(self) -> None:
        """Forget everything: another shot begins."""
        self._mean: Numbers = {}
        self._seen = 0

    def next(self, fresh: Decisions) -> Decisions:
        """A frame's decisions, with means for its own colors, shadow and lens. Frames of nobody do not count."""
        if self._share == 1 or fresh.place is None:
            return fresh
        self._seen += 1
        share = max(self._share, 1 / self._seen)
        known = _numbers(fresh)
        for name, now in known.items():
            before = self._mean.get(name)
            if before is None or before.shape != now.shape:
                before = _absent(name, now) if self._seen > 1 and before is None else now
            self._mean[name] = before + share * (now - before)
        for name in set(self._mean) - set(known):
            gone = _absent(name, self._mean[name])
            self._mean[name] = self._mean[name] + share * (gone - self._mean[name])
        return _decisions(fresh, self._mean)


def hold(place: Place, outline: Outline, frame: tuple[int, int]) -> Matrix:
    """(2, 3) affine, photo pixels -> frame pixels, of a place that later frames keep."""
    scale = place.height * frame[0] / outline.height
    if abs(scale - 1) < NEAR:
        place = replace(place, height=outline.height / frame[0])
    return placement_matrix(place, outline, frame)


def place_of(matrix: Matrix, outline: Outline, frame: tuple[int, int]) -> Place:
    """The Place that an affine of photo pixels to frame pixels (one scale, turn, mirror) gives a person's outline."""
    linear = matrix[:, :2].copy()
    flip = bool(np.linalg.det(linear) < 0)
    if flip:
        linear[:, 0] = -linear[:, 0]
    rotation = float(np.rad2deg(np.arctan2(linear[0, 1], linear[0, 0])))
    x, y = matrix @ [(outline.box[1] + outline.box[3]) / 2, outline.box[2], 1]
    height = scale_of(matrix) * outline.height / frame[0]
    return Place(float(x / frame[1]), float(y / frame[0]), float(height), rotation, flip)


class Cuts:
    """Finds where another shot begins: frames that have nothing in common but, perhaps, their colors."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def next(self, picture: NDArray[np.uint8]) -> bool:
        """Whether the frame (H, W, 3 or 4) is of another shot than the one before. Plain frames are of none."""
        small = cv2.resize(np.ascontiguousarray(picture), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        now = cv2.cvtColor(small[..., :3], cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(255)
        detail = _detail(now)
        if detail.std() < UNSEEN:
            return False
        before, self._before = self._before, now
        if before is None:
            return False
        likeness = float(np.corrcoef(_detail(before).ravel(), detail.ravel())[0, 1])
        return likeness < ALIKE and float(np.abs(now - before).mean()) > APART


def _detail(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    return gray - cv2.GaussianBlur(gray, (0, 0), BLUR)


def _numbers(decisions: Decisions) -> Numbers:
    """What is averaged, as arrays; the azimuth as a direction."""
    found: Numbers = {}
    color, shadow, lens = decisions.harmonize, decisions.shadow, decisions.lens
    if color is not None:
        for name in ("grid", "shading"):
            if (given := getattr(color, name)) is not None:
                found[name] = given.astype(np.float64)
        if color.globals is not None:
            found["globals"] = np.array(list(asdict(color.globals).values()))
    if shadow is not None:
        turn = np.deg2rad(shadow.azimuth)
        found["azimuth"] = np.array([np.cos(turn), np.sin(turn)])
        found["form"] = np.array([shadow.length, shadow.softness, *shadow.tint])
        found["depth"] = np.array([shadow.density, shadow.contact])
    if lens is not None:
        found["lens"] = np.array(list(asdict(lens).values()))
    return found


def _absent(name: str, like: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a frame that says nothing of it counts as: no change of color, a shadow of the same form and no depth."""
    if name in ("azimuth", "form"):
        return like
    return np.broadcast_to(IDENTITY, like.shape).astype(np.float64) if name == "grid" else np.zeros_like(like)


def _decisions(fresh: Decisions, mean: Numbers) -> Decisions:
    color = fresh.harmonize or (ColorMap() if {"grid", "shading", "globals"} & set(mean) else None)
    if color is not None:
        globals_ = Globals(*mean["globals"].tolist()) if "globals" in mean else None
        grid, shading = (mean[name].astype(np.float32) if name in mean else None for name in ("grid", "shading"))
        color = replace(color, globals=globals_, grid=grid, shading=shading)
    lens = Lens(*mean["lens"].tolist()) if "lens" in mean else None
    return replace(fresh, harmonize=color, shadow=_shadow(fresh, mean), lens=None if lens == Lens() else lens)


def _shadow(fresh: Decisions, mean: Numbers) -> ShadowLayer | None:
    if "depth" not in mean or max(mean["depth"]) < UNSEEN:
        return None
    azimuth = float(np.rad2deg(np.arctan2(mean["azimuth"][1], mean["azimuth"][0])) % 360)
    length, softness, *tint = mean["form"].tolist()
    density, contact = mean["depth"].tolist()
    way = fresh.shadow.way if fresh.shadow is not None else ShadowLayer.way
    return ShadowLayer(azimuth, length, softness, density, contact, (tint[0], tint[1], tint[2]), way)
