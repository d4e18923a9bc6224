"""What a training says while it runs."""

import sys

import pytest
import torch

from bgswap.training.progress import Progress, clock


@pytest.mark.parametrize(("seconds", "told"), [(0.4, "0:00"), (123, "2:03"), (3723.2, "1:02:03")])
def test_time_left_is_told_as_a_clock_does(seconds, told):
    assert clock(seconds) == told


def test_without_a_terminal_a_validation_is_a_line_with_speed_time_left_and_metrics(capsys):
    progress = Progress(100, quiet=False)
    progress.begin(40)
    for done in range(41, 51):
        progress.stepped(done, 8, {"l1": torch.tensor(0.5)})
    assert progress.speed() > 0
    progress.validated(50, {"mad": 0.0625}, True)
    progress.close()
    told = capsys.readouterr().err
    assert told.startswith("step 50/100: mad 0.0625 (best); ")
    assert "images/s" in told
    assert told.endswith("left\n")


def test_a_terminal_gets_a_bar_that_begins_where_the_run_stands(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = Progress(100, quiet=False)
    progress.begin(40)
    progress.stepped(41, 8, {"l1": torch.tensor(0.5)})
    assert progress.bar.n == 41
    progress.close()


def test_quiet_says_nothing(capsys):
    progress = Progress(10, quiet=True)
    progress.begin(0)
    progress.stepped(1, 8, {})
    progress.validated(1, {"mad": 0.1}, False)
    assert capsys.readouterr().err == ""
