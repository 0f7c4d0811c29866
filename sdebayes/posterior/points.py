"""Places in state space, as users give them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.errors import DataError


def as_points(x: Any, states: list[str]) -> tuple[np.ndarray, dict[str, Any]]:
    """Read places as (point, state), with their coordinates.

    Parameters
    ----------
    x
        (state,), (point, state), or a DataArray with the dimension ``state``.
    states
        Labels of the states.

    Returns
    -------
    tuple
        The places, (point, state), and coords for ``state`` and, where ``x`` names them, ``point``.

    Raises
    ------
    DataError
        If ``x`` has other states, or is not finite.
    """
    coords: dict[str, Any] = {"state": states}
    if isinstance(x, xr.DataArray):
        if "state" not in x.dims or x.ndim > 2:
            raise DataError(f"x has the dimensions {x.dims}; expected (state,) or (point, state).")
        if "state" in x.coords:
            labels = [str(label) for label in x["state"].values]
            if sorted(labels) != sorted(states):
                raise DataError(f"x has the states {labels}; expected {states}.")
            x = x.sel(state=states)
        x = x.transpose(..., "state")
        if x.ndim == 2 and x.dims[0] in x.coords:
            coords["point"] = x[x.dims[0]].values
    try:
        points = np.atleast_2d(np.asarray(x, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise DataError(f"x is not an array of numbers: {error}.") from error
    if points.ndim != 2 or points.shape[1] != len(states):
        raise DataError(f"x has shape {np.shape(x)}; expected ({len(states)},) or (point, {len(states)}).")
    if not np.all(np.isfinite(points)):
        raise DataError("x is not finite; give numbers.")
    return points, coords
