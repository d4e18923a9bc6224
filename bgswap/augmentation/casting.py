"""Which ground a standing person darkens: the geometry of methods/shadow.py.

A level camera stands `distance` before the person, `camera` above the ground (both in the person's heights), so the
ground runs up the picture to the horizon at the camera's height. The person is a body: each column of the
silhouette stands on the ground line under the feet, and is as thick as the silhouette is wide about it. From each
point of the ground a ray goes to the light and is dark where the body stops it. Points of the ground line lie on
their own shadow, so shoes touch theirs. The softening is that of a light of some width: it grows with the
distance from what casts the shadow, on the ground itself, and so is foreshortened as the ground is.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bgswap.augmentation.tensors import resize
from bgswap.compositing import stance
from bgswap.compositing.shadow._ground import DEEP, HIP, MOST, THIN
from bgswap.compositing.shadow.contact import FLAT, NEAR, SOLES, UNDER

# All ours, set by eye on standing people; lengths in the person's heights where nothing else is said.
BODY_PX = 112  # the silhouette's height where rays meet it: the shadow is softer than these pixels
GROUND_PX = 96  # of the ground's map to a person's height
STEP = 0.03  # between samples of a ray inside the body
RAYS = (8, 24)  # fewest and most samples of a ray
LEVELS = 4  # blurs between the sharpest and the softest
CONTACT_PX = 256  # the person's height where the contact shadow is drawn
WIDE = 0.045  # blur of the contact shadow's wide part; the rest of it is as composite has it


@dataclass(frozen=True)
class View:
    """A level pinhole camera and the light, with the ground's axes: s away from the light, b across, 0 at the feet.

    Lengths on the ground are in the person's heights; x to the right, z away from the camera.
    """

    tall: float  # the person's height in pixels
    focal: float  # pixels
    center: float  # column that the camera looks along
    horizon: float  # row
    camera: float
    feet: tuple[float, float]  # x and z
    away: tuple[float, float]  # x and z of one step along the shadow
    rise: float  # tangent of the light's elevation

    @classmethod
    def of(cls, drawn: Mapping[str, Any], line: Tensor, size: tuple[int, int]) -> "View":
        """The view in which the box is a person's height and stands where its feet are."""
        top, left, bottom, right = drawn["box"]
        tall = max(bottom - top, 1.0)
        focal, center, horizon = tall * drawn["distance"], size[1] / 2, bottom - tall * drawn["camera"]
        column = (left + right) / 2
        between = (float(line.min()) + float(line.max())) / 2
        z = focal * drawn["camera"] / max(between - horizon, 0.1 * tall)  # the trunk's, between the feet's
        turn = math.radians(drawn["azimuth"])
        return cls(
            tall=tall,
            focal=focal,
            center=center,
            horizon=horizon,
            camera=drawn["camera"],
            feet=((column - center) * z / focal, z),
            away=(-math.sin(turn), math.cos(turn)),
            rise=math.tan(math.radians(drawn["elevation"])),
        )

    def depth(self, rows: Tensor) -> Tensor:
        """How far off the ground lies that is seen in these rows below the horizon."""
        return self.focal * self.camera / (rows - self.horizon).clamp_min(1e-3 * self.tall)


def ground_line(alpha: Tensor, box: list[float]) -> Tensor | None:
    """The row on which each column of the person stands, (W,): on the taut line under the feet, level beyond them."""
    rows = torch.arange(1, alpha.shape[1] + 1, device=alpha.device, dtype=alpha.dtype)[:, None]
    marks = (alpha[0] >= 0.5) & (rows < box[2] + 2)  # specks below the box are nobody's feet
    lowest = (marks * rows).amax(0)
    base, tall = float(lowest.max()), box[2] - box[0]
    if base <= 0:
        return None
    line = stance.ground_line(lowest.cpu().numpy().astype(int), tall)
    return torch.from_numpy(line).to(alpha)


