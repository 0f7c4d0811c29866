r"""What the derivatives of drift and diffusion say: divergence, rotation, and the Stratonovich form.

The Itô equation :math:`dX = f\,dt + G\,dW` and the Stratonovich equation :math:`dX = (f - c)\,dt + G \circ dW` have the
same solutions where

.. math:: c_i = \tfrac12 \sum_{jk} G_{kj}\, ∂_k G_{ij}.

Pavliotis (2014), Stochastic Processes and Applications, sec. 3.2, doi:10.1007/978-1-4939-1323-7.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Numbers
from sdebayes.analysis.evaluate import Evaluation, in_chunks, jacobians
from sdebayes.analysis.fields.distance import NAME
from sdebayes.dynamics import SDE, ObservedSDE
from sdebayes.simulation.source import SourceLike


@checked
def points(grid: xr.Dataset) -> xr.DataArray:
    """Return the points of a grid.

    Parameters
    ----------
    grid
        As `sdebayes.analysis.fields.grid` returns it.

    Returns
    -------
    xarray.DataArray
        (grid_<state>, …, state), in units of the states: what the functions here take as ``x``.

    Raises
    ------
    DataError
        If the data set is no grid.

    See Also
    --------
    sdebayes.analysis.fields.grid : Makes the grid.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.fields.grid`:

    >>> dict(sb.analysis.fields.points(found).sizes)
    {'grid_x1': 5, 'grid_x2': 5, 'state': 2}
    """
    axes = [str(dim) for dim in grid.dims if str(dim).startswith("grid_")]
    if not axes or "at" not in grid.coords:
        raise DataError(f"The data set has the dimensions {', '.join(map(str, grid.dims))}; expected a grid.")
    shape = tuple(grid.sizes[axis] for axis in axes)
    values = np.broadcast_to(grid["at"].values, (*shape, grid.sizes["state"])).copy()
    labels = [str(label) for label in grid["state"].values]
    for axis, mesh in zip(
        axes, np.meshgrid(*(grid[axis].values for axis in axes), indexing="ij"), strict=True
    ):
        values[..., labels.index(axis.removeprefix("grid_"))] = mesh
    coords: dict[str, Any] = {axis: grid[axis].values for axis in axes} | {"state": labels}
    if NAME in grid.coords:
        coords[NAME] = grid[NAME].variable
    return xr.DataArray(values, coords, (*axes, "state"), "place", {"units": "state"})


@checked
def divergence(source: SourceLike, x: Numbers, samples: Count | None = None) -> xr.DataArray:
    r"""Return :math:`∇ \cdot f = \mathrm{tr}\, ∂f/∂x`: below zero the drift draws neighbouring paths together.

    Parameters
    ----------
    source
        A posterior or an SDE.
    x
        Places: (state,) or (point, state), or a DataArray with the dimension ``state``, such as :func:`points` gives.
    samples
        At most so many draws, evenly spread; by default all whose Jacobians fit into 1 GiB.

    Returns
    -------
    xarray.DataArray
        (sample, …), in 1/time.

    Raises
    ------
    DataError
        If x has other states, or is not finite.

    See Also
    --------
    sdebayes.analysis.fields.rotation : How the drift turns.
    sdebayes.analysis.fields.points : The points of a grid.
    sdebayes.plots.fields.divergence : Draws it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 10, 0.1)
    >>> sb.analysis.fields.divergence(truth, [[0.0, 0.0], [1.0, 0.0]]).round(1).values
    array([[ 0., -3.]])
    """
    at = Evaluation.of(source, x, samples)
    trace = np.trace(jacobians(at.source, at.draws, at.places.points), axis1=-2, axis2=-1)
    return at.named(trace, (), "divergence", "divergence ∇·f of the drift")


@checked
def rotation(source: SourceLike, x: Numbers, samples: Count | None = None) -> xr.DataArray:
    r"""Return :math:`\tfrac12 (J - J^\top)`, J = ∂f/∂x: how fast the drift turns a small ball.

    Parameters
    ----------
    source, x, samples
        As in :func:`divergence`.

    Returns
    -------
    xarray.DataArray
        (sample, …, state, state_bis), in radians per unit of time: in two states the entry (2, 1) is the angular
        velocity, half of the curl, counter-clockwise.

    Raises
    ------
    DataError
        As :func:`divergence`.

    See Also
    --------
    sdebayes.analysis.fields.divergence : How the drift contracts.
    sdebayes.plots.fields.rotation : Draws it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck", 10, 0.1)
    >>> sb.analysis.fields.rotation(truth, [0.0, 0.0]).squeeze().round(1).values
    array([[ 0., -2.],
           [ 2.,  0.]])
    """
    at = Evaluation.of(source, x, samples)
    J = jacobians(at.source, at.draws, at.places.points)
    turn = 0.5 * (J - np.swapaxes(J, -1, -2))
    return at.named(turn, ("state", "state_bis"), "rotation", "rotation ½(J − Jᵀ) of the drift", "radians")


@checked
def stratonovich(source: SourceLike, x: Numbers, samples: Count | None = None) -> xr.Dataset:
    """Return the drift of the Stratonovich equation that has the same solutions, with what it differs by.

    Parameters
    ----------
    source, x, samples
        As in :func:`divergence`.

    Returns
    -------
    xarray.Dataset
        ``drift`` f − c and ``correction`` c, (sample, …, state), in state per unit of time; c = 0 for additive noise.
        Of a Stratonovich drift, f is the sum of both.

    Raises
    ------
    DataError
        As :func:`divergence`.

    See Also
    --------
    sdebayes.analysis.fields.grid : The Itô drift.
    sdebayes.plots.fields.stratonovich : Draws it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("multiplicative_double_well", 10, 0.1)
    >>> found = sb.analysis.fields.stratonovich(truth, [1.0])
    >>> {name: float(values.round(1).squeeze()) for name, values in found.items()}
    {'drift': -1.0, 'correction': 1.0}
    """
    at = Evaluation.of(source, x, samples)
    drift, correction = in_chunks(_drift_and_correction, at.source, at.draws, at.places.points)
    return xr.Dataset(
        {
            "drift": at.named(drift - correction, ("state",), "drift", "Stratonovich drift f − c", "state"),
            "correction": at.named(
                correction, ("state",), "correction", "Itô–Stratonovich correction c", "state"
            ),
        },
        attrs=at.source.provenance,
    )


@eqx.filter_jit
def _drift_and_correction(
    observed: ObservedSDE, points: Float[Array, "sample point state"]
) -> tuple[Float[Array, "sample point state"], Float[Array, "sample point state"]]:
    def at(sde: SDE, x: Float[Array, " state"]) -> tuple[Array, Array]:
        slopes = jax.jacfwd(sde.diffusion)(x)
        return sde.drift(x), 0.5 * jnp.einsum("kj,ijk->i", sde.diffusion(x), slopes)

    return eqx.filter_vmap(lambda one, own: jax.vmap(lambda x: at(one.sde, x))(own))(observed, points)
