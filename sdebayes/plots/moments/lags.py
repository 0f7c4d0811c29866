"""Statistics over lags, data over the band of simulated ensembles."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Panels, Probability
from sdebayes.plots.sight import keep_in_sight
from sdebayes.plots.style import (
    DATA,
    REFERENCE,
    band,
    look,
    need,
    outer_labels,
    panels,
    plain_decades,
    share_legend,
)

_INCREMENTS = {
    "mean_squared_displacement": "mean squared\ndisplacement",
    "mean": "mean increment",
    "skewness": "skewness",
    "kurtosis": "excess kurtosis",
    "slope": "slope of the mean\nsquared displacement",
}
_ZERO_OF_NORMAL = ("mean", "skewness", "kurtosis")


@checked
def autocorrelation(dataset: xr.Dataset, ax: Panels | None = None, *, prob: Probability = 0.9) -> np.ndarray:
    """Draw the autocorrelation of the data over the band of simulated ensembles.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.moments.autocorrelation`` returns it.
    ax
        One axes for each state, or None.
    prob
        Probability of the band.

    Returns
    -------
    numpy.ndarray
        The axes, (state,).

    Raises
    ------
    DataError
        If the dataset holds neither data nor simulations.

    See Also
    --------
    sdebayes.analysis.moments.autocorrelation : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.moments.autocorrelation`:

    >>> axes = sb.plots.moments.autocorrelation(found)
    >>> axes.shape
    (2,)
    """
    axes = _by_lag(dataset, "autocorrelation", ax, prob)
    with look():
        for one in axes:
            one.axhline(0, color=REFERENCE, linewidth=0.6)
            one.xaxis.get_major_locator().set_params(integer=True)
        outer_labels(axes, "lag (steps)", "autocorrelation")
    return axes


@checked
def increments(
    dataset: xr.Dataset,
    ax: Panels | None = None,
    *,
    variable: str = "mean_squared_displacement",
    prob: Probability = 0.9,
) -> np.ndarray:
    """Draw one moment of the data's increments over the lag, on the band of simulated ensembles.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.moments.increments`` returns it.
    ax
        One axes for each state, or None.
    variable
        ``"mean_squared_displacement"``, ``"mean"``, ``"skewness"``, ``"kurtosis"`` (excess over the normal) or
        ``"slope"``.
    prob
        Probability of the band.

    Returns
    -------
    numpy.ndarray
        The axes, (state,), over a logarithmic lag.

    Raises
    ------
    DataError
        If there is no such variable, or the dataset holds neither data nor simulations.

    See Also
    --------
    sdebayes.analysis.moments.increments : Computes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.moments.increments`:

    >>> axes = sb.plots.moments.increments(found, variable="kurtosis")
    >>> axes.shape
    (1,)
    """
    if variable not in _INCREMENTS:
        raise DataError(f"variable={variable!r} is not known; use one of {', '.join(_INCREMENTS)}.")
    axes = _by_lag(dataset, variable, ax, prob, "sdebayes.analysis.moments.increments")
    if variable in _ZERO_OF_NORMAL:
        for one in axes:
            one.axhline(0, color=REFERENCE, linewidth=0.6)
    _logarithmic(axes, "lag (steps)", _INCREMENTS[variable], y_too=False)
    return axes


@checked
def allan_deviation(dataset: xr.Dataset, ax: Panels | None = None, *, prob: Probability = 0.9) -> np.ndarray:
    """Draw the Allan deviation of the data over the band of simulated ensembles, on logarithmic axes.

    Parameters
    ----------
    dataset
        As ``sdebayes.analysis.moments.allan_deviation`` returns it.
    ax
        One axes for each state, or None.
    prob
        Probability of the band.

    Returns
    -------
    numpy.ndarray
        The axes, (state,).

    Raises
    ------
    DataError
        If the dataset holds neither data nor simulations.

    See Also
    --------
    sdebayes.analysis.moments.allan_deviation : Computes it.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.moments.allan_deviation`:

    >>> axes = sb.plots.moments.allan_deviation(found)
    >>> axes[0].get_xscale()
    'log'
    """
    axes = _by_lag(dataset, "allan_deviation", ax, prob)
    _logarithmic(axes, "block (steps)", "Allan deviation")
    both = [dataset[name] for name in ("allan_deviation_data", "allan_deviation") if name in dataset]
    middles = [one.median("sample") if "sample" in one.dims else one for one in both]
    for axis, state in zip(axes, dataset["state"].values, strict=True):
        keep_in_sight(axis, np.concatenate([one.sel(state=state).values.ravel() for one in middles]))
    return axes


def _by_lag(dataset: xr.Dataset, name: str, ax: Any, prob: float, maker: str = "") -> np.ndarray:
    """Draw a statistic over lags, a panel a state: the data's as points over the band of the simulations."""
    if name not in dataset:
        need(dataset, [f"{name}_data"], maker or f"sdebayes.analysis.moments.{name}")
    lag = dataset["lag"].values
    with look():
        axes = panels(dataset.sizes["state"], ax, height=1.5)
        for state, one in zip(dataset["state"].values, axes, strict=True):
            if name in dataset:
                band(one, lag, dataset[name].sel(state=state), prob=prob, label="simulated")
            if f"{name}_data" in dataset:
                values = dataset[f"{name}_data"].sel(state=state)
                one.plot(lag, values, "o", color=DATA, markersize=3, label="data")
            above = 20 if len(axes) == 1 else None  # one panel has its own legend above
            one.set_title(str(state), loc="left", fontweight="bold", pad=above)
        share_legend(axes)
    return axes


def _logarithmic(axes: np.ndarray, x: str, y: str, y_too: bool = True) -> None:
    """Make x, or both axes, logarithmic, with plain numbers at 1, 2 and 5 of each decade."""
    with look():
        for one in axes:
            one.set(xscale="log", yscale="log" if y_too else "linear")
            for axis in (one.xaxis, one.yaxis) if y_too else (one.xaxis,):
                plain_decades(axis)
        outer_labels(axes, x, y)
