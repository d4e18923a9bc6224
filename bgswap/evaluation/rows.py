"""Networks fed with a picture's rows bit by bit: features of big pictures in bounded memory, equal to the whole's.

No strip overlaps another: every layer keeps the few rows that its next outputs need, so nothing is computed twice.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bgswap.errors import PictureError
from bgswap.networks._trunk import Trunk
from bgswap.networks.squeezenet import Fire

STRIP = 2**17  # ours: pixels of one picture that are in the network at once; with more, features leave the cache
STEP = 32  # ours: rows of a strip are a multiple of it; not below the strides of all trunks, 16
Difference = Callable[[int, Tensor, Tensor], Tensor]


def tap_means(predicted: Tensor, true: Tensor, trunk: Trunk, taps: Sequence[str], difference: Difference) -> Tensor:
    """Means over all places of a difference at each tap, (B, taps) float64; strip by strip, equal to the whole.

    predicted, true: (B, 3, H, W) sRGB 0..1. taps: in the order of the layers. difference: the tap's number and features
    (B, C, h, w) of both, not to be written into -> (B, h, w). PictureError where the pictures are too small.
    """
    height, width = predicted.shape[-2:]
    if not all(trunk.side(taps[-1], side) for side in (height, width)):
        least = trunk.smallest(taps[-1])
        raise PictureError(
            f"{width} x {height} pixels are too few for this metric's network: both sides must have at least {least}. "
            "Measure it by another metric, or larger with --at."
        )
    count = len(predicted)
    sums = torch.zeros(count, len(taps), dtype=torch.float64, device=predicted.device)
    for tap, features in _features(predicted, true, trunk, taps):
        number = taps.index(tap)
        found = difference(number, features[:count], features[count:])
        sums[:, number] += found.sum((1, 2), dtype=torch.float64)
    places = [trunk.side(tap, height) * trunk.side(tap, width) for tap in taps]
    return sums / sums.new_tensor(places)


def _features(predicted: Tensor, true: Tensor, trunk: Trunk, taps: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    """Features of both pictures, (2B, C, h, w): at every tap a few rows at a time, from top to bottom."""
    height, width = predicted.shape[-2:]
    names = {trunk.taps[tap]: tap for tap in taps}
    ends = [(_layers(layer), names.get(index)) for index, layer in enumerate(list(trunk.features)[: max(names) + 1])]
    step = max(1, STRIP // (len(predicted) * width * STEP)) * STEP
    for top in range(0, height, step):
        last = top + step >= height
        both = torch.cat([predicted[:, :, top : top + step], true[:, :, top : top + step]])
        # Channels side by side in memory: convolutions and pools of the CPU are up to ten times faster so.
        both = both.contiguous(memory_format=torch.channels_last)
        x: Tensor | None = (both - trunk.mean).div_(trunk.std)
        for layers, tap in ends:
            for layer in layers:
                x = layer(x, last)
            if tap is not None and x is not None:
                yield tap, x


class Layer:
    """A layer that is fed a picture's rows bit by bit and gives the rows that are known by then.

    It keeps the few rows that later outputs still need, so nothing is computed twice, and pads with zeros at the
    picture's own edges only.
    """

    def __init__(
        self,
        run: Callable[[Tensor, int], Tensor],
        size: int = 1,
        stride: int = 1,
        padding: int = 0,
        round_up: bool = False,
    ):
        """run: rows and how many rows of zeros to add above and below -> rows. The others: of rows, as in torch."""
        self.run, self.size, self.stride, self.padding, self.round_up = run, size, stride, padding, round_up
        self._held: Tensor | None = None
        self._begun = False

    def __call__(self, rows: Tensor | None, last: bool) -> Tensor | None:
        """The next rows (None: none yet) -> output rows, None where none are complete. last: no more will come."""
        if rows is not None and (self.size == 1 or (last and not self._begun)):
            return self.run(rows, self.padding)
        if rows is None and self._held is None:
            return None
        x = self._joined(rows, last)
        over = x.shape[2] - self.size
        ready = (-(-over // self.stride) if last and self.round_up else over // self.stride) + 1
        if ready < 1:
            self._held = x
            return None
        if last:
            return self.run(x, 0)
        rest = x[:, :, ready * self.stride :]
        # A copy: the view would keep the whole strip in memory.
        self._held = rest.clone(memory_format=torch.channels_last) if rest.shape[2] else None
        return self.run(x[:, :, : (ready - 1) * self.stride + self.size], 0)

    def _joined(self, rows: Tensor | None, last: bool) -> Tensor:
        parts = [part for part in (self._held, rows) if part is not None]
        if self.padding:
            count, channels, _, width = parts[0].shape
            edge = parts[0].new_zeros(count, self.padding, width, channels).permute(0, 3, 1, 2)
            parts = ([] if self._begun else [edge]) + parts + ([edge] if last else [])
        self._begun = True
        return torch.cat(parts, 2) if len(parts) > 1 else parts[0]


def _layers(layer: nn.Module) -> list[Layer]:
    """A network's layer, taken apart where it does several things."""
    if isinstance(layer, nn.Conv2d):
        return [_convolution(layer)]
    if isinstance(layer, nn.ReLU):
        return [Layer(lambda rows, _: rows.relu_())]  # always of a convolution's own output
    if isinstance(layer, nn.MaxPool2d):
        return [_max_pool(layer)]
    if isinstance(layer, Fire):
        return list(chain(_layers(layer.squeeze), _layers(nn.ReLU()), [_expansion(layer)]))
    raise TypeError(f"rows cannot be fed to {type(layer).__name__}")


def _convolution(layer: nn.Conv2d) -> Layer:
    def run(rows: Tensor, above: int) -> Tensor:
        return F.conv2d(rows, layer.weight, layer.bias, layer.stride, (above, padding))

    padding = _number(layer.padding)
    return Layer(run, _number(layer.kernel_size), _number(layer.stride), padding)


def _max_pool(layer: nn.MaxPool2d) -> Layer:
    # Called as it is: where sizes are rounded up, only the last rows leave a window hanging over the edge.
    size, stride = _number(layer.kernel_size), _number(layer.stride)
    return Layer(lambda rows, _: layer(rows), size, stride, round_up=layer.ceil_mode)


def _expansion(fire: Fire) -> Layer:
    one, three = fire.expand1x1, fire.expand3x3

    def run(rows: Tensor, above: int) -> Tensor:
        inner = rows if above else rows[:, :, 1:-1]
        both = [F.conv2d(inner, one.weight, one.bias), F.conv2d(rows, three.weight, three.bias, padding=(above, 1))]
        return torch.cat(both, 1).relu_()

    return Layer(run, 3, 1, 1)


def _number(told: object) -> int:
    """A size that is the same for rows and columns."""
    number = told[0] if isinstance(told, tuple) else told
    assert isinstance(number, int)
    return number
