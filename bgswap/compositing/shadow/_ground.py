"""Which ground a standing person keeps the light from: one formula on NumPy arrays and on torch tensors.

A level camera stands before the person, CAMERA of the person's heights above the ground, so the ground runs up the
picture to a horizon. The person is a body: each column of the silhouette stands on the ground line under the feet and
is as thick as the silhouette is wide about it. From each point of the ground a ray goes to the light and is dark where
the body stops it. Points of the ground line lie on their own shadow, so shoes touch theirs. The softening is that of a
light of some width: it grows with the distance from what casts the shadow, on the ground itself, and so is
foreshortened as the ground is. The ground's map has axes s (along the shadow, 0 at the feet) and b (across it).

Lengths on the ground are in the person's heights; x to the right, z away from the camera. v, u: up from the lowest
foot and right of the box's middle, in the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bgswap.compositing.shadow._forms import Array, Form
from bgswap.compositing.stance import Stance

# All ours, set by eye on standing people.
CAMERA = 0.9  # its height: eyes that look level at somebody as tall
FOCAL = 1.3  # of the frame's height: with it, who fills less of the frame is farther away
DISTANCE = (2.0, 10.0)  # nearest and farthest that this may say
BODY_PX = 112  # the silhouette's height where rays meet it: the shadow is softer than these pixels
BODY = 116, 168  # rows and columns of that: a little taller than a person, and three quarters to either side
MAP = 192, 96  # rows along the shadow and columns across
STOPS = 24  # samples of a ray inside the body
THIN, DEEP, MOST = 0.018, 0.75, 0.09  # half thickness: least, per half width, most
HIP = 0.45  # above which the body is over the middle of its feet
FAR = 4.0  # no shadow is drawn farther from the feet: it ends softly within the last unit
SHARPEST = 0.006  # blur at the feet
LEVELS = 5  # blurs between the sharpest and the softest
SHORTEST = 0.02  # of a shadow
NEAREST = 0.15  # share of the camera's distance that ground is seen down to


@dataclass(frozen=True)
class Light:
    """Where shadows fall, one number a picture: (B, 1, 1) arrays of one form.

    sin, cos: of the azimuth. length: as ShadowLayer has it. rate: blur a unit of distance. distance: the camera's.
    """

    sin: Array
    cos: Array
    length: Array
    rate: Array
    distance: Array

    @classmethod
    def of(cls, form: Form, azimuth: Array, length: Array, softness: Array, frame_share: Array) -> "Light":
        """From a ShadowLayer's numbers (B,); frame_share: the frame's height over the person's, (B,)."""
        turn = azimuth.reshape(-1, 1, 1) * float(np.pi / 180)
        return cls(
            form.xp.sin(turn),
            form.xp.cos(turn),
            length.reshape(-1, 1, 1).clip(SHORTEST, None),
            (softness * frame_share).reshape(-1, 1, 1),
            (FOCAL * frame_share).reshape(-1, 1, 1).clip(*DISTANCE),
        )


@dataclass(frozen=True)
class Extent:
    """What the ground's map shows, (B, 1, 1) each: s from `near` to `far`, b from -`side` to `side`.

    along: how far from the feet's middle the body reaches in the light's direction.
    """

    along: Array
    near: Array
    far: Array
    side: Array

    @classmethod
    def of(cls, form: Form, light: Light, half_width: Array, rise: Array) -> "Extent":
        """For bodies (B, 1, 1) that reach half_width from their middle; rise: the ground there over the lowest foot."""
        wide, deep = form.xp.sqrt(light.sin**2 + 1e-6), form.xp.sqrt(light.cos**2 + 1e-6)
        thick = MOST + light.distance * (CAMERA / (CAMERA - rise) - 1)  # one foot may stand before the other
        along, across = wide * half_width + deep * thick + 0.05, deep * half_width + wide * thick + 0.05
        low = form.xp.sqrt(1 + light.length**2)
        far = (1.04 * light.length * (1 + 2.5 * light.rate * low) + along + 0.05).clip(None, FAR)
        return cls(along, -along - 0.05, far, across + 2.5 * light.rate * far)


