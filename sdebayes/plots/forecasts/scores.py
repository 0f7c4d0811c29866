"""Scores of forecasts from step to step."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count
from sdebayes.plots.style import SEQUENTIAL, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STRETCHES = 12
_LABELS = {
    "energy_score": "energy score (state)",
    "log_score": "log score (nats per step)",
    "crps": "CRPS, mean over states (state)",
    "squared_error": "squared error, mean over states (state²)",
}


@checked
def scores(
    dataset: xr.Dataset, ax: Axes | None = None, *, variable: str = "energy_score", horizons: Count = 3
) -> Axes:
    """Draw how the score of forecasts changes from step to step, averaged over trajectories.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.forecasts.scores`` returns it.
    ax
        Axes, or None.
    variable
        ``"energy_score"``, ``"log_score"``, ``"crps"`` or ``"squared_error"``.
    horizons
        At most so many horizons are shown, evenly from the first to the last.

    Returns
    -------
    Axes
        Mean over trajectories with two standard errors, in up to twelve stretches of steps that two trajectories or
        more reach. A level that falls says that forecasts get better the longer a trajectory was seen.

    Raises
    ------
    DataError
        If the dataset holds no such score, or no step is reached by two trajectories.

    See Also
    --------
    sdebayes.analysis.forecasts.scores : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.forecasts.scores`:

    >>> ax = sb.plots.forecasts.scores(judged, variable="log_score")
    >>> ax.get_ylabel()
    'log score (nats per step)'
    """
    if variable not in _LABELS:
        raise DataError(f"variable={variable!r} is not known; use one of {', '.join(_LABELS)}.")
    need(dataset, [variable], "sdebayes.analysis.forecasts.scores")
    values = dataset[variable]
    values = values.mean("state", skipna=False) if "state" in values.dims else values
    values = values if "horizon" in values.dims else values.expand_dims("horizon")
    stretches = _in_stretches(values)
    if not stretches.sizes["time"]:
        raise DataError("No step has forecasts of two trajectories; score more of them.")
    chosen = evenly_spread(values.sizes["horizon"], horizons)
    with look():
        import matplotlib as mpl

        ax = one_axes(ax)
        colours = mpl.colormaps[SEQUENTIAL](np.linspace(0, 0.75, len(chosen)))
        for index, colour, marker in zip(chosen, colours, cycle("os^Dv"), strict=False):
            here = stretches.isel(horizon=index).dropna("time", how="all")
            count = here.notnull().sum("trajectory")
            error = 2 * here.std("trajectory", ddof=1) / count**0.5
            ahead = int(here["horizon"]) if "horizon" in here.coords else 1
            ax.errorbar(
                here["time"].values,
                here.mean("trajectory").values,
                yerr=error.values,
                color=colour,
                marker=marker,
                markersize=3,
                linewidth=0.8,
                label=f"{ahead} step{'s' if ahead > 1 else ''} ahead",
            )
        ax.set(xlabel="step", ylabel=_LABELS[variable])
        legend_above(ax)
    return ax


def _in_stretches(values: xr.DataArray) -> xr.DataArray:
    """Average over up to twelve stretches of those steps that two trajectories reach, (horizon, trajectory, time)."""
    values = values.transpose("horizon", "trajectory", "time")
    seen = (values.notnull().sum("trajectory") > 1).any("horizon").values
    blocks = [part for part in np.array_split(np.flatnonzero(seen), _STRETCHES) if part.size]
    means = [values.isel(time=block).mean("time") for block in blocks]
    middles = [float(values["time"].values[block].mean()) for block in blocks]
    if not blocks:
        return values.isel(time=[])
    found = xr.concat(means, "time").assign_coords(time=middles).transpose(*values.dims)
    return found.where(found.notnull().sum("trajectory") > 1)
