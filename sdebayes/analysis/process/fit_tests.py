"""Tests of what the model says of data: stationarity, the Markov property, Gaussian innovations.

Each compares a statistic of the data with the same of replicates drawn from the model, with noise, trajectory effect,
lengths and gaps of the data. A replicate is drawn from one draw of the posterior and judged by another, as the data
came from the truth and are judged by a draw, so that what is not known of the parameters is in the replicates too. On
data that the posterior has not seen a p-value below α then comes about as often as α if the model is right; on training
data more rarely.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Seed
from sdebayes._core.units import with_units
from sdebayes.criticism.comparison import Outcome, compare
from sdebayes.criticism.innovations import Judge, Replicated
from sdebayes.criticism.statistics import (
    jarque_bera,
    remaining_correlation,
    shape,
    trends,
)
from sdebayes.simulation.source import SourceLike

MOST_DRAWS = 100
REPLICATES = 200
FEWEST_REPLICATES = 19
LAGS = 3


@checked
def innovations(source: SourceLike, data: xr.Dataset, samples: Count | None = None) -> xr.DataArray:
    r"""Return the standardised one-step innovations of data under each draw.

    .. math:: e_k = L_k^{-1} (y_k - \mathrm{E}[y_k \mid y_1, …, y_{k-1}]), \qquad
              L_k L_k^\top = \mathrm{Cov}[y_k \mid y_1, …, y_{k-1}],

    L lower triangular: independent standard normal numbers if the draw is the truth and linear with Gaussian noise,
    observation noise and trajectory effect included.

    Parameters
    ----------
    source
        A posterior, or an ``ObservedSDE``, single or stacked, or a stable linear SDE.
    data
        ``y(trajectory, time, state)`` in the state space of the training data.
    samples
        At most so many draws, evenly spread; default at most 100.

    Returns
    -------
    xarray.DataArray
        (sample, trajectory, time, state), without unit, NaN where nothing was seen. The entry of a state is what it
        brought that neither the past nor the states before it in the order predicted.

    Raises
    ------
    StateSpaceError, DataError, ModelError
        If data and source do not fit together.

    See Also
    --------
    sdebayes.analysis.process.markov : Whether they are independent.
    sdebayes.analysis.process.gaussian_innovations : Whether they are normal.
    sdebayes.plots.process.innovations : Draws them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.process.innovations(posterior, test)
    >>> dict(found.sizes), float(found.std().round(1))
    ({'sample': 50, 'trajectory': 4, 'time': 100, 'state': 2}, 1.0)
    """
    judge = Judge.of(source, data)
    draws = choose_draws(judge.source.n_draws, 1, samples, MOST_DRAWS)
    coords = {"sample": draws, "trajectory": data["trajectory"].values, "state": data["state"].values}
    return xr.DataArray(
        judge.placed(judge.innovations(draws), data),
        coords,
        ("sample", "trajectory", "time", "state"),
        "innovation",
        {**judge.source.provenance, "long_name": "standardised innovation"},
    )


@checked
def stationarity(
    source: SourceLike, data: xr.Dataset, replicates: Count = REPLICATES, seed: Seed = 0
) -> xr.Dataset:
    """Test for a trend of level or variance within trajectories, common to all of them.

    Parameters
    ----------
    source
        As in `innovations`.
    data
        ``y(trajectory, time, state)``, best such as the posterior has not seen.
    replicates
        Number of replicates, at least 19; p is at least 1/(replicates + 1).
    seed
        Seed of the replicates.

    Returns
    -------
    xarray.Dataset
        ``level_trend`` (state,), in state per unit of time, and ``variance_trend`` (state,), in state² per unit of
        time, the slopes of least squares on time of y and of (y − its trajectory's mean)², with
        ``level_trend_replicated`` and ``variance_trend_replicated`` (replicate, state); ``state_p_value`` (state,) and
        ``p_value``, two-sided, for the larger of both and for the largest of all.

    Raises
    ------
    StateSpaceError, DataError, ModelError
        If data and source do not fit together.

    See Also
    --------
    sdebayes.Level : A trend in the model.
    sdebayes.plots.process.replicates : Draws the test.

    Notes
    -----
    Trends that differ between trajectories and cancel, jumps in the middle and cycles are not looked for.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> trending = test.assign(y=test["y"] + test["t"])
    >>> found = sb.analysis.process.stationarity(posterior, trending, replicates=99)
    >>> bool(found["p_value"] < 0.05)
    True
    """
    judge = Judge.of(source, data)
    return stationarity_of(judge, data, checked_replicates(judge, replicates, seed))


@checked
def markov(
    source: SourceLike, data: xr.Dataset, replicates: Count = REPLICATES, seed: Seed = 0, lags: Count = LAGS
) -> xr.Dataset:
    """Test whether the latent process is Markov: whether innovations still correlate with earlier ones.

    Parameters
    ----------
    source, data, replicates, seed
        As in `stationarity`.
    lags
        Longest lag, in steps.

    Returns
    -------
    xarray.Dataset
        ``correlation`` (lag, state), the autocorrelation of the innovations, each trajectory centred, times the root of
        the number of pairs, its mean over draws: about standard normal if the model is right; ``test_statistic``
        (state,), its squares summed over lags (Box & Pierce), and ``test_statistic_replicated`` (replicate, state);
        ``state_p_value`` (state,) and ``p_value`` of the largest.

    Raises
    ------
    StateSpaceError, DataError, ModelError
        If data and source do not fit together, or ``lags`` is not below the number of steps.

    See Also
    --------
    sdebayes.analysis.process.long_memory : At long lags.
    sdebayes.analysis.process.innovations : What it tests.
    sdebayes.plots.process.replicates : Draws the test.

    Notes
    -----
    A naive regression of y on its past rejects every noisy process, of which y is not Markov: innovations of the filter
    do not. A rejection says that one-step forecasts leave something unused: memory, hidden states, or a wrong drift.

    References
    ----------
    Box & Pierce (1970), doi:10.1080/01621459.1970.10481180.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.process.markov(posterior, test, replicates=30)
    >>> dict(found["correlation"].sizes), bool(found["p_value"] > 0.01)
    ({'lag': 3, 'state': 2}, True)
    """
    judge = Judge.of(source, data)
    return markov_of(judge, data, checked_replicates(judge, replicates, seed), lags)


@checked
def gaussian_innovations(
    source: SourceLike, data: xr.Dataset, replicates: Count = REPLICATES, seed: Seed = 0
) -> xr.Dataset:
    """Test whether the innovations are normal, by their skewness and kurtosis.

    Parameters
    ----------
    source, data, replicates, seed
        As in `stationarity`.

    Returns
    -------
    xarray.Dataset
        ``skewness`` and ``kurtosis`` (state,), excess over the normal, means over draws; ``test_statistic`` (state,),
        of Jarque & Bera, and ``test_statistic_replicated`` (replicate, state); ``state_p_value`` (state,) and
        ``p_value`` of the largest.

    Raises
    ------
    StateSpaceError, DataError, ModelError
        If data and source do not fit together.

    See Also
    --------
    sdebayes.analysis.process.innovations : The innovations themselves.
    sdebayes.plots.process.replicates : Draws the test.

    Notes
    -----
    Heavy tails of the driving noise and of the observation noise look alike here; variance that changes in time gives
    heavy tails too. For a nonlinear SDE innovations need not be normal: the replicates tell what is usual.

    References
    ----------
    Jarque & Bera (1980), doi:10.1016/0165-1765(80)90024-5.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> found = sb.analysis.process.gaussian_innovations(posterior, test, replicates=30)
    >>> bool(found["p_value"] > 0.01), found["skewness"].dims
    (True, ('state',))
    """
    judge = Judge.of(source, data)
    return gaussian_of(judge, data, checked_replicates(judge, replicates, seed))


def checked_replicates(judge: Judge, replicates: int, seed: int) -> Replicated:
    """Replicate the data, or raise where too few replicates are asked for."""
    check_replicates(replicates)
    return judge.replicated(replicates, seed)


def check_replicates(replicates: int) -> None:
    """Raise unless the number of replicates can reach a p-value of 5 %."""
    if replicates < FEWEST_REPLICATES:
        raise DataError(
            f"replicates={replicates}; fewer than {FEWEST_REPLICATES} cannot reach a p-value of 5 %."
        )


def stationarity_of(judge: Judge, data: xr.Dataset, replicated: Replicated) -> xr.Dataset:
    """Test stationarity with replicates at hand."""
    times = np.asarray(judge.observations.times, dtype=float)
    own = trends(replicated.data[None].astype(float), times)
    copies = trends(replicated.values.astype(float), times)
    n = data.sizes["state"]
    both = np.abs(np.concatenate(own, axis=1)), np.abs(np.concatenate(copies, axis=1))
    outcome = compare(np.broadcast_to(both[0], both[1].shape), both[1])
    each = [
        compare(np.broadcast_to(both[0][:, pair], (len(both[1]), 2)), both[1][:, pair]).p_value
        for pair in (np.array([j, j + n]) for j in range(n))
    ]
    variables: dict[str, Any] = {}
    for name, value, copy in zip(("level_trend", "variance_trend"), own, copies, strict=True):
        variables[name] = ("state", value[0])
        variables[f"{name}_replicated"] = (("replicate", "state"), copy)
    return _labelled(judge, data, replicated, Outcome(np.array(each), outcome.p_value), variables)


def markov_of(judge: Judge, data: xr.Dataset, replicated: Replicated, lags: int) -> xr.Dataset:
    """Test the Markov property with replicates at hand."""
    if not 1 <= lags < data.sizes["time"]:
        raise DataError(
            f"lags={lags} must be 1 to {data.sizes['time'] - 1}: there are {data.sizes['time']} steps."
        )
    own = remaining_correlation(replicated.innovations.astype(float), lags)
    copies = remaining_correlation(replicated.innovations_replicated.astype(float), lags)
    squares = (own**2).sum(axis=1), (copies**2).sum(axis=1)
    variables = {"correlation": (("lag", "state"), own.mean(axis=0)), **_statistics(*squares)}
    result = _labelled(judge, data, replicated, compare(*squares), variables)
    return result.assign_coords(lag=np.arange(1, lags + 1))


def gaussian_of(judge: Judge, data: xr.Dataset, replicated: Replicated) -> xr.Dataset:
    """Test Gaussian innovations with replicates at hand."""
    own, copies = (part.astype(float) for part in (replicated.innovations, replicated.innovations_replicated))
    squares = jarque_bera(own), jarque_bera(copies)
    skewness, kurtosis = shape(own)
    variables = {
        "skewness": ("state", skewness.mean(axis=0)),
        "kurtosis": ("state", kurtosis.mean(axis=0)),
        **_statistics(*squares),
    }
    return _labelled(judge, data, replicated, compare(*squares), variables)


def _statistics(own: np.ndarray, copies: np.ndarray) -> dict[str, Any]:
    return {
        "test_statistic": ("state", own.mean(axis=0)),
        "test_statistic_replicated": (("replicate", "state"), copies),
    }


def _labelled(
    judge: Judge, data: xr.Dataset, replicated: Replicated, outcome: Outcome, variables: dict[str, Any]
) -> xr.Dataset:
    variables |= {
        "state_p_value": ("state", outcome.p_values, {"long_name": "p-value of the state alone"}),
        "p_value": ((), outcome.p_value, {"long_name": "p-value over all states"}),
    }
    coords = {"state": data["state"].values, "replicate": np.arange(len(replicated.values))}
    dataset = xr.Dataset(variables, coords, judge.source.provenance)
    return with_units(dataset, level_trend="state per time", variance_trend="state² per time")
