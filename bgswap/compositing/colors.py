"""A person's colors: a ColorMap applied, fitted to a known change, and held within bounds."""

from bgswap.compositing.color_bounds import bounded
from bgswap.compositing.color_fit import fit_grid, fit_local_grid
from bgswap.compositing.recolor import IDENTITY, Recolor, recolor

__all__ = ["IDENTITY", "Recolor", "bounded", "fit_grid", "fit_local_grid", "recolor"]
