"""How often forecast intervals held what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes.plots.style import DATA, REFERENCE, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["coverage"]


def coverage(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw how often the intervals of each coordinate held what came, with the interval of that share.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.calibration.coverage`` returns it.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        A coordinate a row; left of the dotted line intervals hold less than they promise, right of it more.

    Raises
    ------
    DataError
        If the dataset holds no coverage.
    """
    need(dataset, ["coverage", "lower", "upper"], "sdebayes.analysis.calibration.coverage")
    (dim,) = dataset["coverage"].dims
    rows = np.arange(dataset.sizes[dim])
    share = dataset["coverage"].values
    bars = np.stack([share - dataset["lower"].values, dataset["upper"].values - share])
    nominal, prob = float(dataset.attrs["nominal"]), float(dataset.attrs["prob"])
    with look():
        ax = one_axes(ax, height=0.8 + 0.22 * rows.size)
        ax.axvline(nominal, color=REFERENCE, linewidth=0.8, linestyle=":", label=f"promised, {nominal:.0%}")
        ax.errorbar(
            share,
            rows,
            xerr=np.maximum(bars, 0),
            fmt="o",
            color=DATA,
            markersize=4,
            capsize=2,
            label=f"data, {prob:.0%} interval",
        )
        ax.set(xlabel="share inside the forecast interval", yticks=rows, ylim=(rows.size - 0.5, -0.5))
        ax.set_yticklabels([str(label) for label in dataset[dim].values])
        legend_above(ax)
    return ax
