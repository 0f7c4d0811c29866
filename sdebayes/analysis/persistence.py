"""How much of the next step the present one tells, beside the same numbers for shuffled data."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Seed, Trajectories
from sdebayes.analysis.moments import autocorrelation
from sdebayes.data import shuffle_within

__all__ = ["persistence"]

_LONG_NAMES = {
    "autocorrelation": "lag-1 autocorrelation within trajectories",
    "r2_next": "R² of the next state",
    "r2_increment": "R² of the increment",
    "r2_increment_reference": "R² of the increment that a lag-1 autocorrelation ρ alone gives, (1 − ρ)/2",
}


@checked
def persistence(data: Trajectories, shuffles: Count = 20, seed: Seed = 0) -> xr.Dataset:
    r"""Measure how much of the next state, and of the increment, the present state tells.

    Parameters
    ----------
    data
        ``y(trajectory, time, state)``.
    shuffles
        Number of times the steps are shuffled within their trajectories, for the null beside each number.
    seed
        Seed of the shuffles.

    Returns
    -------
    xarray.Dataset
        Over ``state``: ``autocorrelation`` at lag 1, each trajectory centred; ``r2_next`` and ``r2_increment``, the
        shares of the variance of the next state and of the increment that a linear regression on all present states
        explains; ``r2_increment_reference``, (1 − ρ)/2; and each again with the ending ``_shuffled`` over
        (sample, state), a sample for each shuffle.

    Raises
    ------
    DataError
        If there are fewer pairs of successive complete steps than a regression needs, or ``shuffles`` < 1.

    See Also
    --------
    sdebayes.claims : Whether a model supports an order.
    sdebayes.plots.persistence.persistence : Draws it.

    Notes
    -----
    The R² of increments misleads when it is read alone: of a stationary process with lag-1 autocorrelation ρ

    .. math:: R^2_{\Delta} \ge \frac{\operatorname{Cov}(x_{k+1} - x_k, x_k)^2}{\operatorname{Var}(x_{k+1} - x_k)
              \operatorname{Var}(x_k)} = \frac{1 - \rho}{2},

    with equality if the own present state is all that tells of it: white noise, of which nothing can be predicted,
    has one half. Here ρ is taken about the mean of all trajectories, as in the regression.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 400, 0.1)
    >>> found = sb.analysis.persistence.persistence(data, shuffles=5)
    >>> float(found["autocorrelation"].squeeze().round(1)), float(found["r2_next"].squeeze().round(1))
    (0.9, 0.8)
    >>> bool(abs(found["autocorrelation_shuffled"]).max() < 0.3)
    True
    """
    if shuffles < 1:
        raise DataError(f"shuffles={shuffles}; at least 1 is needed.")
    own = _measure(data)
    null = [_measure(shuffle_within(data, seed + index)) for index in range(shuffles)]
    stacked = xr.concat(null, "sample").rename({name: f"{name}_shuffled" for name in own.data_vars})
    result = own.merge(stacked)
    for name, text in _LONG_NAMES.items():
        result[name].attrs["long_name"] = text
    return result.assign_attrs(seed=seed)


def _measure(data: xr.Dataset) -> xr.Dataset:
    now, following = _pairs(data)
    level = autocorrelation(data, 1, centre="all")["autocorrelation_data"].sel(lag=1, drop=True)
    within = autocorrelation(data, 1, centre="trajectory")["autocorrelation_data"].sel(lag=1, drop=True)
    return xr.Dataset(
        {
            "autocorrelation": within,
            "r2_next": ("state", _explained(now, following)),
            "r2_increment": ("state", _explained(now, following - now)),
            "r2_increment_reference": (1 - level) / 2,
        }
    )


def _pairs(data: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return successive complete steps, (transition, state) each."""
    y = data["y"].transpose("trajectory", "time", "state").values
    whole = np.isfinite(y).all(axis=-1)
    both = whole[:, :-1] & whole[:, 1:]
    if both.sum() < y.shape[-1] + 2:
        raise DataError(
            f"There are {int(both.sum())} pairs of successive complete steps; a regression on {y.shape[-1]} states "
            f"needs {y.shape[-1] + 2}."
        )
    return y[:, :-1][both], y[:, 1:][both]


def _explained(inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """R² of each output in a least-squares regression on the inputs and a constant."""
    design = np.column_stack([np.ones(len(inputs)), inputs])
    residual = outputs - design @ np.linalg.lstsq(design, outputs, rcond=None)[0]
    return 1 - (residual**2).sum(axis=0) / ((outputs - outputs.mean(axis=0)) ** 2).sum(axis=0)
