"""Changes of color, each a pure function of colors (3, ...) in sRGB 0..1: a picture (3, H, W) or a list (3, N).

None of them clips: values may leave 0..1 between steps, and the caller clips once, at the end. All can be
differentiated by the colors. Light is worked on with sRGB's own curve for CIELAB. For gains it is a plain gamma of
2.2, as HPBNet has it (Wang et al., CGF 2023, 10.1111/cgf.14921): they are then gains on the sRGB values themselves.
"""

import math
from collections.abc import Sequence
from functools import cache
from itertools import accumulate

import torch
from torch import Tensor

from bgswap.compositing.harmonize.reinhard import FLAT, TO_XYZ, WHITE

GAMMA = 2.2  # Wang et al., CGF 2023, 10.1111/cgf.14921, section 3.1
KNEE = 6 / 29  # where CIELAB's cube root goes over into its tangent, CIE 15
LUMA = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709
DAYLIGHT = 6504.0  # kelvin: the light of D65, for which sRGB's white is white
TAIL = 0.01  # ours: this share of the darkest and of the brightest pixels may be lost
LEAST_GAIN = 0.02  # ours: below some 1,900 K sRGB has no blue light left, and a gain must stay above 0

Moments = tuple[Tensor, Tensor]  # weighted mean (3,) and standard deviation (3,)


def to_linear(srgb: Tensor) -> Tensor:
    """sRGB -> linear light, IEC 61966-2-1; any shape; negative values go on along the curve's straight foot.

    Here and below a curve with a foot is the curve from the knee up plus the line up to the knee: twice as fast as
    choosing between the two.
    """
    high = srgb.clamp_min(0.04045).add_(0.055).mul_(1 / 1.055).pow(2.4)
    return high.add_(srgb.clamp_max(0.04045).sub_(0.04045), alpha=1 / 12.92)


def to_srgb(linear: Tensor) -> Tensor:
    """Linear light -> sRGB, the inverse of `to_linear`."""
    high = linear.clamp_min(0.0031308).pow(1 / 2.4).mul_(1.055).sub_(0.055)
    return high.add_(linear.clamp_max(0.0031308).sub_(0.0031308), alpha=12.92)


def lab_from_srgb(colors: Tensor) -> Tensor:
    """sRGB (3, ...) -> CIELAB, D65 (3, ...): L 0..100, a and b about -128..127."""
    rows = [[share / white for share in row] for row, white in zip(TO_XYZ.tolist(), WHITE.tolist(), strict=True)]
    xyz = _mix(rows, to_linear(colors))
    cubes = xyz.clamp_min(KNEE**3).pow(1 / 3)
    f = cubes.add_(xyz.clamp_max(KNEE**3).sub_(KNEE**3), alpha=1 / (3 * KNEE**2))
    lab = _mix(((0, 116, 0), (500, -500, 0), (0, 200, -200)), f)
    lab[0] -= 16
    return lab


def srgb_from_lab(lab: Tensor) -> Tensor:
    """CIELAB, D65 (3, ...) -> sRGB (3, ...); colors outside sRGB's gamut come out below 0 or above 1."""
    f = _mix(((1 / 116, 1 / 500, 0), (1 / 116, 0, 0), (1 / 116, 0, -1 / 200)), lab) + 16 / 116
    xyz = f.clamp_min(KNEE).pow(3).add_(f.clamp_max(KNEE).sub_(KNEE), alpha=3 * KNEE**2)
    rows = [[share * white for share, white in zip(row, WHITE.tolist(), strict=True)] for row in _from_xyz()]
    return to_srgb(_mix(rows, xyz))


def moments(colors: Tensor, weight: Tensor) -> Moments:
    """Mean and standard deviation a channel of colors (3, ...), each counted by its weight (...), 0..1.

    Both are 0 where all weights are 0. The spread is that of the given pixels, not an estimate of a larger set's.
    """
    # Sums in double precision and no matrix product: a library's may round otherwise where memory lies otherwise.
    flat, share = colors.reshape(3, -1).double(), weight.reshape(-1).double()
    share = share / share.sum().clamp_min(1e-12)
    mean = (flat * share).sum(1)
    spread = ((flat - mean[:, None]).square() * share).sum(1).sqrt()
    return mean.to(colors.dtype), spread.to(colors.dtype)


