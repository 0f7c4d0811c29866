"""Figures of regimes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Name, Probability
from sdebayes.analysis import summarize
from sdebayes.plots.style import legend_above, look, need, one_axes, plain_decades, time_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["dwell_times", "probability"]


@checked
def probability(
    dataset: xr.Dataset, ax: Axes | None = None, *, trajectory: Name | None = None, prob: Probability = 0.9
) -> Axes:
    """Draw the probability of each regime along a trajectory.

    Parameters
    ----------
    dataset
        As ``posterior.regime_probability(data)`` returns it.
    ax
        Axes, or None.
    trajectory
        Its name; by default the first.
    prob
        Probability of the bands.

    Returns
    -------
    Axes
        A line for each regime, the mean over draws, with the band that holds so many of the draws: it is what is not
        known of the regimes themselves. What is not known of a step lies in the mean, between 0 and 1.

    Raises
    ------
    DataError
        If the dataset holds no probabilities, or no such trajectory.

    See Also
    --------
    sdebayes.priors.Regimes : The prior.
    sdebayes.analysis.regimes.exemplars : Steps of each regime.

    Examples
    --------
    Continuing the example of :class:`sdebayes.priors.Regimes`:

    >>> ax = sb.plots.regimes.probability(posterior.regime_probability(data))
    >>> ax.get_ylabel()
    'probability'
    """
    need(dataset, ["probability"], "posterior.regime_probability")
    names = [str(name) for name in dataset["trajectory"].values]
    name = names[0] if trajectory is None else trajectory
    if name not in names:
        raise DataError(f"There is no trajectory {name!r}; there are {', '.join(names[:4])}, ….")
    one = dataset.isel(trajectory=names.index(name))
    values, t = one["probability"], one["t"].values
    inside = np.isfinite(values.values).all(axis=(0, 2))
    tails = np.nanquantile(values.values[:, inside], [0.5 - prob / 2, 0.5 + prob / 2], axis=0)
    with look():
        ax = one_axes(ax, height=2.2)
        for place, label in enumerate(dataset["regime"].values):
            mean = values.values[:, inside, place].mean(0)
            (line,) = ax.plot(t[inside], mean, label=f"regime {label}")
            ax.fill_between(t[inside], *tails[:, :, place], color=line.get_color(), alpha=0.25, linewidth=0)
        ax.set(ylim=(-0.03, 1.03), xlabel=time_label(dataset), ylabel="probability")
        ax.set_title(name.replace("$", r"\$"), loc="left")
        legend_above(ax)
    return ax


@checked
def dwell_times(dataset: xr.Dataset, ax: Axes | None = None, *, prob: Probability = 0.9) -> Axes:
    """Draw how long each regime lasts at a stretch.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.regimes.dwell_times`` returns it.
    ax
        Axes, or None.
    prob
        Probability of the intervals.

    Returns
    -------
    Axes
        Median and interval of the mean time from entering a regime to leaving it, on a logarithmic axis.

    Raises
    ------
    DataError
        If the dataset holds no dwell times.

    See Also
    --------
    sdebayes.analysis.regimes.dwell_times : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.regimes.dwell_times`:

    >>> ax = sb.plots.regimes.dwell_times(found)
    >>> ax.get_xscale()
    'log'
    """
    need(dataset, ["dwell_time"], "sdebayes.analysis.regimes.dwell_times")
    found = summarize(dataset[["dwell_time"]], prob=prob)["dwell_time"]
    middle, low, high = (found.sel(statistic=name).values for name in ("median", "lower", "upper"))
    rows = np.arange(len(middle))
    with look():
        ax = one_axes(ax, height=0.8 + 0.3 * len(rows))
        ax.errorbar(middle, rows, xerr=[middle - low, high - middle], fmt="o", markersize=4)
        ax.margins(y=0.3)
        ax.set_yticks(rows, [f"regime {label}" for label in dataset["regime"].values])
        ax.set(xscale="log", xlabel=f"dwell time ({dataset['dwell_time'].attrs.get('units', 'time')})")
        plain_decades(ax.xaxis)
        ax.invert_yaxis()
    return ax
