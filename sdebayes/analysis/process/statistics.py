"""Statistics of tests, on arrays (sample, trajectory, time, state) with NaN where nothing was seen."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

Batch = Float[np.ndarray, "sample trajectory time state"]


class Outcome(NamedTuple):
    """What comes of comparing data with replicates.

    Attributes
    ----------
    p_values
        Of each component, (component,).
    p_value
        Of the largest component, each in units of its own spread over the replicates.
    """

    p_values: Float[np.ndarray, " component"]
    p_value: float


def compare(
    data: Float[np.ndarray, "sample component"], replicated: Float[np.ndarray, "sample component"]
) -> Outcome:
    """Compare the data's statistics with the replicates', pair by pair, large ones being evidence against the model.

    Row i of the data is judged as replicate i is. The p-value of all is that of the largest component, so that many
    components cost no more than chance, each in units of mean and standard deviation of all replicates and row i of the
    data. In these the row and its replicate play the same part: of data that are the same in all rows they are the
    moments of n + 1 exchangeable sets, and the p-value is exact. With n replicates it is at least 1/(n + 1).
    """
    data_largest, replicated_largest = _largest(data, replicated)

    def p(value: np.ndarray, copies: np.ndarray) -> Any:
        return (1 + (copies >= value).sum(axis=0)) / (1 + len(copies))

    return Outcome(p(data, replicated), float(p(data_largest, replicated_largest)))


def _largest(data: np.ndarray, replicated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest component of every row of both, in units of the spread of all replicates and that row."""
    count = len(replicated)
    middle, spread = replicated.mean(axis=0), replicated.std(axis=0)
    size = np.where(spread > 0, spread, 1.0)
    own, copies = (data - middle) / size, (replicated - middle) / size
    pooled = np.sqrt(np.where(spread > 0, 1.0, 0.0) / (1 + 1 / count) + own**2 * count / (count + 1) ** 2)
    pooled = np.where(pooled > 0, pooled, 1.0)
    centre = own / (count + 1)
    return ((own - centre) / pooled).max(axis=1), ((copies - centre) / pooled).max(axis=1)


def centred(values: Batch) -> Batch:
    """Take each trajectory's own mean away."""
    seen = np.isfinite(values)
    count = np.maximum(seen.sum(axis=2, keepdims=True), 1)
    return values - np.where(seen, values, 0.0).sum(axis=2, keepdims=True) / count


def remaining_correlation(white: Batch, lags: int) -> Float[np.ndarray, "sample lag state"]:
    """Return the autocorrelation of centred innovations times the root of the number of pairs."""
    z = centred(white)
    seen = np.isfinite(z)
    z = np.where(seen, z, 0.0)
    variance = (z**2).sum(axis=(1, 2)) / np.maximum(seen.sum(axis=(1, 2)), 1)
    found = []
    for lag in range(1, lags + 1):
        pairs = (seen[:, :, :-lag] & seen[:, :, lag:]).sum(axis=(1, 2))
        product = (z[:, :, :-lag] * z[:, :, lag:]).sum(axis=(1, 2))
        found.append(product / (variance * np.sqrt(np.maximum(pairs, 1))))
    return np.stack(found, axis=1)


def shape(white: Batch) -> tuple[Float[np.ndarray, "sample state"], Float[np.ndarray, "sample state"]]:
    """Return skewness and excess kurtosis over all trajectories and times."""
    seen = np.isfinite(white)
    count = np.maximum(seen.sum(axis=(1, 2)), 1)
    mean = np.where(seen, white, 0.0).sum(axis=(1, 2)) / count
    z = np.where(seen, white - mean[:, None, None], 0.0)
    second, third, fourth = ((z**power).sum(axis=(1, 2)) / count for power in (2, 3, 4))
    return third / second**1.5, fourth / second**2 - 3


def jarque_bera(white: Batch) -> Float[np.ndarray, "sample state"]:
    """Return n (skewness²/6 + kurtosis²/24)."""
    skewness, kurtosis = shape(white)
    return np.isfinite(white).sum(axis=(1, 2)) * (skewness**2 / 6 + kurtosis**2 / 24)


def trends(
    values: Batch, times: Float[np.ndarray, "trajectory time"]
) -> tuple[Float[np.ndarray, "sample state"], Float[np.ndarray, "sample state"]]:
    """Return the slopes over time, common to all trajectories, of the level and of the squared distance from it."""
    level = _slope(values, times)
    return level, _slope(centred(values) ** 2, times)


def _slope(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    clock = centred(np.where(np.isfinite(values), times[None, :, :, None], np.nan))
    z = centred(values)
    return np.nansum(clock * z, axis=(1, 2)) / np.nansum(clock**2, axis=(1, 2))
