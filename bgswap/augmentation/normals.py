"""Which way a person's surface turns, guessed from the cut-out: the matte inflated, its relief refined by luminance.

The matte is blown up like a pillow: u solves a screened Poisson equation inside it and is 0 outside, and sqrt(4 u)
is a half sphere over a disk (inflation after Johnston, "Lumo", NPAR 2002, 10.1145/508530.508538, there by
interpolating normals). Several screens, averaged, give round limbs and a torso that is not a ball. Weak gradients of
luminance are taken for shading and bend the surface ("dark is deep"), strong ones for paint and do not (Land and
McCann's retinex, 1971, 10.1364/JOSA.61.000001). All numbers are ours, found by looking.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from bgswap.augmentation.tensors import resize

GRID = 96  # cells along the longer side of the person's box that the surface is solved on
SCREENS = (0.15, 0.4, 1.2)  # widths of rim, limb and body, shares of the square root of the person's area
OUTSIDE = 4.0  # how hard the surface is held down where alpha is 0
STEPS = 10  # Jacobi steps a level of the pyramid: normals within 0.03 of the solved ones on average
BEND = 0.94  # sine of the steepest tilt: 70 degrees, so that no rim goes black or burns out
FINE = 2  # passes of a 3 x 3 mean: relief finer than this is texture
PAINT = 0.11  # log luminance a cell: gradients above are rather paint than shading
DEPTH = 4.0  # cells of height per unit of log luminance, for weak gradients
INSIDE = 0.05  # alpha above which a pixel is of the person's box


def estimate_normals(foreground: Tensor, alpha: Tensor, *, relief: float = 1.0) -> Tensor:
    """Straight sRGB colors (3, H, W), alpha (1, H, W) -> unit normals (3, H, W): x right, y up, z to the viewer.

    relief: how strongly luminance bends the surface, 1 is usual, 0 leaves it out. Where nobody is, (0, 0, 1).
    A person whom the frame cuts does not end there: the surface goes on.
    """
    normals = torch.zeros_like(foreground)
    normals[2] = 1
    box = person_box(alpha)
    if box is None:
        return normals
    rows, columns = box
    cover, colors = _to_the_border(alpha)[:, rows, columns], foreground[:, rows, columns]
    height, width = cover.shape[1:]
    scale = min(1.0, GRID / max(height, width))
    grid = max(1, round(height * scale)), max(1, round(width * scale))
    small = resize(cover, grid)
    tilt = _inflated(small)
    if relief:
        tilt = tilt + relief * _relief(resize(colors * cover, grid) / small.clamp_min(1e-3), small)
    tilt = _spread(tilt * torch.rsqrt(1 + tilt.square().sum(0)), small)
    if grid != (height, width):
        tilt = F.interpolate(tilt[None], size=(height, width), mode="bicubic", align_corners=False)[0]
    normals[:2, rows, columns] = tilt
    normals[2, rows, columns] = (1 - tilt.square().sum(0)).clamp_min(0).sqrt()
    return normals


def person_box(alpha: Tensor, margin: float = 0.04, *, above: float = INSIDE) -> tuple[slice, slice] | None:
    """Rows and columns of (1, H, W) where anyone is, widened by a share of the longer side; None where nobody is."""
    seen = alpha[0] > above
    found = [torch.nonzero(seen.any(1 - axis))[:, 0] for axis in (0, 1)]
    if not len(found[0]):
        return None
    ends = [(int(at[0]), int(at[-1]) + 1) for at in found]
    wide = round(margin * max(last - first for first, last in ends))
    rows, columns = (
        slice(max(0, first - wide), min(side, last + wide))
        for (first, last), side in zip(ends, seen.shape, strict=True)
    )
    return rows, columns


def _to_the_border(alpha: Tensor) -> Tensor:
    """Mattes often end a pixel before the frame does: there the pixels within reach of the border are repeated."""
    alpha = alpha.clone()
    for axis in (1, 2):
        side = alpha.shape[axis]
        gap = max(1, round(0.006 * side))
        if side > 2 * gap:
            for at, inner in ((0, gap), (side - gap, side - gap - 1)):
                border = alpha.narrow(axis, at, gap)
                border.copy_(torch.maximum(border, alpha.narrow(axis, inner, 1)))
    return alpha


def _inflated(alpha: Tensor) -> Tensor:
    """(1, h, w) -> the surface's tilt (2, h, w): the normal's x and y over its z."""
    reach = alpha.sum().clamp_min(1).sqrt() * torch.tensor(SCREENS, device=alpha.device, dtype=alpha.dtype)
    surface = _pillow(alpha, reach.clamp_min(1).square().reciprocal().view(-1, 1, 1))
    steep = 2 * _gradient(surface)  # of sqrt(4 u) times its own height: no division where u is 0
    length = (steep.square().sum(0) + 4 * surface.clamp_min(0)).sqrt().clamp_min(1e-6)
    lateral = (-BEND * steep / length).mean(1) * _upward(alpha)
    return lateral * torch.rsqrt(1 - lateral.square().sum(0))


def _upward(like: Tensor) -> Tensor:
    """Rows count down, y goes up."""
    return torch.tensor([1.0, -1.0], device=like.device, dtype=like.dtype).view(2, 1, 1)


def _pillow(alpha: Tensor, screen: Tensor) -> Tensor:
    """Solve -laplace(u) + (screen + held) u = alpha, coarse to fine: alpha (1, h, w), screen (n, 1, 1) -> (n, h, w).

    screen: per cell squared. The frame's border is free (Neumann), so that a cut person goes on.
    """
    height, width = alpha.shape[1:]
    if max(height, width) > 8:
        half = (height + 1) // 2, (width + 1) // 2
        coarse = _pillow(resize(alpha, half), screen * 4) * 4
        surface = F.interpolate(coarse[:, None], size=(height, width), mode="bilinear", align_corners=False)[:, 0]
    else:
        surface = alpha.expand(len(screen), -1, -1)
    weight = 1 / (4 + screen + OUTSIDE * (1 - alpha))
    source = alpha * weight
    for _ in range(STEPS):
        around = F.pad(surface[None], (1, 1, 1, 1), mode="replicate")[0]
        total = around[:, :-2, 1:-1] + around[:, 2:, 1:-1]
        total += around[:, 1:-1, :-2]
        total += around[:, 1:-1, 2:]
        surface = torch.addcmul(source, total, weight)
    return surface


def _gradient(planes: Tensor) -> Tensor:
    """Central differences of (n, h, w) a cell: (2, n, h, w), across and down; the border goes on as it ends."""
    around = F.pad(planes[None], (1, 1, 1, 1), mode="replicate")[0]
    across = around[:, 1:-1, 2:] - around[:, 1:-1, :-2]
    down = around[:, 2:, 1:-1] - around[:, :-2, 1:-1]
    return torch.stack([across, down]) / 2


def _relief(colors: Tensor, alpha: Tensor) -> Tensor:
    """Tilt (2, h, w) that weak shading tells: colors (3, h, w) sRGB and alpha (1, h, w) of the grid."""
    red, green, blue = colors
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    light = torch.log(luma.square() + 0.02)  # about linear light; the floor keeps noise in black clothes flat
    hue = (red - green) / (luma + 0.1), (blue - luma) / (luma + 0.1)
    planes = torch.stack([light, *hue]) * alpha
    held = _soft(torch.cat([planes, alpha]), FINE)
    steps = _gradient(held[:3] / held[3:].clamp_min(0.02))
    strong = steps.square().sum((0, 1))[None]  # hue counts too: shading leaves it as it is
    doubt = 1 + (strong + _soft(strong, 2, 5))[0] / PAINT**2  # and where steps crowd, cloth is printed or hair curls
    steps = steps[:, 0]
    tilt = -DEPTH * steps / doubt * held[3:].square()
    return _soft(tilt, 1) * _upward(alpha)


def _soft(planes: Tensor, passes: int, side: int = 3) -> Tensor:
    """Means of side x side cells, again and again, of (n, h, w): a Gaussian of variance passes (side^2 - 1) / 12."""
    for _ in range(passes):
        planes = F.avg_pool2d(planes, side, stride=1, padding=side // 2, count_include_pad=False)
    return planes


def _spread(tilt: Tensor, alpha: Tensor) -> Tensor:
    """Tilt (2, h, w) of the sure person carried out over the soft edge, where alpha says little of the surface."""
    sure = alpha.square() + 1e-4
    held = _soft(torch.cat([tilt * sure, sure]), 3)
    return torch.lerp(held[:2] / held[2:], tilt, alpha.square())
