r"""Whether independent values between 0 and 1 are uniform, judged by their whole empirical distribution function.

Of N uniform values the number R(z) that are at most z is binomial. At K − 1 equally spaced z the statistic is the
smallest of its two tail probabilities,

.. math:: γ = 2 \min_z \min\{P(R \le R(z)),\; P(R \ge R(z))\},

whose law under uniformity is simulated; the counts that keep both tails above γ/2 at every z are a simultaneous band.
Säilynoja, Bürkner & Vehtari (2022), Statistics and Computing 32, 32, doi:10.1007/s11222-022-10090-6.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

_SIMULATIONS = 40_000
_MOST_POINTS = 200
_BLOCK = 4000


class Band(NamedTuple):
    """Where the empirical distribution function of uniform values lies at all points together.

    Attributes
    ----------
    points
        z, (point,), inside (0, 1).
    lower, upper
        Smallest and largest number of values at most z, (point,).
    """

    points: Float[np.ndarray, " point"]
    lower: Int[np.ndarray, " point"]
    upper: Int[np.ndarray, " point"]


def counts_below(
    values: Float[np.ndarray, "value column"],
) -> Int[np.ndarray, "point column"]:
    """Return R(z) of each column at the points of its band."""
    points = _points(len(values))
    return np.array([np.sum(values <= z, axis=0) for z in points])


def p_values(values: Float[np.ndarray, "value column"]) -> Float[np.ndarray, " column"]:
    """Return for each column the probability that so many uniform values have a γ as small as its own."""
    counts = counts_below(values)
    tail = _tails(len(values))
    found = tail[np.arange(len(counts))[:, None], counts].min(axis=0)
    smaller = np.searchsorted(_law(len(values)), found * (1 + 1e-9), side="right")
    return (1 + smaller) / (1 + _SIMULATIONS)


def simultaneous_band(count: int, prob: float) -> Band:
    """Return the band that holds the distribution function of ``count`` uniform values with a probability."""
    limit = np.quantile(_law(count), 1 - prob, method="lower")
    inside = _tails(count) >= limit * (1 - 1e-9)
    return Band(
        _points(count),
        np.argmax(inside, axis=1),
        count - np.argmax(inside[:, ::-1], axis=1),
    )


def share_of_band(values: Float[np.ndarray, "value column"], prob: float) -> Float[np.ndarray, " column"]:
    """Return the largest deviation of each column as a share of the smallest that leaves the band."""
    band, counts = simultaneous_band(len(values), prob), counts_below(values)
    expected = len(values) * band.points[:, None]
    above = (counts - expected) / (band.upper[:, None] + 1 - expected)
    below = (expected - counts) / (expected - band.lower[:, None] + 1)
    return np.maximum(above, below).max(axis=0)


def _points(count: int) -> Float[np.ndarray, " point"]:
    number = max(2, min(count, _MOST_POINTS))
    return np.arange(1, number) / number


@lru_cache(maxsize=16)
def _tails(count: int) -> Float[np.ndarray, "point counted"]:
    """Return twice the smaller tail probability of each point and each number 0, 1, …, N of values at most z."""
    from scipy.special import bdtr, bdtrc

    points, numbers = _points(count)[:, None], np.arange(count + 1)
    return np.minimum(1.0, 2 * np.minimum(bdtr(numbers, count, points), bdtrc(numbers - 1.0, count, points)))


@lru_cache(maxsize=16)
def _law(count: int) -> Float[np.ndarray, " simulation"]:
    """Return simulated γ of uniform values, in order."""
    rng, tails = np.random.default_rng(0), _tails(count)
    parts = len(tails) + 1
    found = []
    for _ in range(_SIMULATIONS // _BLOCK):
        counts = rng.multinomial(count, np.full(parts, 1 / parts), size=_BLOCK)
        below = np.cumsum(counts, axis=1)[:, :-1]
        found.append(tails[np.arange(parts - 1), below].min(axis=1))
    return np.sort(np.concatenate(found))
