"""The drift on a plane of two states, and how sure its direction is."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromTwo, State, States
from sdebayes._core.units import with_units
from sdebayes.analysis.evaluate import state_indices
from sdebayes.analysis.fields.distance import NAME
from sdebayes.analysis.fields.grid import Limits, grid
from sdebayes.analysis.phase_space.fixed_points import fixed_points
from sdebayes.simulation import as_source
from sdebayes.simulation.source import SourceLike


@checked
def portrait(
    source: SourceLike,
    states: States = (0, 1),
    limits: Limits | None = None,
    points: CountFromTwo = 21,
    at: State | None = None,
    samples: Count | None = None,
) -> xr.Dataset:
    """Return the drift on a plane of two states with its posterior uncertainty.

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
        else the middle of the data, else the median initial mean, else zero.
    samples
        At most so many draws, evenly spread; by default all that fit into 1 GiB.

    Returns
    -------
    xarray.Dataset
        On ``grid_<first>``, ``grid_<second>``, the drift's two components in this plane (``state``): ``drift`` with
        its draws (sample, …, state), ``drift_mean``, ``drift_sd``; ``direction_resultant``, the length between 0 and 1
        of the mean of the draws' unit vectors (1: all draws point the same way, near 0: the direction is unknown);
        ``direction_agreement``, the share of draws within 90° of the mean drift. Where they can be found (an affine
        drift, or data to search around) also ``equilibrium`` (sample, state) or (sample, fixed_point, state), the
        points where the whole drift vanishes (NaN where there is none), for the latter with ``stable``
        (sample, fixed_point). Of a posterior whose drift bends the coordinate ``data_distance`` as in
        `sdebayes.analysis.fields.grid`.

    Raises
    ------
    DataError
        If ``states`` are not two states of the source.

    See Also
    --------
    sdebayes.analysis.phase_space.nullclines : Where its components vanish.
    sdebayes.explore : A portrait to be touched.
    sdebayes.plots.phase_space.portrait : Draws it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.phase_space.portrait(posterior, points=7)
    >>> dict(found["direction_agreement"].sizes)
    {'grid_x1': 7, 'grid_x2': 7}
    >>> bool(found["direction_agreement"].mean() > 0.8)
    True
    """
    if len(states) != 2:
        raise DataError(f"A portrait shows 2 states and {len(states)} were named: {list(states)!r}.")
    stacked = as_source(source, None if at is None else np.asarray(at).shape[-1])
    chosen = state_indices(stacked.states, states)
    whole = grid(stacked, chosen, limits, points, at, samples)
    drift = whole["drift"].isel(state=chosen)
    length = (drift**2).sum("state") ** 0.5
    unit = (drift / length.where(length > 0)).fillna(0.0)
    mean = drift.mean("sample")
    fixed = [f"{name}={value:.3g}" for name, value in zip(stacked.states, whole["at"].values, strict=True)]
    dataset = xr.Dataset(
        {
            "drift": drift,
            "drift_mean": mean.assign_attrs(drift.attrs),
            "drift_sd": drift.std("sample", ddof=1 if drift.sizes["sample"] > 1 else 0),
            "direction_resultant": (unit.mean("sample") ** 2).sum("state") ** 0.5,
            "direction_agreement": ((drift * mean).sum("state") > 0).mean("sample"),
        },
        attrs=whole.attrs | {"at": ", ".join(fixed)},
    )
    draws = whole["sample"].values
    if stacked.sde.drift.as_affine() is not None:
        dataset = dataset.drop_vars(NAME, errors="ignore")  # known alike everywhere, unlike its noise
    equilibrium = stacked.equilibrium()
    if equilibrium is not None:
        dataset["equilibrium"] = (("sample", "state"), equilibrium[draws][:, chosen])
    elif stacked.region is not None:
        found = fixed_points(stacked.take(draws)).assign_coords(sample=draws).isel(state=chosen)
        dataset = dataset.merge(found[["location", "stable"]].rename(location="equilibrium"))
    return with_units(
        dataset.drop_vars("at", errors="ignore"),
        drift="state per time",
        direction_resultant="1",
        direction_agreement="1",
        equilibrium="state",
    )
