"""The density of the places that simulated paths visit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import CountFromTwo, States
from sdebayes._core.units import with_units
from sdebayes.analysis.evaluate import jacobians, reference_state, state_indices
from sdebayes.analysis.fields.grid import Limits, checked_axes
from sdebayes.analysis.phase_space.cell_grid import CellGrid
from sdebayes.simulation import Source, simulate

_BURN_IN, _RECORDED, _MOMENTS, _PATHS = 5.0, 10.0, 30, 50
_SLOWEST = 1e-3


@checked
def occupation_density(
    paths: xr.Dataset,
    states: States = (0, 1),
    limits: Limits | None = None,
    points: CountFromTwo = 41,
) -> xr.Dataset:
    """Return the density of the places that simulated paths visit, as a histogram.

    Parameters
    ----------
    paths
        ``x(sample, path, time, state)``, as ``sdebayes.simulate`` returns it, without the times before the paths have
        forgotten their start.
    states
        One or two states, by label or position.
    limits
        (low, high) for each, the centres of the outermost cells; by default the range of the paths.
    points
        Number of cells along each.

    Returns
    -------
    xarray.Dataset
        ``density``, ``quasi_potential`` and ``edge_share`` as :func:`stationary_density` returns them.

    Raises
    ------
    DataError
        If the dataset has no paths, or states or limits cannot be used.

    See Also
    --------
    sdebayes.analysis.phase_space.stationary_density : Without simulation, in one or two states.
    sdebayes.plots.phase_space.stationary_density : Draws it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 10, 0.1)
    >>> paths = sb.simulate(truth, times=np.arange(0.0, 20.0, 0.5), paths=50)
    >>> found = sb.analysis.phase_space.occupation_density(paths, states=(0,), points=9)
    >>> int(found["density"].argmax("grid_x1").squeeze()) in (3, 4, 5)  # in the middle
    True
    """
    if "x" not in paths or set(paths["x"].dims) != {"sample", "path", "time", "state"}:
        raise DataError("Expected x(sample, path, time, state), as sdebayes.simulate returns it.")
    labels = [str(label) for label in paths["state"].values]
    chosen = state_indices(labels, states)
    check_count(chosen)
    visited = paths["x"].isel(state=chosen)
    everywhere = ("sample", "path", "time")
    if limits is None:
        ends = np.stack([visited.min(everywhere), visited.max(everywhere)], axis=1)
        limits = [(float(low), float(high)) for low, high in ends]
    return occupied(paths, chosen, CellGrid(tuple(checked_axes(limits, points, len(chosen)))))


def check_count(chosen: Sequence[int]) -> None:
    """Raise unless one or two states are chosen."""
    if len(chosen) not in (1, 2):
        raise DataError(f"A density shows 1 or 2 states and {len(chosen)} were named; name one or two.")


def long_paths(source: Source, at: ArrayLike | None, seed: int) -> xr.Dataset:
    """Simulate every draw long after the start, counted in the slowest time constant of the drift there."""
    start = reference_state(source, at)
    slopes = jacobians(source, np.arange(source.n_draws), start[None])[:, 0]
    rates = np.abs(np.linalg.eigvals(slopes).real)
    rate = float(np.median(np.maximum(rates.min(axis=-1), _SLOWEST * rates.max(axis=-1))))
    times = np.linspace(0.0, (_BURN_IN + _RECORDED) / rate, _MOMENTS + 1)
    begin = None if source.has_initial_law and at is None else start
    paths = simulate(source, times, begin, _PATHS, seed, samples=source.n_draws)
    return paths.isel(time=times >= _BURN_IN / rate)


def occupied(paths: xr.Dataset, chosen: list[int], cells: CellGrid) -> xr.Dataset:
    """Return the histogram of paths on cells, normalised with what lies outside of them."""
    places = paths["x"].transpose("sample", "path", "time", "state").values[..., chosen].astype(float)
    places = places.reshape(len(places), -1, len(chosen))
    edges = [
        np.append(axis, axis[-1] + h) - 0.5 * h for axis, h in zip(cells.axes, cells.spacing, strict=True)
    ]
    finite = [own[np.isfinite(own).all(axis=-1)] for own in places]
    counts = np.stack([np.histogramdd(own, edges)[0].ravel() for own in finite])
    share = counts / np.array([max(1, len(own)) for own in finite])[:, None]
    dims = tuple(f"grid_{paths['state'].values[i]}" for i in chosen)
    coords = dict(zip(dims, cells.axes, strict=True)) | {"sample": paths["sample"].values}
    density = xr.DataArray(cells.on_grid(share / cells.volume), coords, ("sample", *dims))
    return densities(density, 1 - share[:, ~cells.outermost()].sum(axis=-1), "simulated paths", paths.attrs)


def densities(
    density: xr.DataArray, edge: np.ndarray, method: str, attributes: Mapping[str, object]
) -> xr.Dataset:
    """Name a density (sample, grid, …), with its quasi-potential and the share of its mass at the edge."""
    dims = [dim for dim in density.dims if dim != "sample"]
    with np.errstate(divide="ignore"):
        potential = density.copy(data=-np.log((density / density.max(dims)).values))
    dataset = xr.Dataset(
        {
            "density": density.assign_attrs(long_name="stationary density"),
            "quasi_potential": potential.assign_attrs(long_name="quasi-potential −log p"),
            "edge_share": (
                "sample",
                np.clip(edge, 0.0, 1.0),
                {"long_name": "share of the probability at the edge and beyond"},
            ),
        },
        attrs={**attributes, "method": method},
    )
    return with_units(dataset, density="per state" if len(dims) == 1 else "per state²")


def with_current(dataset: xr.Dataset, current: xr.DataArray) -> xr.Dataset:
    """Add the probability current (sample, grid, …, state) to a density of one state or two."""
    units = "per time" if current.sizes["state"] == 1 else "per state and time"
    dataset = dataset.assign(current=current.assign_attrs(long_name="probability current"))
    return with_units(dataset, current=units)
