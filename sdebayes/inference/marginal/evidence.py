r"""Exact integration over the weights of a drift, given everything else.

With :math:`Θ = Θ_0 + S ∘ w`, :math:`w_{mi} \sim N(0, 1)`, and Euler–Maruyama transitions the
weights have a normal law given the rest, through `sdebayes.inference.sufficient_statistics` G, B and Q. Where
:math:`S_{mi} = s_m a_i`, one kernel for all outputs, the eigenvectors V of :math:`T = \mathrm{diag}(a) Σ^{-1}
\mathrm{diag}(a) = V \mathrm{diag}(τ) V^\top` turn it into one problem for each state: column i of :math:`Z = w V` has
the precision :math:`I + τ_i H`, :math:`H = \mathrm{diag}(s)\, G\, \mathrm{diag}(s)`.

References
----------
Bishop (2006), Pattern Recognition and Machine Learning, sec. 3.5.1, for the evidence of a linear model.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve, solve_triangular
from jaxtyping import Array, Float

from sdebayes._core.linalg import inverse_of_triangle
from sdebayes._core.types import Key, Matrix, Vector
from sdebayes.inference.sufficient_statistics.euler_maruyama import (
    Coefficients,
    Given,
    Statistics,
    known_log_density,
    residual,
)


def log_evidence_of(given: Given, data: Statistics, shared: bool) -> Float[Array, ""]:
    """Return log p(y | all but the weights), in nats.

    Parameters
    ----------
    given
        All but the weights.
    data
        The statistics.
    shared
        Whether S is an outer product, one kernel for all outputs.
    """
    weights = (_shared_log_evidence if shared else _joint_log_evidence)(given, data)
    return known_log_density(given, data) + weights


def draw_weights(key: Key, given: Given, data: Statistics, shared: bool) -> Coefficients:
    """Draw w, (feature, state), from its law given everything else; arguments as in `log_evidence_of`."""
    noise = jax.random.normal(key, given.scale.shape, given.scale.dtype)
    if not shared:
        joint = _JointLaw.of(given, data)
        w = joint.mean + solve_triangular(joint.factor, noise.ravel(), lower=True, trans="T")
        return w.reshape(given.scale.shape)
    law = _SharedLaw.of(given, data)
    columns = jax.vmap(lambda L, e: solve_triangular(L, e, lower=True, trans="T"), (0, 1), 1)
    return (law.mean + columns(law.factor, noise)) @ law.vectors.T


class _SharedLaw(NamedTuple):
    """The law of Z = w V where S is the outer product of s and a: independent normal columns.

    Attributes
    ----------
    mean
        (feature, state).
    factor
        Lower triangular factor of each column's precision, (state, feature, feature).
    vectors
        V, (state, state).
    information
        Each column's precision times its mean, (feature, state).
    """

    mean: Coefficients
    factor: Float[Array, "state feature feature"]
    vectors: Matrix
    information: Coefficients

    @staticmethod
    def of(given: Given, data: Statistics) -> _SharedLaw:
        s, T, H = _shared_parts(given, data)
        rates, vectors = jnp.linalg.eigh(T)
        a = _outputs(given.scale)
        cross = s[:, None] * residual(given, data)[0]
        information = jnp.linalg.solve(given.covariance, cross.T).T * a @ vectors
        factor = jnp.linalg.cholesky(jnp.eye(len(s), dtype=s.dtype) + rates[:, None, None] * H)
        mean = jax.vmap(lambda L, b: cho_solve((L, True), b), (0, 1), 1)(factor, information)
        return _SharedLaw(mean, factor, vectors, information)


def _shared_log_evidence(given: Given, data: Statistics) -> Float[Array, ""]:
    """Return the logarithm of what integrating over the weights adds, S being an outer product.

    Its derivative is that of the log-likelihood's mean over the weights' law (Fisher's identity), so that nothing is
    differentiated through the eigenvectors, which are not smooth where two eigenvalues meet.
    """
    law = _SharedLaw.of(*jax.lax.stop_gradient((given, data)))
    log_determinant = 2 * jnp.sum(jnp.log(jnp.diagonal(law.factor, axis1=1, axis2=2)))
    value = 0.5 * (jnp.sum(law.information * law.mean) - log_determinant)
    expected = _with_slopes_of_expectation(given, data, jax.lax.stop_gradient(law))
    return value + (expected - jax.lax.stop_gradient(expected))


def _with_slopes_of_expectation(given: Given, data: Statistics, law: _SharedLaw) -> Float[Array, ""]:
    r"""Return a function with the slopes of the mean, over a law of the weights, of what they add to the likelihood.

    With :math:`C_i` the covariance of column i, :math:`τ_i H C_i = I - C_i`: what the spread adds has the slopes of
    :math:`-\frac12 \sum_{mi} (1 - C_{i,mm}) \log(τ_i s_m^2)`, and the diagonals are all that is needed of :math:`C_i`.
    """
    s, T = _features(given), _precision_of_outputs(given)
    variances = jnp.sum(inverse_of_triangle(law.factor) ** 2, axis=1).T
    fit = s[:, None] * (law.mean @ law.vectors.T)
    linear = jnp.sum(
        fit * _outputs(given.scale) * jnp.linalg.solve(given.covariance, residual(given, data)[0].T).T
    )
    squared = jnp.einsum("ic,ij,jc->c", law.vectors, T, law.vectors) * s[:, None] ** 2
    known = squared > jnp.finfo(squared.dtype).eps ** 4
    spread = jnp.sum((1 - variances) * jnp.log(jnp.where(known, squared, 1.0)))
    return linear - 0.5 * (jnp.sum(T * (fit.T @ data.gram @ fit)) + spread)


def _shared_parts(
    given: Given, data: Statistics
) -> tuple[Float[Array, " feature"], Matrix, Float[Array, "feature feature"]]:
    s = _features(given)
    return s, _precision_of_outputs(given), s[:, None] * data.gram * s


def _features(given: Given) -> Float[Array, " feature"]:
    return jnp.sum(given.scale, 1)


def _precision_of_outputs(given: Given) -> Matrix:
    a = _outputs(given.scale)
    return a[:, None] * jnp.linalg.inv(given.covariance) * a


def _outputs(scale: Coefficients) -> Vector:
    total = jnp.sum(scale)
    return jnp.sum(scale, 0) / jnp.where(total > 0, total, 1.0)


class _JointLaw(NamedTuple):
    """The law of all weights at once: mean, (feature · state,), the precision's lower factor, precision times mean."""

    mean: Float[Array, " weight"]
    factor: Float[Array, "weight weight"]
    information: Float[Array, " weight"]

    @staticmethod
    def of(given: Given, data: Statistics) -> _JointLaw:
        scale = given.scale.ravel()
        inverse = jnp.linalg.inv(given.covariance)
        precision = scale[:, None] * jnp.kron(data.gram, inverse) * scale
        factor = jnp.linalg.cholesky(jnp.eye(len(scale), dtype=scale.dtype) + precision)
        information = scale * (residual(given, data)[0] @ inverse).ravel()
        return _JointLaw(cho_solve((factor, True), information), factor, information)


def _joint_log_evidence(given: Given, data: Statistics) -> Float[Array, ""]:
    """Return the logarithm of what integrating over the weights adds, for any S."""
    law = _JointLaw.of(given, data)
    return 0.5 * law.information @ law.mean - jnp.sum(jnp.log(jnp.diagonal(law.factor)))
