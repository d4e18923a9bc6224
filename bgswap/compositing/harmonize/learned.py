"""What a trained network tells: a run of --model, or one that comes with bgswap.

Question: how does a small painted picture color a large one? Choice: affines are fitted to what a network made of the
person's colors, and applied to the original pixels (joint up-sampling; Chen, Adams, Wadhwa, Hasinoff, SIGGRAPH Asia
2016, 10.1145/2980179.2982423). Why: nothing is enlarged, so nothing blurs, and smears and checks are no change of color
and drop out. It looks three times, since one look swings. tests/bench/painted.py measures.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bgswap.compositing.colors import fit_grid, fit_local_grid
from bgswap.compositing.decider import Decider
from bgswap.compositing.decisions import ColorMap, Globals, Painting
from bgswap.compositing.light import Float, to_linear
from bgswap.compositing.scene import FRAME, Layers, Scene, Window, straight
from bgswap.errors import UsageError

MARGIN = 0.05  # ours: around the person in what a network is shown, share of the longer side
PART = 0.7  # ours: side of the nearer looks, share of the whole person's longer side, as in the training's crops
SOLID = 0.95  # ours: below this much alpha a pixel's color is half the old or the new place's
LOCAL = 0.5  # ours: what is believed of a change's differences from place to place; 0 and 1 were measured worse
FEW = 24  # ours: solid pixels below which the soft ones have to count, too
MOST = 32  # ours: rows and columns of a grid in the frame, so that a saved one stays under 300 kB
RECOGNIZED = 0.5  # ours: correlation of a painted person with the one shown, below which nothing is read off it
SMEAR = 0.02  # ours: sigma of the colors in which a painted person is looked for, share of the picture's side
DARK = 1e-3  # linear light: means below say nothing of a gain

NUMBERS = {"globals", "grid", "shading"}
Outputs = Mapping[str, NDArray[np.float32]]


def harmonize(scene: Scene, network: Decider) -> ColorMap | None:
    """The network's colors as a change of the original pixels; None where nobody is seen, or nothing is told.

    Numbers ("globals", "grid", "shading") are taken as they are told, brought from the window that was shown to the
    frame. Of a picture the change of color is taken, by affines in place and luminance. Of a picture whose person the
    network placed itself, only the mean change is, and as far as that person can be recognized in it.
    """
    if scene.seen is None:
        return None
    if "box" in network.card.gives and not NUMBERS & set(network.card.gives):
        return _from_placed(scene, network)
    window = around(scene)
    layers = network.look(scene, window)
    told = network.outputs(layers)
    if NUMBERS & set(network.card.gives):
        return _from_numbers(told, window)
    return _from_pictures(scene, network, window, (layers, told["picture"]))


def paint(scene: Scene, network: Decider) -> Painting:
    """The network's own picture: of the whole frame where the network places its person itself, else of the person.

    Raises:
        UsageError: the network paints nothing.
    """
    if "picture" not in network.card.gives:
        raise UsageError(f"{network.name} paints no picture: leave out --paint")
    whole = "box" in network.card.gives
    window = FRAME if whole else around(scene)
    told = network.outputs(network.look(scene, window))
    return Painting(np.clip(told["picture"], 0, 1), window, whole)


def around(scene: Scene, share: float = 1.0, at: float = 0.5) -> Window:
    """A square of the frame around what is seen of the person, as the pictures in training are; cut where it must be.

    share: its side over the person's longer side with margins. at: where it lies along that side, 0 at the top or left,
    1 at the other end. It is moved, then cut, to lie in the frame. The whole frame where nobody is seen.
    """
    if scene.seen is None:
        return FRAME
    sides = np.array(scene.frame, np.float64)
    first, past = np.array(scene.seen[:2]) * sides, np.array(scene.seen[2:]) * sides
    longest = (1 + 2 * MARGIN) * (past - first).max()
    side = share * longest
    middle = (first + past) / 2
    middle[int(np.argmax(past - first))] += (at - 0.5) * (longest - side)
    start = np.clip(middle - side / 2, 0, np.maximum(0, sides - side))
    end = np.minimum(start + side, sides)
    (top, left), (bottom, right) = start / sides, end / sides
    return float(top), float(left), float(bottom), float(right)


def _from_numbers(told: Outputs, window: Window) -> ColorMap:
    color = ColorMap("learned")
    if "globals" in told:
        color = replace(color, globals=Globals(*(float(number) for number in told["globals"])))
    if "grid" in told:
        color = replace(color, grid=to_frame(told["grid"], window))
    if "shading" in told:
        color = replace(color, shading=to_frame(told["shading"], window))
    return color


def to_frame(cells: Float, window: Window) -> Float:
    """(rows, columns, ...) of a window -> of the frame, cells of about the same size; beyond it, the nearest cell's."""
    top, left, bottom, right = window
    for axis, (start, end) in enumerate(((top, bottom), (left, right))):
        count = cells.shape[axis]
        wanted = max(count, min(MOST, round(count / (end - start))))
        middles = (np.arange(wanted) + 0.5) / wanted
        at = np.clip((middles - start) / (end - start) * count - 0.5, 0, count - 1)
        low = np.minimum(at.astype(int), max(0, count - 2))
        part = (at - low).reshape((-1,) + (1,) * (cells.ndim - axis - 1))
        below, above = (np.take(cells, index, axis) for index in (low, np.minimum(low + 1, count - 1)))
        cells = (below * (1 - part) + above * part).astype(np.float32)
    return cells


