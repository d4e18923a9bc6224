"""Write a run's best weights in half precision, for bgswap/weights: python -m bgswap.training.ship RUN FILE"""

import sys
from pathlib import Path

import torch

from bgswap.errors import UsageError
from bgswap.zoo.runners.torch import read_state
from bgswap.zoo.runs import BEST

LARGEST = torch.finfo(torch.float16).max


def ship(run: Path, file: Path) -> int:
    """Write RUN's best weights to `file` (.safetensors), floats as float16; its bytes.

    Raises:
        UsageError: a number is too large for half precision.
        BgswapError: the run's weights cannot be read.
    """
    from safetensors.torch import save

    state = read_state(run / BEST)
    for key, tensor in state.items():
        if tensor.is_floating_point() and tensor.numel() and float(tensor.abs().max()) > LARGEST:
            raise UsageError(f"{key} holds numbers beyond {LARGEST:g}: these weights need float32")
    half = {key: tensor.half() if tensor.is_floating_point() else tensor for key, tensor in state.items()}
    return file.write_bytes(save({key: tensor.contiguous() for key, tensor in half.items()}))


if __name__ == "__main__":
    sys.stdout.write(f"{sys.argv[2]}: {ship(Path(sys.argv[1]), Path(sys.argv[2])):,} bytes\n")