def reinhard(
    own: Moments, other: Moments, ratio: tuple[float, float], strength: float = 1.0, reach: float = math.inf
) -> Moments:
    """What gives colors of moments `own` those of `other`: x -> x * scale + shift, both (3,).

    x' = (x - mean) * (other deviation / own deviation) + other mean. Reinhard et al., IEEE CG&A 2001,
    10.1109/38.946629, equations 10 and 11. ratio: bounds on the quotient of the deviations; it is 1 where either is
    flat. strength: 0 keeps the colors, 1 moves them all the way; reach: of which a mean goes no further than this.
    """
    quotient = (other[1] / own[1].clamp_min(FLAT)).clamp(*ratio)
    quotient = torch.where((own[1] > FLAT) & (other[1] > FLAT), quotient, torch.ones_like(quotient))
    scale = 1 + strength * (quotient - 1)
    return scale, own[0] * (1 - scale) + (strength * (other[0] - own[0])).clamp(-reach, reach)


def within(by: Moments, colors: Tensor, limits: tuple[float, float], least: float) -> Moments:
    """Flatten the change `by` of a channel (N,) until its dark and bright ends stay within `limits`.

    The ends are those of TAIL; an end that lies beyond its limit already may stay where it is. The mean goes where `by`
    takes it. least: the scale is not made smaller than this. by: numbers, as `reinhard` gives for one channel.
    """
    scale, shift = by
    ends = colors.sort().values[[round(TAIL * (len(colors) - 1)), round((1 - TAIL) * (len(colors) - 1))]]
    mean = colors.mean()
    low, high = ends[0].clamp_max(limits[0]), ends[1].clamp_min(limits[1])
    center = mean * scale + shift
    room = torch.stack(
        [(center - low) / (mean - ends[0]).clamp_min(FLAT), (high - center) / (ends[1] - mean).clamp_min(FLAT)]
    )
    flatter = torch.minimum(scale, room.min().clamp_min(least))
    return flatter, center - mean * flatter


def scaled(colors: Tensor, by: Moments) -> Tensor:
    """colors (3, ...) * scale + shift, the change that `reinhard` gives."""
    return torch.addcmul(_column(by[1], colors), colors, _column(by[0], colors))


def white_balance(colors: Tensor, gains: Sequence[float], gamma: float = GAMMA) -> Tensor:
    """Multiply the light of colors (3, ...) by a gain a channel.

    (c^gamma * g)^(1 / gamma) is c * g^(1 / gamma): no powers of pixels are needed.
    """
    return colors * _column([gain ** (1 / gamma) for gain in gains], colors)


def exposure(colors: Tensor, stops: float, gamma: float = GAMMA) -> Tensor:
    """Double the light of colors (3, ...) `stops` times."""
    return white_balance(colors, (2.0**stops,) * 3, gamma)


def temperature(colors: Tensor, kelvin: float, gamma: float = GAMMA) -> Tensor:
    """Show colors (3, ...), seen in daylight, as a light of `kelvin` would: low is warm, 6504 changes nothing."""
    return white_balance(colors, temperature_gains(kelvin), gamma)


def temperature_gains(kelvin: float) -> tuple[float, float, float]:
    """Gains in linear light that turn daylight's white to that of a black body; white keeps its luminance.

    The body's chromaticity by Krystek, Color Research & Application 1985, 10.1002/col.5080100109, made for 1,000 to
    15,000 K.
    """
    light, day = _black_body(kelvin), _black_body(DAYLIGHT)
    gains = [max(one / other, LEAST_GAIN) for one, other in zip(light, day, strict=True)]
    luminance = sum(share * gain for share, gain in zip(LUMA, gains, strict=True))
    red, green, blue = (gain / luminance for gain in gains)
    return red, green, blue


def saturation(colors: Tensor, factor: float) -> Tensor:
    """Scale how far colors (3, ...) are from the gray of their luma: 0 is gray, 1 changes nothing."""
    rows = [[(1 - factor) * share + factor * (row == column) for column, share in enumerate(LUMA)] for row in range(3)]
    return _mix(rows, colors)


