"""Pairs of steps a lag apart, and their covariances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh

_SAME_TIME = 1e-6


class Pairs(NamedTuple):
    """Steps and those that follow them by a lag, (pair, state) each."""

    first: Float[np.ndarray, "pair state"]
    second: Float[np.ndarray, "pair state"]

    def moments(self) -> Lagged:
        """Sum up their products."""
        instant = self.first.T @ self.first + self.second.T @ self.second
        return Lagged(len(self.first), instant, self.first.T @ self.second)


@dataclass(frozen=True)
class Lagged:
    """Sums over pairs (x, z) of steps, which add up over parts of the data.

    Attributes
    ----------
    count
        How many pairs there are.
    instant
        (state, state), the sum of x xᵀ + z zᵀ.
    product
        (state, state), the sum of x zᵀ.
    """

    count: int
    instant: Float[np.ndarray, "state state"]
    product: Float[np.ndarray, "state state"]

    def __add__(self, other: Lagged) -> Lagged:
        return Lagged(self.count + other.count, self.instant + other.instant, self.product + other.product)

    def of(self, vectors: Float[np.ndarray, "state new"]) -> Lagged:
        """Return the sums of states that are these times vectors."""
        return Lagged(self.count, vectors.T @ self.instant @ vectors, vectors.T @ self.product @ vectors)

    def leading(self, number: int) -> Lagged:
        """Return the sums of so many states alone, the first ones."""
        return Lagged(self.count, self.instant[:number, :number], self.product[:number, :number])

    def covariances(self) -> tuple[Float[np.ndarray, "state state"], Float[np.ndarray, "state state"]]:
        """Return the covariance of states and their lagged one, both about 0 and as if time could run backwards."""
        return self.instant / (2 * self.count), (self.product + self.product.T) / (2 * self.count)


def pairs(
    values: Float[np.ndarray, "trajectory time state"],
    times: Float[np.ndarray, "trajectory time"],
    lag: int,
    step: float | None,
) -> Pairs:
    """Collect pairs of complete steps ``lag`` apart, none of them across the end of a trajectory.

    None is across a gap in time either, if it is known how much time a step takes.
    """
    whole = np.isfinite(values).all(axis=-1)
    together = whole[:, :-lag] & whole[:, lag:]
    if step is not None:
        apart = times[:, lag:] - times[:, :-lag]
        together &= np.abs(apart - lag * step) <= _SAME_TIME * step
    return Pairs(values[:, :-lag][together], values[:, lag:][together])


def shrunk(
    covariance: Float[np.ndarray, "state state"], count: int
) -> tuple[Float[np.ndarray, "state state"], float]:
    r"""Shrink a covariance of ``count`` observations towards a multiple of the identity; return it and the share ρ.

    The Rao–Blackwellised rule of Ledoit and Wolf (Chen et al. 2010, doi:10.1109/TSP.2010.2053029), for K states:

    .. math::
        ρ = \frac{(N - 2)/N \; \operatorname{tr} S^2 + \operatorname{tr}^2 S}
                 {(N + 2) (\operatorname{tr} S^2 - \operatorname{tr}^2 S / K)}, \text{ at most } 1.
    """
    states = len(covariance)
    squares, square = float((covariance**2).sum()), float(np.trace(covariance) ** 2)
    numerator = (count - 2) / count * squares + square
    denominator = (count + 2) * (squares - square / states)
    share = 1.0 if numerator >= denominator else numerator / denominator
    return (1 - share) * covariance + share * np.trace(covariance) / states * np.eye(states), share


def slowest(found: Lagged, n: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "state n"], float]:
    """Solve C₁ w = λ C₀ w with C₀ shrunk for the ``n`` largest λ.

    Returns
    -------
    tuple
        The autocorrelations wᵀ C₁ w / wᵀ C₀ w, C₀ not being shrunk, largest first; the vectors; the share of shrinkage.
    """
    instant, lagged = found.covariances()
    regular, share = shrunk(instant, found.count)
    states = len(instant)
    _, vectors = eigh(lagged, regular, subset_by_index=(states - n, states - 1))
    along, own = (np.einsum("in,ij,jn->n", vectors, matrix, vectors) for matrix in (lagged, instant))
    values = along / own
    order = np.argsort(-values, kind="stable")
    return values[order], vectors[:, order], share


def vamp2(found: Lagged) -> float:
    """Return 1 + ‖C₀^(−1/2) C₁ C₀^(−1/2)‖², the VAMP-2 score of states about their mean."""
    instant, lagged = found.covariances()
    propagator = np.linalg.pinv(instant, hermitian=True) @ lagged
    return 1.0 + float(np.trace(propagator @ propagator))


def regular_step(times: Float[np.ndarray, "trajectory time"]) -> float | None:
    """Return the time between steps if most of them take the same; None if times are irregular throughout."""
    steps = np.diff(times, axis=1)
    steps = steps[np.isfinite(steps)]
    middle = float(np.median(steps))
    return middle if np.mean(np.abs(steps - middle) <= _SAME_TIME * middle) > 0.5 else None
