"""Drift and covariance on grids and along trajectories."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float
from numpy.typing import ArrayLike

from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromTwo, Fields, Positive, State, States
from sdebayes._core.units import with_units
from sdebayes.analysis.evaluate import (
    default_limits,
    drift_and_covariance,
    reference_state,
    state_indices,
)
from sdebayes.analysis.fields.distance import NAME, data_distance, hangs_on_nearness
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike

Limits = Sequence[tuple[float, float]]


@checked
def grid(
    source: SourceLike,
    states: States = (0, 1),
    limits: Limits | None = None,
    points: CountFromTwo = 25,
    at: State | None = None,
    samples: Count | None = None,
) -> xr.Dataset:
    """Read drift and covariance on a regular grid over some of the states.

    Parameters
    ----------
    source
        A posterior or an SDE.
    states
        The states that vary, by label or position.
    limits
        (low, high) for each of them; by default the box that the data fill, else three standard deviations of the
        stationary or initial distribution around ``at``.
    points
        Number of grid points along each.
    at
        Values of the other states, given as a whole state (state,); by default the median equilibrium of an affine
        drift, else the middle of the data, else the median initial mean, else zero.
    samples
        At most so many draws, evenly spread; by default all whose covariances fit into 1 GiB.

    Returns
    -------
    xarray.Dataset
        ``drift`` (sample, grid_<state>, …, state) in state per unit of time, ``covariance`` (…, state, state_bis) in
        state² per unit of time and ``magnitude`` (sample, grid_<state>, …), the Euclidean norm of the drift. For a
        posterior whose drift or diffusion is no straight line or constant the coordinate ``data_distance``
        (grid_<state>, …) says how far each place is from all data.

    Raises
    ------
    DataError
        If a state is not there or the limits cannot be used.

    See Also
    --------
    sdebayes.analysis.fields.line : Along a straight line.
    sdebayes.analysis.fields.along : Along trajectories.
    sdebayes.analysis.fields.data_distance : How far places are from all data.
    sdebayes.plots.fields.profile : Draws it over one state.
    sdebayes.plots.fields.scalar : Draws it over one state or two.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.fields.grid(posterior, states=("x1", "x2"), limits=[(-2.0, 2.0), (-2.0, 2.0)], points=5)
    >>> dict(found["drift"].sizes)
    {'sample': 50, 'grid_x1': 5, 'grid_x2': 5, 'state': 2}
    """
    stacked = as_source(source, _length(at))
    chosen = state_indices(stacked.states, states)
    fixed = reference_state(stacked, at)
    axes = grid_axes(stacked, chosen, limits, points, fixed)
    mesh = np.broadcast_to(fixed, (*(len(axis) for axis in axes), stacked.n_states)).copy()
    mesh[..., chosen] = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    place = mesh.reshape(-1, stacked.n_states)
    draws = choose_draws(stacked.n_draws, place.shape[0] * stacked.n_states**2 * 8, samples)
    drift, covariance = drift_and_covariance(stacked, draws, place)
    shape = (draws.size, *mesh.shape[:-1])
    dims = tuple(f"grid_{stacked.states[i]}" for i in chosen)
    dataset = labelled_fields(stacked, draws, drift, covariance, shape, ("sample", *dims))
    dataset = dataset.assign_coords(dict(zip(dims, axes, strict=True)) | {"at": ("state", fixed)})
    if not hangs_on_nearness(stacked):
        return dataset
    places = xr.DataArray(mesh, dims=(*dims, "state"))
    return dataset.assign_coords({NAME: data_distance(stacked, places).variable})


@checked
def along(source: SourceLike, data: xr.Dataset, samples: Count | None = None) -> xr.Dataset:
    """Read drift and covariance along trajectories.

    Parameters
    ----------
    source
        A posterior or an SDE.
    data
        ``y(trajectory, time, state)``; or a smoothed ``x(sample, trajectory, time, state)`` whose ``sample`` coordinate
        numbers the draws of the posterior: then each draw is read along its own latent path.
    samples
        At most so many draws, evenly spread; by default all whose covariances fit into 1 GiB.

    Returns
    -------
    xarray.Dataset
        ``drift`` (sample, trajectory, time, state), ``covariance`` (…, state, state_bis), ``magnitude``; NaN where the
        state is missing.

    Raises
    ------
    DataError
        If the data have other states than the source, or neither ``y`` nor ``x``.

    See Also
    --------
    sdebayes.analysis.fields.grid : On a regular grid.
    sdebayes.analysis.fields.signal_to_noise : Both beside each other.
    sdebayes.plots.fields.along : Draws it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.fields.along(posterior, posterior.smooth(test))
    >>> dict(found["drift"].sizes)
    {'sample': 50, 'trajectory': 4, 'time': 100, 'state': 2}
    """
    path = data["x"] if "x" in data else data.get("y")
    if path is None or "state" not in path.dims or "trajectory" not in path.dims:
        raise DataError(
            "Expected y(trajectory, time, state), or a smoothed x(sample, trajectory, time, state)."
        )
    stacked = as_source(source, path.sizes["state"])
    if path.sizes["state"] != stacked.n_states:
        raise DataError(
            f"The data have {path.sizes['state']} states, the model {stacked.n_states}: {', '.join(stacked.states)}."
        )
    n_points = path.sizes["trajectory"] * path.sizes["time"]
    own = path.coords["sample"].values.astype(int) if "sample" in path.dims else np.arange(stacked.n_draws)
    if own.size and own.max() >= stacked.n_draws:
        raise DataError(
            f"The path has draw {own.max()} and the source {stacked.n_draws} draws; pass its own path."
        )
    chosen = choose_draws(own.size, n_points * stacked.n_states**2 * 8, samples)
    path = path.isel(sample=chosen) if "sample" in path.dims else path
    order = [dim for dim in ("sample", "trajectory", "time", "state") if dim in path.dims]
    place = path.transpose(*order).values
    place = place.reshape(*(place.shape[:1] if "sample" in path.dims else ()), n_points, stacked.n_states)
    drift, covariance = drift_and_covariance(stacked, own[chosen], place)
    missing = np.isnan(place).any(axis=-1)
    drift = np.where(missing[..., None], np.nan, drift)
    covariance = np.where(missing[..., None, None], np.nan, covariance)
    shape = (chosen.size, path.sizes["trajectory"], path.sizes["time"])
    dataset = labelled_fields(
        stacked, own[chosen], drift, covariance, shape, ("sample", "trajectory", "time")
    )
    return dataset.assign_coords(
        {dim: path.coords[dim] for dim in ("trajectory", "time") if dim in path.coords}
    )


@checked
def signal_to_noise(fields: Fields, dt: Positive) -> xr.DataArray:
    """Compare drift and diffusion over one step.

    Parameters
    ----------
    fields
        ``drift`` and ``covariance``, as :func:`grid` and :func:`along` return them.
    dt
        Step Δt, in time.

    Returns
    -------
    xarray.DataArray
        ‖f‖ √Δt / ‖G‖ with the Frobenius norm ‖G‖ = (tr Σ)^½: far below 1 the step is mostly noise.

    Raises
    ------
    DataError
        If dt is not positive.

    See Also
    --------
    sdebayes.analysis.fields.grid : Makes what it takes.
    sdebayes.plots.fields.signal_to_noise : Draws it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.fields.grid`:

    >>> ratio = sb.analysis.fields.signal_to_noise(found, dt=0.1)
    >>> ratio.dims
    ('sample', 'grid_x1', 'grid_x2')
    """
    if not dt > 0:
        raise DataError(f"dt={dt!r} must be a positive time.")
    trace = xr.DataArray(
        np.trace(fields["covariance"].transpose(..., "state", "state_bis").values, axis1=-2, axis2=-1),
        dims=[dim for dim in fields["covariance"].dims if dim not in ("state", "state_bis")],
    )
    ratio = _magnitude(fields) * np.sqrt(dt / trace)
    return ratio.rename("signal_to_noise").assign_attrs(
        long_name="signal-to-noise ratio of a step", units="1", dt=dt
    )


def grid_axes(
    source: Source, chosen: Sequence[int], limits: Limits | None, points: int, fixed: np.ndarray
) -> list[np.ndarray]:
    """Return the coordinates of a grid along each of the chosen states."""
    return checked_axes(
        default_limits(source, chosen, fixed) if limits is None else limits, points, len(chosen)
    )


def checked_axes(limits: Limits | np.ndarray, points: int, count: int) -> list[np.ndarray]:
    """Return the coordinates of a grid along ``count`` states.

    Raises
    ------
    DataError
        If ``points`` is no whole number, 2 or more, or there are not ``count`` finite pairs (low, high) with low below
        high.
    """
    return [np.linspace(low, high, points) for low, high in checked_pairs(limits, count)]


def checked_pairs(limits: Limits | np.ndarray, count: int) -> Float[np.ndarray, "state 2"]:
    """Return (low, high) of ``count`` states.

    Raises
    ------
    DataError
        If there are not ``count`` finite pairs (low, high) with low below high.
    """
    try:
        pairs = np.asarray(limits, dtype=float)
    except (TypeError, ValueError, OverflowError):
        pairs = np.empty(0)
    if pairs.shape != (count, 2) or not (pairs[:, 0] < pairs[:, 1]).all() or not np.isfinite(pairs).all():
        raise DataError(
            f"limits={limits if pairs.size == 0 else pairs.tolist()} must be one (low, high) pair for each of the "
            f"{count} states, low below high."
        )
    return pairs


def _length(at: ArrayLike | None) -> int | None:
    return None if at is None else np.asarray(at).shape[-1]


def labelled_fields(
    source: Source,
    draws: np.ndarray,
    drift: np.ndarray,
    covariance: np.ndarray,
    shape: tuple[int, ...],
    dims: tuple[str, ...],
) -> xr.Dataset:
    """Name the dimensions of a field."""
    n = source.n_states
    dataset = xr.Dataset(
        {
            "drift": (
                (*dims, "state"),
                drift.reshape(*shape, n),
                {"long_name": "drift"},
            ),
            "covariance": (
                (*dims, "state", "state_bis"),
                covariance.reshape(*shape, n, n),
                {"long_name": "covariance rate"},
            ),
        },
        coords={"sample": draws, "state": list(source.states), "state_bis": list(source.states)},
        attrs=source.provenance,
    )
    return with_units(
        dataset.assign(magnitude=_magnitude(dataset)),
        drift="state per time",
        covariance="state² per time",
        magnitude="state per time",
    )


def _magnitude(fields: xr.Dataset) -> xr.DataArray:
    """Return ‖f‖, the Euclidean norm of the drift of a field."""
    norm = (fields["drift"] ** 2).sum("state", skipna=False) ** 0.5
    return norm.rename("magnitude").assign_attrs(long_name="drift magnitude ‖f‖")
