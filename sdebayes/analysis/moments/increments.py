"""How far a path moves in so many steps, and how much averages over so many steps differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Counts, Simulated, Trajectories
from sdebayes._core.units import with_units
from sdebayes.analysis.moments.predictive_checks import (
    FEWEST_FOR_KURTOSIS,
    FEWEST_FOR_SKEWNESS,
    attributes,
    blocks,
    check_alike,
)

_MOMENTS = ("mean", "mean_squared_displacement", "skewness", "kurtosis", "slope")


@checked
def increments(
    data: Trajectories | None, lags: Counts = 20, simulated: Simulated | None = None
) -> xr.Dataset:
    r"""Return moments of the increments over growing lags, data beside simulated ensembles.

    .. math:: \mathrm{MSD}_j(l) = \operatorname{mean}_{i,k} (y_{i,k+l,j} - y_{i,k,j})^2

    Parameters
    ----------
    data
        ``y(trajectory, time, state)``, or None.
    lags
        Longest lag, or several lags, in steps.
    simulated
        ``y(sample, path, time, state)`` as ``simulate`` returns it, or None; see `mask_like`.

    Returns
    -------
    xarray.Dataset
        ``mean``, in units of the states, ``mean_squared_displacement``, in their squares, ``skewness`` and ``kurtosis``
        (excess over the normal; NaN of fewer than three and four pairs) of y_{k+l} − y_k, and ``slope``, d log MSD /
        d log l by central differences, NaN where fewer than two lags are given: (sample, lag, state) of the simulation
        and (lag, state), with names that end in ``_data``, of the data, with the number of pairs ``pairs_data``.
        `displacement_exponent` fits one slope over several lags, with its error.

    Raises
    ------
    DataError
        If both are None, or there is no step at a lag.

    See Also
    --------
    sdebayes.analysis.moments.autocorrelation : The same about the mean.
    sdebayes.plots.moments.increments : Draws them.

    Notes
    -----
    Observation noise of variance R adds 2R at every lag; an Ornstein–Uhlenbeck process has :math:`2P(1 - e^{-λ l})`
    beside it. Lags count steps: with irregular times a lag is no fixed time.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 400, 0.1)
    >>> found = sb.analysis.moments.increments(data, lags=[1, 10, 100])
    >>> bool((found["mean_squared_displacement_data"].squeeze().diff("lag") > 0).all())
    True
    """
    chosen = whole_steps(lags, (data, simulated), "lag", 1)

    def moments_of(y: np.ndarray) -> tuple[np.ndarray, ...]:
        parts = [_moments(y[:, :, lag:] - y[:, :, :-lag]) for lag in chosen]
        *shape, pairs = (np.stack(part, 1) for part in zip(*parts, strict=True))
        return *shape, _local_slope(shape[1], chosen), pairs

    return _beside(data, simulated, moments_of, (*_MOMENTS, "pairs"), {"lag": chosen})


@checked
def allan_deviation(
    data: Trajectories | None, blocks: Counts = 20, simulated: Simulated | None = None
) -> xr.Dataset:
    r"""Return the Allan deviation: how much means of neighbouring blocks of m steps differ.

    .. math:: σ_j(m)^2 = \tfrac12 \operatorname{mean}_{i,k}
        (\bar y_{i,k+m,j} - \bar y_{i,k,j})^2, \qquad \bar y_{i,k} = \frac1m \sum_{r=0}^{m-1} y_{i,k+r}

    over all pairs of neighbouring blocks, overlapping ones included. On logarithmic axes white noise falls with the
    slope −½, and a random walk rises with +½.

    Parameters
    ----------
    data
        ``y(trajectory, time, state)``, or None.
    blocks
        Largest length m of a block, or several, in steps.
    simulated
        As in `increments`.

    Returns
    -------
    xarray.Dataset
        ``allan_deviation`` (sample, lag, state), in units of the states, and ``allan_deviation_data`` with
        ``pairs_data``; ``lag`` is m. ``slope`` (sample, lag, state) and ``slope_data``: d log σ / d log m, by central
        differences; NaN where fewer than two lengths are given.

    Raises
    ------
    DataError
        If both are None, or two blocks of a length do not fit into the steps.

    See Also
    --------
    sdebayes.analysis.moments.increments : Displacements.
    sdebayes.plots.moments.allan_deviation : Draws it.

    References
    ----------
    Allan (1966), doi:10.1109/PROC.1966.4634; the overlapping estimator: Riley (2008), Handbook of Frequency Stability
    Analysis, NIST Special Publication 1065, sec. 5.2.4.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck_1d", 400, 0.1, noise=0.3)
    >>> found = sb.analysis.moments.allan_deviation(data, blocks=[1, 10])
    >>> found["allan_deviation_data"].sizes["lag"]
    2
    """
    chosen = whole_steps(blocks, (data, simulated), "block", 2)

    def deviations(y: np.ndarray) -> tuple[np.ndarray, ...]:
        running = _running(y)
        parts = [_allan(running, int(m)) for m in chosen]
        deviation, pairs = (np.stack(part, 1) for part in zip(*parts, strict=True))
        slope = _local_slope(deviation, chosen)
        return deviation, slope, pairs

    return _beside(data, simulated, deviations, ("allan_deviation", "slope", "pairs"), {"lag": chosen})


def _moments(step: np.ndarray) -> tuple[np.ndarray, ...]:
    """Moments over paths and times of (sample, path, time, state), NaN left out, and the number of values."""
    seen = np.isfinite(step)
    count = seen.sum((1, 2))
    filled = np.where(seen, step, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = filled.sum((1, 2)) / count
        z = np.where(seen, filled - mean[:, None, None], 0.0)
        square = z * z
        second, third, fourth = (power.sum((1, 2)) / count for power in (square, square * z, square * square))
        skewness = np.where(count >= FEWEST_FOR_SKEWNESS, third / second**1.5, np.nan)
        kurtosis = np.where(count >= FEWEST_FOR_KURTOSIS, fourth / second**2 - 3, np.nan)
        return mean, second + mean**2, skewness, kurtosis, count


def _running(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, up to each time, the sum of the values and the number of missing ones; both begin at zero."""
    before = np.zeros_like(y[:, :, :1])
    sums = np.nancumsum(y, axis=2), np.cumsum(np.isnan(y), axis=2)
    total, missing = (np.concatenate([before, one], axis=2) for one in sums)
    return total, missing


