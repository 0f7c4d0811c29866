"""When the process leaves a region, and which of two regions it reaches first."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromTwo, Numbers
from sdebayes._core.places import Places
from sdebayes._core.units import with_units
from sdebayes.analysis.fields.grid import Limits
from sdebayes.analysis.phase_space.generator import absorbed
from sdebayes.analysis.phase_space.markov_grid import MarkovGrid, check_sizes, wide_limits
from sdebayes.analysis.phase_space.regions import Region
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike

_MARGIN = 0.1


@checked
def exit_time(
    source: SourceLike,
    region: Region,
    x0: Numbers | None = None,
    limits: Limits | None = None,
    points: CountFromTwo = 81,
    samples: Count | None = None,
) -> xr.Dataset:
    """Return the mean time after which the process leaves a region for the first time, draw by draw.

    Parameters
    ----------
    source
        A posterior or an SDE in one or two states; see :func:`simulated_exit_time` for more.
    region
        The region, in all states of the source; it may be open to infinity.
    x0
        Where the process starts, (state,), (point, state) or a DataArray (…, state); None for the grid alone.
    limits
        (low, high) of the grid for each state, at which the process is reflected; by default a little more than the
        region and, where that is open to infinity, those of :func:`stationary_density`.
    points
        Number of cells along each state.
    samples
        At most so many draws, evenly spread; by default at most 100.

    Returns
    -------
    xarray.Dataset
        ``exit_time_field`` (sample, grid_<state>, …), in time, NaN outside of the region; with a start also
        ``exit_time`` (sample, …), 0 outside.

    Raises
    ------
    DataError
        If the source has more than two states, the region others than the source, no cell lies in it or all do, or
        the start is outside of the grid.

    See Also
    --------
    sdebayes.analysis.phase_space.simulated_exit_time : In more than two states.
    sdebayes.analysis.phase_space.transition_rates : From region to region.
    sdebayes.plots.phase_space.exit_time : Draws it.

    Notes
    -----
    τ(x) solves L τ = −1 in the region with τ = 0 outside, L = f·∇ + ½ Σ:∇∇. A draw that (nearly) never leaves has a
    time that is large without limit: summarise by quantiles.

    References
    ----------
    Gardiner (2009), Stochastic Methods, ch. 5.5 and 6.6, ISBN 978-3-540-70712-7.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well_1d", 10, 0.1)
    >>> well = sb.analysis.phase_space.Box([-np.inf], [0.0])
    >>> found = sb.analysis.phase_space.exit_time(truth, well, x0=[-0.8], limits=[(-2.0, 1.0)])
    >>> found["exit_time"].dims, bool(found["exit_time"] > 1)
    (('sample',), True)
    """
    stacked = as_source(source, region.n_states)
    check_sizes(stacked, [region])
    if stacked.n_states > 2:
        raise DataError(
            f"A grid can hold 1 or 2 states and the source has {stacked.n_states}. Simulate instead: "
            "sdebayes.analysis.phase_space.simulated_exit_time(source, region, start)."
        )
    reach = _around(stacked, region) if limits is None else limits
    chains = MarkovGrid.around(stacked, [region], reach, points, samples)
    centres = chains.cells.centres
    inside = region.contains(centres)
    if not inside.any() or inside.all():
        raise DataError(
            f"{'All' if inside.all() else 'None'} of the {inside.size} cells lie in the region; give limits that hold "
            "the region and some of its outside, or more points."
        )
    nothing, one = np.zeros(len(centres)), np.ones(len(centres))
    times = np.stack([absorbed(rates, inside, one, nothing) for rates in chains.rates(region.contains)])
    unit = stacked.time_unit
    attributes = {"long_name": "mean exit time", "units": unit}
    field = chains.field(np.where(inside, times, np.nan)).assign_attrs(attributes)
    dataset = xr.Dataset({"exit_time_field": field}, attrs=stacked.provenance)
    if x0 is None:
        return dataset
    places = Places.read(x0, stacked.states)
    at_start = chains.cells.interpolate(times, places.points)
    named = places.named(at_start, {"sample": chains.draws}, "exit_time", **attributes)
    return dataset.assign(exit_time=named)


@checked
def committor(
    source: SourceLike,
    a: Region,
    b: Region,
    limits: Limits | None = None,
    points: CountFromTwo = 81,
    samples: Count | None = None,
) -> xr.Dataset:
    """Return the probability that the process reaches region B before region A, draw by draw.

    Parameters
    ----------
    source
        A posterior or an SDE in one or two states.
    a, b
        Two regions that do not overlap, in all states of the source.
    limits
        (low, high) of the grid for each state, at which the process is reflected; by default those of
        :func:`stationary_density`.
    points
        Number of cells along each state.
    samples
        At most so many draws, evenly spread; by default at most 100.

    Returns
    -------
    xarray.Dataset
        ``committor`` (sample, grid_<state>, …), between 0 in A and 1 in B.

    Raises
    ------
    DataError
        If the source has more than two states, the regions others than the source, they overlap, or one holds no
        cell of the grid.

    See Also
    --------
    sdebayes.analysis.phase_space.transition_rates : How often it goes from A to B.
    sdebayes.analysis.phase_space.basins : Without noise.
    sdebayes.plots.phase_space.committor : Draws it.

    Notes
    -----
    q solves L q = 0 outside of both, with q = 0 in A and q = 1 in B.

    References
    ----------
    Vanden-Eijnden (2006), Transition path theory, Lecture Notes in Physics 703, 453–493, doi:10.1007/3-540-35273-2_13.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well_1d", 10, 0.1)
    >>> a, b = (sb.analysis.phase_space.Ball([centre], 0.2) for centre in (-0.8, 0.8))
    >>> found = sb.analysis.phase_space.committor(truth, a, b, limits=[(-2.0, 2.0)], points=81)
    >>> float(found["committor"].sel(grid_x1=0.0, method="nearest").squeeze().round(2))
    0.5
    """
    chains = MarkovGrid.around(source, [a, b], limits, points, samples)
    in_a, in_b = two_sets(chains, a, b)
    nothing = np.zeros(len(in_a))

    def free(places: np.ndarray) -> np.ndarray:
        return ~(a.contains(places) | b.contains(places))

    values = [absorbed(rates, ~(in_a | in_b), nothing, in_b.astype(float)) for rates in chains.rates(free)]
    field = chains.field(np.clip(np.stack(values), 0.0, 1.0))
    named = field.assign_attrs(long_name="probability of reaching B before A")
    return with_units(xr.Dataset({"committor": named}, attrs=chains.source.provenance), committor="1")


def two_sets(chains: MarkovGrid, a: Region, b: Region) -> tuple[np.ndarray, np.ndarray]:
    """Return which cells lie in either of two regions, (cell,) each.

    Raises
    ------
    DataError
        If one holds no cell, or some cell lies in both.
    """
    in_a, in_b = (region.contains(chains.cells.centres) for region in (a, b))
    for name, inside in (("a", in_a), ("b", in_b)):
        if not inside.any():
            ends = [(float(axis[0]), float(axis[-1])) for axis in chains.cells.axes]
            raise DataError(
                f"No cell of the grid, which spans {ends}, lies in the region {name}; give wider limits or more points."
            )
    if (in_a & in_b).any():
        raise DataError("The regions a and b overlap; give regions that have no state in common.")
    return in_a, in_b


def _around(source: Source, region: Region) -> Limits:
    """Return limits a little wider than a region, and wide ones where it is open."""
    ends = region.limits
    open_ends = ~np.isfinite(ends)
    if open_ends.any():
        ends = np.where(open_ends, wide_limits(source, None), ends)
    margin = _MARGIN * np.diff(ends, axis=1) * np.array([-1.0, 1.0])
    ends = ends + np.where(open_ends, 0.0, margin)
    return [(float(low), float(high)) for low, high in ends]
