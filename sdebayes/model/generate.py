"""Draws of observations from a model's own sequential law, at the times of a data set."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdebayes._core.types import Key
from sdebayes.dynamics import ObservedSDE
from sdebayes.model.observations import Observations
from sdebayes.schemes import AbstractScheme


def generate(
    model: ObservedSDE, scheme: AbstractScheme, observations: Observations, key: Key
) -> Float[Array, "trajectory time observed"]:
    """Draw y at the data's times, zero where the data have no value."""
    count, length, observed = observations.values.shape
    state_dim = model.initial_mean.shape[0]
    keys = jax.random.split(key, 3)
    white = jax.random.normal(keys[0], (count, length, state_dim))
    paths = jax.vmap(_path, in_axes=(None, None, None, 0, 0, 0))(
        model,
        scheme,
        jnp.asarray(observations.steps),
        white,
        jnp.asarray(observations.times),
        jnp.asarray(observations.step_index),
    )
    effect = _scale(model.effect_covariance, jax.random.normal(keys[1], (count, 1, state_dim)))
    noise = _scale(model.noise_covariance, jax.random.normal(keys[2], (count, length, observed)))
    return jnp.where(jnp.asarray(observations.seen), (paths + effect) @ model.matrix.T + noise, 0.0)


def _scale(covariance: Float[Array, "n n"], white: Float[Array, "*batch n"]) -> Float[Array, "*batch n"]:
    """Turn standard normal draws into draws with a covariance that may be singular."""
    values, vectors = jnp.linalg.eigh(covariance)
    return (white * jnp.sqrt(jnp.maximum(values, 0.0))) @ vectors.T


def _path(
    model: ObservedSDE, scheme: AbstractScheme, steps: Array, white: Array, times: Array, index: Array
) -> Float[Array, "time state"]:
    sde = model.sde
    first = model.initial_mean + _scale(model.initial_covariance, white[0])
    if sde.affine:
        laws = jax.vmap(lambda dt: scheme.affine_transition(sde, dt))(steps)
        factors = jnp.linalg.cholesky(laws.covariance)

    def step(x: Array, inputs: tuple[Array, ...]) -> tuple[Array, Array]:
        z, t, u = inputs
        if sde.affine:
            following = laws.matrix[u] @ x + laws.shift[u] + factors[u] @ z
        else:
            mean, covariance = scheme.transition(sde, x, t, steps[u])
            following = mean + jnp.linalg.cholesky(covariance) @ z
        return following, following

    _, later = jax.lax.scan(step, first, (white[1:], times[:-1], index))
    return jnp.concatenate([first[None], later])
