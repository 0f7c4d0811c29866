"""Correlation matrices inside a NumPyro model, by their partial correlations."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from jaxtyping import Array, Float
from numpyro.distributions import Distribution, constraints
from scipy.special import betaln

from sdebayes._core.types import Key, Matrix


class PartialCorrelations(Distribution):
    r"""Fisher's z of the partial correlations of a matrix C that is LKJ(η): :math:`p(C) ∝ |C|^{η - 1}`.

    Entry (i, j) below the diagonal, row by row, is z = artanh of the correlation of i and j given 0, …, j − 1. These
    are independent, (1 + tanh z)/2 is Beta(β_j, β_j) with β_j = η + (n − 2 − j)/2, and so

    .. math::
        p(z) = \frac{\cosh(z)^{-2β_j}}{B(β_j, ½)}.

    Parameters
    ----------
    size
        n, rows of the matrix.
    concentration
        η.

    Notes
    -----
    It is NumPyro's ``LKJCholesky`` in its unconstrained coordinates, as a density there: half the program to compile,
    and a fifth to draw from, as tanh z = T/√(2β + T²) with T of Student's t, 2β degrees of freedom, has a closed form.

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), Generating random correlation matrices based on vines and extended onion
    method, doi:10.1016/j.jmva.2009.04.008. Bailey (1994), Polar generation of random variates with the
    t-distribution, doi:10.1090/S0025-5718-1994-1219702-8.
    """

    support = constraints.real_vector

    def __init__(self, size: int, concentration: float) -> None:
        columns = np.tril_indices(size, -1)[1]
        self.shape_parameters = concentration + (size - 2 - columns) / 2
        super().__init__((), columns.shape, validate_args=False)

    def sample(self, key: Key, sample_shape: tuple[int, ...] = ()) -> Float[Array, "*sample entry"]:
        """Draw z."""
        radius, angle = jax.random.split(key)
        shape = (*sample_shape, *self.event_shape)
        odds = jnp.expm1(jax.random.exponential(radius, shape) / self.shape_parameters)
        return jnp.arcsinh(jnp.sqrt(odds) * jnp.cos(2 * jnp.pi * jax.random.uniform(angle, shape)))

    def log_prob(self, value: Float[Array, "*sample entry"]) -> Float[Array, "*sample"]:
        """Return log p(z)."""
        constant = betaln(self.shape_parameters, 0.5).sum()
        return -2 * jnp.sum(self.shape_parameters * _log_cosh(value), -1) - constant


def correlation_cholesky(name: str, state_dim: int, concentration: float) -> Matrix:
    r"""Draw the Cholesky factor of a correlation matrix inside a NumPyro model, LKJ(concentration).

    With z of `PartialCorrelations`, :math:`L_{ij} = \tanh z_{ij} \prod_{k<j} \cosh(z_{ik})^{-1}`, and
    :math:`L_{ii} = \prod_{k<i} \cosh(z_{ik})^{-1}`.
    """
    if state_dim == 1:
        return jnp.ones((1, 1))
    z = numpyro.sample(name, PartialCorrelations(state_dim, concentration))
    same, before = np.eye(state_dim), np.triu(np.ones((state_dim, state_dim)), 1)
    left = jnp.exp(-strictly_lower(_log_cosh(z), state_dim) @ before)
    return (strictly_lower(jnp.tanh(z), state_dim) + same) * left


def covariance_cholesky(name: str, variance: Float[Array, " state"], concentration: float) -> Matrix:
    """Draw the Cholesky factor of a covariance matrix of given variances, its correlations LKJ(concentration)."""
    correlation = correlation_cholesky(f"{name}_correlation", variance.shape[0], concentration)
    factor = jnp.sqrt(variance)[:, None] * correlation
    numpyro.deterministic(f"{name}_covariance", factor @ factor.T)
    return factor


def strictly_lower(entries: Float[Array, " entry"], size: int) -> Matrix:
    """Return the matrix with these entries below its diagonal, row by row, and zeros elsewhere."""
    rows, columns = np.tril_indices(size, -1)
    return jnp.zeros((size, size), entries.dtype).at[rows, columns].set(entries)


def _log_cosh(z: Float[Array, "*sample entry"]) -> Float[Array, "*sample entry"]:
    return jnp.logaddexp(z, -z) - np.log(2)
