"""Information flow in the unknown band; slow. Aksoy, Aydin, Pollefeys, CVPR 2017, arXiv 1707.05055"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bgswap.matting.laplacian import first_time, solve_band
from bgswap.matting.look import Rough

MIXED, MIXED_PLACE = 20, 1.0  # the paper's: so many pixels mix to one's color; weight of the place beside the color
ALIKE, ALIKE_PLACE, ALIKE_PULL = 5, 0.05, 0.01  # the paper's: unknown pixels of a color are pulled together, lightly
EPS, RADIUS = 1e-6, 1  # its local term's, a matting Laplacian of 3 x 3 windows
RIDGE = 1e-3  # of the trace, as in locally linear embedding (Saul and Roweis, JMLR 2003)
PIXELS = 4096  # mixtures solved at a time: 13 MB a matrix of each


def refine(rough: Rough, photo: NDArray[Any], band: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    """Alpha (H, W) of `photo` (H, W, 3) from `rough`, solved inside `band`. Signature: see the package's docstring.

    Not as there: neighbors are sought in a tile, whose sides are the unit of place, and the flow from known pixels
    of either side straight to unknown ones, as well as the trimap's trimming, are left out.
    """
    notes = first_time()
    alpha, warnings = solve_band(rough, photo, band, laplacian)
    return alpha, notes + warnings


def laplacian(photo: NDArray[np.float64], sure: NDArray[np.bool_]) -> Any:
    """The energy's sparse matrix (h w, h w) for a photo (h, w, 3) 0..1; only rows of pixels that are not sure count.

    Sum of three: (I - W)'(I - W) with each unknown pixel's mixture in W, the graph Laplacian of unknown pixels that
    are alike, and the matting Laplacian.
    """
    from pymatting import cf_laplacian

    unknown = np.flatnonzero(~sure)
    left = mixture_left(_features(photo, MIXED_PLACE), unknown)
    local = cf_laplacian(photo, epsilon=EPS, radius=RADIUS, is_known=sure)
    return left.T @ left + ALIKE_PULL * alike(_features(photo, ALIKE_PLACE), unknown) + local


def mixture_left(points: NDArray[np.float64], unknown: NDArray[np.intp]) -> Any:
    """Sparse (n, N): what is left of each of n unknown pixels when its mixture of neighbors is taken off.

    points: (N, 5) features of all pixels. Weights are the least squares ones that sum to 1.
    """
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    near = _nearest(points, unknown, MIXED)
    weights = np.concatenate(
        [_weights(points[near[some]] - points[unknown[some], None]) for some in _pieces(len(unknown))]
    )
    rows = np.arange(len(unknown))
    values = np.concatenate([np.ones(len(unknown)), -weights.ravel()])
    at = np.concatenate([rows, np.repeat(rows, near.shape[1])]), np.concatenate([unknown, near.ravel()])
    return csr_matrix((values, at), (len(unknown), len(points)))


def alike(points: NDArray[np.float64], unknown: NDArray[np.intp]) -> Any:
    """Graph Laplacian (N, N) of unknown pixels; an edge weighs 1 - the sum of the features' (N, 5) differences."""
    from scipy.sparse import csr_matrix, diags

    near = unknown[_nearest(points[unknown], np.arange(len(unknown)), ALIKE)]
    weights = np.clip(1 - np.abs(points[near] - points[unknown, None]).sum(2), 0, None)
    size = (len(points), len(points))
    edges = csr_matrix((weights.ravel(), (np.repeat(unknown, near.shape[1]), near.ravel())), size)
    edges = (edges + edges.T) / 2
    return diags(np.asarray(edges.sum(1)).ravel()) - edges


def _features(photo: NDArray[np.float64], place: float) -> NDArray[np.float64]:
    """Red, green, blue, and the place in the tile times a weight: (h w, 5)."""
    height, width = photo.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    where = np.stack([rows / height, columns / width], 2) * place
    return np.concatenate([photo, where], 2).reshape(-1, 5)


def _nearest(points: NDArray[np.float64], unknown: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """The `count` points nearest to each unknown one, itself left out: (n, count), fewer where there are fewer."""
    from scipy.spatial import cKDTree  # type: ignore[import-untyped]

    count = min(count, len(points) - 1)
    near = np.atleast_2d(cKDTree(points).query(points[unknown], range(1, count + 2))[1])
    own = near == unknown[:, None]
    own[~own.any(1), -1] = True  # where twins crowd it out, the last goes in its stead
    return near[~own].reshape(len(unknown), count)


def _weights(away: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (n, k), summing to 1, with which neighbors at `away` (n, k, 5) come nearest to the middle."""
    gram = away @ away.transpose(0, 2, 1)
    pull = RIDGE * np.trace(gram, axis1=1, axis2=2) + 1e-9  # neighbors may be twins of the pixel
    gram += pull[:, None, None] * np.eye(gram.shape[1])
    weights = np.linalg.solve(gram, np.ones((*gram.shape[:2], 1)))[..., 0]
    return weights / weights.sum(1, keepdims=True)


def _pieces(count: int) -> list[slice]:
    return [slice(start, start + PIXELS) for start in range(0, count, PIXELS)]
