"""Where each component of the drift changes its sign."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromTwo, State, States
from sdebayes._core.units import with_units
from sdebayes.analysis.evaluate import state_indices
from sdebayes.analysis.fields.grid import Limits, grid
from sdebayes.simulation import as_source
from sdebayes.simulation.source import SourceLike


@checked
def nullclines(
    source: SourceLike,
    states: States = (0, 1),
    limits: Limits | None = None,
    points: CountFromTwo = 41,
    at: State | None = None,
    samples: Count | None = None,
) -> xr.Dataset:
    """Say, on a plane of two states, how probably each component of the drift is positive.

    The nullcline of state i is the set f_i(x) = 0; two of them cross at the fixed points of the plane.

    Parameters
    ----------
    source
        A posterior or an SDE.
    states
        Two states, by label or position.
    limits
        (low, high) for both; by default the box that the data fill, else three standard deviations of the stationary
        or initial distribution.
    points
        Number of grid points along each.
    at
        Values of the other states, as a whole state (state,); by default the median equilibrium of an affine drift,
        else the middle of the data, else the median initial mean, else zero. With other states held, a crossing is a
        fixed point of the plane alone.
    samples
        At most so many draws, evenly spread; by default all that fit into 1 GiB.

    Returns
    -------
    xarray.Dataset
        On ``grid_<first>``, ``grid_<second>``, ``state`` (these two): ``probability_positive``, the share of draws with
        f_i > 0, whose contour at ½ is the nullcline of the median drift; ``drift`` (sample, …), in state per unit of
        time.

    Raises
    ------
    DataError
        If ``states`` are not two states of the source.

    See Also
    --------
    sdebayes.analysis.phase_space.fixed_points : Where they cross.
    sdebayes.plots.phase_space.nullclines : Draws them.

    References
    ----------
    Strogatz (2015), Nonlinear Dynamics and Chaos, 2nd ed., sec. 6.1, doi:10.1201/9780429492563.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 10, 0.1)
    >>> found = sb.analysis.phase_space.nullclines(truth, limits=[(-2.0, 2.0), (-1.0, 1.0)], points=5)
    >>> found["probability_positive"].sel(state="x1").isel(grid_x2=2).values  # of x - x³
    array([1., 0., 0., 0., 0.])
    """
    if len(states) != 2:
        raise DataError(f"Nullclines are drawn on 2 states and {len(states)} were named: {list(states)!r}.")
    stacked = as_source(source, None if at is None else np.asarray(at).shape[-1])
    chosen = state_indices(stacked.states, states)
    whole = grid(stacked, chosen, limits, points, at, samples)
    drift = whole["drift"].isel(state=chosen)
    fixed = [f"{name}={value:.3g}" for name, value in zip(stacked.states, whole["at"].values, strict=True)]
    return with_units(
        xr.Dataset(
            {
                "probability_positive": (drift > 0)
                .mean("sample")
                .assign_attrs(long_name="probability that the drift is positive"),
                "drift": drift,
            },
            attrs=whole.attrs | {"at": ", ".join(fixed)},
        ).drop_vars("at", errors="ignore"),
        probability_positive="1",
        drift="state per time",
    )
