"""Forecasts of observations several steps ahead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count
from sdebayes._core.units import with_units
from sdebayes.posterior import compiled
from sdebayes.posterior.posterior import Posterior


@checked
def forecast(
    posterior: Posterior,
    data: xr.Dataset,
    *,
    horizon: Count = 10,
    every: Count = 1,
    samples: Count | None = None,
) -> xr.Dataset:
    """Predict each observation from those that came h = 1, …, H steps before it and earlier.

    Parameters
    ----------
    posterior
        The fit.
    data
        Trajectories in the state space of the training data. Missing values and irregular times are ordinary: a
        horizon counts the steps of the data, seen or not, and takes the time between them as it is.
    horizon
        H.
    every
        Only every k-th step is predicted, this being k, which saves memory.
    samples
        At most so many draws, evenly spread; default at most 100, fewer where an array would pass 1 GiB.

    Returns
    -------
    xr.Dataset
        ``mean`` (sample, horizon, trajectory, time, state) and ``covariance`` (…, state, state_bis) of the distribution
        of y_k given y_1, …, y_{k−h} under each draw, noise and trajectory effect included: at each ``time`` k the
        distribution of what is seen at k, not of what is seen h steps later. NaN where k has fewer than h steps before
        it, and after a trajectory's end. At h = 1 these are the distributions of ``posterior.predict``.

    Raises
    ------
    DataError
        If ``horizon`` or ``every`` is not a positive whole number, or no trajectory is longer than ``horizon`` steps.
    StateSpaceError, ModelError
        As ``posterior.log_score``.

    See Also
    --------
    sdebayes.analysis.forecasts.by_horizon : Judges forecasts by what came.
    sdebayes.simulate : Paths rather than means and covariances.

    Notes
    -----
    Where the SDE is linear the distributions are exact: the Kalman filter's distribution at k − h, carried on by the
    transition of each step. Else they are normal, each step linearised as the model's filter does it (the extended
    Kalman filter for exact observation): good while the process stays where it is, poor once it may have passed from
    one well to another, where the true distribution has several peaks. Simulate from a state to see those.

    References
    ----------
    Särkkä & Svensson (2023), Bayesian Filtering and Smoothing, sec. 6.3, doi:10.1017/9781108917407.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> ahead = sb.forecast(posterior, test, horizon=5)
    >>> dict(ahead["mean"].sizes)
    {'sample': 50, 'horizon': 5, 'trajectory': 4, 'time': 99, 'state': 2}
    """
    posterior._read(data)
    longest = int(data["n_steps"].max())
    if longest <= horizon:
        raise DataError(
            f"The longest trajectory has {longest} steps, too few to predict {horizon} steps ahead; "
            f"pass horizon={max(1, longest - 1)} or less."
        )
    with precision.scope(posterior.precision):
        observations = replace(posterior.model.read(data, every_step=True), table=None)
    targets = np.arange(1, longest, every)
    count, _, n = observations.values.shape
    model, chosen = posterior._draws(samples, 8 * n * n * horizon * count * targets.size)
    with precision.scope(posterior.precision), precision.single_blas_thread():
        mean, covariance = compiled.horizon_laws(posterior.model.likelihood, horizon)(
            model, observations, targets
        )
    return _labelled(posterior, data, targets, chosen, mean, covariance)


def _labelled(
    posterior: Posterior,
    data: xr.Dataset,
    targets: np.ndarray,
    chosen: np.ndarray,
    mean: np.ndarray,
    covariance: np.ndarray,
) -> xr.Dataset:
    """Name the dimensions, and make NaN of what is no forecast."""
    dim = "state" if posterior.model.observation.observation_matrix is None else "observed"
    ahead = np.arange(1, mean.shape[1] + 1)
    inside = targets < data["n_steps"].values[:, None]
    valid = (targets >= ahead[:, None])[:, None] & inside
    lead = ("sample", "horizon", "trajectory", "time")
    labels = data["state"].values
    return with_units(
        xr.Dataset(
            {
                "mean": (
                    (*lead, dim),
                    np.where(valid[..., None], mean, np.nan),
                    {"long_name": "mean of the forecast"},
                ),
                "covariance": (
                    (*lead, dim, f"{dim}_bis"),
                    np.where(valid[..., None, None], covariance, np.nan),
                    {"long_name": "covariance of the forecast"},
                ),
            },
            {
                "sample": chosen,
                "horizon": ("horizon", ahead, {"long_name": "steps ahead"}),
                "trajectory": data["trajectory"].values,
                "time": data["time"].values[targets],
                "t": (("trajectory", "time"), data["t"].values[:, targets]),
                dim: labels,
                f"{dim}_bis": labels,
            },
            posterior._provenance(),
        ),
        mean="state",
        covariance="state²",
    )
