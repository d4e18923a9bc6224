"""A person's colors: a ColorMap applied, fitted to a known change, and held within bounds."""

from bgswap.compositing.colors.apply import IDENTITY, Recolor, recolor
from bgswap.compositing.colors.bounds import bounded
from bgswap.compositing.colors.fit import fit_grid, fit_local_grid

__all__ = ["IDENTITY", "Recolor", "bounded", "fit_grid", "fit_local_grid", "recolor"]
