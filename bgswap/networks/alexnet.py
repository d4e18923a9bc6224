"""AlexNet without its classifier, the one-tower form: Krizhevsky, arXiv 1404.5997 (2014), footnote 1.

Keys are named as in torchvision's alexnet file, so that it loads.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from bgswap.networks._trunk import CLASSIFIER as DROPPED
from bgswap.networks._trunk import Trunk

KERNELS = ((11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1))  # size, stride, padding of the five convolutions
POOLED = (0, 1, 4)  # convolutions behind which a 3x3 max pool halves the size
PLACES = (0, 3, 6, 8, 10)  # of the convolutions in `features`

__all__ = ["DROPPED", "AlexNet", "AlexNetConfig", "build", "recognize"]


@dataclass(frozen=True)
class AlexNetConfig:
    """Channels of the five convolutions, as published."""

    widths: tuple[int, ...] = (64, 192, 384, 256, 256)


class AlexNet(Trunk):
    """Taps "relu1" ... "relu5", each behind its convolution and in front of the pool, as LPIPS takes them.

    Strides 4, 8, 16, 16, 16. An output row sees 2, 18, 34, 50, 66 input rows above its own place and 8, 32, 64, 80,
    96 below it (`reach`). Sides of 31 pixels are the least for relu5.
    """

    def __init__(self, config: AlexNetConfig = AlexNetConfig()):
        layers: list[nn.Module] = []
        taps, channels_in = {}, 3
        for place, (channels, (size, stride, padding)) in enumerate(zip(config.widths, KERNELS, strict=True)):
            layers += [nn.Conv2d(channels_in, channels, size, stride, padding), nn.ReLU(inplace=True)]
            taps[f"relu{place + 1}"] = len(layers) - 1
            channels_in = channels
            if place in POOLED:
                layers.append(nn.MaxPool2d(3, 2))
        super().__init__(layers, taps)


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> AlexNetConfig | None:
    """The channels of an AlexNet read off its state dict's names and shapes; None for any other network."""
    own = {key: shape for key, shape in shapes.items() if not key.startswith(DROPPED)}
    found = [own.get(f"features.{place}.weight", ()) for place in PLACES]
    sizes = tuple((size, size) for size, _, _ in KERNELS)
    if len(own) != 2 * len(PLACES) or tuple(shape[2:] for shape in found) != sizes:
        return None
    return AlexNetConfig(tuple(shape[0] for shape in found))


def build(config: AlexNetConfig) -> AlexNet:
    """An untrained AlexNet of these channels."""
    return AlexNet(config)
