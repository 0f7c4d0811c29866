"""Mean and variance from the moment equations, over time."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Panels, Probability
from sdebayes.plots.style import DATA, TRUTH, band, look, need, outer_labels, panels, share_legend, time_label


@checked
def moment_equations(
    dataset: xr.Dataset,
    ax: Panels | None = None,
    *,
    beside: xr.Dataset | None = None,
    state: str | None = None,
    prob: Probability = 0.9,
) -> np.ndarray:
    """Draw mean and variance of one state's observations over time, with their posterior bands.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.moments.moment_equations`` returns it.
    ax
        Two axes, or None.
    beside
        As ``sdebayes.analysis.moments.moments`` returns it, not pooled: the moments of data are drawn in orange, those
        of simulations, averaged over draws, as black dashes.
    state
        Which state; by default the first.
    prob
        Probability of the band.

    Returns
    -------
    numpy.ndarray
        The axes, (2,). Where the dataset has no covariance of the observations, the variance is that of the state.

    Raises
    ------
    DataError
        If the dataset holds no moments over time, or there is no such state.

    See Also
    --------
    sdebayes.analysis.moments.moment_equations : Solves them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.moments.moment_equations(posterior, times=[0, 1, 2, 3])
    >>> axes = sb.plots.moments.moment_equations(found)
    >>> axes.shape
    (2,)
    """
    need(dataset, ["mean", "covariance"], "sdebayes.analysis.moments.moment_equations")
    labels = [str(label) for label in dataset["state"].values]
    chosen = labels[0] if state is None else state
    if "time" not in dataset.dims or chosen not in labels:
        raise DataError(f"Expected moments over time of one of {', '.join(labels)}; got state {chosen!r}.")
    variance = "observed_covariance" if "observed_covariance" in dataset else "covariance"
    with look():
        axes = panels(2, ax)
        own = _mean_and_variance(dataset, "mean", variance, chosen)
        for (name, draws), one in zip(own.items(), axes, strict=True):
            band(one, dataset["time"].values, draws, prob=prob, label="equations")
            one.set(ylabel=f"{name} of {chosen}")
        if beside is not None:
            need(beside, ["time"], "sdebayes.analysis.moments.moments")
            _draw_beside(axes, beside, chosen)
        outer_labels(axes, time_label(dataset), None)
        share_legend(axes)
    return axes


def _draw_beside(axes: np.ndarray, beside: xr.Dataset, state: str) -> None:
    """Draw the moments of data and of simulations, where they are there."""
    time = beside["time"].values
    if "mean_data" in beside:
        parts = _mean_and_variance(beside, "mean_data", "covariance_data", state)
        for value, one in zip(parts.values(), axes, strict=True):
            one.plot(time, value, color=DATA, linewidth=0.9, label="data")
    if "mean" in beside.data_vars:
        parts = _mean_and_variance(beside, "mean", "covariance", state)
        for value, one in zip(parts.values(), axes, strict=True):
            one.plot(time, value.mean("sample"), color=TRUTH, linestyle="--", label="simulated, mean")


def _mean_and_variance(
    dataset: xr.Dataset, mean: str, covariance: str, state: str
) -> dict[str, xr.DataArray]:
    return {
        "mean": dataset[mean].sel(state=state, drop=True),
        "variance": dataset[covariance].sel(state=state, state_bis=state, drop=True),
    }
