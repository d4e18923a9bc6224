"""What a training says while it runs: a bar on a terminal, a line a validation. Nothing of it is in the log."""

import sys
from collections.abc import Mapping
from time import monotonic
from typing import Any

from torch import Tensor

MEASURED = 50  # steps, ours: images per second are those of the last ones


class Progress:
    """Images per second, time left and losses, on stderr."""

    def __init__(self, steps: int, *, quiet: bool):
        self.steps, self.quiet = steps, quiet
        self.marks: list[tuple[float, int]] = [(monotonic(), 0)]  # when, images in all
        self.bar: Any = None  # tqdm's
        if not quiet and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=steps, unit="step", dynamic_ncols=True, file=sys.stderr)

    def begin(self, done: int) -> None:
        """Before the first step of this process: so many are done."""
        self.marks = [(monotonic(), 0)]
        if self.bar is not None:
            self.bar.reset()
            self.bar.update(done)

    def stepped(self, done: int, images: int, losses: Mapping[str, Tensor]) -> None:
        """After every step."""
        self.marks = [*self.marks[-MEASURED:], (monotonic(), self.marks[-1][1] + images)]
        if self.bar is not None:
            self.bar.update(1)
            if done % 10 == 0:  # reading a loss makes a GPU wait
                told = " ".join(f"{name} {float(value):.3g}" for name, value in list(losses.items())[:5])
                self.bar.set_postfix_str(f"{self.speed():.3g} images/s {told}", refresh=False)

    def speed(self) -> float:
        """Images per second over the last steps."""
        (began, before), (now, after) = self.marks[0], self.marks[-1]
        return (after - before) / max(now - began, 1e-9)

    def validated(self, done: int, found: Mapping[str, float], better: bool) -> None:
        """After every validation."""
        if self.quiet:
            return
        steps_a_second = (len(self.marks) - 1) / max(self.marks[-1][0] - self.marks[0][0], 1e-9)
        left = (self.steps - done) / max(steps_a_second, 1e-9)
        self.say(
            f"step {done}/{self.steps}: {metrics_line(found)}{' (best)' if better else ''}; "
            f"{self.speed():.3g} images/s, {clock(left)} left"
        )
        self.marks = [(monotonic(), self.marks[-1][1])]  # the validation's own time is not the steps'

    def say(self, line: str) -> None:
        """A line that stays."""
        if self.bar is not None:
            self.bar.write(line, file=sys.stderr)
        else:
            sys.stderr.write(line + "\n")

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self.bar is not None:
            self.bar.close()


def metrics_line(found: Mapping[str, float]) -> str:
    """Numbers as people read them."""
    return ", ".join(f"{name} {value:.4g}" for name, value in found.items())


def clock(seconds: float) -> str:
    """1:02:03, or 2:03."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
