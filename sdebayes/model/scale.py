"""The scale of a data set in state space."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr

from sdebayes._core.draws import evenly_spread
from sdebayes._core.errors import ModelError
from sdebayes.data.container import feature_dim, to_arrays
from sdebayes.model.level import Level, level_bases
from sdebayes.model.observation import AbstractObservation
from sdebayes.priors.base import DataScale

_POINTS = 400
_LAGS = 40


def data_scale(data: xr.Dataset, observation: AbstractObservation, levels: Sequence[Level] = ()) -> DataScale:
    """Read mean, variance, squared increments and step of a data set, carried to state space through H.

    Raises
    ------
    DataError
        If the data set is not valid, or lacks a covariate of the noise or the level.
    ModelError
        If the data are embeddings, or H does not fit them.
    """
    if feature_dim(data) != "state":
        raise ModelError(
            f"The data are embeddings of {data.sizes['embedding']} coordinates; fit a state space first: "
            "sdebayes.PCA(8).fit(data).transform(data)."
        )
    arrays = to_arrays(data)
    y = arrays.values
    mean, variance = np.nanmean(y, axis=(0, 1)), np.nanvar(y, axis=(0, 1))
    dt = np.diff(arrays.times, axis=1)
    squared = np.diff(y, axis=1) ** 2 / dt[..., None]
    step = float(np.nanmedian(dt))
    duration = float(np.median(np.nansum(dt, axis=1)))
    pairs = np.isfinite(squared).any(axis=(0, 1))
    rate = np.where(pairs, np.nansum(squared, axis=(0, 1)), variance / step)
    rate = np.where(pairs, rate / np.maximum(np.isfinite(squared).sum(axis=(0, 1)), 1), rate)
    n = observation.state_dim(y.shape[-1])
    memory = step * _decorrelation_steps(y - mean)
    extent = np.nanmax(np.abs(y - mean), axis=(0, 1))
    seen = y[np.isfinite(y).all(-1)]
    points = seen[evenly_spread(len(seen), _POINTS)]
    covariates, bases = observation.covariate_scale(data), level_bases(levels, data)
    H = observation.observation_matrix
    if H is None:
        states = tuple(str(label) for label in data["state"].values)
        path = observation.path_variance(variance)
        return DataScale(
            states,
            mean,
            variance,
            rate,
            variance,
            step,
            memory,
            extent,
            points,
            path,
            duration,
            covariates,
            bases,
        )
    gain = np.mean(np.sum(H**2, axis=1))
    back = np.linalg.pinv(H)
    latent = np.full(n, variance.mean() / gain)
    return DataScale(
        tuple(f"x{index + 1}" for index in range(n)),
        back @ mean,
        latent,
        np.full(n, rate.mean() / gain),
        variance,
        step,
        np.full(n, memory.mean()),
        np.sqrt(latent) * np.max(extent / np.sqrt(variance)),
        points @ back.T,
        observation.path_variance(latent),
        duration,
        covariates,
        bases,
    )


def _decorrelation_steps(y: np.ndarray) -> np.ndarray:
    """Return the first of growing lags at which each coordinate's autocorrelation is below 1/e, or the longest lag."""
    longest = y.shape[1] - 1
    variance = np.nanvar(y, axis=(0, 1))
    found = np.full(y.shape[-1], float(longest))
    undecided = np.ones(y.shape[-1], dtype=bool)
    for lag in np.unique(np.geomspace(1, longest, _LAGS).astype(int)):
        product = y[:, lag:] * y[:, :-lag]
        count = np.maximum(np.isfinite(product).sum(axis=(0, 1)), 1)
        fell = undecided & (np.nansum(product, axis=(0, 1)) / count < variance / math.e)
        found[fell] = lag
        undecided &= ~fell
    return found
