"""Big LaMa through the package simple-lama-inpainting; the same bytes as lama.

Its own pins clash with current rembg, Pillow and NumPy, so it is installed without them. It pads to multiples of 8 and
never crops: cropped here. Left to itself it would fetch weights that nobody checks and run them, as TorchScript is a
program: here it only opens the file that the zoo has found and checked.
"""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.errors import NotReady

INSTALL = "pip install --no-deps simple-lama-inpainting"


def load(model: Any) -> Any:
    """The package's own model, to be handed to `fill`. model: the zoo's lama, for its checked file and its device.

    Raises:
        NotReady: the package is not installed.
    """
    try:
        from simple_lama_inpainting import SimpleLama
    except ImportError as error:
        raise NotReady(f"simple-lama needs a package. Install it: {INSTALL}") from error
    import torch

    before = os.environ.get("LAMA_MODEL")
    os.environ["LAMA_MODEL"] = str(model.paths[0])  # the only way to tell the package which file to open
    try:
        return SimpleLama(device=torch.device(model.device))
    finally:
        os.environ.pop("LAMA_MODEL")
        if before is not None:
            os.environ["LAMA_MODEL"] = before


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
