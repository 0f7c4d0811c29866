"""Drift and covariance along a straight line through the state space."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromTwo, Numbers
from sdebayes._core.places import Places
from sdebayes._core.units import with_units
from sdebayes.analysis.evaluate import drift_and_covariance, n_states
from sdebayes.analysis.fields.grid import labelled_fields
from sdebayes.simulation import as_source
from sdebayes.simulation.source import SourceLike


@checked
def line(
    source: SourceLike, start: Numbers, end: Numbers, points: CountFromTwo = 50, samples: Count | None = None
) -> xr.Dataset:
    r"""Read drift and covariance along the straight line from one state to another.

    Beside both stand their parts along the line, whose unit vector is :math:`u = (b - a)/\|b - a\|`:

    .. math:: f_u = u \cdot f, \qquad Σ_u = u^\top Σ\, u.

    Parameters
    ----------
    source
        A posterior or an SDE.
    start, end
        The two ends a and b: (state,), or DataArrays with the dimension ``state``, such as a fixed point.
    points
        Number of places on the line, both ends included.
    samples
        At most so many draws, evenly spread; by default all whose covariances fit into 1 GiB.

    Returns
    -------
    xarray.Dataset
        ``drift`` (sample, point, state) in state per unit of time, ``covariance`` (sample, point, state, state_bis) in
        state² per unit of time, ``magnitude`` ‖f‖, ``drift_along`` f_u and ``covariance_along`` Σ_u (sample, point),
        with ``distance`` (point) from the start and ``place`` (point, state) in units of the states as coordinates.

    Raises
    ------
    DataError
        If the ends are no two different states of the source, or there are fewer than two points.

    See Also
    --------
    sdebayes.analysis.fields.grid : On a regular grid.
    sdebayes.plots.fields.line : Draws it.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("double_well", 10, 0.1)
    >>> found = sb.analysis.fields.line(truth, start=[-1.0, 0.0], end=[1.0, 0.0], points=3)
    >>> found["distance"].values, found["drift_along"].round(1).values
    (array([0., 1., 2.]), array([[0., 0., 0.]]))
    """
    stacked = as_source(source, n_states(start))
    first, last = (_one_state(name, x, stacked.states) for name, x in (("start", start), ("end", end)))
    length = float(np.linalg.norm(last - first))
    if length == 0:
        raise DataError(
            f"start and end are the same state, {first.tolist()}; a line needs two different ones."
        )
    place = first + np.linspace(0.0, 1.0, points)[:, None] * (last - first)
    draws = choose_draws(stacked.n_draws, points * stacked.n_states**2 * 8, samples)
    drift, covariance = drift_and_covariance(stacked, draws, place)
    dataset = labelled_fields(stacked, draws, drift, covariance, (draws.size, points), ("sample", "point"))
    direction = (last - first) / length
    return with_units(
        dataset.assign(
            drift_along=(
                ("sample", "point"),
                drift @ direction,
                {"long_name": "drift along the line"},
            ),
            covariance_along=(
                ("sample", "point"),
                np.einsum("spij,i,j->sp", covariance, direction, direction),
                {"long_name": "covariance rate along the line"},
            ),
        ).assign_coords(
            point=np.arange(points),
            distance=("point", np.linspace(0.0, length, points), {"long_name": "distance from the start"}),
            place=(("point", "state"), place),
        ),
        drift_along="state per time",
        covariance_along="state² per time",
        distance="state",
        place="state",
    )


def _one_state(name: str, x: Any, states: tuple[str, ...]) -> np.ndarray:
    places = Places.read(x, states)
    if len(places.points) != 1:
        raise DataError(f"{name} holds {len(places.points)} places; expected one state, (state,).")
    return places.points[0]
