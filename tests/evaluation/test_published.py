"""Printed figures stand as printed, and ours beside them. Those here were read off the sources, not off the tables."""

from math import log10, nan

import pytest

from bgswap import extensions
from bgswap.evaluation import metric
from bgswap.evaluation.published import (
    FRAMES,
    MEASURED,
    NAMED,
    PUBLISHED,
    SECONDS,
    Column,
    Published,
    Table,
    measured,
    printed,
    rows,
)
from bgswap.evaluation.statistics import Summary

TABLES = "bgswap.evaluation.tables"
BASELINES = "bgswap.evaluation.baselines"
SEEDS = ["triple-unet", "deep-image-compositing", "harmonize-gan", "hpbnet", "matting-unet"]


def tables(name: str) -> tuple[Table, ...]:
    return extensions.load(TABLES, name).TABLES


def told(table: Table, system: str) -> tuple[float | None, ...]:
    return next(row.values for row in table.published if row.system == system)


def a_summary(system: str, name: str, mean: float, group: str = "") -> Summary:
    return Summary(system, name, group, 3, mean, mean, mean, mean)


EVERY = [table for name in SEEDS for table in tables(name)]


def test_there_is_a_file_for_each_of_the_five_systems_and_no_other():
    assert sorted(SEEDS) == extensions.names(TABLES)
    assert all(extensions.summary(TABLES, name) for name in SEEDS)


@pytest.mark.parametrize(
    ("number", "system", "figures"),
    [
        (0, "Unharmonized", (2711.1, 14.50, 0.21, 0.18)),
        (0, "U-Net only", (2398.76, 14.88, 0.24, 0.16)),
        (0, "U-Net + StyleGAN", (1181.86, 18.40, 0.14, 0.13)),
        (1, "Unharmonized", (2711.10, 14.50, 0.21, 0.18)),
        (1, "HT, pretrained", (2334.01, 14.89, 0.31, 0.22)),
        (1, "HT, retrained", (1748.94, 16.17, 0.30, 0.22)),
        (1, "DoveNet, pretrained", (2502.20, 14.40, 0.30, 0.21)),
        (1, "DoveNet, retrained", (1828.26, 16.20, 0.25, 0.19)),
        (1, "ADFM, pretrained", (2291.10, 17.31, 0.30, 0.22)),
        (1, "ADFM, retrained", (1853.00, 16.20, 0.24, 0.18)),
        (1, "iDIH-HRNet, pretrained", (2443.50, 14.90, 0.22, 0.18)),
        (1, "iDIH-HRNet, retrained", (1675.70, 16.60, 0.25, 0.19)),
        (1, "S2CRNet, pretrained", (2360.83, 15.18, 0.31, 0.22)),
        (1, "S2CRNet, retrained", (2142.82, 15.82, 0.23, 0.18)),
        (1, "Ours (HPBNet)", (1181.86, 18.40, 0.14, 0.13)),
        (2, "Composite real images", (None, 1.94)),
        (2, "Ground truth", (8.29, None)),
        (2, "HT", (5.18, 6.27)),
        (2, "DoveNet", (4.01, 5.99)),
        (2, "ADFM", (5.89, 4.83)),
        (2, "iDIH-HRNet", (5.83, 4.25)),
        (2, "S2CRNet", (4.02, 4.39)),
        (2, "Ours (HPBNet)", (7.78, 6.33)),
        (3, "Ours (HPBNet)", (0.218, 5)),
    ],
)
def test_hpbnets_tables_are_as_printed(number, system, figures):
    assert told(tables("hpbnet")[number], system) == figures


def test_hpbnets_tables_have_no_row_more_than_the_paper():
    assert [len(table.published) for table in tables("hpbnet")] == [3, 12, 8, 1]


def test_the_other_systems_figures_are_as_printed():
    losses, sharpness = tables("triple-unet")
    assert [row.values for row in losses.published] == [(1.4, 0.044), (1, 0.032), (28.5, 27.2)]
    assert not sharpness.published
    assert sharpness.named == ("128", "256", "512")
    (harmonized,) = tables("harmonize-gan")
    assert [row.values for row in harmonized.published] == [(0.65, 49.98), (0.53, 50.88), (0.48, 51.27)]
    (poster,) = tables("matting-unet")
    assert told(poster, "training") == (0.174, 0.751)
    assert told(poster, "validation") == (0.421, 0.687)
    *_, study = tables("deep-image-compositing")
    won = {row.system: row.values[0] for row in study.published}
    assert won == {"multi-stream fusion": 9, "IndexNet": 4, "Deep Image Matting": 1}
    assert sum(won.values()) == 14  # each of the 14 sets was won by one of them


def test_the_notes_print_no_psnr_so_none_stands_in_the_table():
    comparison, ablation, _ = tables("deep-image-compositing")
    assert not comparison.published
    assert not ablation.published
    assert {"without self-taught data", "single stream", "without refinement"} <= set(ablation.named)


