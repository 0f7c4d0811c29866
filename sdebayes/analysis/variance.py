"""Where the variance of the observations comes from."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import ModelError
from sdebayes._core.units import with_units
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike

__all__ = ["noise", "shares"]


@checked
def shares(source: SourceLike) -> xr.Dataset:
    """Share the variance of every observed coordinate out among path, noise and trajectory effect.

    Parameters
    ----------
    source
        A posterior or an ``ObservedSDE`` with a stationary distribution.

    Returns
    -------
    xarray.Dataset
        Over (sample, state): ``path``, ``noise`` and ``trajectory_effect``, which add up to 1, and ``total``, the
        variance itself in state²: the diagonals of H P Hᵀ, R and H C Hᵀ, with P the covariance of the initial
        distribution.

    Raises
    ------
    ModelError
        If the source has no initial distribution, or its observation matrix is not the identity.

    See Also
    --------
    sdebayes.GaussianNoise : Whose prior shares the variance out.
    sdebayes.plots.variance.shares : Draws them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.variance.shares(posterior)
    >>> sorted(found), float((found["path"] + found["noise"] + found["trajectory_effect"]).mean().round(2))
    (['noise', 'path', 'total', 'trajectory_effect'], 1.0)
    """
    stacked = _of_states(source)
    observed = stacked.observed
    if not stacked.has_initial_law:
        raise ModelError("This SDE has no initial distribution whose variance could be shared out.")
    parts = {
        "path": observed.initial_covariance,
        "noise": observed.noise_covariance,
        "trajectory_effect": observed.effect_covariance,
    }
    variances = {name: np.diagonal(np.asarray(value), axis1=-2, axis2=-1) for name, value in parts.items()}
    total = sum(variances.values())
    dims = ("sample", "state")
    return with_units(
        xr.Dataset(
            {name: (dims, value / total) for name, value in variances.items()} | {"total": (dims, total)},
            {"sample": np.arange(stacked.n_draws), "state": list(stacked.states)},
            stacked.provenance,
        ),
        total="state²",
    )


@checked
def noise(source: SourceLike) -> xr.DataArray:
    """Return the variance of the observation noise, learned or given.

    Parameters
    ----------
    source
        A posterior or an ``ObservedSDE``.

    Returns
    -------
    xarray.DataArray
        (sample, state), the diagonal of R in state²; zero for exact observation.

    Raises
    ------
    ModelError
        If the observation matrix is not the identity.

    See Also
    --------
    sdebayes.analysis.variance.shares : Beside the path and the trajectory effect.
    sdebayes.plots.variance.noise : Draws it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> sb.analysis.variance.noise(posterior).mean("sample").values.round(1)  # of the truth: 0.09
    array([0.1, 0.1])
    """
    stacked = _of_states(source)
    values = np.diagonal(np.asarray(stacked.observed.noise_covariance), axis1=-2, axis2=-1)
    coords = {"sample": np.arange(stacked.n_draws), "state": list(stacked.states)}
    attrs = stacked.provenance | {"long_name": "variance of the observation noise", "units": "state²"}
    return xr.DataArray(values.astype(float), coords, ("sample", "state"), "noise", attrs)


def _of_states(source: SourceLike) -> Source:
    stacked = as_source(source)
    matrix = np.asarray(stacked.observed.matrix)
    n = stacked.n_states
    if matrix.shape[-2:] != (n, n) or not (matrix == np.eye(n)).all():
        raise ModelError("This is told for observations of the states themselves (matrix=None).")
    return stacked