def curves(colors: Tensor, offsets: Sequence[Sequence[float]]) -> Tensor:
    """Bend each channel of colors (3, ...) by a curve of its own, smooth and never falling.

    offsets: (3, n + 1): how far n + 1 control values lie from those of the straight line, 0, 1/n, ..., 1. The curve
    is the Bezier polynomial of the control values, raised where they would fall: it stays between them and has no
    corner. Beyond 0..1 a curve goes on at slope 1.
    """
    powers = [_column(power, colors) for power in zip(*map(_powers, offsets), strict=True)]
    x = colors.clamp(0, 1)
    bend = powers[-1].expand_as(x)
    for factor in reversed(powers[:-1]):
        bend = torch.addcmul(factor, bend, x)
    return colors + bend


def lut(colors: Tensor, offsets: Tensor | Sequence[float]) -> Tensor:
    """Shift colors (3, ...) by a smooth 3D table.

    offsets: (3, 3, 3, 3) or 81 numbers: at dark, middle and bright red x the same of green x of blue, a shift of
    (red, green, blue). Between them quadratic Bezier weights are used and not linear ones, so that the table has no
    creases that would show as bands; a color moves by no more than the largest shift. Beyond 0..1 the shift is that
    at the border.
    """
    table = torch.as_tensor(offsets, dtype=colors.dtype, device=colors.device).reshape(27, 3)
    x = colors.reshape(3, -1).clamp(0, 1)
    rest = 1 - x
    red, green, blue = torch.stack([rest * rest, 2 * x * rest, x * x]).unbind(1)  # (3, N) each
    pairs = (red[:, None] * green[None]).reshape(9, 1, -1)
    return colors + (table.T @ (pairs * blue[None]).reshape(27, -1)).reshape(colors.shape)


def shoulder(colors: Tensor, knee: float) -> Tensor:
    """Bend colors above `knee` so that they come near 1 but never reach it: what is bright stays apart, as on film."""
    room = 1 - knee
    return colors.clamp_min(knee).sub_(knee).mul_(1 / room).tanh().mul(room).add_(colors.clamp_max(knee))


def _mix(rows: Sequence[Sequence[float]], colors: Tensor) -> Tensor:
    """Multiply colors (3, ...) by a 3 x 3 matrix."""
    matrix = torch.tensor(rows, dtype=colors.dtype, device=colors.device)
    return (matrix @ colors.reshape(3, -1)).reshape(colors.shape)


def _column(values: Tensor | Sequence[float], like: Tensor) -> Tensor:
    """Three values as (3, 1, ...), to meet the channels of `like`."""
    return torch.as_tensor(values, dtype=like.dtype, device=like.device).reshape(3, *[1] * (like.ndim - 1))


def _powers(offsets: Sequence[float]) -> list[float]:
    """Factors of 1, x, x^2, ... by which a Bezier polynomial leaves the straight line; see `curves`."""
    degree = len(offsets) - 1
    line = [i / degree for i in range(degree + 1)]
    rising = accumulate((start + offset for start, offset in zip(line, offsets, strict=True)), max)
    left = [value - start for value, start in zip(rising, line, strict=True)]
    return [
        sum(math.comb(degree, j) * math.comb(j, i) * (-1) ** (j - i) * left[i] for i in range(j + 1))
        for j in range(degree + 1)
    ]


@cache
def _from_xyz() -> tuple[tuple[float, ...], ...]:
    """Linear sRGB from CIE XYZ, D65: the inverse of TO_XYZ in double precision."""
    return tuple(map(tuple, torch.linalg.inv(torch.from_numpy(TO_XYZ)).tolist()))


def _black_body(kelvin: float) -> list[float]:
    """Linear sRGB of a black body of luminance 1."""
    t = kelvin
    u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t * t) / (1 + 8.42420235e-4 * t + 7.08145163e-7 * t * t)
    v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t * t) / (1 - 2.89741816e-5 * t + 1.61456053e-7 * t * t)
    x, y = 3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)
    xyz = x / y, 1.0, (1 - x - y) / y
    return [sum(share * value for share, value in zip(row, xyz, strict=True)) for row in _from_xyz()]
