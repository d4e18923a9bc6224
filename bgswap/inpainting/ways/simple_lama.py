"""Big LaMa through the package simple-lama-inpainting; the same bytes as lama.

Its own pins clash with current rembg, Pillow and NumPy, so it is installed without them. It pads to multiples
of 8 and never crops: cropped here. Left to itself it would fetch weights that nobody checks: here it only
opens a file that is named by LAMA_MODEL or lies in torch's hub folder.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.errors import NotReady

INSTALL = "pip install --no-deps simple-lama-inpainting"


def load(device: str = "cpu") -> Any:
    """The package's own model, to be handed to `fill`. It opens its TorchScript file once, here.

    Raises:
        NotReady: the package is not installed, or its weights are not on this machine.
    """
    try:
        from simple_lama_inpainting import SimpleLama
    except ImportError as error:
        raise NotReady(f"simple-lama needs a package. Install it: {INSTALL}") from error
    import torch

    weights = os.environ.get("LAMA_MODEL") or Path(torch.hub.get_dir()) / "checkpoints" / "big-lama.pt"
    if not Path(weights).is_file():
        raise NotReady(f"simple-lama: no weights at {weights}. Set LAMA_MODEL to the file: bgswap models fetch lama")
    return SimpleLama(device=torch.device(device))


def fill(
    photo: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    *,
    seed: int = 0,  # noqa: ARG001
    model: Any,
) -> NDArray[np.uint8]:
    """Fill a small picture's hole. photo (h, w, 3) uint8 RGB, hole (h, w) True = fill -> (h, w, 3) uint8.

    model: what `load` gave. seed: not used.
    """
    height, width = hole.shape
    answer = np.asarray(model(np.ascontiguousarray(photo), hole.astype(np.uint8) * 255))[:height, :width]
    return np.where(hole[..., None], answer, photo)
