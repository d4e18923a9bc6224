"""KNN matting inside the unknown band; slow. Chen, Li, Tang, TPAMI 2013, 10.1109/TPAMI.2013.18"""

from typing import Any

from numpy.typing import NDArray

from bgswap.matting.laplacian import first_time, solve_band
from bgswap.matting.look import Rough

NEIGHBORS = (20, 10)  # pymatting's defaults: so many, with the pixel's place weighing as in WEIGHTS
WEIGHTS = (2.0, 0.1)


def refine(rough: Rough, photo: NDArray[Any], band: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    """Alpha (H, W) of `photo` (H, W, 3) from `rough`, solved inside `band`. Signature: see the package's docstring."""
    notes = first_time()
    from pymatting import knn_laplacian

    alpha, warnings = solve_band(
        rough,
        photo,
        band,
        lambda pixels, _sure: knn_laplacian(pixels, n_neighbors=list(NEIGHBORS), distance_weights=list(WEIGHTS)),
    )
    return alpha, notes + warnings
