"""The scale of a data set in state space."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sdebayes._core.errors import ModelError
from sdebayes.model.observation import AbstractObservation
from sdebayes.paths.container import feature_dim, to_arrays
from sdebayes.priors.base import DataScale


def data_scale(data: xr.Dataset, observation: AbstractObservation) -> DataScale:
    """Read mean, variance, squared increments and step of a data set, carried to state space through H.

    Raises
    ------
    DataError
        If the data set is not valid.
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
    pairs = np.isfinite(squared).any(axis=(0, 1))
    rate = np.where(pairs, np.nansum(squared, axis=(0, 1)), variance / step)
    rate = np.where(pairs, rate / np.maximum(np.isfinite(squared).sum(axis=(0, 1)), 1), rate)
    n = observation.state_dim(y.shape[-1])
    if observation.matrix is None:
        states = tuple(str(label) for label in data["state"].values)
        return DataScale(states, mean, variance, rate, variance, step)
    H = np.asarray(observation.matrix, dtype=np.float64)
    gain = np.mean(np.sum(H**2, axis=1))
    return DataScale(
        tuple(f"x{index + 1}" for index in range(n)),
        np.linalg.pinv(H) @ mean,
        np.full(n, variance.mean() / gain),
        np.full(n, rate.mean() / gain),
        variance,
        step,
    )
