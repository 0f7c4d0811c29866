"""Figures of the tests of fit: data beside replicates, and innovations beside the normal law."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Drawn, Panels, Probability
from sdebayes.plots.rows import name_rows
from sdebayes.plots.style import (
    BAND,
    DATA,
    POSTERIOR,
    REFERENCE,
    legend_above,
    look,
    one_axes,
    panels,
    share_legend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@checked
def replicates(dataset: xr.Dataset, ax: Panels | None = None, *, prob: Probability = 0.9) -> np.ndarray:
    """Draw the statistics of a test of fit beside what replicates of the data have.

    Parameters
    ----------
    dataset
        As `sdebayes.analysis.process.stationarity`, `sdebayes.analysis.process.markov`,
        `sdebayes.analysis.process.gaussian_innovations`, `sdebayes.analysis.process.constant_noise`,
        `sdebayes.analysis.process.changing_variance`, `sdebayes.analysis.process.long_memory`,
        `sdebayes.analysis.process.first_state`, `sdebayes.analysis.process.outliers`,
        `sdebayes.analysis.process.return_to_equilibrium` or `sdebayes.analysis.process.reversibility` return it.
    ax
        Axes, one for each statistic, or None.
    prob
        Probability of the bars.

    Returns
    -------
    numpy.ndarray
        The axes: a row a state, or a term; the bar holds ``prob`` of the replicates, the dot is the data. A figure made
        here has the p-value over all rows below.

    Raises
    ------
    DataError
        If the dataset holds no statistic with replicates.

    See Also
    --------
    sdebayes.analysis.process.markov : One of the tests.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.process.markov`:

    >>> axes = sb.plots.process.replicates(found)
    >>> axes.shape
    (1,)
    """
    names = [str(name) for name in dataset.data_vars if f"{name}_replicated" in dataset]
    if not names:
        raise DataError(
            f"Found {', '.join(map(str, dataset.data_vars)) or 'nothing'}; expected a statistic with replicates, as "
            "the tests of sdebayes.analysis.process return it."
        )
    dim = str(dataset[names[0]].dims[0])
    rows = np.arange(dataset.sizes[dim])
    tail = (1 - prob) / 2
    with look():
        axes = panels(len(names), ax, height=0.5 + 0.2 * rows.size)
        for name, one in zip(names, axes, strict=True):
            lower, upper = dataset[f"{name}_replicated"].quantile([tail, 1 - tail], "replicate").values
            label = f"replicates, {prob:.0%}"
            one.hlines(rows, lower, upper, color=POSTERIOR, linewidth=4, alpha=2 * BAND, label=label)
            one.plot(dataset[name], rows, "o", color=DATA, markersize=4.5, label="data")
            one.set(xlabel=name.replace("_", " "))
            name_rows(one, dataset[dim].values)
        if ax is None:
            p = float(dataset["p_value"])
            axes[0].figure.supxlabel(f"p = {p:.2g} over all rows", fontsize=7)
        share_legend(axes)
    return axes


@checked
def innovations(values: Drawn, ax: Axes | None = None, *, prob: Probability = 0.9) -> Axes:
    """Draw quantiles of standardised innovations, all states together, over those of the normal distribution.

    Parameters
    ----------
    values
        As `sdebayes.analysis.process.innovations` returns them.
    ax
        Axes, or None.
    prob
        Probability of the band over draws.

    Returns
    -------
    Axes
        On the grey diagonal the innovations are standard normal; ends that bend away from it are heavy tails.

    Raises
    ------
    DataError
        If there is no innovation.

    See Also
    --------
    sdebayes.analysis.process.innovations : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.process.innovations`:

    >>> ax = sb.plots.process.innovations(found)
    >>> ax.get_xlabel()
    'quantile of the normal distribution'
    """
    from scipy.stats import norm

    draws = values.transpose("sample", ...).values.reshape(values.sizes["sample"], -1)
    draws = np.sort(draws[:, np.isfinite(draws).all(axis=0)], axis=1)
    if not draws.shape[1]:
        raise DataError(
            "There is no finite innovation; pass what sdebayes.analysis.process.innovations returned."
        )
    count = draws.shape[1]
    shown = np.unique(np.concatenate([np.arange(min(50, count)), np.linspace(0, count - 1, 200).astype(int)]))
    shown = np.union1d(shown, count - 1 - shown)
    expected = norm.ppf((shown + 0.5) / count)
    lower, middle, upper = np.quantile(draws[:, shown], [(1 - prob) / 2, 0.5, (1 + prob) / 2], axis=0)
    with look():
        ax = one_axes(ax, height=2.6)
        ax.plot(expected[[0, -1]], expected[[0, -1]], color=REFERENCE, linewidth=0.8, label="normal")
        if len(draws) > 1:
            label = f"{prob:.0%} of draws"
            ax.fill_between(expected, lower, upper, color=POSTERIOR, alpha=BAND, linewidth=0, label=label)
        ax.plot(expected, middle, ".", color=DATA, markersize=3, label="data")
        ax.set(xlabel="quantile of the normal distribution", ylabel="quantile of the innovations")
        legend_above(ax)
    return ax
