"""Ratios of totals over trajectories, which are the independent units, and shares of counts."""

from __future__ import annotations

from typing import Any

import numpy as np


def ratio_and_error(numerator: np.ndarray, denominator: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return :math:`r = \sum_i d_i / \sum_i n_i` and its standard error over trajectories i.

    The error is that of a ratio estimator, :math:`\sqrt{N/(N-1) \sum_i (d_i - r n_i)^2} / \sum_i n_i`
    (Cochran 1977, Sampling Techniques, eq. 6.12).

    Parameters
    ----------
    numerator, denominator
        d and n, (…, trajectory).

    Returns
    -------
    (ratio, standard_error)
        (…).
    """
    count, total = numerator.shape[-1], denominator.sum(-1)
    ratio = numerator.sum(-1) / total
    residual = numerator - ratio[..., None] * denominator
    return ratio, np.sqrt(count / (count - 1) * np.sum(residual**2, axis=-1)) / total


def wilson_interval(share: Any, count: Any, prob: float) -> tuple[Any, Any]:
    r"""Return the interval of a probability of which a share of so many independent trials came true.

    The bounds are those p at which the share is :math:`z \sqrt{p(1-p)/n}` off, z the normal quantile of (1 + prob)/2:
    Wilson (1927), doi:10.1080/01621459.1927.10502953.

    Parameters
    ----------
    share, count
        The share and n, arrays of one shape.
    prob
        Probability of the interval.

    Returns
    -------
    (lower, upper)
        Arrays of the same shape.
    """
    from scipy.stats import norm

    z = float(norm.ppf((1 + prob) / 2))
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return centre - half, centre + half
