"""Closed-form matting inside the unknown band; slow. Levin, Lischinski, Weiss, TPAMI 2008, 10.1109/TPAMI.2007.1177"""

from typing import Any

from numpy.typing import NDArray

from bgswap.matting.laplacian import first_time, solve_band
from bgswap.matting.look import Rough

EPS = 1e-7  # pymatting's default, squared color units
RADIUS = 1  # the paper's 3 x 3 windows


def refine(rough: Rough, photo: NDArray[Any], band: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    """Alpha (H, W) of `photo` (H, W, 3) from `rough`, solved inside `band`. Signature: see the package's docstring."""
    notes = first_time()
    from pymatting import cf_laplacian

    alpha, warnings = solve_band(
        rough, photo, band, lambda pixels, sure: cf_laplacian(pixels, epsilon=EPS, radius=RADIUS, is_known=sure)
    )
    return alpha, notes + warnings
