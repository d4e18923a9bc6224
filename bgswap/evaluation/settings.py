"""What is measured and how, as one value."""

from dataclasses import dataclass

from bgswap.evaluation.conventions import CONVENTIONS, Convention
from bgswap.evaluation.metric import Metric
from bgswap.evaluation.systems import System

BASELINES = "bgswap.evaluation.baselines"


@dataclass(frozen=True)
class ScoreSettings:
    """What is measured and how. Fields are named as the options of `bgswap eval`."""

    metrics: tuple[Metric, ...]
    systems: tuple[System, ...]
    convention: str = "plain"
    at: tuple[int, int] | None = None  # (height, width) that everything is brought to; None: full resolution
    resize: str | None = None
    trimap: str | None = None  # "auto" or where trimaps are; None: the whole picture
    thumbnail: int = 0  # longest side of the report's pictures in pixels; 0: none are made

    @property
    def counting(self) -> Convention:
        """How harmonization errors are counted."""
        return CONVENTIONS[self.convention]
