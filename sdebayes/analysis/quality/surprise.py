"""How surprising each step is under its one-step forecast."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Predicted, Trajectories

__all__ = ["surprise"]


@checked
def surprise(predicted: Predicted, data: Trajectories) -> xr.Dataset:
    r"""Judge every step by the law that the steps before it gave.

    Parameters
    ----------
    predicted
        ``mean`` (sample, trajectory, time, state) and ``covariance`` (…, state, state_bis), as a posterior's
        ``predict`` returns them.
    data
        ``y(trajectory, time, state)``, the observations that were predicted.

    Returns
    -------
    xarray.Dataset
        Over (trajectory, time): ``log_density``, in nats, the log of the mean over draws of the forecast density; and
        ``tail_probability``, the mean over draws of :math:`P(\chi^2_n \ge d^2)`, d the Mahalanobis distance of what
        came from its forecast and n the number of observed coordinates: how often a calibrated process brings a step
        at least so far off. NaN where nothing was observed.

    Raises
    ------
    DataError
        If forecasts and data do not fit together.
    """
    from scipy.special import logsumexp
    from scipy.stats import chi2

    y = data["y"].transpose("trajectory", "time", "state").values
    mean, covariance = predicted["mean"].values, predicted["covariance"].values
    if mean.shape[1:] != y.shape:
        raise DataError(
            f"The forecasts have the shape {mean.shape[1:]} and the data {y.shape}; pass the data given to predict."
        )
    log_density = np.full(mean.shape[:-1], np.nan)
    tail = np.full(mean.shape[:-1], np.nan)
    observed = np.isfinite(y)
    for pattern in np.unique(observed[observed.any(axis=-1)], axis=0):
        steps = np.nonzero((observed == pattern).all(axis=-1))
        residual = y[steps][:, pattern] - mean[:, *steps][..., pattern]
        factor = np.linalg.cholesky(covariance[:, *steps][..., pattern, :][..., pattern])
        white = np.linalg.solve(factor, residual[..., None])[..., 0]
        distance = (white**2).sum(axis=-1)
        log_determinant = 2 * np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(axis=-1)
        log_density[:, *steps] = -0.5 * (distance + log_determinant + pattern.sum() * np.log(2 * np.pi))
        tail[:, *steps] = chi2.sf(distance, int(pattern.sum()))
    dims = ("trajectory", "time")
    return xr.Dataset(
        {
            "log_density": (dims, logsumexp(log_density, axis=0) - np.log(len(mean)), {"units": "nat"}),
            "tail_probability": (dims, tail.mean(axis=0)),
        },
        {"trajectory": data["trajectory"].values},
    )
