"""Pairs made by ways that no training uses: color distribution transfer to another person, and a random 3D table.

Pitie, Kokaram, Dahyot: Automated colour grading using colour distribution transfer, CVIU 2007, section 3: the colors
are turned at random, each axis is matched to the other's by its histogram, they are turned back, and so on. Not as
there: what moves is taken as a smooth table of colors, so that no grain is amplified, and only a share of it (ours).
"""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from painted import Sample
from scipy.ndimage import gaussian_filter

TURNS = 20  # the paper: 10 to 20 are enough
MOST = 20_000  # colors of a person that are matched; ours
CELLS, SMOOTH = 17, 1.5  # of the table a side, and sigma of its blur in cells; ours
SHARE = (0.5, 1.0)  # of the way to the other's colors; ours
SHIFT = 0.06  # standard deviation of a random table's shifts, of 0..1; ours
WAVES = 2  # half waves of it a side at most; ours

Colors = NDArray[np.float64]


def unseen(samples: list[Sample], seed: int = 6) -> Iterator[Sample]:
    """Of every true picture a new composite: even ones in another's colors, odd ones through a random table."""
    for number, sample in enumerate(samples):
        random = np.random.default_rng([seed, number])
        true = sample.true / 255.0
        if number % 2:
            table = random_table(random)
        else:
            others = [n for n in range(len(samples)) if n // 2 != number // 2] or [number]
            mine, theirs = (some(colors_of(one), random) for one in (sample, samples[int(random.choice(others))]))
            table = random.uniform(*SHARE) * as_table(mine, transfer(mine, theirs, random) - mine)
        cover = sample.matte[..., None] / 255.0
        mixed = true + cover * (np.clip(true + looked_up(table, true), 0, 1) - true)
        yield Sample(np.rint(mixed * 255).astype(np.uint8), sample.matte, sample.true)


def colors_of(sample: Sample) -> Colors:
    """The person's true colors (N, 3) 0..1."""
    return sample.true[sample.matte > 127] / 255.0


def some(colors: Colors, random: np.random.Generator) -> Colors:
    """At most MOST of them."""
    return colors if len(colors) <= MOST else colors[random.choice(len(colors), MOST, replace=False)]


def transfer(colors: Colors, target: Colors, random: np.random.Generator, turns: int = TURNS) -> Colors:
    """Move colors (N, 3) until they are spread as those of target (M, 3) are."""
    moved = colors.copy()
    for turn in range(turns):
        axes = np.eye(3) if turn == 0 else np.linalg.qr(random.normal(size=(3, 3)))[0]
        along, wanted = moved @ axes, np.sort(target @ axes, axis=0)
        ranks = (np.argsort(np.argsort(along, axis=0, kind="stable"), axis=0) + 0.5) / len(along)
        shares = (np.arange(len(wanted)) + 0.5) / len(wanted)
        moved = np.column_stack([np.interp(ranks[:, k], shares, wanted[:, k]) for k in range(3)]) @ axes.T
    return moved


def as_table(colors: Colors, shifts: Colors) -> Colors:
    """Shifts (N, 3) of colors (N, 3) as a smooth table of shifts, (CELLS, CELLS, CELLS, 3); 0 far from all of them."""
    where = tuple(np.rint(colors.clip(0, 1) * (CELLS - 1)).astype(int).T)
    total, count = np.zeros((CELLS, CELLS, CELLS, 3)), np.zeros((CELLS, CELLS, CELLS, 1))
    np.add.at(total, where, shifts)
    np.add.at(count, where, 1)
    total, count = (gaussian_filter(one, (SMOOTH, SMOOTH, SMOOTH, 0), mode="constant") for one in (total, count))
    return np.asarray(total / (count + 1e-4 * len(colors) / CELLS))


def random_table(random: np.random.Generator) -> Colors:
    """A sum of slow waves through the cube of colors, (CELLS, CELLS, CELLS, 3)."""
    axis = np.arange(WAVES + 1)[:, None] * np.linspace(0, np.pi, CELLS)
    waves = np.cos(axis)  # (WAVES + 1, CELLS)
    order = np.indices((WAVES + 1,) * 3).sum(0)[..., None]
    weight = random.normal(size=(WAVES + 1,) * 3 + (3,)) / (1 + order)  # the slower, the stronger
    table = np.einsum("ijkc,ir,jg,kb->rgbc", weight, waves, waves, waves)
    return np.asarray(table * SHIFT / table.std())


def looked_up(table: Colors, colors: Colors) -> Colors:
    """Between the table's cells linearly: colors (H, W, 3) -> shifts (H, W, 3)."""
    cube = torch.from_numpy(table.transpose(3, 2, 1, 0).copy())[None]  # (1, 3, blue, green, red)
    spots = torch.from_numpy(colors * 2 - 1)[None, None]  # (1, 1, H, W, 3): red first, as grid_sample's x
    found = F.grid_sample(cube, spots, align_corners=True, padding_mode="border")
    return np.asarray(found[0, :, 0].permute(1, 2, 0).numpy())
