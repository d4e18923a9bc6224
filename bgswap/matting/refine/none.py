"""No refinement: the network's small matte, enlarged by cubic interpolation."""

from typing import Any

from numpy.typing import NDArray

from bgswap.matting.bands import enlarge
from bgswap.matting.look import Rough


def refine(rough: Rough, photo: NDArray[Any], band: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:  # noqa: ARG001
    """The matte of `rough` at the size and in the type of `photo` (H, W, 3). Signature: see the package's docstring."""
    return enlarge(rough.alpha, photo.shape[0], photo.shape[1], photo.dtype), []
