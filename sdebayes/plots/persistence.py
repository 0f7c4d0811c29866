"""Figures of how much the present step tells of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes.plots.rows import name_rows
from sdebayes.plots.style import DATA, REFERENCE, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["persistence"]


@checked
def persistence(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the lag-1 autocorrelation of each state beside that of shuffled data.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.persistence.persistence`` returns it.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        A state a row; the bar is the range over the shuffles.

    Raises
    ------
    DataError
        If the dataset holds no such numbers.

    See Also
    --------
    sdebayes.analysis.persistence.persistence : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.persistence.persistence`:

    >>> ax = sb.plots.persistence.persistence(found)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['x1']
    """
    names = ["autocorrelation", "autocorrelation_shuffled"]
    need(dataset, names, "sdebayes.analysis.persistence.persistence")
    null = dataset["autocorrelation_shuffled"]
    rows = np.arange(dataset.sizes["state"])
    with look():
        ax = one_axes(ax, height=0.8 + 0.2 * rows.size)
        ax.axvline(0, color=REFERENCE, linewidth=0.6)
        ax.hlines(
            rows,
            null.min("sample"),
            null.max("sample"),
            color=REFERENCE,
            linewidth=4,
            alpha=0.5,
            label="shuffled",
        )
        ax.plot(dataset["autocorrelation"], rows, "o", color=DATA, markersize=5, label="data")
        ax.set(xlabel="autocorrelation at lag 1")
        name_rows(ax, dataset["state"].values)
        legend_above(ax)
    return ax
