"""Moments over time, data over the band of simulated ensembles."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Panels, Probability
from sdebayes.plots.style import DATA, band, look, need, outer_labels, panels, share_legend, time_label

_NAMES = {"mean": "mean", "variance": "variance", "skewness": "skewness", "kurtosis": "excess kurtosis"}


@checked
def moments(
    dataset: xr.Dataset, ax: Panels | None = None, *, state: str | None = None, prob: Probability = 0.9
) -> np.ndarray:
    """Draw mean, variance, skewness and kurtosis of one state over time, data over the band of simulations.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.moments.moments`` returns it, not pooled.
    ax
        Four axes, or None.
    state
        Which state; by default the first.
    prob
        Probability of the band.

    Returns
    -------
    numpy.ndarray
        The axes, (4,); a moment for which there are too few values at every step says so.

    Raises
    ------
    DataError
        If there is no time or no such state.

    See Also
    --------
    sdebayes.analysis.moments.moments : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.moments.mask_like`:

    >>> axes = sb.plots.moments.moments(sb.analysis.moments.moments(test, replicates), state="x2")
    >>> axes.shape
    (4,)
    """
    need(dataset, ["state"], "sdebayes.analysis.moments.moments")
    labels = list(dataset["state"].values)
    chosen = labels[0] if state is None else state
    if "time" not in dataset.dims or chosen not in labels:
        raise DataError(
            f"Expected moments over time of one of {', '.join(labels)}; got state {chosen!r}, "
            f"dimensions {', '.join(map(str, dataset.dims))}."
        )
    time = dataset["time"].values
    with look():
        axes = panels(len(_NAMES), ax, height=1.5)
        for (name, label), one in zip(_NAMES.items(), axes, strict=True):
            simulated, own = (
                _moment(dataset, name, ending, chosen) if f"mean{ending}" in dataset.data_vars else None
                for ending in ("", "_data")
            )
            if simulated is not None and simulated.notnull().any():
                band(one, time, simulated, prob=prob, label="simulated")
            if own is not None and own.notnull().any():
                one.plot(time, own, color=DATA, linewidth=0.9, label="data")
            if not one.lines:
                one.text(0.5, 0.5, "too few values", transform=one.transAxes, ha="center", va="center")
            one.set(ylabel=f"{label} of {chosen}")
        outer_labels(axes, time_label(dataset), None)
        share_legend(axes)
    return axes


def _moment(dataset: xr.Dataset, name: str, ending: str, state: str) -> xr.DataArray:
    """One moment of one state; the variance is on the covariance's diagonal."""
    if name == "variance":
        return dataset[f"covariance{ending}"].sel(state=state, state_bis=state, drop=True)
    return dataset[f"{name}{ending}"].sel(state=state, drop=True)
