"""curve.png shows every loss and metric of a log, whatever the numbers are."""

import math

import numpy as np
import pytest
from PIL import Image

from bgswap.training.axes import Axis, extremes, means, short, value_axis
from bgswap.training.curve import COLORS, HEIGHT, WIDTH, boxes, draw, panels_of


def drawn(lines, path):
    draw(lines, path)
    return np.asarray(Image.open(path))


def has(picture, color):
    """Whether a picture has pixels of nearly this color."""
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return bool((np.abs(picture.astype(int) - wanted).max(-1) < 8).any())


def test_every_loss_has_its_color_and_every_metric_its_plot(tmp_path):
    lines = [{"step": s, "losses": {"a": 1 / s, "b": 0.5, "c": -s}} for s in range(1, 9)]
    one = drawn(lines, tmp_path / "one.png")
    assert one.shape == (HEIGHT, WIDTH, 3)
    assert [has(one, color) for color in COLORS[:4]] == [True, True, True, False]
    lines.append({"step": 8, "size": [64, 64], "validation": {"mad": 0.25, "iou": 0.5}, "best": True})
    assert [panel.title for panel in panels_of(lines)] == ["training losses", "mad", "iou"]
    assert [panel.marks for panel in panels_of(lines)] == [[], [(8, 0.25)], [(8, 0.5)]]
    assert (drawn(lines, tmp_path / "two.png") != one).any()
    lines.append({"step": 9, "size": [64, 64], "validation": {"mad": 0.75, "iou": 0.25}, "best": False})
    assert panels_of(lines)[1].marks == [(8, 0.25)]


def test_a_null_is_a_gap_in_its_line(tmp_path):
    lines = [{"step": s, "losses": {"a": 0.5}} for s in (1, 2, 9, 10)]
    lines.insert(2, {"step": 5, "losses": {"a": None}})
    picture = drawn(lines, tmp_path / "gap.png")[90:]  # without the legend
    left, right = WIDTH // 4, WIDTH * 3 // 4
    assert has(picture[:, :left], COLORS[0])
    assert has(picture[:, right:], COLORS[0])
    assert not has(picture[:, left:right], COLORS[0])


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [{"step": 1}],
        [{"step": 1, "losses": {"a": None}}],
        [{"step": 20, "losses": {"a": 0.0}}],
        [{"step": s, "losses": {"a": 1e30 ** (s - 2)}} for s in range(1, 4)],
        [{"step": s, "losses": {"a": None if s % 2 else 5e-324}} for s in range(1, 9)],
        [{"step": 5, "validation": {f"metric {n}": -1.0 for n in range(30)}, "best": True}],
        [{"step": 5, "validation": {"mad": None}, "best": True}],
        [{"step": s, "losses": {f"loss {n}": 1.0 for n in range(40)}} for s in range(1, 400)],
    ],
    ids=["nothing", "no numbers", "null", "one zero", "60 decades", "gaps", "30 metrics", "null metric", "40 losses"],
)
def test_any_log_can_be_drawn(lines, tmp_path):
    picture = drawn(lines, tmp_path / "curve.png")
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture.min() < 128  # something stands there, if only words


def test_a_wide_span_of_positive_values_is_drawn_in_decades_and_no_other(tmp_path):
    assert value_axis([0.001, 0.5], 0, 100).log
    assert not value_axis([0.1, 1.0], 0, 100).log
    assert not value_axis([-0.001, 0.5], 0, 100).log
    axis = Axis(0.001, 1000, 100, 0, log=True)
    assert axis.at(1.0) == pytest.approx(50)
    assert axis.ticks(7) == pytest.approx([10.0**power for power in range(-3, 4)])


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 7.9), (0.0123, 0.0124), (0, 123456), (1e-9, 3e-9)])
@pytest.mark.parametrize("most", [3, 8])
def test_ticks_are_round_inside_and_neither_many_nor_none(low, high, most):
    ticks = Axis(low, high, 0, 100).ticks(most)
    assert 1 <= len(ticks) <= most + 1
    assert all(low - 1e-6 * (high - low) <= tick <= high + 1e-6 * (high - low) for tick in ticks)
    steps = np.diff(ticks)
    assert np.allclose(steps, steps[:1])
    assert len({short(tick) for tick in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (500, "500"),
        (1000, "1k"),
        (1500, "1500"),
        (15000, "15k"),
        (2e6, "2M"),
        (0.005, "0.005"),
        (1e-7, "1e-07"),
    ],
)
def test_a_ticks_number_is_short(value, words):
    assert short(value) == words


def test_fewer_points_keep_means_and_extremes():
    points = [(float(n), float(n % 10)) for n in range(1, 1001)]
    assert len(means(points, 100)) == 100
    assert all(value == pytest.approx(4.5) for _, value in means(points, 100))
    assert {value for _, value in extremes(points, 100)} == {0.0, 9.0}
    gap = [(1.0, math.nan), (2.0, math.nan)]
    assert math.isnan(means(gap, 1)[0][1])
    assert math.isnan(extremes(gap, 1)[0][1])


@pytest.mark.parametrize("many", range(13))
def test_plots_lie_inside_the_picture_and_do_not_overlap(many):
    covered = np.zeros((HEIGHT, WIDTH), int)
    for left, top, right, bottom in boxes(many):
        assert 0 <= left < right <= WIDTH
        assert 0 <= top < bottom <= HEIGHT
        covered[top:bottom, left:right] += 1
    assert len(boxes(many)) == many
    assert covered.max() == (many > 0)