def test_the_harmonization_gans_psnr_follows_from_its_mse_of_255_levels():
    for row in tables("harmonize-gan")[0].published:
        mse, psnr = row.values
        low, high = (10 * log10(255**2 / (mse + step)) for step in (0.005, -0.005))  # the MSE was rounded
        assert low - 0.005 <= psnr <= high + 0.005 or abs(psnr - 10 * log10(255**2 / mse)) < 0.06


def test_the_triple_u_nets_decreases_are_near_those_of_its_bounds():
    start, end, fell = (row.values for row in tables("triple-unet")[0].published)
    for before, after, share in zip(start, end, fell, strict=True):
        assert 100 * (before - after) / before == pytest.approx(share, abs=0.1)


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.title)
def test_every_table_says_where_it_is_from_and_what_differs(table):
    assert len(table.source) > 20
    assert table.differs.endswith(".")
    assert "Ours: " in table.differs
    assert "Theirs: " in table.differs


@pytest.mark.parametrize("name", sorted({name for table in EVERY for name in table.metrics}))
def test_every_metric_that_a_table_names_exists_and_points_the_same_way(name):
    (found,) = metric.find([name])
    for table in EVERY:
        for column in table.columns:
            if column.metric == name:
                assert (column.better == "lower") == found.lower_is_better


@pytest.mark.parametrize("table", EVERY, ids=lambda table: table.title)
def test_every_baseline_that_a_table_names_exists(table):
    assert set(table.baselines) <= set(extensions.names(BASELINES))


MADE = Table(
    "a table",
    "a source",
    (Column("MSE", "mse", "lower", "levels²"), Column("LPIPS", "lpips", "lower"), Column("rank"), Column(SECONDS)),
    (Published("theirs", (2711.10, 0.21, None, 0.218)),),
    named=("Single Stream", "never run"),
)


def test_printed_rows_come_first_then_ours_then_what_nobody_measured():
    given = [a_summary("do nothing", "mse", 290.7064), a_summary("single-stream", "lpips", 0.02134)]
    assert rows(MADE, given, {"do nothing": 0.5}) == [
        ("theirs", PUBLISHED, ["2711.10", "0.21", "-", "0.218"]),
        ("do nothing", MEASURED, ["290.71", "-", "-", "0.500"]),
        ("single-stream", MEASURED, ["-", "0.0213", "-", "-"]),
        ("never run", NAMED, ["-", "-", "-", "-"]),
    ]


def test_other_groups_other_metrics_and_missing_values_are_not_shown():
    given = [a_summary("a", "mse", 1.0, "snow"), a_summary("a", "psnr", 40.0), a_summary("a", "mse", nan)]
    ours = [line for line in rows(MADE, given) if line.origin == MEASURED]
    assert ours == [("a", MEASURED, ["-", "-", "-", "-"])]
    assert rows(MADE, given, group="snow")[1].cells[0] == "1.00"


def test_frames_a_second_are_one_over_the_seconds():
    speed = tables("hpbnet")[3]
    assert [column.name for column in speed.columns] == [SECONDS, FRAMES]
    assert speed.timed
    assert not tables("hpbnet")[0].timed
    assert rows(speed, [], {"mine": 0.04}) == [
        ("Ours (HPBNet)", PUBLISHED, ["0.218", "5"]),
        ("mine", MEASURED, ["0.0400", "25.0"]),
    ]
    assert rows(speed, [], {"mine": 0.0})[1].cells == ["-", "-"]


def test_metrics_of_a_table_stand_once_and_in_order():
    assert tables("hpbnet")[0].metrics == ("mse", "psnr", "lpips", "dists")
    assert MADE.metrics == ("mse", "lpips")
    assert tables("hpbnet")[2].metrics == ()


def test_figures_keep_their_printed_decimals_and_ours_have_three_digits():
    column = Column("x", digits=0)
    assert [printed(value, column) for value in (1.0, 28.5, 0.044, None)] == ["1", "28.5", "0.044", "-"]
    assert [measured(v, column) for v in (1234.5678, 12.3456, 0.00123456, 0.0, None)] == [
        "1235",
        "12.3",
        "0.00123",
        "0",
        "-",
    ]
    assert measured(float("inf"), column) == "-"
    assert measured(-0.5, column) == "-0.500"


def test_a_heading_tells_unit_and_the_better_way():
    assert Column("MSE", "mse", "lower", "levels²").heading == "MSE (levels²) ↓"
    assert Column("sets won", better="higher").heading == "sets won ↑"
    assert Column("x").heading == "x"


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="has 1 figures, not 2"):
        Table("t", "s", (Column("a"), Column("b")), (Published("x", (1.0,)),))
