"""Scaling exponents of data beside those of simulated ensembles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Probability
from sdebayes.analysis import summarize
from sdebayes.plots.style import DATA, POSTERIOR, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@checked
def exponents(dataset: xr.Dataset, ax: Axes | None = None, *, prob: Probability = 0.9) -> Axes:
    """Draw the scaling exponent of every state, data beside simulated ensembles.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.moments.displacement_exponent`` or
        ``sdebayes.analysis.moments.allan_exponent`` returns it.
    ax
        Axes, or None.
    prob
        Probability of the interval.

    Returns
    -------
    Axes
        A state a row: the interval of the simulations in blue, and above it the data with two standard errors.

    Raises
    ------
    DataError
        If the dataset holds no slope.
    """
    need(
        dataset,
        ["slope" if "slope" in dataset else "slope_data"],
        "sdebayes.analysis.moments.displacement_exponent",
    )
    rows = np.arange(dataset.sizes["state"])
    with look():
        ax = one_axes(ax, height=0.8 + 0.25 * rows.size)
        if "slope" in dataset:
            summary = summarize(dataset[["slope"]], prob=prob)["slope"]
            low, middle, high = (summary.sel(statistic=name).values for name in ("lower", "median", "upper"))
            ax.hlines(rows + 0.12, low, high, color=POSTERIOR, linewidth=2, alpha=0.5)
            ax.plot(
                middle,
                rows + 0.12,
                "o",
                color=POSTERIOR,
                markersize=4,
                label=f"simulated, {prob:.0%} interval",
            )
        if "slope_data" in dataset:
            values, errors = dataset["slope_data"].values, dataset["slope_standard_error_data"].values
            ax.errorbar(
                values,
                rows - 0.12,
                xerr=2 * errors,
                fmt="o",
                color=DATA,
                markersize=4,
                linewidth=0.9,
                label="data ± 2 s.e.",
            )
        ax.set(xlabel=f"exponent over the lags {dataset.attrs['lags']}", yticks=rows)
        ax.set_yticklabels([str(state) for state in dataset["state"].values])
        ax.invert_yaxis()
        legend_above(ax)
    return ax