def cast_dark(
    form: Form, alpha: Array, light: Light, stances: Sequence[Stance | None], tall_px: Sequence[float]
) -> Array:
    """How much of the light each pixel's ground does not see, (B, H, W) 0..1, for mattes alpha (B, H, W)."""
    half = np.array([0 if one is None else (one.right - one.left) / 2 / tall for one, tall in _of(stances, tall_px)])
    rise = np.array([0 if one is None else (one.base - one.ground) / tall for one, tall in _of(stances, tall_px)])
    rise = form.like(rise.astype(np.float32)[:, None, None], alpha)
    extent = Extent.of(form, light, form.like(half.astype(np.float32)[:, None, None].clip(0.05, 0.7), alpha), rise)
    steps = np.linspace(0, 1, MAP[0], dtype=np.float32)[None, :, None]
    s = extent.near + (extent.far - extent.near) * form.like(steps, alpha)
    b = extent.side * form.like(np.linspace(-1, 1, MAP[1], dtype=np.float32)[None, None], alpha)
    body = _bodies(form, alpha, light, stances, tall_px, rise)
    dark = _softened(form, _marched(form, s, b, body, light, extent, rise), s, b, light)
    dark = dark * _ends(s, b, extent)
    return _seen(form, dark, alpha, light, extent, stances, tall_px, rise)


def _of(stances: Sequence[Stance | None], tall_px: Sequence[float]) -> list[tuple[Stance | None, float]]:
    return list(zip(stances, tall_px, strict=True))


def _bodies(
    form: Form,
    alpha: Array,
    light: Light,
    stances: Sequence[Stance | None],
    tall_px: Sequence[float],
    rise: Array,
) -> Array:
    """The people small, (B, 2, *BODY), feet first: half thickness plus THIN, 0 where nobody is; and depth off z = 0."""
    height, width = alpha.shape[1:]
    v, u = (np.arange(BODY[0]) + 0.5) / BODY_PX, (np.arange(BODY[1]) + 0.5 - BODY[1] / 2) / BODY_PX
    downs, rights, lines = [], [], []
    for stance, tall in _of(stances, tall_px):
        base, middle = (0.0, 0.0) if stance is None else (stance.base, stance.middle)
        downs.append(_tent(base - v * tall, height, tall / BODY_PX))
        rights.append(_tent(middle + u * tall, width, tall / BODY_PX))
        columns = np.clip(middle + u * tall, 0, width - 1).astype(int)
        lines.append(np.zeros(BODY[1]) if stance is None else (base - stance.line[columns]) / tall)
    down, right = form.like(np.stack(downs), alpha), form.like(np.stack(rights), alpha)
    small = (down @ alpha @ right.swapaxes(1, 2)).clip(0, 1)
    inner, deep = small, 0.5 * small
    for _ in range(int(np.ceil(MOST / DEEP * BODY_PX))):
        inner = form.eroded(inner)
        deep = deep + inner
    thick = small * (2 * THIN + DEEP / BODY_PX * deep).clip(None, MOST + THIN)
    # Feet may stand one before the other; the trunk is over the middle, and the legs lead from the one to the other.
    line = form.like(np.stack(lines).astype(np.float32)[:, None], alpha)
    leg = (1 - (form.like(v.astype(np.float32)[None, :, None], alpha) - line) / HIP).clip(0, 1)
    off = leg * light.distance * (CAMERA / (CAMERA + rise - line) - 1)
    return form.xp.stack([thick, off], 1)


def _tent(at: Any, count: int, step: float) -> Any:
    """(n, count): how much pixel k of a line lends to the point at[i], pixels of `step` each being averaged."""
    step = max(1.0, step)
    near = 1 - np.abs(np.arange(count) + 0.5 - np.asarray(at)[:, None]) / step
    return (near.clip(0, None) / step).astype(np.float32)


