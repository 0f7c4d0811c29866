"""Places in state space, as users give them: arrays, or xarray with labels in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.errors import DataError


@dataclass(frozen=True)
class Places:
    """Places as numbers, with the dimensions and coordinates that they came with.

    Parameters
    ----------
    points
        (point, state), finite, the states in the model's order.
    shape
        Sizes of the dimensions besides ``state``.
    dims
        Their names.
    coords
        Their coordinates, where there are any.
    """

    points: np.ndarray
    shape: tuple[int, ...]
    dims: tuple[str, ...]
    coords: dict[str, Any]

    @classmethod
    def read(cls, x: object, states: Sequence[str]) -> Places:
        """Read places.

        Parameters
        ----------
        x
            (state,), (point, state), or a DataArray (…, state) whose labels, if it has any, are those of the states.
        states
            Labels of the states.

        Returns
        -------
        Places
            The same, of shape (…).

        Raises
        ------
        DataError
            If ``x`` has other states, or is not finite.
        """
        states = list(states)
        named = x if isinstance(x, xr.DataArray) else _as_array(x)
        if "state" not in named.dims or {"sample", "state_bis"} & set(named.dims):
            raise DataError(f"x has the dimensions {named.dims}; expected places, (…, state).")
        if "state" in named.coords:
            labels = [str(label) for label in named["state"].values]
            if sorted(labels) != sorted(states):
                raise DataError(f"x has the states {', '.join(labels)}; expected {', '.join(states)}.")
            named = named.sel(state=states)
        if named.sizes["state"] != len(states):
            raise DataError(
                f"x has shape {named.shape}, with {named.sizes['state']} states; the model has {len(states)}: "
                f"{', '.join(states)}."
            )
        named = named.transpose(..., "state").astype(np.float64)
        if not np.isfinite(named.values).all():
            raise DataError("x is not finite; give numbers.")
        dims = tuple(str(dim) for dim in named.dims[:-1])
        own = {str(name): values.variable for name, values in named.coords.items()}
        coords = {name: values for name, values in own.items() if values.dims and "state" not in values.dims}
        return cls(named.values.reshape(-1, len(states)), named.shape[:-1], dims, coords)

    def flat(self) -> Places:
        """Return the same places along one dimension ``point``, which one place has as well.

        Raises
        ------
        DataError
            If they have several dimensions.
        """
        if len(self.shape) > 1:
            raise DataError(
                f"x has the dimensions {(*self.dims, 'state')}; expected (state,) or (point, state)."
            )
        along = self.dims[0] if self.dims else ""
        coords = {"point": self.coords[along].values} if along in self.coords else {}
        return Places(self.points, (len(self.points),), ("point",), coords)

    def named(
        self, values: np.ndarray, coords: Mapping[str, object], name: str, **attrs: object
    ) -> xr.DataArray:
        """Name values over (sample, point, …), whose further dimensions are the last ones of ``coords``.

        Parameters
        ----------
        values
            (sample, point, …).
        coords
            Labels of ``sample`` and of the dimensions behind the places, in their order.
        name
            Name of the array.
        **attrs
            Its attributes.

        Returns
        -------
        xarray.DataArray
            (sample, …places, …).
        """
        behind = [dim for dim in coords if dim != "sample"]
        return xr.DataArray(
            values.reshape(len(values), *self.shape, *values.shape[2:]),
            {**coords, **self.coords},
            ("sample", *self.dims, *behind),
            name,
            attrs,
        )


def _as_array(x: Any) -> xr.DataArray:
    try:
        points = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"x is not an array of numbers: {error}.") from error
    if points.ndim not in (1, 2):
        raise DataError(f"x has shape {points.shape}; expected (state,) or (point, state).")
    return xr.DataArray(points, dims=("point", "state")[-points.ndim :])
