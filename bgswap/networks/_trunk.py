"""What the networks behind perceptual metrics share: a row of layers, with names for some of the outputs ("taps")."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bgswap.errors import PictureError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's training pictures, sRGB 0..1
CLASSIFIER = ("classifier.",)  # keys in published files that no metric needs


@dataclass(frozen=True)
class Reach:
    """Output row y of a tap depends on the input rows y * stride - before ... y * stride + after; so do columns.

    A strip that begins at a multiple of `stride` therefore gives exact outputs wherever these rows are in it.
    """

    stride: int
    before: int
    after: int


class Trunk(nn.Module):
    """Layers in order, under the key names of torchvision's files ("features.0.weight"); no classifier."""

    mean: Tensor
    std: Tensor

    def __init__(self, layers: Collection[nn.Module], taps: Mapping[str, int]):
        super().__init__()
        self.features = nn.Sequential(*layers)
        self.taps = dict(taps)  # name -> index of the layer whose output it is, in order
        # Not in the state dict, as published files lack them.
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)

    def forward(
        self, x: Tensor, taps: Collection[str] | None = None, pool: Callable[[Tensor], Tensor] | None = None
    ) -> dict[str, Tensor]:  # (B, 3, H, W) sRGB 0..1
        """The outputs named, (B, C, h, w) each, in the order of the layers; nothing behind the last one is computed.

        Args:
            x: pictures.
            taps: names, None for all. ValueError where one is unknown.
            pool: stands in for every max pool, as DISTS has it.
        """
        wanted = self._indices(taps)
        if pool is None:
            self._check_size(x, list(wanted.values())[-1] if wanted else "")
        found: dict[str, Tensor] = {}
        x = (x - self.mean).div_(self.std)
        for index, layer in enumerate(self.features):
            if len(found) == len(wanted):
                break
            x = pool(x) if pool is not None and isinstance(layer, nn.MaxPool2d) else layer(x)
            if index in wanted:
                found[wanted[index]] = x
        return found

    def reach(self, tap: str) -> Reach:
        """Which input rows a tap's output row sees."""
        stride, before, after = 1, 0, 0
        for layer in list(self.features)[: self.taps[tap] + 1]:
            size, step, padding, _ = _geometry(layer)
            before, after = before + padding * stride, after + (size - 1 - padding) * stride
            stride *= step
        return Reach(stride, before, after)

    def smallest(self, tap: str) -> int:
        """The shorter side that a picture must have for this tap, in pixels."""
        return next(side for side in range(1, 1000) if self.side(tap, side))

    def side(self, tap: str, side: int) -> int:
        """The side of a tap's output for a picture's side; 0 where the picture is too small."""
        for layer in list(self.features)[: self.taps[tap] + 1]:
            size, step, padding, up = _geometry(layer)
            over = side + 2 * padding - size
            side = (-(-over // step) if up else over // step) + 1
            if side < 1:
                return 0
        return side

    def _indices(self, taps: Collection[str] | None) -> dict[int, str]:
        names = self.taps if taps is None else taps
        if unknown := [name for name in names if name not in self.taps]:
            raise ValueError(f"no tap is called {', '.join(unknown)}; there are {', '.join(self.taps)}")
        return {index: name for name, index in self.taps.items() if name in names}

    def _check_size(self, x: Tensor, last: str) -> None:
        height, width = x.shape[-2:]
        if last and not (self.side(last, height) and self.side(last, width)):
            least = self.smallest(last)
            raise PictureError(f"{width} x {height} pixels are too few: both sides must have at least {least}.")


def _geometry(layer: nn.Module) -> tuple[int, int, int, bool]:
    """Kernel, stride, padding, and whether sizes are rounded up; of a layer that has none: 1, 1, 0, no."""
    told = (getattr(layer, key, default) for key, default in (("kernel_size", 1), ("stride", 1), ("padding", 0)))
    size, step, padding = (one[0] if isinstance(one, tuple) else one for one in told)
    return int(size), int(step), int(padding), bool(getattr(layer, "ceil_mode", False))
