"""The area under the ROC curve, and its interval."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def auc(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return how often a row of the first is above one of the second, ties being one half, for each column."""
    gain = np.sign(first[:, None] - second[None])
    share: np.ndarray = 0.5 * (1 + gain.mean((0, 1)))
    return share


def variance(true: float, first: int, second: int) -> float:
    r"""Return the variance of an estimate of the area θ by so many documents.

    :math:`V(θ) = θ (1 - θ) (1 + N ((1 - θ)/(2 - θ) + θ/(1 + θ))) / (n_1 n_2)`, N being :math:`(n_1 + n_2)/2 - 1`.
    """
    more = (first + second) / 2 - 1
    return true * (1 - true) * (1 + more * ((1 - true) / (2 - true) + true / (1 + true))) / (first * second)


def interval(
    share: float, first: int, second: int, prob: float, by_lot: Float[np.ndarray, " replicate"]
) -> tuple[float, float]:
    r"""Return an interval of an area under the ROC curve.

    All θ with :math:`|\hat θ - θ| ≤ k\, t_K \sqrt{V(θ)}`, V as in `variance` and t a quantile of Student's distribution
    with K degrees of freedom. :math:`k^2 = \frac1K \sum_k (A_k - \tfrac12)^2 / V(\tfrac12)` is by how much the areas of
    K groups by lot scatter more than V says: one, where there are none or they do not scatter.

    Parameters
    ----------
    share
        The estimate.
    first, second
        Numbers of documents.
    prob
        Probability.
    by_lot
        Areas of groups that were drawn by lot, which may be none.
    """
    from scipy.optimize import brentq
    from scipy.stats import t

    if np.isnan(share):
        return np.nan, np.nan
    known = by_lot[np.isfinite(by_lot)]
    told = np.ptp(np.append(known, 0.5)) > 0
    scatter = np.mean((known - 0.5) ** 2) / variance(0.5, first, second) if told else 1.0
    widest = scatter * t.ppf((1 + prob) / 2, len(known) or np.inf) ** 2

    def beyond(true: float) -> float:
        return (share - true) ** 2 - widest * variance(true, first, second)

    low = 0.0 if share <= 0 else brentq(beyond, 0.0, min(share, 1 - 1e-9))
    high = 1.0 if share >= 1 else brentq(beyond, max(share, 1e-9), 1.0)
    return low, high