def cast(alpha: Tensor, line: Tensor, view: View, drawn: Mapping[str, Any]) -> Tensor:
    """How much of the light each pixel's ground does not see, (1, H, W) 0..1."""
    box = drawn["box"]
    body, part = _body(alpha, line, view, box)
    reach = 0.5 * (box[3] - box[1]) / view.tall  # the body's half width about its middle
    thick = MOST + float((view.depth(torch.stack([line.min(), line.max()])) - view.feet[1]).abs().amax())
    wide, deep = abs(view.away[0]), abs(view.away[1])
    along, across = wide * reach + deep * thick + 0.05, deep * reach + wide * thick + 0.05
    # A disk's profile deviates by a fourth of its width; on the ground it grows with the length of the ray.
    rate = math.radians(drawn["size"]) / 4 * math.hypot(1, view.rise)
    far = 1 / view.rise + along
    s = torch.arange(-along - 0.05, far * (1 + 3 * rate) + 0.05, 1 / GROUND_PX).to(alpha)
    b = torch.arange(-across - 3 * rate * far - 0.05, across + 3 * rate * far + 0.05, 1 / GROUND_PX).to(alpha)
    dark = _softened(_marched(s, b, along, body, part, view), s, rate, view)
    # Each pixel's place on the ground, told in the map's own -1..1.
    height, width = alpha.shape[1:]
    first = min(max(math.ceil(view.horizon + 1), 0), height - 1)
    z = view.depth(torch.arange(first, height, device=alpha.device, dtype=alpha.dtype)[:, None] + 0.5)
    columns = torch.arange(width, device=alpha.device, dtype=alpha.dtype) + 0.5
    x = (columns - view.center) / view.focal * z - view.feet[0]
    z = z - view.feet[1]
    at = torch.stack([x * view.away[1] - z * view.away[0], x * view.away[0] + z * view.away[1]], 2)
    low = torch.stack([b[0], s[0]])
    at = (at - low) * (2 / (torch.stack([b[-1], s[-1]]) - low)) - 1
    seen = F.grid_sample(dark[None, None], at[None], align_corners=True)[0]
    return F.pad(seen, (0, 0, first, 0))


def _body(alpha: Tensor, line: Tensor, view: View, box: list[float]) -> tuple[Tensor, tuple[float, int, int, int]]:
    """The person small, (2, h, w): half thickness plus THIN (0 where nobody is) and distance from the camera.

    Also the part (top, left, bottom, right) of the frame that this shows.
    """
    height, width = alpha.shape[1:]
    first, left = min(max(0, math.floor(box[0]) - 2), height - 1), min(max(0, math.floor(box[1]) - 2), width - 1)
    bottom, right = max(first + 1, min(height, math.ceil(box[2]) + 2)), max(left + 1, min(width, math.ceil(box[3]) + 2))
    scale = min(1.0, BODY_PX / view.tall)
    size = max(1, round((bottom - first) * scale)), max(1, round((right - left) * scale))
    small, top = resize(alpha[:, first:bottom, left:right], size), float(first)
    if missing := max(
        0, round(-box[0] * scale)
    ):  # a window cut the head off: the shadow gets a round end, not a flat one
        small = torch.cat([_dome(small[0, 0], missing)[None], small], 1)
        size, top = (size[0] + missing, size[1]), top - missing / scale
    inner, deep = small, 0.5 * small
    for _ in range(math.ceil(MOST / DEEP * view.tall * scale)):
        inner = -F.max_pool2d(-inner, 3, 1, 1)
        deep = deep + inner
    thick = small * (2 * THIN + DEEP * deep / (view.tall * scale)).clamp_max(MOST + THIN)
    ground = resize(line[None, None, left:right], (1, size[1]))[0]
    rows = torch.linspace(top + 0.5 / scale, bottom - 0.5 / scale, size[0]).to(alpha)[:, None]
    # Feet may stand one before the other; the trunk is over the middle, and the legs lead from the one to the other.
    leg = (1 - (ground - rows) / (HIP * view.tall)).clamp(0, 1)
    off = view.feet[1] + leg * (view.depth(ground) - view.feet[1])
    return torch.cat([thick, off[None]]), (top, left, bottom, right)


def _dome(row: Tensor, tall: int) -> Tensor:
    """What may stand on a row (W,) of a silhouette: half an ellipse as wide, (tall, W)."""
    columns = torch.arange(len(row), device=row.device, dtype=row.dtype)
    whole = row.sum()
    up = 1 - (torch.arange(tall, device=row.device, dtype=row.dtype)[:, None] + 0.5) / tall
    reach = 0.5 * whole * (1 - up**2).sqrt()
    return (reach + 0.5 - (columns - (columns * row).sum() / whole.clamp_min(1)).abs()).clamp(0, 1) * (reach > 0)


