"""The network of plate_leak.py, what it is shown, and how well its marks tell a place."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

CELL = 8  # pixels that an output cell has
PLACES, BATCH = 100, 12


@dataclass(frozen=True)
class View:
    """What the probe sees (H, W, 3), and where the person was: the whole matte in cells, and where it begins."""

    pixels: NDArray[np.uint8]
    matte: NDArray[np.float32]
    origin: tuple[int, int]
    part: tuple[slice, slice]  # of the photo
    mirrored: bool

    def cells(self, matte: NDArray[np.uint8]) -> NDArray[np.float32]:
        """A matte of the photo (H, W), as the frame shows it."""
        rows, columns = self.pixels.shape[0] // CELL, self.pixels.shape[1] // CELL
        seen = cv2.resize(matte[self.part], (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        return seen[:, ::-1] if self.mirrored else seen

    def marks(self, top: int, left: int) -> NDArray[np.float32]:
        """The matte beginning at that cell, as the frame shows it."""
        rows, columns = self.pixels.shape[0] // CELL, self.pixels.shape[1] // CELL
        frame = np.zeros((rows, columns), np.float32)
        high, wide = self.matte.shape
        y0, x0, y1, x1 = max(0, top), max(0, left), min(rows, top + high), min(columns, left + wide)
        if y0 < y1 and x0 < x1:
            frame[y0:y1, x0:x1] = self.matte[y0 - top : y1 - top, x0 - left : x1 - left]
        return frame


class Probe(nn.Module):
    """A small U-shaped network: RGB, amplified fine detail and position -> a logit a cell of 8 x 8 pixels."""

    def __init__(self) -> None:
        super().__init__()
        widths = (16, 32, 64, 96, 96)
        self.first = nn.Conv2d(8, widths[0], 5, 2, 2)
        self.down = nn.ModuleList(_block(a, b, 2) for a, b in pairwise(widths))
        self.up = nn.ModuleList([_block(96 + 96, 96, 1), _block(96 + 64, 48, 1)])
        self.head = nn.Conv2d(48, 1, 1)

    def forward(self, pixels: Tensor) -> Tensor:  # (B, 3, H, W) 0..1
        fine = (pixels - F.avg_pool2d(pixels, 5, 1, 2)) * 8
        y = torch.linspace(-1, 1, pixels.shape[2]).view(1, 1, -1, 1).expand(len(pixels), 1, *pixels.shape[2:])
        x = torch.linspace(-1, 1, pixels.shape[3]).view(1, 1, 1, -1).expand(len(pixels), 1, *pixels.shape[2:])
        here = F.relu(self.first(torch.cat([pixels * 2 - 1, fine, y, x], 1)))  # (B, 16, H/2, W/2)
        levels = []
        for down in self.down:
            here = down(here)
            levels.append(here)  # H/4, H/8, H/16, H/32
        for up, skip in zip(self.up, (levels[2], levels[1]), strict=True):
            here = up(torch.cat([F.interpolate(here, size=skip.shape[2:], mode="bilinear"), skip], 1))
        logits: Tensor = self.head(here)[:, 0]  # (B, H/8, W/8)
        return logits


def _block(inside: int, outside: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride, 1, bias=False),
        nn.GroupNorm(8, outside),
        nn.ReLU(),
        nn.Conv2d(outside, outside, 3, 1, 1, bias=False),
        nn.GroupNorm(8, outside),
        nn.ReLU(),
    )


def train(draw_view: Callable[[random.Random], View], steps: int) -> Probe:
    """Teach a probe; views of a batch are cut to the size that all of them have."""
    torch.manual_seed(0)
    probe, chosen = Probe(), random.Random(0)
    optimizer = torch.optim.AdamW(probe.parameters(), 2e-3, weight_decay=0.01)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(steps):
        views = [draw_view(chosen) for _ in range(BATCH)]
        rows, columns = (min(one.pixels.shape[axis] for one in views) for axis in (0, 1))
        pixels = torch.from_numpy(np.stack([one.pixels[:rows, :columns] for one in views]))
        truth = np.stack([one.marks(*one.origin)[: rows // CELL, : columns // CELL] for one in views])
        gain = 1 + 0.2 * torch.randn(BATCH, 1, 1, 1)
        with torch.autocast("cpu", torch.bfloat16):  # twice as fast on the cores that we have
            logits = probe((pixels.permute(0, 3, 1, 2).float() / 255 * gain).clamp(0, 1))
        loss = F.binary_cross_entropy_with_logits(logits.float(), torch.from_numpy(truth))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        plan.step()
    return probe.eval()


def auc(inside: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """The share of pairs in which the inside one scores higher; equal ones count half."""
    order = np.sort(others)
    below = np.searchsorted(order, inside, "left") + np.searchsorted(order, inside, "right")
    return float(below.mean() / 2 / len(others))


def judge(
    score: NDArray[np.float32], one: View, decoys: list[NDArray[np.float32]], chosen: random.Random
) -> tuple[float, float, float]:
    """AUC by pixel, by place and by hole of a view; NaN where there is nothing to compare."""
    true = one.marks(*one.origin)
    if true.sum() < 1:
        return float("nan"), float("nan"), float("nan")
    inside = true >= 0.5
    pixel = auc(score[inside], score[~inside]) if inside.any() and not inside.all() else float("nan")
    (rows, columns), (high, wide) = true.shape, one.matte.shape
    moved: list[NDArray[np.float32]] = []
    while len(moved) < PLACES:
        marks = one.marks(round(chosen.random() * rows - high / 2), round(chosen.random() * columns - wide / 2))
        if marks.sum() >= 1:
            moved.append(marks)
    holes = [marks for marks in decoys if marks.sum() >= 1]
    here, there, other = (_means(score, several) for several in ([true], moved, holes))
    return pixel, auc(here, there), auc(here, other) if holes else float("nan")


def _means(score: NDArray[np.float32], several: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.array([(score * marks).sum() / marks.sum() for marks in several], np.float32)
