"""Simulated paths of a process that has settled down."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from sdebayes._core.errors import DataError
from sdebayes.analysis.evaluate import jacobians
from sdebayes.analysis.process.radial import read_box
from sdebayes.simulation import Source, simulate

MOST_SIMULATED, PATHS = 50, 8
_STEPS = 400
_STEP_TIMES_RATE = 0.5
_POINTS = 32


def settled_paths(
    source: Source, times: ArrayLike | None, x0: ArrayLike | None, paths: int, seed: int
) -> xr.Dataset:
    """Simulate every draw and leave the first half of the times out.

    Parameters
    ----------
    source
        The draws.
    times
        (time,); default 400 steps of half the time in which the drift's Jacobian acts about the start.
    x0
        (state,), where the source has no initial law.
    paths
        Number of paths of each draw.
    seed
        Seed.

    Returns
    -------
    xarray.Dataset
        ``x`` (sample, path, time, state), NaN after a path became infinite.

    Raises
    ------
    DataError
        If no times are given and the drift sets none, or the arguments cannot be simulated.
    ModelError
        If there is neither an initial law nor ``x0``.
    """
    grid = _default_times(source, x0) if times is None else np.asarray(times, dtype=float)
    simulated = simulate(source, grid, x0, paths, seed)[["x"]]
    return simulated.isel(time=slice(grid.size // 2, None))


def _default_times(source: Source, x0: ArrayLike | None) -> np.ndarray:
    box = read_box(source, None)
    middle = box[0] if x0 is None else np.asarray(x0, dtype=float)
    points = middle + box[1] * np.random.default_rng(0).uniform(-1, 1, (_POINTS, source.n_states))
    J = jacobians(source, np.arange(source.n_draws), points)
    rate = float(np.median(np.linalg.norm(J, axis=(-2, -1))))
    if not rate > 0:
        raise DataError("The drift does not vary about the start, so it sets no time scale; pass times.")
    return np.arange(_STEPS) * _STEP_TIMES_RATE / rate
