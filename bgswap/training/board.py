"""TensorBoard's events, where it is installed; nothing where it is not."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Board:
    """Scalars and pictures of a run. Events beyond `step`, of a run that was killed and goes on, are hidden."""

    def __init__(self, folder: Path, step: int):
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._writer = SummaryWriter(folder, purge_step=step + 1 if step else 0)  # type: ignore[no-untyped-call]

    def scalars(self, step: int, values: Mapping[str, float | None], group: str) -> None:
        """Numbers of a step, shown as group/name; None is left out."""
        if self._writer is not None:
            for name, value in values.items():
                if value is not None:
                    self._writer.add_scalar(f"{group}/{name}", value, step)

    def picture(self, step: int, pixels: NDArray[np.uint8]) -> None:
        """A sheet of samples, (H, W, 3)."""
        if self._writer is not None:
            self._writer.add_image("samples", pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Write what waits."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
