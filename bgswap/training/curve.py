"""curve.png: losses and validation metrics over the steps, drawn with Pillow alone."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bgswap.folders.encode import encode
from bgswap.folders.files import write_whole
from bgswap.training.axes import Axis, Points, extremes, means, short, value_axis

WIDTH, HEIGHT = 1200, 800
FINE = 2  # drawn so many times larger, then averaged: smooth lines
MARGIN, LETTERS, TITLE = 16, 13, 16  # pixels
TICKS_LEFT, TICKS_BELOW, LINE = 58, 24, 20  # room for the numbers beside a plot; height of a line of words
POINTS = 150  # a line of losses is the mean over as many stretches; what it was made of shows pale behind it
FINE_POINTS = 600  # of what shows pale: the least and the largest of as many stretches
MOST_PANELS = 12
INK, GRID, PAPER, EDGE = "#222222", "#e4e4e4", "#ffffff", "#999999"
# Okabe & Ito, Color Universal Design, 2008; its yellow, too pale for lines, darkened
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b3a200", "#555555", "#8c2d04", "#6a51a3")

Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass
class Panel:
    """A plot: lines by name over the steps, and the points of them that are marked."""

    title: str
    lines: dict[str, Points]
    marks: Points = field(default_factory=list)
    smooth: bool = False


def draw(lines: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write curve.png, 1200 x 800, of a log's lines: "losses" in one plot, each metric of "validation" in its own.

    The step of the best weights is marked. An axis is logarithmic where its values are positive and span more than
    two decades. Nulls are gaps. Without lines the picture says so.
    """
    panels = panels_of(lines)
    picture = Image.new("RGB", (WIDTH * FINE, HEIGHT * FINE), PAPER)
    pen = Pen(ImageDraw.Draw(picture))
    if not panels:
        pen.words((WIDTH // 2, HEIGHT // 2), "no lines in the log yet", "mm", TITLE)
    for panel, box in zip(panels, boxes(len(panels)), strict=True):
        _draw_panel(pen, panel, box)
    write_whole(path, encode(np.asarray(picture.reduce(FINE)), "png"))


def panels_of(lines: Iterable[Mapping[str, Any]]) -> list[Panel]:
    """The plots of a log; at most MOST_PANELS."""
    losses: dict[str, Points] = {}
    metrics: dict[str, Panel] = {}
    for line in lines:
        for name, value in (line.get("losses") or {}).items():
            losses.setdefault(name, []).append((line["step"], _number(value)))
        for name, value in (line.get("validation") or {}).items():
            panel = metrics.setdefault(name, Panel(name, {name: []}))
            panel.lines[name].append((line["step"], _number(value)))
            if line.get("best"):
                panel.marks = [panel.lines[name][-1]]
    first = [Panel("training losses", losses, smooth=True)] if losses else []
    return [*first, *metrics.values()][:MOST_PANELS]


def boxes(many: int) -> list[Box]:
    """Places of the plots: the first at the left, three fifths wide; the others in columns at its right."""
    if many <= 1:
        return [(0, 0, WIDTH, HEIGHT)] * many
    columns = math.ceil((many - 1) / 4)
    first = WIDTH * 3 // 5 if columns == 1 else WIDTH // 2
    rows = math.ceil((many - 1) / columns)
    width, height = (WIDTH - first) // columns, HEIGHT // rows
    found = [(0, 0, first, HEIGHT)]
    for number in range(many - 1):
        row, column = divmod(number, columns)
        left, top = first + column * width, row * height
        found.append((left, top, left + width, top + height))
    return found


class Pen:
    """Draws in pixels of the finished picture."""

    def __init__(self, canvas: ImageDraw.ImageDraw):
        self.canvas = canvas

    def line(self, points: Sequence[tuple[float, float]], color: str, width: float = 1.0) -> None:
        """A line through points; one point is a dot."""
        fine = [(x * FINE, y * FINE) for x, y in points]
        if len(fine) == 1:
            self.dot(points[0], color, 2 * width)
        else:
            self.canvas.line(fine, color, max(1, round(width * FINE)), joint="curve")

    def dot(self, at: tuple[float, float], color: str, radius: float) -> None:
        """A filled circle."""
        self.canvas.circle((at[0] * FINE, at[1] * FINE), radius * FINE, color)

    def words(self, at: tuple[float, float], text: str, anchor: str, size: int = LETTERS, color: str = INK) -> None:
        """Words; anchor as Pillow has it."""
        self.canvas.text((at[0] * FINE, at[1] * FINE), text, color, _font(size), anchor)

    @staticmethod
    def width(text: str) -> float:
        """Of words, in pixels."""
        return float(_font(LETTERS).getlength(text)) / FINE


def _draw_panel(pen: Pen, panel: Panel, box: Box) -> None:
    left, top, right, bottom = box[0] + MARGIN, box[1] + MARGIN, box[2] - MARGIN, box[3] - MARGIN // 2
    legend = _draw_legend if panel.smooth else _draw_last
    below = legend(pen, panel, left, top, right)
    plot = (left + TICKS_LEFT, below + 6, right, bottom - TICKS_BELOW)
    values = [value for points in panel.lines.values() for _, value in points if math.isfinite(value)]
    if not values:
        pen.words((left + TICKS_LEFT, below + 6), "no finite value", "la", color=EDGE)
        return
    last = max(step for points in panel.lines.values() for step, _ in points)
    across, up = Axis(0, max(last, 1), plot[0], plot[2]), value_axis(values, plot[1], plot[3])
    _draw_axes(pen, across, up, plot)
    if panel.smooth:
        for points, color in zip(panel.lines.values(), _colors(), strict=False):
            if len(points) > POINTS:
                _draw_line(pen, extremes(points, FINE_POINTS), across, up, _pale(color), 0.5)
    for points, color in zip(panel.lines.values(), _colors(), strict=False):
        _draw_line(pen, means(points, POINTS) if panel.smooth else points, across, up, color, 1.75)
    for step, value in panel.marks:
        if math.isfinite(value):
            pen.dot((across.at(step), up.at(value)), INK, 4.5)


def _draw_legend(pen: Pen, panel: Panel, left: int, top: int, right: int) -> int:
    """Title, and names with their last values in as many lines as they need; where these end."""
    pen.words((left, top), panel.title, "la", TITLE)
    x, top = left, top + TITLE + 8
    for (name, points), color in zip(panel.lines.items(), _colors(), strict=False):
        finite = [value for _, value in points if math.isfinite(value)]
        said = f"{name} {finite[-1]:.4g}" if finite else name
        wide = 22 + pen.width(said)
        if x + wide > right and x > left:
            x, top = left, top + LINE
        pen.line([(x, top + LETTERS / 2), (x + 16, top + LETTERS / 2)], color, 3)
        pen.words((x + 22, top + LETTERS / 2), said, "lm")
        x += round(wide) + 18
    return top + LINE


def _draw_last(pen: Pen, panel: Panel, left: int, top: int, _right: int) -> int:
    """Title with the last value, and the mark with its own; where these end."""
    finite = [value for points in panel.lines.values() for _, value in points if math.isfinite(value)]
    pen.words((left, top), f"{panel.title} {finite[-1]:.4g}" if finite else panel.title, "la", TITLE)
    top += TITLE + 8
    for step, value in panel.marks:
        pen.dot((left + 5, top + LETTERS / 2), INK, 4.5)
        pen.words((left + 16, top + LETTERS / 2), f"best {value:.4g} at {short(step)}", "lm")
    return top + LINE


def _draw_axes(pen: Pen, across: Axis, up: Axis, plot: Box) -> None:
    for value in up.ticks(max(4, (plot[3] - plot[1]) // 50)):
        y = up.at(value)
        pen.line([(plot[0], y), (plot[2], y)], GRID)
        pen.words((plot[0] - 6, y), short(value), "rm")
    for value in across.ticks(max(2, (plot[2] - plot[0]) // 80)):
        x = across.at(value)
        pen.line([(x, plot[1]), (x, plot[3])], GRID)
        pen.words((x, plot[3] + 6), short(value), "ma")
    pen.line([(plot[0], plot[1]), (plot[0], plot[3]), (plot[2], plot[3])], EDGE)


def _draw_line(pen: Pen, points: Points, across: Axis, up: Axis, color: str, width: float) -> None:
    stretch: list[tuple[float, float]] = []
    for step, value in [*points, (0.0, math.nan)]:
        if math.isfinite(value):
            stretch.append((across.at(step), up.at(value)))
        elif stretch:
            pen.line(stretch, color, width)
            stretch = []


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _colors() -> list[str]:
    return list(COLORS) * 3


def _pale(color: str) -> str:
    """Two thirds of white in it."""
    return "#" + "".join(f"{(int(color[i : i + 2], 16) + 2 * 255) // 3:02x}" for i in (1, 3, 5))


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size * FINE)
