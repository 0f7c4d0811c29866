"""Eigenvalues of a linear motion, with their time constants and periods."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from jaxtyping import Complex

from sdebayes._core.units import with_units


def spectrum(
    values: Complex[np.ndarray, "... mode"],
    dims: tuple[str, ...],
    coords: Mapping[str, object],
    attrs: Mapping[str, object],
) -> xr.Dataset:
    """Name eigenvalues λ: their parts, the time constants 1/|Re λ| and the periods 2π/|Im λ|.

    Parameters
    ----------
    values
        Over ``dims``, of which the last is ``mode``.
    dims, coords, attrs
        Of the dataset; modes are numbered from 1.

    Returns
    -------
    xarray.Dataset
        ``real_part``, ``imaginary_part``, ``time_constant`` and ``period``, infinite where a part is 0.
    """
    with np.errstate(divide="ignore"):
        variables = {
            "real_part": (values.real, "real part of the eigenvalue"),
            "imaginary_part": (values.imag, "imaginary part of the eigenvalue"),
            "time_constant": (1 / np.abs(values.real), "time constant 1/|Re λ|"),
            "period": (2 * np.pi / np.abs(values.imag), "rotation period 2π/|Im λ|"),
        }
    dataset = xr.Dataset(
        {name: (dims, value, {"long_name": text}) for name, (value, text) in variables.items()},
        {**coords, "mode": np.arange(1, values.shape[-1] + 1)},
        dict(attrs),
    )
    rate, duration = "per time", "time"
    return with_units(dataset, real_part=rate, imaginary_part=rate, time_constant=duration, period=duration)
