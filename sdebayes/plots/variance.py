"""Figures of where the variance comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Probability
from sdebayes.analysis import summarize
from sdebayes.plots.rows import draw_intervals, name_rows
from sdebayes.plots.style import DATA, POSTERIOR, REFERENCE, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["noise", "shares"]

_PARTS = {
    "path": ("slow path", POSTERIOR),
    "noise": ("noise", DATA),
    "trajectory_effect": ("trajectory effect", REFERENCE),
}


@checked
def shares(dataset: xr.Dataset, ax: Axes | None = None, *, prob: Probability = 0.9) -> Axes:
    """Draw the shares of path, noise and trajectory effect in each state's variance, with their intervals.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.variance.shares`` returns it.
    ax
        Axes, or None.
    prob
        Probability of the interval.

    Returns
    -------
    Axes
        A state a row. A part that is absent from the model is left out.

    Raises
    ------
    DataError
        If the dataset holds no shares.

    See Also
    --------
    sdebayes.analysis.variance.shares : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.variance.shares`:

    >>> ax = sb.plots.variance.shares(found)
    >>> ax.get_xlabel()
    'share of the variance'
    """
    need(dataset, list(_PARTS), "sdebayes.analysis.variance.shares")
    summary = summarize(dataset[list(_PARTS)], prob=prob)
    shown = [name for name in _PARTS if float(dataset[name].max()) > 0]
    rows = np.arange(dataset.sizes["state"])
    with look():
        ax = one_axes(ax, height=0.8 + 0.3 * rows.size)
        for index, name in enumerate(shown):
            label, colour = _PARTS[name]
            low, middle, high = (summary[name].sel(statistic=s).values for s in ("lower", "median", "upper"))
            places = rows + 0.2 * (index - (len(shown) - 1) / 2)
            ax.hlines(places, low, high, color=colour, linewidth=2, alpha=0.5)
            ax.plot(middle, places, "o", color=colour, markersize=4, label=label)
        ax.set(xlabel="share of the variance", xlim=(0, 1))
        name_rows(ax, dataset["state"].values)
        legend_above(ax)
    return ax


@checked
def noise(values: xr.DataArray, ax: Axes | None = None, *, prob: Probability = 0.9) -> Axes:
    """Draw the variance of the observation noise of each state with its interval.

    Parameters
    ----------
    values
        As ``sdebayes.analysis.variance.noise`` returns it.
    ax
        Axes, or None.
    prob
        Probability of the interval.

    Returns
    -------
    Axes
        A state a row: posterior median and interval, on an axis that begins at zero.

    Raises
    ------
    DataError
        If there are no draws.

    See Also
    --------
    sdebayes.analysis.variance.noise : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> ax = sb.plots.variance.noise(sb.analysis.variance.noise(posterior))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['x1', 'x2']
    """
    with look():
        ax = one_axes(ax, height=0.8 + 0.22 * values.sizes["state"])
        draw_intervals(ax, values, prob)
        ax.set(xlabel="variance of the observation noise (state²)", xlim=(0, None))
        name_rows(ax, values["state"].values)
        legend_above(ax)
    return ax