def _allan(running: tuple[np.ndarray, np.ndarray], m: int) -> tuple[np.ndarray, np.ndarray]:
    total, missing = running
    means = (total[:, :, m:] - total[:, :, :-m]) / m
    means[missing[:, :, m:] != missing[:, :, :-m]] = np.nan
    step = means[:, :, m:] - means[:, :, :-m]
    count = np.isfinite(step).sum((1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(0.5 * np.nansum(np.square(step, out=step), axis=(1, 2)) / count), count


def _local_slope(values: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Slope of log values (sample, lag, state) over log lags."""
    if len(lags) < 2:
        return np.full_like(values, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.gradient(np.log(values), np.log(lags), axis=1)


def whole_steps(
    given: int | Sequence[int], parts: tuple[xr.Dataset | None, ...], name: str, spans: int
) -> np.ndarray:
    """Return lengths in steps, of which ``spans`` must fit into the series one after another."""
    check_alike(*parts, times=False)
    longest = min(part.sizes["time"] for part in parts if part is not None)
    longest = longest - 1 if spans == 1 else longest // spans
    chosen = np.arange(1, given + 1) if isinstance(given, int | np.integer) else np.asarray(given)
    whole = chosen.ndim == 1 and chosen.size > 0 and np.issubdtype(chosen.dtype, np.integer)
    if not whole or chosen.min() < 1 or chosen.max() > longest or np.any(np.diff(chosen) <= 0):
        raise DataError(f"{name}s={given!r}; expected growing whole numbers of steps from 1 to {longest}.")
    return chosen


def _beside(
    data: xr.Dataset | None,
    simulated: xr.Dataset | None,
    statistic: Callable[[np.ndarray], tuple[np.ndarray, ...]],
    names: tuple[str, ...],
    coords: dict[str, Any],
) -> xr.Dataset:
    """Apply a statistic of (sample, path, time, state), each part (sample, lag, state), to both."""
    variables: dict[str, Any] = {}
    if simulated is not None:
        found = [
            statistic(block.transpose("sample", "path", "time", "state").values)
            for block in blocks(simulated["y"])
        ]
        for name, parts in zip(names[:-1], zip(*found, strict=True), strict=False):
            variables[name] = (("sample", "lag", "state"), np.concatenate(parts))
        coords |= {"sample": simulated["sample"].values, "state": simulated["state"].values}
    if data is not None:
        own = statistic(data["y"].transpose("trajectory", "time", "state").values[None])
        variables |= {
            f"{name}_data": (("lag", "state"), part[0]) for name, part in zip(names, own, strict=True)
        }
        coords |= {"state": data["state"].values}
    return with_units(
        xr.Dataset(variables, coords=coords, attrs=attributes(data, simulated)),
        mean="state",
        mean_squared_displacement="state²",
        allan_deviation="state",
    )
