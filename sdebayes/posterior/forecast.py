"""Forecasts of observations several steps ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, PathLike
from sdebayes._core.stores import new_store
from sdebayes.data.validation import validate
from sdebayes.posterior.forecasting import Forecasting, into_store
from sdebayes.posterior.posterior import Posterior


@checked
def forecast(
    posterior: Posterior,
    data: xr.Dataset,
    *,
    horizon: Count = 10,
    every: Count = 1,
    samples: Count | None = None,
    store: PathLike | None = None,
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
    store
        A zarr directory for forecasts that memory does not hold, new: some trajectories at a time are read and
        predicted, as tasks of the Dask scheduler that is active, and written there. It is there once it is whole, and
        returned unread.

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
    StoreError
        If the store is there already or cannot be written.
    ClusterError
        If trajectories are predicted into a store on a cluster that is lost, or whose workers die of a task or have
        another version of the package.

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
    place = None if store is None else new_store(Path(store))
    if place is None:
        posterior._read(data)
    else:
        posterior.check_alike(validate(data))
    longest = int(data["n_steps"].max())
    if longest <= horizon:
        raise DataError(
            f"The longest trajectory has {longest} steps, too few to predict {horizon} steps ahead; "
            f"pass horizon={max(1, longest - 1)} or less."
        )
    targets = np.arange(1, longest, every)
    count, n = data.sizes["trajectory"], len(data["state"])
    each = 8 * n * n * horizon * targets.size
    observed, chosen = posterior._draws(samples, each * (count if place is None else 1))
    names = data["trajectory"].values
    forecasting = Forecasting(
        model=posterior.model,
        observed=observed,
        chosen=chosen,
        precision=posterior.precision,
        horizon=horizon,
        targets=targets,
        data=data.drop_vars("text", errors="ignore"),
        names=names.astype(str) if names.dtype == object else names,
        attrs=posterior._provenance(),
    )
    return forecasting.of(slice(None)) if place is None else into_store(place, forecasting)
