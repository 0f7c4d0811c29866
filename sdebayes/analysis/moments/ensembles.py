"""Moments and autocorrelation of data, beside those of simulated ensembles."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, Simulated, Trajectories
from sdebayes._core.units import with_units
from sdebayes.analysis.moments.predictive_checks import (
    FEWEST_FOR_KURTOSIS,
    FEWEST_FOR_SKEWNESS,
    attributes,
    blocks,
    check_alike,
)


@checked
def mask_like(simulated: Simulated, data: Trajectories) -> xr.Dataset:
    """Take from simulated paths what is missing in the data, path by trajectory.

    Parameters
    ----------
    simulated
        As ``simulate`` returns it, with as many paths as the data have trajectories.
    data
        ``y(trajectory, time, state)``.

    Returns
    -------
    xarray.Dataset
        Simulated replicates of the data, with the same lengths and gaps: their spread over draws is then the
        posterior-predictive spread of any statistic of the data.

    Raises
    ------
    DataError
        If the numbers of paths or steps differ.

    See Also
    --------
    sdebayes.simulate : Makes the paths.
    sdebayes.analysis.moments.predictive_p_values : Statistics of data among those of replicates.

    Examples
    --------
    Continuing the example of :func:`sdebayes.fit`:

    >>> paths = sb.simulate(posterior, times=test["t"][0], paths=test.sizes["trajectory"])
    >>> replicates = sb.analysis.moments.mask_like(paths, test)
    >>> dict(replicates["y"].sizes)
    {'sample': 50, 'path': 4, 'time': 100, 'state': 2}
    """
    sizes = (simulated.sizes["path"], simulated.sizes["time"])
    if sizes != (data.sizes["trajectory"], data.sizes["time"]):
        raise DataError(
            f"The simulation has {sizes[0]} paths of {sizes[1]} steps and the data {data.sizes['trajectory']} "
            f"trajectories of {data.sizes['time']}; simulate with paths={data.sizes['trajectory']} at the data's times."
        )
    seen = np.isfinite(data["y"].transpose("trajectory", "time", ...).values)
    return simulated.assign(y=simulated["y"].where(xr.DataArray(seen, dims=simulated["y"].dims[1:])))


@checked
def moments(
    data: Trajectories | None, simulated: Simulated | None = None, *, pooled: bool = False
) -> xr.Dataset:
    """Return mean, covariance, skewness and kurtosis over time, data beside simulated ensembles.

    Parameters
    ----------
    data
        ``y(trajectory, time, state)``, or None.
    simulated
        ``y(sample, path, time, state)`` as ``simulate`` returns it, at the data's times, or None. With as many paths
        as there are trajectories, masked by :func:`mask_like`, the spread over draws is what chance allows the data's
        own moments.
    pooled
        Whether to pool all steps as well, which gives the moments of a stationary process without a time axis.

    Returns
    -------
    xarray.Dataset
        ``mean`` (sample, time, state), ``covariance`` (sample, time, state, state_bis), ``skewness`` and ``kurtosis``
        (sample, time, state; excess over the normal) of the simulation, each over its paths, and the same names ending
        in ``_data`` without ``sample`` for the data, over its trajectories, with ``count_data``. Covariances divide by
        n − 1; skewness and kurtosis are m₃/m₂^{3/2} and m₄/m₂² − 3. NaN where there are fewer than two values, three
        for the skewness and four for the kurtosis: any two values have the skewness 0 and any three the kurtosis −3/2.

    Raises
    ------
    DataError
        If both are None, or the simulated times are not those of the data.

    See Also
    --------
    sdebayes.analysis.moments.moment_equations : Without simulation.
    sdebayes.plots.moments.moments : Draws them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.moments.mask_like`:

    >>> found = sb.analysis.moments.moments(test, replicates, pooled=True)
    >>> sorted(name for name in found if name.startswith("kurtosis"))
    ['kurtosis', 'kurtosis_data']
    """
    check_alike(data, simulated)
    variables: dict[str, xr.DataArray] = {}
    coords: dict[str, Any] = {}
    across = ("time",) if pooled else ()
    if data is not None:
        own = _moments(data["y"].expand_dims("sample"), ("trajectory", *across))
        variables |= {f"{name}_data": value.isel(sample=0, drop=True) for name, value in own.items()}
    if simulated is not None:
        parts = [_moments(block, ("path", *across)) for block in blocks(simulated["y"])]
        variables |= {
            name: xr.concat([part[name] for part in parts], "sample") for name in parts[0] if name != "count"
        }
        coords = {"sample": simulated["sample"]}
    if not pooled:
        coords["time"] = [part["time"].values for part in (data, simulated) if part is not None][-1]
        variables = {name: value.drop_vars("time", errors="ignore") for name, value in variables.items()}
    attrs = attributes(data, simulated) | {"pooled": int(pooled)}
    return with_units(xr.Dataset(variables, coords=coords, attrs=attrs), mean="state", covariance="state²")


@checked
def autocorrelation(
    data: Trajectories | None,
    lags: Count = 20,
    simulated: Simulated | None = None,
    centre: Literal["all", "trajectory"] = "all",
) -> xr.Dataset:
    r"""Return the autocorrelation of every state, data beside simulated ensembles.

    Parameters
    ----------
    data
        ``y(trajectory, time, state)``, or None.
    lags
        Longest lag, in steps.
    simulated
        ``y(sample, path, time, state)`` as ``simulate`` returns it, or None; see :func:`mask_like`.
    centre
        What is subtracted: ``"all"``, the mean over all trajectories and steps, so that a difference in level between
        trajectories counts as correlation; or ``"trajectory"``, each trajectory's own mean, which takes the level away
        and biases the result downwards by about the long-run correlation over the trajectory's length (in data and in
        simulations of the same lengths alike).

    Returns
    -------
    xarray.Dataset
        ``autocorrelation`` (sample, lag, state) of the simulation and ``autocorrelation_data`` (lag, state) with the
        number of pairs ``pairs_data`` (lag, state).

    Raises
    ------
    DataError
        If both are None, or there is no step at the longest lag.

    See Also
    --------
    sdebayes.analysis.moments.increments : Displacements.
    sdebayes.plots.moments.autocorrelation : Draws it.

    Notes
    -----
    Pooled over trajectories, from the pairs of which both values were observed:

    .. math:: \hat\rho_l = \frac{\sum_{i,k} z_{i,k} z_{i,k+l} / n_l}{\sum_{i,k} z_{i,k}^2 / n_0}

    Lags count steps: with irregular times a lag is no fixed time.

    Examples
    --------
    Continuing the example of :func:`sdebayes.analysis.moments.mask_like`:

    >>> found = sb.analysis.moments.autocorrelation(test, lags=5, simulated=replicates)
    >>> found["autocorrelation"].dims, found["autocorrelation_data"].sel(state="x1").values.round(1)
    (('sample', 'lag', 'state'), array([1. , 0.7, 0.6, 0.5, 0.4, 0.3]))
    """
    if centre not in ("all", "trajectory"):
        raise DataError(f"centre={centre!r} is not known; use 'all' or 'trajectory'.")
    check_alike(data, simulated, times=False)
    shortest = min(part.sizes["time"] for part in (data, simulated) if part is not None)
    if not 1 <= lags < shortest:
        raise DataError(f"lags={lags} must be 1 to {shortest - 1}: there are {shortest} steps.")
    variables: dict[str, Any] = {}
    coords: dict[str, Any] = {"lag": np.arange(lags + 1)}
    if data is not None:
        values = data["y"].transpose("trajectory", "time", "state").values[None]
        correlation, pairs = _autocorrelation(values, lags, centre)
        variables["autocorrelation_data"] = (("lag", "state"), correlation[0])
        variables["pairs_data"] = (("lag", "state"), pairs[0])
        coords["state"] = data["state"].values
    if simulated is not None:
        parts = [
            _autocorrelation(block.transpose("sample", "path", "time", "state").values, lags, centre)[0]
            for block in blocks(simulated["y"])
        ]
        variables["autocorrelation"] = (("sample", "lag", "state"), np.concatenate(parts))
        coords |= {"sample": simulated["sample"].values, "state": simulated["state"].values}
    return xr.Dataset(variables, coords=coords, attrs=attributes(data, simulated) | {"centre": centre})


def _moments(y: xr.DataArray, over: tuple[str, ...]) -> dict[str, xr.DataArray]:
    """Moments over some dimensions, NaN left out."""
    count = y.notnull().sum(over)
    mean = y.mean(over)
    z = y - mean
    seen = z.notnull()
    filled = z.fillna(0.0)
    bis = {"state": "state_bis"}
    both = xr.dot(seen.astype(float), seen.astype(float).rename(bis), dim=over)
    product = xr.dot(filled, filled.rename(bis), dim=over)
    second, third, fourth = ((z**power).mean(over) for power in (2, 3, 4))
    varies = second > 0
    return {
        "mean": mean,
        "covariance": (product / (both - 1).where(both > 1)).assign_coords(state_bis=y["state"].values),
        "skewness": (third / second.where(varies & (count >= FEWEST_FOR_SKEWNESS)) ** 1.5),
        "kurtosis": (fourth / second.where(varies & (count >= FEWEST_FOR_KURTOSIS)) ** 2 - 3),
        "count": count,
    }


def _autocorrelation(y: np.ndarray, lags: int, centre: str) -> tuple[np.ndarray, np.ndarray]:
    """Autocorrelation (sample, lag, state) and pairs of values (sample, path, time, state)."""
    seen = np.isfinite(y)
    filled = np.where(seen, y, 0.0)
    axes = (1, 2) if centre == "all" else (2,)
    count = seen.sum(axis=axes, keepdims=True)
    z = np.where(seen, filled - filled.sum(axis=axes, keepdims=True) / np.maximum(count, 1), 0.0)
    weights = seen.astype(float)
    n = y.shape[2]
    product = np.stack(
        [np.einsum("sptd,sptd->sd", z[:, :, : n - lag], z[:, :, lag:]) for lag in range(lags + 1)], 1
    )
    pairs = np.stack(
        [
            np.einsum("sptd,sptd->sd", weights[:, :, : n - lag], weights[:, :, lag:])
            for lag in range(lags + 1)
        ],
        1,
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = product / pairs
        return covariance / covariance[:, :1], pairs.astype(int)
