"""Figures of how noise changes along trajectories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Probability
from sdebayes.analysis import summarize
from sdebayes.plots.style import BAND, SEQUENTIAL, legend_above, look, need, one_axes, time_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["noise_growth"]


@checked
def noise_growth(dataset: xr.Dataset, ax: Axes | None = None, *, prob: Probability = 0.9) -> Axes:
    """Draw the variance about the best linear forecast over time, a line for each lag with its band.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.depth.noise_growth`` returns it.
    ax
        Axes, or None.
    prob
        Probability of the band.

    Returns
    -------
    Axes
        With a logarithmic axis of the variance, on which exponential growth is a straight line.

    Raises
    ------
    DataError
        If the dataset holds no such variances.

    See Also
    --------
    sdebayes.analysis.depth.noise_growth : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.depth.noise_growth`:

    >>> ax = sb.plots.depth.noise_growth(found)
    >>> ax.get_yscale()
    'log'
    """
    need(dataset, ["variance", "rate"], "sdebayes.analysis.depth.noise_growth")
    import matplotlib as mpl

    colours = mpl.colormaps[SEQUENTIAL](np.linspace(0, 0.85, dataset.sizes["lag"]))
    with look():
        ax = one_axes(ax, height=2.8)
        for lag, colour in zip(dataset["lag"].values.tolist(), colours, strict=True):
            summary = summarize(dataset[["variance"]].sel(lag=lag).isel(time=slice(lag, None)), prob=prob)
            low, middle, high = (
                summary["variance"].sel(statistic=name) for name in ("lower", "median", "upper")
            )
            ax.plot(summary["t"], middle, color=colour, label=f"from {lag} step{'s' * (lag > 1)} before")
            ax.fill_between(summary["t"], low, high, color=colour, alpha=BAND, linewidth=0)
        ax.set(yscale="log", xlabel=time_label(dataset), ylabel="noise variance\n(mean over states)")
        legend_above(ax, 2)
    return ax
