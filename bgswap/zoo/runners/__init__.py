"""What runs weights: one file a format, each with `open_weights(path, order) -> Runner` for loader.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bgswap.zoo.devices import Device

Precision = Literal["auto", "fp32", "fp16", "bf16"]


@dataclass(frozen=True)
class Order:
    """How weights are to be opened."""

    device: Device
    precision: Precision = "auto"
    threads: int = 1
    network: str = ""  # torch: the file of networks/ that fits, "" to find it by key names and shapes


class Runner(Protocol):
    """Weights that are ready to run. Calls may come from several threads at once."""

    device: str  # where they really are: "cpu", "cuda:0"
    notes: tuple[str, ...]  # what the user should hear of: a slower device, a precision that has no effect
    inputs: Mapping[str, tuple[int | str | None, ...]]  # name -> shape, in order; a free side is a name or None
    network: str  # the file of networks/ it runs; "" where the file is its own program
    logits: bool  # the file itself says that its first output is to be put through a sigmoid

    def __call__(self, *arrays: NDArray[Any], **named: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
        """Raw outputs as float32, the first one first. Inputs in order, or by name."""


class Opener(Protocol):
    """A runner file, as loader.py sees it."""

    def open_weights(self, path: Path, order: Order) -> Runner:
        """Open weights. BgswapError says what is wrong with the file, NotReady what with the device."""