def _from_pictures(scene: Scene, network: Decider, window: Window, first: tuple[Layers, Float]) -> ColorMap | None:
    """The change that the network made of the person, the mean of a look at all and of two nearer ones."""
    canvas = first[0]
    change, seen = np.zeros_like(canvas.background), np.zeros_like(canvas.alpha)
    for layers, picture in _looks(scene, network, first):
        weight = _solid(layers.alpha)
        to_canvas = _between(layers, canvas, window)
        size = canvas.alpha.shape[::-1]
        change += cv2.warpAffine((picture - layers.composite) * weight[..., None], to_canvas, size)
        seen += cv2.warpAffine(weight, to_canvas, size)
    weight = np.minimum(seen, 1)
    if weight.sum() < 1:
        return None
    before = canvas.composite
    after = (before + change / np.maximum(seen, 1e-6)[..., None]).astype(np.float32)
    there = weight > 0
    whole = fit_grid(before[there], after[there], weight[there])
    grid = whole + LOCAL * (fit_local_grid(before, after, weight, window) - whole)
    return ColorMap("learned", grid=grid)


def _looks(scene: Scene, network: Decider, first: tuple[Layers, Float]) -> Iterator[tuple[Layers, Float]]:
    yield first
    for at in (0.0, 1.0):
        layers = network.look(scene, around(scene, PART, at))
        yield layers, network.outputs(layers)["picture"]


def _between(layers: Layers, canvas: Layers, window: Window) -> NDArray[np.float64]:
    """(2, 3) affine from the pixels of a look to those of a canvas, whose window that is, middles at whole numbers."""
    top, left, bottom, right = window
    height, width = canvas.alpha.shape
    y0, x0, y1, x1 = layers.window
    rows, columns = height / (bottom - top), width / (right - left)  # canvas pixels a frame
    scale_y, scale_x = (y1 - y0) * rows / layers.alpha.shape[0], (x1 - x0) * columns / layers.alpha.shape[1]
    shift_x, shift_y = (x0 - left) * columns, (y0 - top) * rows
    return np.array([[scale_x, 0, shift_x + scale_x / 2 - 0.5], [0, scale_y, shift_y + scale_y / 2 - 0.5]], np.float64)


def _from_placed(scene: Scene, network: Decider) -> ColorMap | None:
    """The mean change of a person that the network moved to where its own box says, as far as it is recognized there.

    The picture is blurred and the box is only about right: so colors are compared from afar, and their agreement in
    pattern, the squared correlation, is how much of the change in mean is believed.
    """
    layers = network.look(scene, FRAME)
    told = network.outputs(layers)
    moved = _moved(scene, layers, told["box"])
    weight = _solid(moved.alpha)
    if weight.sum() < 1:
        return None
    blur = SMEAR * max(weight.shape)
    pictures = moved.foreground, told["picture"], layers.background
    before, after, place = (_smoothed(colors, weight, blur)[weight > 0] for colors in pictures)
    share = weight[weight > 0]
    trust = _correlation(_without(place, before, share), _without(place, after, share), share)
    if trust < RECOGNIZED:
        return None
    means = [np.average(to_linear(colors), axis=0, weights=share) for colors in (before, after)]
    red, green, blue = trust**2 * np.log2(np.maximum(means[1], DARK) / np.maximum(means[0], DARK))
    stops = Globals(float(red + green + blue) / 3, float(red - blue), float(green - (red + blue) / 2))
    return ColorMap("learned", globals=stops)


def _moved(scene: Scene, layers: Layers, box: NDArray[Any]) -> Layers:
    """The person's layer as a box (x, y, height, rotation, logit of the mirror) would have it placed."""
    height, width = scene.frame
    angle = np.deg2rad(float(box[3]))
    cos, sin = np.cos(angle), np.sin(angle)
    linear = float(box[2]) / scene.place.height * np.array([[cos, sin], [-sin, cos]])
    if box[4] > 0:
        linear[:, 0] = -linear[:, 0]
    there, here = np.array([box[0] * width, box[1] * height]), np.array([scene.place.x * width, scene.place.y * height])
    rows, columns = layers.alpha.shape
    to_small = np.diag([columns / width, rows / height])
    small = to_small @ linear @ np.linalg.inv(to_small)
    shift = to_small @ (there - linear @ here) + small @ [0.5, 0.5] - 0.5
    affine = np.column_stack([small, shift])
    alpha = cv2.warpAffine(layers.alpha, affine, (columns, rows))
    premultiplied = cv2.warpAffine(layers.alpha[..., None] * layers.foreground, affine, (columns, rows))
    return Layers(straight(premultiplied, alpha), alpha, layers.background, layers.window)


def _without(place: Float, colors: Float, weight: Float) -> Float:
    """What of colors (n, 3) is no affine of the place's colors there: a painted place is no painted person."""
    known, root = np.column_stack([place, np.ones(len(place))]), np.sqrt(weight)[:, None]
    left: Float = (colors - known @ np.linalg.lstsq(known * root, colors * root, rcond=None)[0]).astype(np.float32)
    return left


def _correlation(a: Float, b: Float, weight: Float) -> float:
    """Of two lists of colors (n, 3) whose means are 0."""
    scale = np.sqrt((weight[:, None] * a**2).sum() * (weight[:, None] * b**2).sum())
    return float((weight[:, None] * a * b).sum() / scale) if scale > 1e-6 else 0.0


def _solid(alpha: Float) -> Float:
    """What counts: alpha where neither it nor a neighbor is soft; all of alpha where next to nothing is solid."""
    inner: Float = cv2.erode(
        (alpha > SOLID).astype(np.float32), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE
    )
    return alpha * inner if inner.sum() >= FEW else alpha


def _smoothed(colors: Float, weight: Float, sigma: float) -> Float:
    """Colors (h, w, 3) from afar; only those that count mix."""
    mixed: Float = cv2.GaussianBlur(colors * weight[..., None], (0, 0), sigma)
    return mixed / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-6)[..., None]
