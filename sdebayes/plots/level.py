"""Figures of the level about which trajectories move."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.kinds import Panels, Probability, States
from sdebayes.analysis.evaluate import state_indices
from sdebayes.plots.rows import draw_intervals, name_rows
from sdebayes.plots.style import REFERENCE, band, look, need, panels, share_legend

__all__ = ["along"]


@checked
def along(
    dataset: xr.Dataset, ax: Panels | None = None, *, states: States | None = None, prob: Probability = 0.9
) -> np.ndarray:
    """Draw how the level of each state depends on a covariate.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.level.along`` returns it.
    ax
        Axes, one for each state, or None.
    states
        States to show, by default the first four.
    prob
        Probability of the band.

    Returns
    -------
    numpy.ndarray
        The axes, (state,): mean and band over the draws along a number, a row with median and interval for each
        category; the grey line is the level of an average step.

    Raises
    ------
    DataError
        If the dataset holds no level, or there is no such state.

    See Also
    --------
    sdebayes.analysis.level.along : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.level.along`:

    >>> axes = sb.plots.level.along(sb.analysis.level.along(posterior, "t"))
    >>> axes[0].get_xlabel()
    't'
    """
    need(dataset, ["level"], "sdebayes.analysis.level.along")
    labels = [str(label) for label in dataset["state"].values]
    chosen = [
        labels[i] for i in state_indices(labels, range(min(4, len(labels))) if states is None else states)
    ]
    values, name = dataset["at"].values, str(dataset.attrs.get("covariate", "covariate"))
    categories = values.dtype.kind not in "iuf"
    with look():
        axes = panels(len(chosen), ax)
        for label, one in zip(chosen, axes, strict=True):
            draws = dataset["level"].sel(state=label, drop=True)
            if categories:
                draw_intervals(one, draws, prob)
                name_rows(one, values)
                one.axvline(0, color=REFERENCE, linewidth=0.8, zorder=0)
                one.set(xlabel=f"level of {label}")
            else:
                band(one, values, draws, prob=prob, label="posterior")
                one.axhline(0, color=REFERENCE, linewidth=0.8, zorder=0)
                one.set(xlabel=name, ylabel=f"level of {label}")
        share_legend(axes)
    return axes
