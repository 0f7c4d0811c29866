"""Time constants of modes, as figures of different spectra show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from sdebayes.plots.rows import draw_intervals, name_rows
from sdebayes.plots.style import TRUTH, legend_above, look, one_axes, plain_decades, time_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE = 10.0


def time_constants(dataset: xr.Dataset, ax: Axes | None, *, truth: xr.Dataset | None, prob: float) -> Axes:
    """Draw ``time_constant`` (sample, mode), a mode a row, with the share of draws in which it rotates.

    Parameters
    ----------
    dataset
        ``time_constant`` and ``imaginary_part`` (sample, mode).
    ax
        Axes, or None.
    truth
        The same of a known SDE, in black.
    prob
        Probability of the interval.

    Returns
    -------
    Axes
        Median and interval, on a logarithmic axis where they span more than a factor of ten.
    """
    rotating = (dataset["imaginary_part"] != 0).mean("sample").values
    with look():
        ax = one_axes(ax, height=0.9 + 0.24 * rotating.size)
        low, high = draw_intervals(ax, dataset["time_constant"], prob)
        if truth is not None:
            known = truth["time_constant"].mean("sample").values[: rotating.size]
            ax.plot(known, np.arange(known.size), "x", color=TRUTH, label="truth")
        if high.max() > _WIDE * low.min():
            ax.set_xscale("log")
            wide = high.max() > _WIDE**2 * low.min()
            plain_decades(ax.xaxis, (1,) if wide else (1, 2, 5))
        ax.set(xlabel=time_label(dataset, "time constant"), ylabel="mode (slowest first)")
        shares = zip(dataset["mode"].values, rotating, strict=True)
        name_rows(ax, [f"{mode}  ({share:.0%} rotate)" for mode, share in shares])
        legend_above(ax)
    return ax
