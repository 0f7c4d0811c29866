"""The likelihood of states that are observed exactly: a vectorised sum over transitions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from sdebayes._core.linalg import mahalanobis, normal_log_density
from sdebayes.dynamics import SDE, ObservedSDE
from sdebayes.model.innovations import innovation_log_density
from sdebayes.model.observations import Observations
from sdebayes.schemes import AbstractScheme, AffineTransition

Laws = tuple[Float[Array, "trajectory transition state"], Float[Array, "trajectory transition state state"]]


def affine_log_density(
    model: ObservedSDE, transitions: AffineTransition, observations: Observations
) -> Float[Array, "trajectory time"]:
    """Return log p(y_k | y_{k−1}) of a linear SDE; the first column is log p(y_1)."""
    x = jnp.asarray(observations.values)
    factors = jnp.linalg.cholesky(transitions.covariance)
    log_determinants = jnp.sum(jnp.log(jnp.diagonal(factors, axis1=1, axis2=2)), -1)
    if transitions.shift.shape[0] == 1:
        residual = x[:, 1:] - x[:, :-1] @ transitions.matrix[0].T - transitions.shift[0]
        flat = residual.reshape(-1, residual.shape[-1]).T
        white = solve_triangular(factors[0], flat, lower=True).T.reshape(residual.shape)
        log_determinant = log_determinants[0]
    else:
        index = jnp.asarray(observations.step_index)
        mean = jnp.einsum("ntij,ntj->nti", transitions.matrix[index], x[:, :-1]) + transitions.shift[index]
        identity = jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), factors.shape)
        whitening = solve_triangular(factors, identity, lower=True)
        white = jnp.einsum("ntij,ntj->nti", whitening[index], x[:, 1:] - mean)
        log_determinant = log_determinants[index]
    square = jnp.sum(white**2, -1)
    later = innovation_log_density(square, log_determinant, x.shape[-1], model.degrees_of_freedom)
    return _with_first(model, observations, later)


def scheme_log_density(
    model: ObservedSDE, scheme: AbstractScheme, observations: Observations
) -> Float[Array, "trajectory time"]:
    """Return log p(y_k | y_{k−1}) under the scheme's law; the first column is log p(y_1)."""
    following = jnp.asarray(observations.values)[:, 1:]
    if model.degrees_of_freedom is None:
        return _with_first(model, observations, _each(model, scheme.log_density, observations, following))

    def heavy_tailed(sde: SDE, x: Array, following: Array, t: Array, dt: Array) -> Array:
        mean, covariance = scheme.transition(sde, x, t, dt)
        square, log_determinant = mahalanobis(following - mean, covariance)
        return innovation_log_density(square, 0.5 * log_determinant, x.shape[-1], model.degrees_of_freedom)

    return _with_first(model, observations, _each(model, heavy_tailed, observations, following))


def scheme_laws(model: ObservedSDE, scheme: AbstractScheme, observations: Observations) -> Laws:
    """Return mean and covariance of each state but the first, given the state before it."""
    return _each(model, scheme.transition, observations)


def _each(model: ObservedSDE, function: Any, observations: Observations, *following: Array) -> Any:
    """Evaluate a function of (sde, x, [x′,] t, Δt) at every transition."""
    x = jnp.asarray(observations.values)[:, :-1]
    t = jnp.asarray(observations.times)[:, :-1]
    dt = jnp.asarray(observations.steps)[jnp.asarray(observations.step_index)]

    def one(x: Array, t: Array, dt: Array, table: Any, *following: Array) -> Any:
        sde = model.sde if table is None else model.sde.at(table)
        return function(sde, x, *following, t, dt)

    return jax.vmap(jax.vmap(one))(x, t, dt, observations.table, *following)


def _with_first(
    model: ObservedSDE, observations: Observations, later: Float[Array, "trajectory transition"]
) -> Float[Array, "trajectory time"]:
    residual = jnp.asarray(observations.values)[:, 0] - model.initial_mean
    first = jax.vmap(lambda r: normal_log_density(r, model.initial_covariance))(residual)
    terms = jnp.concatenate([first[:, None], later], axis=1)
    return jnp.where(jnp.asarray(observations.seen[..., 0]), terms, 0.0)
