"""Quantities of one SDE that are compared by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import jax
import numpy as np
import xarray as xr

from sdebayes._core import precision
from sdebayes._core.errors import ModelError
from sdebayes._core.linalg import stationary_covariance
from sdebayes.analysis.evaluate import drift_and_covariance, reference_state
from sdebayes.analysis.fields.jacobian import jacobian_spectrum
from sdebayes.analysis.process.entropy import entropy_production
from sdebayes.analysis.variance import noise
from sdebayes.simulation import Source

Name = Literal[
    "time_constants",
    "equilibrium",
    "covariance",
    "noise",
    "trajectory_effect",
    "stationary_covariance",
    "entropy_production",
]
Quantity = Callable[[Source], xr.Dataset | xr.DataArray] | Name


def _labelled(source: Source, name: str, values: np.ndarray, units: str, long_name: str) -> xr.DataArray:
    dims = ("sample", "state", "state_bis")[: values.ndim]
    labels = {dim: list(source.states) for dim in dims[1:]}
    attrs = {**source.provenance, "units": units, "long_name": long_name}
    return xr.DataArray(values, {"sample": np.arange(len(values)), **labels}, dims, name, attrs)


def _time_constants(source: Source) -> xr.DataArray:
    values = jacobian_spectrum(source)["time_constant"].isel(point=0, drop=True)
    return values.reset_coords(drop=True)


def _equilibrium(source: Source) -> xr.DataArray:
    values = source.equilibrium()
    if values is None:
        raise ModelError(
            "contrast: a nonlinear drift has no one equilibrium; compare its field, or fixed points."
        )
    return _labelled(source, "equilibrium", values, "state", "equilibrium")


def _covariance(source: Source) -> xr.DataArray:
    place = np.atleast_2d(reference_state(source, None))
    values = drift_and_covariance(source, np.arange(source.n_draws), place)[1][:, 0]
    return _labelled(
        source, "covariance", values, f"state² per {source.time_unit}", "Σ at the middle of the data"
    )


def _stationary_covariance(source: Source) -> xr.DataArray:
    linear = source.sde.linear
    if linear is None:
        raise ModelError("contrast: the stationary covariance has a closed form for a linear SDE alone.")
    with precision.scope(source.precision):
        values = np.asarray(jax.vmap(stationary_covariance)(linear.matrix, linear.covariance_rate))
    return _labelled(source, "stationary_covariance", values, "state²", "stationary covariance")


def _trajectory_effect(source: Source) -> xr.DataArray:
    values = np.diagonal(np.asarray(source.observed.effect_covariance, dtype=float), axis1=-2, axis2=-1)
    return _labelled(source, "trajectory_effect", values, "state²", "variance of the offsets of trajectories")


def _entropy_production(source: Source) -> xr.DataArray:
    return entropy_production(source)["rate"]


QUANTITIES: dict[Name, Callable[[Source], xr.Dataset | xr.DataArray]] = {
    "time_constants": _time_constants,
    "equilibrium": _equilibrium,
    "covariance": _covariance,
    "noise": noise,
    "trajectory_effect": _trajectory_effect,
    "stationary_covariance": _stationary_covariance,
    "entropy_production": _entropy_production,
}
SCALES: tuple[Name, ...] = (
    "time_constants",
    "covariance",
    "noise",
    "trajectory_effect",
    "stationary_covariance",
)
"""Those that are positive, or matrices with a positive diagonal: groups are compared by ratios of them."""


def of_scale(name: Name) -> Callable[[Source], xr.Dataset | xr.DataArray]:
    """Return what reads a quantity's positive numbers: of a matrix the diagonal."""

    def read(source: Source) -> xr.Dataset | xr.DataArray:
        found = QUANTITIES[name](source)
        if isinstance(found, xr.Dataset) or "state_bis" not in found.dims:
            return found
        words = str(found.attrs["long_name"]).replace("covariance", "variance")
        values = np.diagonal(found.values, axis1=-2, axis2=-1)
        return _labelled(source, str(found.name), values, str(found.attrs["units"]), words)

    return read
