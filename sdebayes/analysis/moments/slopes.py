"""Scaling exponents: one slope over several lags on logarithmic axes, with its standard error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Counts, Seed, Simulated, Trajectories
from sdebayes.analysis.moments.beside import attributes, blocks
from sdebayes.analysis.moments.increments import block_differences, displacements, whole_steps
from sdebayes.analysis.moments.replicates import bootstrap_groups, bootstrap_weights, values_of

Steps = Callable[[np.ndarray, int], np.ndarray]


@checked
def displacement_exponent(
    data: Trajectories | None,
    lags: Counts = (1, 2, 4, 8),
    simulated: Simulated | None = None,
    *,
    seed: Seed = 0,
) -> xr.Dataset:
    r"""Return the exponent α of the mean squared displacement, :math:`\mathrm{MSD}(l) \propto l^α`.

    Parameters
    ----------
    data
        ``y(trajectory, time, state)``, or None.
    lags
        Longest lag, or several lags, in steps, over which the slope of log MSD on log l is fitted by least squares.
    simulated
        ``y(sample, path, time, state)`` as ``simulate`` returns it, or None; see `mask_like`.
    seed
        Seed of the bootstrap.

    Returns
    -------
    xarray.Dataset
        ``slope`` (sample, state) of the simulation, ``slope_data`` (state) of the data and
        ``slope_standard_error_data``, without units.

    Raises
    ------
    DataError
        If both are None, there are fewer than two lags, or there is no step at a lag.

    Notes
    -----
    It is 1 of a random walk, 2 of a straight line and 0 of white noise; of a stationary process it falls from what the
    process does at short lags to 0, and observation noise lowers it at short lags. Displacements at different lags
    depend on each other, so that the error of the regression would be too small: the standard error is that of 200
    bootstrap replicates of whole trajectories, or, of fewer than 20 trajectories, of up to 40 segments of them in all,
    each at least five times the longest lag while four remain: their number is the attribute ``segments``, and
    quantiles of Student's t with one degree of freedom fewer go with it. Of a single random walk of 100, 200, 500 and
    2000 steps and lags up to 8, two standard errors hold the truth in .84, .85, .92 and .94 of 300 cases.

    References
    ----------
    Metzler & Klafter (2000), doi:10.1016/S0370-1573(00)00070-3.
    """
    return _exponent(
        data, simulated, whole_steps(lags, (data, simulated), "lag", 1), displacements, 1.0, seed
    )


@checked
def allan_exponent(
    data: Trajectories | None,
    lags: Counts = (1, 2, 4, 8),
    simulated: Simulated | None = None,
    *,
    seed: Seed = 0,
) -> xr.Dataset:
    r"""Return the exponent μ of the Allan deviation, :math:`σ(m) \propto m^μ`.

    Parameters
    ----------
    data
        ``y(trajectory, time, state)``, or None.
    lags
        Longest block, or several lengths of blocks, in steps.
    simulated
        As in `displacement_exponent`.
    seed
        Seed of the bootstrap.

    Returns
    -------
    xarray.Dataset
        As of `displacement_exponent`: −½ of white noise, ½ of a random walk.

    Raises
    ------
    DataError
        As of `displacement_exponent`.

    References
    ----------
    Allan (1966), doi:10.1109/PROC.1966.4634.
    """
    lengths = whole_steps(lags, (data, simulated), "lag", 2)
    return _exponent(data, simulated, lengths, block_differences, 0.5, seed)


def _exponent(
    data: xr.Dataset | None,
    simulated: xr.Dataset | None,
    lags: np.ndarray,
    steps: Steps,
    power: float,
    seed: int,
) -> xr.Dataset:
    if lags.size < 2:
        raise DataError(f"A slope needs two lags or more; got {lags.tolist()}.")
    variables: dict[str, Any] = {}
    coords: dict[str, Any] = {}
    if simulated is not None:
        found = []
        for block in blocks(simulated["y"]):
            y = values_of(block.to_dataset(name="y"), "path")
            groups = np.broadcast_to(np.arange(len(y))[:, None, None], y.shape[:3])
            found.append(power * _slope(*_squares(y, groups, lags, steps), lags))
        variables["slope"] = (("sample", "state"), np.concatenate(found))
        coords |= {"sample": simulated["sample"].values, "state": simulated["state"].values}
    if data is not None:
        y = values_of(data, "trajectory")[None]
        total, count = _squares(y, bootstrap_groups(y, int(lags.max())), lags, steps)
        n = len(total)
        weights = bootstrap_weights(n, np.random.default_rng(seed))
        weights = np.concatenate([np.ones((1, n), int), weights])
        total, count = (np.einsum("rg,gls->rls", weights, part) for part in (total, count))
        slopes = power * _slope(total, count, lags)
        variables["slope_data"] = ("state", slopes[0])
        spread = xr.Variable(("replicate", "state"), slopes[1:]).std("replicate")
        variables["slope_standard_error_data"] = ("state", spread.values)
        coords |= {"state": data["state"].values}
    attrs = attributes(data, simulated) | {"lags": ", ".join(map(str, lags))}
    if data is not None:
        attrs["segments"] = n
    return xr.Dataset(variables, coords, attrs)


def _squares(
    y: np.ndarray, groups: np.ndarray, lags: np.ndarray, steps: Steps
) -> tuple[np.ndarray, np.ndarray]:
    """Sum the squared steps of (sample, path, time, state), and their number, (group, lag, state)."""
    n_groups, n = int(groups.max()) + 1, y.shape[-1]
    total, count = np.empty((2, n_groups, lags.size, n))
    for k, lag in enumerate(lags):
        step = steps(y, int(lag))
        own = groups[:, :, : step.shape[2]]
        for j in range(n):
            seen = np.isfinite(step[..., j])
            total[:, k, j] = np.bincount(own[seen], step[..., j][seen] ** 2, n_groups)
            count[:, k, j] = np.bincount(own[seen], minlength=n_groups)
    return total, count


def _slope(total: np.ndarray, count: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Least-squares slope of the log mean square (many, lag, state) on the log lag, (many, state)."""
    x = np.log(lags) - np.log(lags).mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.einsum("l,mls->ms", x, np.log(total / count)) / (x @ x)