def _marched(s: Tensor, b: Tensor, along: float, body: Tensor, part: tuple[float, int, int, int], view: View) -> Tensor:
    """The hard shadow on the ground's map, (S, B) 0..1: 1 where the ray to the light meets the body."""
    top, left, bottom, right = part
    count = min(max(math.ceil(2 * along / STEP), RAYS[0]), RAYS[1])
    stops = torch.linspace(-along, along, count).to(s)[:, None]  # on the ground, under the ray's samples
    x = view.feet[0] + stops * view.away[0] + b * view.away[1]
    z = (view.feet[1] + stops * view.away[1] - b * view.away[0]).clamp_min(0.05)
    above = (s - stops) * view.rise  # height of the sample
    tall, wide = 2 / (bottom - top), 2 / (right - left)  # the part is -1..1 for the sampler
    level = (view.horizon + view.focal * view.camera / z - top) * tall - 1
    grid = torch.empty(count, len(s), len(b), 2, dtype=s.dtype, device=s.device)
    grid[..., 0] = ((view.center + view.focal * x / z - left) * wide - 1)[:, None]
    torch.addcmul(level[:, None], above[:, :, None], (-view.focal * tall / z)[:, None], out=grid[..., 1])
    flat = grid.view(1, count, -1, 2)
    thick, off = F.grid_sample(body[None], flat, align_corners=False)[0].view(2, count, len(s), len(b))
    met = thick.sub_(off.sub_(z[:, None]).abs_())
    return (met.amax(0) / THIN - 0.5).clamp(0, 1)


def _softened(dark: Tensor, s: Tensor, rate: float, view: View) -> Tensor:
    """Blur each row of the map (S, B) as far as the light's width blurs it at its distance from the feet."""
    spread = (rate * s * GROUND_PX).clamp_min(0.3)  # across, in the map's pixels
    along = spread * math.hypot(1, 1 / view.rise)  # a low light draws the soft edge out along the shadow
    dark = _blurring(along) @ dark
    most = float(spread[-1])
    levels = [max(0.3, most * level / (LEVELS - 1)) for level in range(LEVELS)]
    shares = (spread / most * (LEVELS - 1))[:, None]
    softened = [
        (dark @ _blurring(torch.full_like(dark[0], sigma)).T * (1 - (shares - level).abs()).clamp_min(0))
        for level, sigma in enumerate(levels)
    ]
    return torch.stack(softened).sum(0)


def _blurring(sigma: Tensor) -> Tensor:
    """(N, N) whose row i takes a Gaussian of sigma[i] pixels about pixel i; what lies outside counts for nothing."""
    at = torch.arange(len(sigma), device=sigma.device, dtype=sigma.dtype)
    weights = torch.exp(-0.5 * ((at - at[:, None]) / sigma[:, None]) ** 2)
    return weights / weights.sum(1, keepdim=True)


def contact(alpha: Tensor, line: Tensor, view: View, strength: float) -> Tensor:
    """Light that reaches the ground about the soles, (1, H, W) 0..1."""
    height, width = alpha.shape[1:]
    top = min(max(0, math.floor(float(line.min()) - 0.25 * view.tall)), height - 1)
    bottom = max(top + 1, min(height, math.ceil(float(line.max()) + 0.25 * view.tall)))
    scale = min(1.0, CONTACT_PX / view.tall)
    size = max(1, round((bottom - top) * scale)), max(1, round(width * scale))
    rows = torch.arange(top, bottom, device=alpha.device, dtype=alpha.dtype)[:, None] + 0.5
    touching = (1.5 * (1 - (line - rows) / (SOLES * view.tall))).clamp(0, 1)
    soles = resize(alpha[:, top:bottom] * touching, size)[0]
    tall = view.tall * scale
    soles = F.pad(soles, (0, 0, round(UNDER * tall), 0))[: size[0]]
    near, wide = _flat_blur(soles, NEAR * tall), _flat_blur(soles, WIDE * tall)
    light = (1 - strength * (1.6 * near).clamp(0, 1)) * (1 - 0.6 * strength * (4 * wide).clamp(0, 1))
    return F.pad(resize(light[None], (bottom - top, width)), (0, 0, top, height - bottom), value=1.0)


def _flat_blur(soles: Tensor, across: float) -> Tensor:
    """Blur (h, w) on the ground: by `across` pixels, and down by FLAT of it."""
    down = _blurring(torch.full_like(soles[:, 0], max(0.3, FLAT * across)))
    return down @ soles @ _blurring(torch.full_like(soles[0], max(0.3, across))).T
