"""Ratios of totals over trajectories, which are the independent units, and shares of counts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

_LEAST_FREEDOM = 0.5
"""Where one trajectory outweighs all others; the interval is then beyond any use."""


FEW_TRAJECTORIES = 10
"""Below so many trajectories an interval leans on the shape of the differences between them."""


class Ratio(NamedTuple):
    """A ratio of totals with its uncertainty, each (…).

    Attributes
    ----------
    value
        The ratio.
    error
        Its standard error.
    lower, upper
        Its interval.
    """

    value: np.ndarray
    error: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def ratio(numerator: np.ndarray, denominator: np.ndarray, prob: float = 0.95) -> Ratio:
    r"""Return :math:`r = \sum_i d_i / \sum_i n_i` with its uncertainty over trajectories i.

    With the share :math:`h_i = n_i / \sum_j n_j` of each of N trajectories, the standard error is the jackknife's, from
    the ratios without one trajectory, and the interval Student's with as many degrees of freedom as the trajectories
    would have if they were of one length:

    .. math::
        s^2 = \frac{N - 1}{N} \sum_i \left(\frac{d_i - r n_i}{(1 - h_i) \sum_j n_j}\right)^2, \qquad
        r \pm t_{ν} s, \quad ν = 1 / \sum_i h_i^2 - 1.

    Parameters
    ----------
    numerator, denominator
        d and n, (…, trajectory).
    prob
        Probability of the interval.

    Returns
    -------
    Ratio
        Each number (…); no error, NaN, where all of n is in one trajectory.

    References
    ----------
    Efron & Stein (1981), The jackknife estimate of variance, doi:10.1214/aos/1176345462; Kish (1965), Survey Sampling,
    sec. 11.7, for the effective number. Coverage: ``benchmarks/score_intervals.py``.
    """
    from scipy.stats import t

    count, total = numerator.shape[-1], denominator.sum(-1)
    value = numerator.sum(-1) / total
    share = denominator / total[..., None]
    moved = (numerator - value[..., None] * denominator) / total[..., None]
    moved = np.divide(moved, 1 - share, out=np.full(moved.shape, np.nan), where=share < 1)
    error = np.sqrt((count - 1) / count * np.sum(moved**2, axis=-1))
    freedom = np.maximum(1 / np.sum(share**2, axis=-1) - 1, _LEAST_FREEDOM)
    half = t.ppf((1 + prob) / 2, freedom) * error
    return Ratio(value, error, value - half, value + half)


def caution(count: int) -> str:
    """Say what an interval over so few trajectories is worth; empty where there are enough of them."""
    if count < 3:
        return "Two trajectories tell next to nothing: the interval rests on one difference. Hold out ten or more."
    if count < FEW_TRAJECTORIES:
        return (
            f"Few trajectories ({count}): the interval leans on differences between them that are close to normal. "
            f"Hold out {FEW_TRAJECTORIES} or more."
        )
    return ""


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
