"""Covariates of the steps, read from a data set."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Bool, Shaped

from sdebayes._core.errors import DataError

_OWN = ("trajectory", "y", "t", "n_steps")


def read_covariate(
    data: xr.Dataset, name: str, reader: str
) -> tuple[Shaped[np.ndarray, "trajectory time"], Bool[np.ndarray, "trajectory time"]]:
    """Read a covariate along the steps, and where y has a value.

    Parameters
    ----------
    data
        Trajectories.
    name
        Name of a variable over (trajectory, time), or over one of them.
    reader
        What depends on it, for messages.

    Raises
    ------
    DataError
        If the data do not have it, or it has other dimensions.
    """
    if name not in data.variables:
        has = [str(one) for one in data.variables if "trajectory" in data[one].dims and one not in _OWN]
        raise DataError(
            f"{reader} depends on the covariate {name!r}, which the data do not have; they have "
            f"{', '.join(map(repr, has)) or 'none'}. Give it: sdebayes.trajectories(..., covariates={{{name!r}: …}})."
        )
    given = data[name]
    if not set(given.dims) <= {"trajectory", "time"}:
        raise DataError(
            f"The covariate {name!r} holds {given.dtype} over {given.dims}; expected values over trajectory and time, "
            "or over one of them."
        )
    seen = data["y"].notnull().any([dim for dim in data["y"].dims if dim not in ("trajectory", "time")])
    given, seen = xr.broadcast(given, seen)
    both = (part.transpose("trajectory", "time").values for part in (given, seen))
    values, known = both
    return values, known


def refuse(
    name: str,
    values: Shaped[np.ndarray, "trajectory time"],
    fault: Bool[np.ndarray, "trajectory time"],
    data: xr.Dataset,
    expected: str,
) -> None:
    """Raise a DataError that names the first step at which a covariate cannot be used, if there is one."""
    if not fault.any():
        return
    row, step = np.argwhere(fault)[0]
    value = values[row, step]
    said = f"{value:g}" if isinstance(value, float) else repr(str(value))
    raise DataError(
        f"The covariate {name!r} is {said} at step {step} of trajectory {str(data['trajectory'].values[row])!r} "
        f"({fault.sum()} such steps); expected {expected}"
    )
