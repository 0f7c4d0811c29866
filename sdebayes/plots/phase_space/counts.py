"""How many fixed points the draws have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes.plots.phase_space.planes import SECOND
from sdebayes.plots.style import POSTERIOR, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH = 0.38


@checked
def fixed_point_counts(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw how probable each number of stable and of unstable fixed points is.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.phase_space.fixed_point_counts`` returns it.
    ax
        Axes, or None.

    Returns
    -------
    Axes
        Two bars for each number, the share of draws that have so many stable, and so many unstable fixed points.

    Raises
    ------
    DataError
        If the dataset holds no such probabilities.

    See Also
    --------
    sdebayes.analysis.phase_space.fixed_point_counts : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.phase_space.fixed_point_counts`:

    >>> ax = sb.plots.phase_space.fixed_point_counts(counts)
    >>> ax.get_xlabel()
    'number of fixed points'
    """
    need(dataset, ["probability", "mean"], "sdebayes.analysis.phase_space.fixed_point_counts")
    number = dataset["number"].values
    with look():
        ax = one_axes(ax, height=2.4)
        for side, kind, colour in ((-1, "stable", POSTERIOR), (1, "unstable", SECOND)):
            shares = dataset["probability"].sel(kind=kind).transpose("number").values
            ax.bar(number + side * _WIDTH / 2, shares, _WIDTH, color=colour, label=kind)
        ax.set(xlabel="number of fixed points", ylabel="share of draws", ylim=(0, 1))
        ax.set_xticks(np.asarray(number))
        legend_above(ax)
    return ax
