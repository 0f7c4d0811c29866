"""How long the process remembers where it was."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.arguments import checked
from sdebayes._core.draws import choose_draws
from sdebayes._core.errors import DataError
from sdebayes._core.kinds import Count, CountFromTwo, Seed, StateOrNumber, Times
from sdebayes.analysis.moments import autocorrelation
from sdebayes.analysis.process.settled_paths import MOST_SIMULATED, PATHS, settled_paths
from sdebayes.simulation import Source, as_source
from sdebayes.simulation.source import SourceLike


@checked
def mixing_time(
    source: SourceLike,
    samples: Count | None = None,
    *,
    times: Times | None = None,
    x0: StateOrNumber | None = None,
    paths: CountFromTwo = PATHS,
    seed: Seed = 0,
) -> xr.DataArray:
    r"""Return the time after which e⁻¹ of the slowest memory is left.

    Of a stable linear drift :math:`f = A (b - x)` that is :math:`1 / \min \mathrm{Re}\, λ(A)`, the inverse of the
    spectral gap of its generator. Otherwise it is read off simulated paths: the first time at which the autocorrelation
    of the slowest state falls to e⁻¹, straight between lags.

    Parameters
    ----------
    source
        A posterior or an SDE.
    samples
        At most so many draws, evenly spread; default all of a linear SDE, else at most 50.
    times
        Evenly spaced times of the simulation, (time,), of which the first half is left out as burn-in; default as in
        `entropy_production`. Not read for a linear SDE, nor is what follows.
    x0
        Start, (state,), where the source has no initial distribution.
    paths
        Number of simulated paths of each draw.
    seed
        Seed of the simulation.

    Returns
    -------
    xarray.DataArray
        (sample,), in time: infinite where a linear drift is not stable, NaN where the autocorrelation of simulated
        paths does not fall to e⁻¹ within a quarter of the times, or a path became infinite.

    Raises
    ------
    DataError
        If samples, paths or times cannot be used.
    ModelError
        If a nonlinear SDE has no initial distribution and ``x0`` was not given.

    See Also
    --------
    sdebayes.analysis.phase_space.time_scales : From the density, in one or two states.
    sdebayes.plots.process.mixing_time : Draws it.

    Notes
    -----
    Some function of the states may forget more slowly than each of them: the simulated value is a lower bound.

    References
    ----------
    The spectrum of the generator: Metafune, Pallara & Priola (2002), doi:10.1006/jfan.2002.3978.

    Examples
    --------
    >>> data, truth = sb.datasets.benchmark("ornstein_uhlenbeck", 10, 0.1)
    >>> float(sb.analysis.process.mixing_time(truth).squeeze().round(2))
    1.0
    """
    stacked = as_source(source, None if x0 is None else np.size(x0))
    linear = stacked.sde.linear
    if linear is not None:
        draws = choose_draws(stacked.n_draws, 1, samples)
        gap = np.linalg.eigvals(np.asarray(linear.drift.matrix, dtype=np.float64)[draws]).real.min(axis=-1)
        return _labelled(stacked, draws, np.where(gap > 0, 1 / np.where(gap > 0, gap, 1.0), np.inf))
    draws = choose_draws(stacked.n_draws, 1, samples, MOST_SIMULATED)
    settled = settled_paths(stacked.take(draws), times, x0, paths, seed)
    return mixing_along(stacked, draws, settled)


def mixing_along(source: Source, draws: np.ndarray, settled: xr.Dataset) -> xr.DataArray:
    """Return the mixing time of chosen draws from their settled paths.

    Raises
    ------
    DataError
        If their times are not evenly spaced, or fewer than 8.
    """
    steps = np.diff(settled["time"].values)
    if steps.size < 7 or not np.allclose(steps, steps[0], rtol=1e-6, atol=0):
        raise DataError("times must be evenly spaced and at least 16.")
    found = autocorrelation(None, (steps.size + 1) // 2, settled.rename(x="y"))["autocorrelation"]
    value = crossing(found.transpose("sample", "state", "lag").values).max(axis=1) * steps[0]
    return _labelled(source, draws, value)


def _labelled(source: Source, draws: np.ndarray, value: np.ndarray) -> xr.DataArray:
    attrs = {"long_name": "mixing time", "units": source.time_unit}
    return xr.DataArray(value, {"sample": draws}, ("sample",), "mixing_time", {**source.provenance, **attrs})


def crossing(correlation: np.ndarray) -> np.ndarray:
    """Return the lag, between whole ones too, at which (…, lag) first falls to e⁻¹; NaN where it does not."""
    below = correlation <= np.exp(-1)
    first = np.maximum(below.argmax(axis=-1), 1)[..., None]
    after = np.take_along_axis(correlation, first, -1)[..., 0]
    before = np.take_along_axis(correlation, first - 1, -1)[..., 0]
    lag = first[..., 0] - 1 + (before - np.exp(-1)) / (before - after)
    return np.where(below.any(axis=-1), lag, np.nan)
