"""What stands at a fixed point: the observed steps nearest to it, and where it lies for each trajectory."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count
from sdebayes._core.units import with_units
from sdebayes.data import StateSpace


@checked
def exemplars(found: xr.Dataset, space: StateSpace, data: xr.Dataset, count: Count = 3) -> xr.Dataset:
    """Find the observed steps nearest to each fixed point.

    Parameters
    ----------
    found
        ``location`` (…, state), as `fixed_points`, `matched` and `in_trajectories` return it.
    space
        The state space.
    data
        Where to look: a data set of embeddings, or of states of this space. Under a trajectory effect the fixed points
        of `fixed_points` and `matched` are to be compared with steps `without_effect`.
    count
        How many steps for each fixed point; all observed steps if there are fewer.

    Returns
    -------
    xarray.Dataset
        Over the dimensions of ``location`` but ``state``, and ``exemplar``, nearest first: ``name`` of the trajectory,
        ``step``, ``time``, ``distance`` (Euclidean, in units of the states) and, where the data have it, ``text``; an
        empty name and text, step −1 and NaN where a draw has no such fixed point.

    Raises
    ------
    DataError
        If the fixed points have no location, or none that is finite, or the states are not those of the space.
    StateSpaceError
        If the data are states of another space.

    See Also
    --------
    sdebayes.StateSpace.exemplars : Of any state.
    sdebayes.analysis.phase_space.fixed_points : Finds the fixed points.

    Examples
    --------
    Continuing the example of :func:`sdebayes.steer`:

    >>> found = sb.analysis.phase_space.matched(sb.analysis.phase_space.fixed_points(posterior))
    >>> inner = sb.analysis.phase_space.without_effect(states, posterior.smooth(states))
    >>> near = sb.analysis.phase_space.exemplars(found, space, inner, count=2)
    >>> dict(near["text"].sizes)
    {'fixed_point': 1, 'exemplar': 2}
    """
    location = _location(found)
    dims = [dim for dim in location.dims if dim != "state"]
    points = location.transpose(*dims, "state").values.astype(float)
    known = np.isfinite(points).all(axis=-1)
    if not known.any():
        raise DataError("There is no fixed point to find exemplars of.")
    near = space.exemplars(points[known], data, count)
    result = xr.Dataset(attrs=near.attrs)
    for name, values in near.data_vars.items():
        filled = np.full((*known.shape, near.sizes["exemplar"]), _nothing(values.values), values.dtype)
        filled[known] = values.values
        result[name] = ((*dims, "exemplar"), filled)
    return with_units(
        result.assign_coords({dim: location[dim] for dim in dims if dim in location.coords}),
        distance="state",
        time="time",
    )


@checked
def in_trajectories(found: xr.Dataset, smoothed: xr.Dataset) -> xr.Dataset:
    """Place the fixed points of every draw in each trajectory, its own offset c added.

    Under a trajectory effect the drift lives in coordinates from which each trajectory's offset is taken, and so do its
    fixed points: in the coordinates of the data, trajectory i has them at x* + c_i.

    Parameters
    ----------
    found
        As `fixed_points` returns it.
    smoothed
        ``trajectory_effect`` (sample, trajectory, state), as ``posterior.smooth`` returns it.

    Returns
    -------
    xarray.Dataset
        ``location`` (sample, trajectory, fixed_point, state) over the draws that both have, in units of the states, and
        what else there is of each fixed point; where known also ``effect_sd`` (sample, trajectory, state), the standard
        deviation of c given the draw and the trajectory, which the location, at the mean of c, does not hold.

    Raises
    ------
    DataError
        If there is no trajectory effect, the states differ, or the two have no draw in common.

    See Also
    --------
    sdebayes.analysis.phase_space.without_effect : The other way round.
    sdebayes.plots.phase_space.in_trajectories : Draws it.

    Notes
    -----
    Trajectories that sit in different wells of one drift look like trajectories with different offsets, and the other
    way round: short of trajectories that move from well to well, the data do not tell the two apart. The less the drift
    needs a second well, the more of the difference stands in c.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.phase_space.fixed_points(posterior)
    >>> placed = sb.analysis.phase_space.in_trajectories(found, posterior.smooth(test))
    >>> dict(placed["location"].sizes)
    {'sample': 50, 'trajectory': 4, 'fixed_point': 1, 'state': 2}
    """
    effect = _effect(smoothed)
    location = _location(found)
    if list(map(str, location["state"].values)) != list(map(str, effect["state"].values)):
        raise DataError(
            "The fixed points and the trajectory effect have different states; use one posterior."
        )
    common = np.intersect1d(found["sample"].values, effect["sample"].values)
    if not common.size:
        raise DataError(
            "The fixed points and the smoothed trajectories have no draw in common; find those of all draws."
        )
    kept = found.sel(sample=common)
    moved = (kept["location"] + effect.sel(sample=common)).transpose(
        "sample", "trajectory", "fixed_point", "state"
    )
    result = kept.assign(location=moved.assign_attrs(long_name="location in the trajectory"))
    if "trajectory_effect_covariance" in smoothed:
        covariance = smoothed["trajectory_effect_covariance"].sel(sample=common)
        matrices = covariance.transpose("sample", "trajectory", "state", "state_bis").values
        sd = np.sqrt(np.diagonal(matrices, axis1=-2, axis2=-1))
        result["effect_sd"] = (("sample", "trajectory", "state"), sd)
    return result


@checked
def without_effect(data: xr.Dataset, smoothed: xr.Dataset) -> xr.Dataset:
    """Take from every step its level and the mean offset of its trajectory, so that it compares with the drift.

    Parameters
    ----------
    data
        ``y(trajectory, time, state)``.
    smoothed
        ``trajectory_effect``, or ``level``, of the same trajectories, as ``posterior.smooth(data)`` returns them.

    Returns
    -------
    xarray.Dataset
        The data, ``y`` less the means over the draws of offset and level, in units of the states.

    Raises
    ------
    DataError
        If there is neither effect nor level, a trajectory has none, or the data are no states.

    See Also
    --------
    sdebayes.analysis.phase_space.in_trajectories : The other way round.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> inner = sb.analysis.phase_space.without_effect(test, posterior.smooth(test))
    >>> inner["y"].dims
    ('trajectory', 'time', 'state')
    """
    if "level" not in smoothed:
        away = _effect(smoothed).mean("sample")
    else:
        effect = smoothed.get("trajectory_effect", 0.0)
        away = (smoothed["level"] + effect).mean("sample")
    if "y" not in data or "state" not in data["y"].dims:
        raise DataError("Expected y(trajectory, time, state); map embeddings to states with space.transform.")
    missing = set(data["trajectory"].values) - set(away["trajectory"].values)
    if missing:
        raise DataError(f"No effect is known of the trajectory {min(missing)!r}; smooth the same data.")
    moved = data["y"] - away.drop_vars("t", errors="ignore").sel(trajectory=data["trajectory"].values)
    return data.assign(y=moved.transpose(*data["y"].dims).assign_attrs(data["y"].attrs))


def _location(found: xr.Dataset) -> xr.DataArray:
    if "location" not in found or "state" not in found["location"].dims:
        raise DataError("Expected fixed points with a location (…, state); make them with fixed_points.")
    return found["location"]


def _effect(smoothed: xr.Dataset) -> xr.DataArray:
    if "trajectory_effect" not in smoothed:
        raise DataError(
            "There is no trajectory_effect: without one, the fixed points hold for every trajectory as they are."
        )
    return smoothed["trajectory_effect"]


def _nothing(values: np.ndarray) -> object:
    """Return what stands for no exemplar in an array of this kind."""
    return {"f": np.nan, "i": -1}.get(values.dtype.kind, "")
