"""Number, mean and scatter of vectors, in one pass."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import lapack

_BLOCK = 2**21
"""Numbers that are centred at once."""

_LEAST_LEFT = 1e-6
"""The share of an entry's scatter that earlier entries leave, below which too many digits are lost."""


class Moments(NamedTuple):
    """Number, mean and scatter of vectors; those of parts of the data add up.

    Attributes
    ----------
    number
        Number of vectors.
    mean
        (entry,).
    scatter
        Σ (y − mean)(y − mean)ᵀ, (entry, entry).
    """

    number: int
    mean: Float[np.ndarray, " entry"]
    scatter: Float[np.ndarray, "entry entry"]

    @staticmethod
    def of(vectors: Float[np.ndarray, "vector entry"]) -> Moments:
        """Go through the vectors once, a block at a time."""
        size = max(1, _BLOCK // max(1, vectors.shape[1]))
        blocks = (vectors[start : start + size] for start in range(0, len(vectors), size))
        return reduce(Moments.add, map(Moments._of_block, blocks))

    @staticmethod
    def _of_block(vectors: Float[np.ndarray, "vector entry"]) -> Moments:
        mean = vectors.mean(0)
        centred = vectors - mean
        return Moments(len(vectors), mean, centred.T @ centred)

    def add(self, others: Moments) -> Moments:
        """Return those of both parts: Chan, Golub & LeVeque (1983), doi:10.1080/00031305.1983.10483115."""
        number, apart = self.number + others.number, others.mean - self.mean
        share = others.number / number
        scatter = self.scatter + others.scatter + self.number * share * np.outer(apart, apart)
        return Moments(number, self.mean + share * apart, scatter)

    def factor(self) -> Float[np.ndarray, "entry entry"] | None:
        """Return Z with Zᵀ Z the scatter; None where entries tell each other so well that it has lost its digits."""
        if not self.scatter.size:
            return self.scatter
        factor, failed = lapack.dpotrf(self.scatter, clean=1)
        if failed or np.any(np.diagonal(factor) ** 2 < _LEAST_LEFT * np.diagonal(self.scatter)):
            return None
        return factor
