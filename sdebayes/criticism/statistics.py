"""Statistics of tests, on arrays (sample, trajectory, time, state) with NaN where nothing was seen.

Where all samples have their gaps at the same places, as replicates do, the first one stands for all.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

Batch = Float[np.ndarray, "sample trajectory time state"]


def gaps(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what is seen, of one sample or of all, and the values with zero where nothing is."""
    seen = np.isfinite(values)
    if seen.all():
        return seen[:1], values
    alike = bool((seen == seen[:1]).all())
    return seen[:1] if alike else seen, np.where(seen, values, 0.0)


def _summed_product(a: np.ndarray, b: np.ndarray) -> Float[np.ndarray, "sample state"]:
    """Sum products over trajectories and times."""
    products: np.ndarray = np.vecdot(a.swapaxes(2, 3), b.swapaxes(2, 3))
    return products.sum(axis=1)


def seen_mean(values: np.ndarray, axis: int | tuple[int, ...], keepdims: bool = False) -> np.ndarray:
    """Average what is not NaN; zero where nothing is."""
    seen, known = gaps(values)
    count = np.maximum(seen.sum(axis=axis, keepdims=True), 1)
    mean: np.ndarray = known.sum(axis=axis, keepdims=True) / count
    return mean if keepdims else mean.squeeze(axis)


def centred(values: Batch) -> Batch:
    """Take each trajectory's own mean away."""
    return values - seen_mean(values, 2, keepdims=True)


def remaining_correlation(white: Batch, lags: int) -> Float[np.ndarray, "sample lag state"]:
    """Return the autocorrelation of centred innovations times the root of the number of pairs."""
    seen, z = gaps(centred(white))
    variance = (z**2).sum(axis=(1, 2)) / np.maximum(seen.sum(axis=(1, 2)), 1)
    found = []
    for lag in range(1, lags + 1):
        pairs = (seen[:, :, :-lag] & seen[:, :, lag:]).sum(axis=(1, 2))
        product = _summed_product(z[:, :, :-lag], z[:, :, lag:])
        found.append(product / (variance * np.sqrt(np.maximum(pairs, 1))))
    return np.stack(found, axis=1)


def shape(white: Batch) -> tuple[Float[np.ndarray, "sample state"], Float[np.ndarray, "sample state"]]:
    """Return skewness and excess kurtosis over all trajectories and times."""
    seen, known = gaps(white)
    count = np.maximum(seen.sum(axis=(1, 2)), 1)
    mean = known.sum(axis=(1, 2)) / count
    z = np.where(seen, white - mean[:, None, None], 0.0)
    square = z * z
    second, third, fourth = (part.sum(axis=(1, 2)) / count for part in (square, square * z, square * square))
    return third / second**1.5, fourth / second**2 - 3


def jarque_bera(white: Batch) -> Float[np.ndarray, "sample state"]:
    """Return n (skewness²/6 + kurtosis²/24)."""
    skewness, kurtosis = shape(white)
    return np.isfinite(white).sum(axis=(1, 2)) * (skewness**2 / 6 + kurtosis**2 / 24)


def trends(
    values: Batch, times: Float[np.ndarray, "trajectory time"]
) -> tuple[Float[np.ndarray, "sample state"], Float[np.ndarray, "sample state"]]:
    """Return the slopes over time, common to all trajectories, of the level and of the squared distance from it."""
    level = slope(values, times)
    return level, slope(centred(values) ** 2, times)


def slope(values: Batch, times: Float[np.ndarray, "trajectory time"]) -> Float[np.ndarray, "sample state"]:
    """Return the slope of least squares over time, common to all trajectories, each with a level of its own."""
    seen, _ = gaps(values)
    _, clock = gaps(centred(np.where(seen, times[None, :, :, None], np.nan)))
    _, z = gaps(centred(values))
    return _summed_product(clock, z) / _summed_product(clock, clock)


def block_sums(values: Batch, size: int) -> Float[np.ndarray, "sample trajectory block state"]:
    """Return sums over stretches of so many steps, over the root of their seen number; NaN where half is missing."""
    blocks = values.shape[2] // size
    cut = values[:, :, : blocks * size].reshape(*values.shape[:2], blocks, size, values.shape[-1])
    seen, known = gaps(cut)
    count = seen.sum(axis=3)
    sums = known.sum(axis=3) / np.sqrt(np.maximum(count, 1))
    return np.where(2 * count >= size, sums, np.nan)


def robust_spread(values: Batch) -> Float[np.ndarray, "sample state"]:
    """Return the median size over all trajectories and times."""
    return np.nanmedian(np.abs(values), axis=(1, 2))
