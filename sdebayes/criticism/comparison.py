"""Comparison of a statistic of data with the same of replicates."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float


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
