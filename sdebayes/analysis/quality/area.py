"""The area under the ROC curve, and its interval."""

from __future__ import annotations

import numpy as np


def auc(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return how often a row of the first is above one of the second, ties being one half, for each column."""
    gain = np.sign(first[:, None] - second[None])
    share: np.ndarray = 0.5 * (1 + gain.mean((0, 1)))
    return share


def interval(share: float, first: int, second: int, prob: float) -> tuple[float, float]:
    r"""Return an interval of an area under the ROC curve.

    All θ with :math:`|\hat θ - θ| ≤ z \sqrt{V(θ)}`, where V is the variance of the estimate of so many documents,
    :math:`V = θ (1 - θ) (1 + N ((1 - θ)/(2 - θ) + θ/(1 + θ))) / (n_1 n_2)`, N being :math:`(n_1 + n_2)/2 - 1`.

    Parameters
    ----------
    share
        The estimate.
    first, second
        Numbers of documents.
    prob
        Probability.
    """
    from scipy.optimize import brentq
    from scipy.stats import norm

    if np.isnan(share):
        return np.nan, np.nan
    z, more = norm.ppf((1 + prob) / 2), (first + second) / 2 - 1

    def beyond(true: float) -> float:
        spread = 1 + more * ((1 - true) / (2 - true) + true / (1 + true))
        return (share - true) ** 2 - z**2 * true * (1 - true) * spread / (first * second)

    low = 0.0 if share <= 0 else brentq(beyond, 0.0, min(share, 1 - 1e-9))
    high = 1.0 if share >= 1 else brentq(beyond, max(share, 1e-9), 1.0)
    return low, high
