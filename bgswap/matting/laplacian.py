"""Matting Laplacians in the unknown band: what closed-form, KNN and information-flow matting share.

Needs pymatting and scipy.

L alpha = 0 is solved tile by tile in the unknown pixels, with the sure ones held (Levin et al.,
10.1109/TPAMI.2007.1177, hold them by a large weight instead, which conjugate gradients are slow with). Not as there: a
weak pull toward a guided alpha in the unknown pixels, so that a tile in which nothing is sure has an answer too, and so
that tiles agree where they meet.
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.matting.bands import Part, parts, sample, to_float
from bgswap.matting.look import Rough, full
from bgswap.matting.refine import guided

TILE, OVERLAP = 256, 24  # ours, pixels: memory stays near 300 MB
PRIOR_PULL = 1e-2  # ours: how hard unknown pixels are held to the guided alpha
TOLERANCE, STEPS = 1e-4, 2000  # of the conjugate gradients
FIRST_TIME = (
    "the first matte of these ways compiles pymatting, up to a minute; set NUMBA_CACHE_DIR to a folder that is kept"
)

Laplacian = Callable[[NDArray[np.float64], NDArray[np.bool_]], Any]  # photo (h, w, 3), sure (h, w) -> sparse matrix


def solve_band(
    rough: Rough, photo: NDArray[Any], band: NDArray[Any], laplacian: Laplacian
) -> tuple[NDArray[Any], list[str]]:
    """Alpha (H, W) of `photo` by a Laplacian inside `band`, guided elsewhere. Arguments: see the package refine."""
    start, warnings = guided.refine(rough, photo, band)
    alpha, unfinished = start.copy(), 0
    for part in parts(band, alpha.shape[0], alpha.shape[1], strip=TILE, step=TILE):
        for left in range(part.left, part.right, TILE):
            tile = Part(part.top, part.bottom, left, min(part.right, left + TILE))
            unknown = sample(band, tile, alpha.shape, nearest=True) > 0
            if unknown.any():
                solved, finished = _tile(start, photo, band, tile, laplacian)
                alpha[tile.slices][unknown] = solved[unknown]
                unfinished += not finished
    if unfinished:
        warnings.append(f"{unfinished} tiles of the matte were not solved to the last digit in {STEPS} steps")
    return alpha, warnings


def _tile(
    start: NDArray[Any], photo: NDArray[Any], band: NDArray[Any], tile: Part, laplacian: Laplacian
) -> tuple[NDArray[Any], bool]:
    """The tile of the answer, and whether the conjugate gradients came to an end."""
    from scipy.sparse import diags  # type: ignore[import-untyped]
    from scipy.sparse.linalg import cg  # type: ignore[import-untyped]

    wide = tile.grown(OVERLAP, *start.shape)
    if min(wide.bottom - wide.top, wide.right - wide.left) < 3:  # Laplacians need 3 x 3 windows
        return start[tile.slices], True
    sure = sample(band, wide, start.shape, nearest=True) == 0
    alpha = to_float(start[wide.slices]).astype(np.float64)
    pixels = to_float(photo[wide.slices]).astype(np.float64)
    # sure pixels are numbers, not unknowns: their columns go to the right-hand side
    matrix = laplacian(pixels, sure).tocsr()[~sure.ravel()]
    given = PRIOR_PULL * alpha[~sure] - matrix[:, sure.ravel()] @ alpha[sure]
    matrix = matrix[:, ~sure.ravel()] + diags(np.full(int((~sure).sum()), PRIOR_PULL))
    alpha[~sure], failed = cg(
        matrix, given, x0=alpha[~sure], rtol=TOLERANCE, maxiter=STEPS, M=diags(1 / matrix.diagonal())
    )
    within = Part(tile.top - wide.top, tile.bottom - wide.top, tile.left - wide.left, tile.right - wide.left)
    solved = np.clip(alpha[within.slices], 0, 1) * full(start)
    return np.rint(solved).astype(start.dtype), not failed


def first_time() -> list[str]:
    """A warning where numba has compiled pymatting for nobody yet, so that the wait has a reason."""
    spec = find_spec("pymatting")
    if spec is None or spec.origin is None:
        return []
    folder = os.environ.get("NUMBA_CACHE_DIR") or Path(spec.origin).parent
    return [] if next(Path(folder).rglob("*.nbi"), None) else [FIRST_TIME]
