"""Simple forecasts that any model should beat, in the form of a forecast with one draw."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Predicted, Trajectories
from sdebayes._core.units import with_units

_LEAD = ("horizon", "trajectory", "time")


@checked
def reference_forecasts(
    forecast: Predicted, data: Trajectories, training: Trajectories
) -> dict[str, xr.Dataset]:
    """Return the simple forecasts by name: "persistence", "running mean" and, last, "climatology".

    Parameters
    ----------
    forecast
        As ``sdebayes.forecast`` returns it; it gives horizons, trajectories and steps.
    data
        ``y(trajectory, time, state)`` that are predicted.
    training
        ``y(trajectory, time, state)``, from which their constants are taken.

    Returns
    -------
    dict
        `persistence`, `running_mean` and `climatology`; no running mean where there is one training trajectory,
        from which a level of its own cannot be told.

    Raises
    ------
    DataError
        As these do.

    See Also
    --------
    sdebayes.forecast : The model's own.
    sdebayes.analysis.forecasts.by_horizon : Compares them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.forecast`:

    >>> list(sb.analysis.forecasts.reference_forecasts(ahead, test, train))
    ['persistence', 'running mean', 'climatology']
    """
    found = {"persistence": persistence(forecast, data, training)}
    if training.sizes["trajectory"] > 1:
        found["running mean"] = running_mean(forecast, data, training)
    return found | {"climatology": climatology(forecast, training)}


@checked
def climatology(forecast: Predicted, training: Trajectories) -> xr.Dataset:
    """Predict every step by one normal law: mean and covariance of all steps of the training data.

    Parameters
    ----------
    forecast
        As ``sdebayes.forecast`` returns it; it gives horizons, trajectories and steps.
    training
        ``y(trajectory, time, state)``.

    Returns
    -------
    xarray.Dataset
        ``mean`` and ``covariance`` as in ``forecast``, with one draw; NaN where ``forecast`` has none.

    Raises
    ------
    DataError
        If the training data have too few steps, or other states.
    """
    values = _steps(forecast, training)
    seen = values[np.isfinite(values).all(-1)]
    return _labelled(forecast, seen.mean(0), np.cov(seen.T, ddof=1).reshape(2 * seen.shape[1:]))


@checked
def running_mean(forecast: Predicted, data: Trajectories, training: Trajectories) -> xr.Dataset:
    r"""Predict by the trajectory's own mean so far: steps without order around a level of each trajectory.

    With :math:`y_{ik} = m + c_i + ε_{ik}`, :math:`c_i \sim N(0, B)` and :math:`ε_{ik} \sim N(0, W)`, after s seen steps
    with mean :math:`\bar y`,

    .. math:: y \sim N\bigl(m + K(\bar y - m),\; W + B - K B\bigr), \qquad K = B (B + W/s)^{-1}.

    Parameters
    ----------
    forecast
        As ``sdebayes.forecast`` returns it; it gives horizons, trajectories and steps.
    data
        ``y(trajectory, time, state)`` that are predicted; steps seen in part are left out of the mean.
    training
        ``y(trajectory, time, state)``, from which m, B and W are estimated by the analysis of variance.

    Returns
    -------
    xarray.Dataset
        ``mean`` and ``covariance`` as in ``forecast``, with one draw; NaN where ``forecast`` has none.

    Raises
    ------
    DataError
        If the training data have too few steps or trajectories, or other states.

    References
    ----------
    Searle, Casella & McCulloch (1992), Variance Components, sec. 3.6, doi:10.1002/9780470316856.
    """
    y, last = _past(forecast, data)
    m, B, W = _levels(_steps(forecast, training))
    whole = np.isfinite(y).all(-1)
    sums = np.cumsum(np.where(whole[..., None], y, 0.0), axis=1)
    counts = np.cumsum(whole, axis=1)
    mean = np.empty((*last.shape[:1], len(y), last.shape[1], y.shape[-1]))
    covariance = np.empty((*mean.shape, y.shape[-1]))
    at = np.maximum(last, 0)
    so_far, count = sums[:, at].swapaxes(0, 1), counts[:, at].swapaxes(0, 1)
    for s in np.unique(count):
        here = count == s
        gain = B @ np.linalg.inv(B + W / s) if s else np.zeros_like(B)
        average = so_far[here] / s if s else m[None]
        mean[here] = m + (average - m) @ gain.T
        covariance[here] = W + B - gain @ B
    return _labelled(forecast, mean, covariance)


@checked
def persistence(forecast: Predicted, data: Trajectories, training: Trajectories) -> xr.Dataset:
    r"""Predict that nothing changes: the last value, with the mean square of what h steps have changed so far.

    .. math:: y_k \sim N(y_{k-h}, D_h), \qquad D_h = \operatorname{mean}\, (y_{k+h} - y_k)(y_{k+h} - y_k)^\top

    Parameters
    ----------
    forecast
        As ``sdebayes.forecast`` returns it; it gives horizons, trajectories and steps.
    data
        ``y(trajectory, time, state)`` that are predicted. For a missing value the last one before it stands in, with
        the same spread; where there is none there is no forecast.
    training
        ``y(trajectory, time, state)``, from which :math:`D_h` is taken.

    Returns
    -------
    xarray.Dataset
        ``mean`` and ``covariance`` as in ``forecast``, with one draw; NaN where ``forecast`` has none.

    Raises
    ------
    DataError
        If the training data have too few pairs of steps at a horizon, or other states.
    """
    y, last = _past(forecast, data)
    values = _steps(forecast, training)
    spreads = []
    for h in forecast["horizon"].values:
        change = values[:, h:] - values[:, :-h]
        change = change[np.isfinite(change).all(-1)]
        if len(change) <= values.shape[-1]:
            raise DataError(
                f"The training data have {len(change)} pairs of steps {h} apart, too few for {values.shape[-1]} "
                "states; predict fewer steps ahead."
            )
        spreads.append(change.T @ change / len(change))
    seen = np.isfinite(y)
    when = np.maximum.accumulate(np.where(seen, np.arange(y.shape[1])[:, None], 0), axis=1)
    held = np.take_along_axis(y, when, axis=1)
    mean = held[:, np.maximum(last, 0)].swapaxes(0, 1)
    return _labelled(forecast, mean, np.array(spreads)[:, None, None])


def _steps(forecast: xr.Dataset, training: xr.Dataset) -> np.ndarray:
    """Return the training data (trajectory, time, state), and refuse what does not fit the forecast."""
    y = training["y"].transpose("trajectory", "time", ...)
    wanted = forecast["mean"].transpose("sample", *_LEAD, ...)
    n = wanted.shape[-1]
    labels = list(wanted[wanted.dims[-1]].values)
    if list(y[y.dims[-1]].values) != labels:
        raise DataError(
            f"The training data have the states {list(y[y.dims[-1]].values)} and the forecast {labels}; transform both "
            "with one StateSpace."
        )
    whole = int(np.isfinite(y.values).all(-1).sum())
    if whole < n + 2:
        raise DataError(
            f"The training data have {whole} whole steps, too few for a covariance of {n} states."
        )
    return y.values


def _past(forecast: xr.Dataset, data: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the data (trajectory, time, state) and the last step that each forecast has seen, (horizon, time)."""
    if list(data["trajectory"].values) != list(forecast["trajectory"].values):
        raise DataError(
            "The data have other trajectories than the forecast; pass the data given to forecast."
        )
    targets = data.indexes["time"].get_indexer(forecast["time"].values)
    return (
        data["y"].transpose("trajectory", "time", ...).values,
        targets - forecast["horizon"].values[:, None],
    )


def _levels(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimate mean, covariance between and covariance within trajectories."""
    groups = [steps[np.isfinite(steps).all(-1)] for steps in values]
    groups = [steps for steps in groups if len(steps)]
    counts = np.array([len(steps) for steps in groups], dtype=float)
    total, number, n = counts.sum(), len(groups), values.shape[-1]
    if number < 2 or total - number <= n:
        raise DataError(
            f"The training data have {number} trajectories with {int(total)} whole steps, too few to tell the spread "
            f"between trajectories from that within for {n} states."
        )
    means = np.array([steps.mean(0) for steps in groups])
    within = sum((s - a).T @ (s - a) for s, a in zip(groups, means, strict=True)) / (total - number)
    centre = counts @ means / total
    away = means - centre
    between = (away.T * counts) @ away / (number - 1)
    effective = (total - (counts**2).sum() / total) / (number - 1)
    roots, vectors = np.linalg.eigh((between - within) / effective)
    return centre, (vectors * np.maximum(roots, 0.0)) @ vectors.T, within


def _labelled(forecast: xr.Dataset, mean: np.ndarray, covariance: np.ndarray) -> xr.Dataset:
    """Put laws on the grid of a forecast, NaN where it has none."""
    like = forecast[["mean", "covariance"]].isel(sample=[0]).transpose("sample", *_LEAD, ...)
    return with_units(
        like.assign(
            mean=like["mean"].copy(data=np.where(like["mean"].notnull(), mean, np.nan)),
            covariance=like["covariance"].copy(
                data=np.where(like["covariance"].notnull(), covariance, np.nan)
            ),
        ).drop_vars("sample", errors="ignore"),
        mean="state",
        covariance="state²",
    )
