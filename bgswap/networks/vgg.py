"""VGG-16 and VGG-19 without their classifier. Simonyan and Zisserman, ICLR 2015, arXiv 1409.1556, table 1.

Keys are named as in torchvision's vgg16 and vgg19 files, so that these load.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from bgswap.networks._trunk import CLASSIFIER as DROPPED
from bgswap.networks._trunk import Trunk

Blocks = tuple[tuple[int, ...], ...]
VGG16: Blocks = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))  # column D
VGG19: Blocks = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)  # column E

__all__ = ["DROPPED", "VGG", "VGG16", "VGG19", "VGGConfig", "build", "recognize"]


@dataclass(frozen=True)
class VGGConfig:
    """Channels of every 3x3 convolution, a tuple for each block between two max pools."""

    blocks: Blocks = VGG16


class VGG(Trunk):
    """Taps "relu1_1" ... "relu5_3" ("relu5_4" in VGG-19): block and place of the convolution in front of each ReLU.

    Block b has stride 2^(b-1). In VGG-16 an output row of relu1_2, 2_2, 3_3, 4_3, 5_3 sees 2, 6, 18, 42, 90 input
    rows above its own place and 2, 7, 21, 49, 105 below it (`reach`). Sides of 16 pixels are the least for relu5.
    """

    def __init__(self, config: VGGConfig = VGGConfig()):
        layers: list[nn.Module] = []
        taps, channels_in = {}, 3
        for block, widths in enumerate(config.blocks, 1):
            for place, channels in enumerate(widths, 1):
                layers += [nn.Conv2d(channels_in, channels, 3, padding=1), nn.ReLU(inplace=True)]
                taps[f"relu{block}_{place}"] = len(layers) - 1
                channels_in = channels
            layers.append(nn.MaxPool2d(2))
        super().__init__(layers, taps)


def recognize(shapes: Mapping[str, tuple[int, ...]]) -> VGGConfig | None:
    """The blocks of a VGG read off its state dict's names and shapes; None for any other network, batch norm too."""
    own = {key: shape for key, shape in shapes.items() if not key.startswith(DROPPED)}
    blocks = tuple(_blocks(own))
    convolutions = sum(len(block) for block in blocks)
    return VGGConfig(blocks) if blocks and len(own) == 2 * convolutions else None


def _blocks(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    """Channels of the convolutions, block by block, for as long as each takes what the one before gives."""
    index, channels = 0, 3
    while True:
        block = []
        while (shape := shapes.get(f"features.{index}.weight")) and shape[1:] == (channels, 3, 3):
            channels = shape[0]
            block.append(channels)
            index += 2  # the ReLU behind it has no weights
        if not block:
            return
        yield tuple(block)
        index += 1  # the pool


def build(config: VGGConfig) -> VGG:
    """An untrained VGG of these blocks."""
    return VGG(config)
