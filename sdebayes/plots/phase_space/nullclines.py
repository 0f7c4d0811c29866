"""Nullclines with their bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Probability
from sdebayes.plots.phase_space.planes import SECOND, data_points, frame, plane
from sdebayes.plots.style import BAND, POSTERIOR, TRUTH, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@checked
def nullclines(
    dataset: xr.Dataset,
    ax: Axes | None = None,
    *,
    data: xr.Dataset | None = None,
    truth: xr.Dataset | None = None,
    prob: Probability = 0.9,
) -> Axes:
    """Draw the nullclines of two states, each with the band in which it lies.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.nullclines`` returns it.
    ax
        Axes, or None.
    data
        ``y(trajectory, time, state)`` (or a smoothed ``x``) with both states, drawn as points behind.
    truth
        The nullclines of a known SDE on the same plane, as thin black lines.
    prob
        Probability of the band.

    Returns
    -------
    Axes
        For each state the line on which its median drift vanishes (the second dashed), and the band of the places where
        the equal-tailed interval of its drift holds zero.

    Raises
    ------
    DataError
        If the dataset holds no nullclines, or prob is not between 0 and 1.

    See Also
    --------
    sdebayes.analysis.phase_space.nullclines : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.phase_space.nullclines(posterior, points=21)
    >>> ax = sb.plots.phase_space.nullclines(found)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x1', 'x2')
    """
    need(dataset, ["drift", "probability_positive"], "sdebayes.analysis.phase_space.nullclines", truth)
    first, second = plane(dataset)
    with look():
        ax = one_axes(ax, height=3.1)
        if data is not None:
            data_points(ax, data, [str(state) for state in dataset["state"].values])
        for k, (colour, line) in enumerate(((POSTERIOR, "-"), (SECOND, "--"))):
            _nullcline(ax, dataset["drift"].isel(state=k), (first, second), colour, line, prob)
        if truth is not None:
            for k, line in enumerate(("-", "--")):
                _zero(ax, truth["drift"].isel(state=k).median("sample"), (first, second), TRUTH, line, 0.8)
            ax.plot([], [], color=TRUTH, linewidth=0.8, label="truth")
        frame(ax, dataset, first, second)
        legend_above(ax, columns=2)
    return ax


def _nullcline(
    ax: Axes, drift: xr.DataArray, axes: tuple[str, str], colour: str, line: str, prob: float
) -> None:
    name = f"d{drift['state'].item()}/dt = 0"
    if drift.sizes["sample"] > 1:
        edges = drift.quantile([0.5 * (1 - prob), 0.5 * (1 + prob)], dim="sample")
        inside = xr.ufuncs.minimum(-edges[0].drop_vars("quantile"), edges[1].drop_vars("quantile"))
        x, y, values = _table(inside, axes)
        if (values > 0).any() and (values < 0).any():
            ax.contourf(x, y, values, levels=[0.0, values.max()], colors=[colour], alpha=BAND)
        name += f", {prob:.0%}"
    _zero(ax, drift.median("sample"), axes, colour, line, 1.4)
    ax.plot([], [], color=colour, linestyle=line, label=name)


def _zero(
    ax: Axes, values: xr.DataArray, axes: tuple[str, str], colour: str, line: str, width: float
) -> None:
    x, y, table = _table(values, axes)
    if (table > 0).any() and (table < 0).any():
        ax.contour(x, y, table, levels=[0.0], colors=[colour], linestyles=[line], linewidths=[width])


def _table(values: xr.DataArray, axes: tuple[str, str]) -> tuple:
    return values[axes[0]].values, values[axes[1]].values, values.transpose(axes[1], axes[0]).values
