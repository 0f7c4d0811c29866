r"""The likelihood of a drift that is linear in its coefficients, under Euler–Maruyama with constant Σ, through sums.

With transitions :math:`Δx_k \sim N(Θ^\top ψ_k Δ_k, Σ Δ_k)` the data enter through the statistics

.. math:: G = \sum_k Δ_k ψ_k ψ_k^\top, \quad B = \sum_k ψ_k Δx_k^\top, \quad Q = \sum_k Δx_k Δx_k^\top / Δ_k,

their number and :math:`\sum_k \log Δ_k`.

References
----------
Batz, Ruttor & Opper (2018), doi:10.1103/PhysRevE.98.022109, sec. III.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float

from sdebayes._core import precision
from sdebayes._core.arguments import checked
from sdebayes._core.types import Matrix, Vector

Coefficients = Float[Array, "feature state"]


@checked
class Statistics(eqx.Module):
    """What an Euler–Maruyama likelihood with constant Σ needs of data; statistics of parts of the data add up.

    Parameters
    ----------
    gram
        G, (feature, feature), in time.
    cross
        B, (feature, state).
    square
        Q, (state, state), in state² per unit time.
    log_steps
        Σ log Δ.
    count
        Number of transitions.
    first_sum, first_square
        Σ r and Σ r rᵀ of each trajectory's first state less the reference, (state,) and (state, state).
    first_count
        Number of trajectories.

    See Also
    --------
    sdebayes.inference.statistics : Makes them.

    Examples
    --------
    Continuing the example of :func:`sdebayes.inference.statistics`:

    >>> both = sums + sums
    >>> int(both.count), int(both.first_count)
    (1592, 8)
    """

    gram: Float[Array, "feature feature"]
    cross: Coefficients
    square: Matrix
    log_steps: Float[Array, ""]
    count: Float[Array, ""]
    first_sum: Vector
    first_square: Matrix
    first_count: Float[Array, ""]

    def __add__(self, other: Statistics) -> Statistics:
        """Return the statistics of both parts of the data."""
        with precision.scope("float64"):
            return jax.tree.map(jnp.add, self, other)


class Given(NamedTuple):
    """All but the weights.

    Attributes
    ----------
    offset
        Θ₀, (feature, state).
    scale
        S, (feature, state).
    covariance
        Σ, (state, state).
    first_mean
        Mean of the first state less the reference, (state,).
    first_covariance
        Its covariance, (state, state).
    """

    offset: Coefficients
    scale: Coefficients
    covariance: Matrix
    first_mean: Vector
    first_covariance: Matrix


def known_log_density(given: Given, data: Statistics) -> Float[Array, ""]:
    """Return log p(y | all but the weights, weights 0), in nats.

    Parameters
    ----------
    given
        All but the weights.
    data
        The statistics.
    """
    d = data.cross.shape[1]
    constant = (data.count + data.first_count) * d * jnp.log(2 * jnp.pi) + d * data.log_steps
    first = _log_density(given.first_covariance, data.first_count, _first_scatter(given, data))
    return first - 0.5 * constant + _log_density(given.covariance, data.count, residual(given, data)[1])


def residual(given: Given, data: Statistics) -> tuple[Coefficients, Matrix]:
    """Return B and Q of what Θ₀ leaves."""
    offset = given.offset
    half = offset.T @ data.cross
    cross = data.cross - data.gram @ offset
    return cross, data.square - half - half.T + offset.T @ data.gram @ offset


def _first_scatter(given: Given, data: Statistics) -> Matrix:
    """Return the sum of r rᵀ over the first states less their mean."""
    half = jnp.outer(data.first_sum, given.first_mean)
    mean = jnp.outer(given.first_mean, given.first_mean)
    return data.first_square - half - half.T + data.first_count * mean


def _log_density(covariance: Matrix, count: Float[Array, ""], scatter: Matrix) -> Float[Array, ""]:
    """Return −½ (n log |C| + tr(C⁻¹ Q)): n normal log densities without the constant."""
    factor = jnp.linalg.cholesky(covariance)
    log_determinant = 2 * jnp.sum(jnp.log(jnp.diagonal(factor)))
    return -0.5 * (count * log_determinant + jnp.trace(cho_solve((factor, True), scatter)))