def _marched(form: Form, s: Array, b: Array, body: Array, light: Light, extent: Extent, rise: Array) -> Array:
    """The hard shadow on the ground's map, (B, S, A) 0..1: 1 where the ray to the light meets the body."""
    spread = np.linspace(-1, 1, STOPS, dtype=np.float32)[None, :, None]
    stops = extent.along * form.like(spread, s)  # (B, N, 1) on the ground, under the ray's samples
    x, z = stops * light.sin + b * light.cos, stops * light.cos - b * light.sin  # (B, N, A)
    farther = ((light.distance + z) / light.distance).clip(NEAREST, None)
    up = (s[:, None] - stops[:, :, None]) / light.length[:, None]  # (B, N, S, 1): height of the sample
    v = (CAMERA + rise)[:, None] - (CAMERA - up) / farther[:, :, None]
    u = form.xp.broadcast_to((x / farther)[:, :, None], v.shape)
    found = form.sample(body, (u + BODY[1] / 2 / BODY_PX) * BODY_PX - 0.5, v * BODY_PX - 0.5)
    met = found[:, 0] - abs(found[:, 1] - z[:, :, None])
    return (form.xp.amax(met, 1) / THIN - 0.5).clip(0, 1)


def _softened(form: Form, dark: Array, s: Array, b: Array, light: Light) -> Array:
    """Blur each row of the map (B, S, A) as far as the light's width blurs it at its distance from the feet."""
    spread = (light.rate * s).clip(SHARPEST, None)
    low = form.xp.sqrt(1 + light.length**2)  # a low light draws the soft edge out along the shadow
    dark = _gaussian(form, s, spread * low) @ dark
    most = form.xp.amax(spread, 1)[:, None]
    shares = spread / most * (LEVELS - 1)
    softened = 0
    across = b.swapaxes(1, 2)
    for level in range(LEVELS):
        sigma = (most * (level / (LEVELS - 1))).clip(SHARPEST, None)
        kernel = _gaussian(form, across, sigma + 0 * across)
        softened = softened + dark @ kernel.swapaxes(1, 2) * (1 - abs(shares - level)).clip(0, None)
    return softened


def _gaussian(form: Form, at: Array, sigma: Array) -> Array:
    """(B, N, N) whose row i takes a Gaussian of sigma[:, i] about at[:, i]; what lies outside counts for nothing."""
    weights = form.xp.exp(-0.5 * ((at.swapaxes(1, 2) - at) / sigma) ** 2)
    return weights / weights.sum(2)[:, :, None]


def _ends(s: Array, b: Array, extent: Extent) -> Array:
    """1 inside the map, falling to 0 at its far end and sides: no straight line shows where it ends."""
    far = ((extent.far - s) / (0.05 + (extent.far - (FAR - 1)).clip(0, None))).clip(0, 1)
    return far * ((extent.side - abs(b)) / 0.03).clip(0, 1)


def _seen(
    form: Form,
    dark: Array,
    alpha: Array,
    light: Light,
    extent: Extent,
    stances: Sequence[Stance | None],
    tall_px: Sequence[float],
    rise: Array,
) -> Array:
    """The ground's map as the camera sees it, (B, H, W)."""
    height, width = alpha.shape[1:]
    ups, asides = [], []
    for stance, tall in _of(stances, tall_px):
        base, middle = (0.0, 0.0) if stance is None else (stance.base, stance.middle)
        ups.append((base - np.arange(height) - 0.5) / tall)
        asides.append((np.arange(width) + 0.5 - middle) / tall)
    v = form.like(np.stack(ups).astype(np.float32)[:, :, None], alpha)
    u = form.like(np.stack(asides).astype(np.float32)[:, None], alpha)
    below = CAMERA + rise - v  # under the horizon
    farther = CAMERA / below.clip(0.05, None)
    x, z = u * farther, light.distance * (farther - 1)
    s, b = x * light.sin + z * light.cos, x * light.cos - z * light.sin
    row = (s - extent.near) / (extent.far - extent.near) * (MAP[0] - 1)
    column = (b / extent.side + 1) * (0.5 * (MAP[1] - 1))
    return form.sample(dark[:, None], column, row)[:, 0] * (below > 0.05)
