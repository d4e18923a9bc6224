"""TorchScript archives: programs, so loader.py opens only those known by SHA-256 or trusted by the user."""

import warnings
from pathlib import Path

import torch

from bgswap.errors import BgswapError
from bgswap.zoo.runners import Order
from bgswap.zoo.runners.torch import TorchRunner, ready


def open_weights(path: Path, order: Order) -> TorchRunner:
    """Open a TorchScript archive. See Opener. Always float32: what is inside was traced so."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit is on its way out; these files are not
            script = torch.jit.load(path, map_location=order.device.name)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, OSError) as error:
        raise BgswapError(f"{path} is no TorchScript that can be run: {str(error).splitlines()[0]}") from None
    return TorchRunner(ready(script, order), order.device.name, None)
