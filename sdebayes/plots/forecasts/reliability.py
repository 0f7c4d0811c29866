"""Whether the probabilities of forecasts come true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.draws import evenly_spread
from sdebayes._core.kinds import Count
from sdebayes.plots.style import REFERENCE, SEQUENTIAL, legend_above, look, need, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@checked
def reliability(dataset: xr.Dataset, ax: Axes | None = None, *, horizons: Count = 3) -> Axes:
    """Draw by how much intervals hold more or less than they promise, all coordinates together.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.forecasts.reliability`` returns it.
    ax
        Axes, or None.
    horizons
        At most so many horizons are shown, evenly from the first to the last.

    Returns
    -------
    Axes
        The share inside minus the nominal probability, over that probability: above zero intervals are too wide, below
        too narrow.

    Raises
    ------
    DataError
        If the dataset holds no coverage.

    See Also
    --------
    sdebayes.analysis.forecasts.reliability : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.forecasts.reliability`:

    >>> ax = sb.plots.forecasts.reliability(found)
    >>> ax.get_xlabel()
    'probability of the interval'
    """
    need(dataset, ["overall", "overall_lower", "overall_upper"], "sdebayes.analysis.forecasts.reliability")
    whole = dataset if "horizon" in dataset["overall"].dims else dataset.expand_dims("horizon")
    chosen = evenly_spread(whole.sizes["horizon"], horizons)
    nominal = whole["nominal"].values
    with look():
        import matplotlib as mpl

        ax = one_axes(ax)
        ax.axhline(0, color=REFERENCE, linewidth=0.8)
        colours = mpl.colormaps[SEQUENTIAL](np.linspace(0, 0.75, len(chosen)))
        for number, (index, colour) in enumerate(zip(chosen, colours, strict=True)):
            here = whole.isel(horizon=index).transpose("nominal", ...)
            share = here["overall"].values
            bars = [share - here["overall_lower"].values, here["overall_upper"].values - share]
            shift = 0.012 * (number - (len(chosen) - 1) / 2)
            ax.errorbar(
                nominal + shift,
                share - nominal,
                yerr=np.maximum(bars, 0),
                color=colour,
                marker="os^Dv"[number % 5],
                markersize=3,
                linewidth=0.8,
                label=_label(here),
            )
        ax.set(xlabel="probability of the interval", ylabel="share inside − probability", xlim=(0, 1))
        legend_above(ax)
    return ax


def _label(here: xr.Dataset) -> str:
    if "horizon" not in here.coords:
        return "forecast"
    ahead = int(here["horizon"])
    return f"{ahead} step{'s' if ahead > 1 else ''} ahead"
