"""Variables whose steps are in another order within each trajectory, lazy where they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Int
from xarray.backends import BackendArray
from xarray.core import indexing

from sdebayes.data.blocks import is_lazy

Order = Int[np.ndarray, "trajectory time"]
"""Of each step of a trajectory, which one takes its place."""


def reordered(variable: xr.Variable, order: Order) -> xr.Variable:
    """Put the steps of each trajectory into another order, when they are read if the variable is lazy.

    Parameters
    ----------
    variable
        (trajectory, time, ...).
    order
        The new order.
    """
    array = _Reordered(variable, order)
    lazy: Any = indexing.LazilyIndexedArray(array)
    return variable.copy(data=lazy if is_lazy(variable) else array.read((slice(None),) * variable.ndim))


class _Reordered(BackendArray):
    """The array of such a variable, as xarray asks for it of what is on disk."""

    def __init__(self, variable: xr.Variable, order: Order) -> None:
        self.shape, self.dtype = variable.shape, variable.dtype
        self._variable, self._order = variable, order

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self.read)

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """Return a part: an integer, a slice or an array of integers for each dimension, each by itself."""
        rows, steps, *others = key
        one = isinstance(rows, int | np.integer)
        rows = np.atleast_1d(rows) if one else rows
        values = self._variable[(rows, slice(None), *others)].values
        moved = values[np.arange(len(values))[:, None], self._order[rows]][:, steps]
        return np.asarray(moved[0] if one else moved)
