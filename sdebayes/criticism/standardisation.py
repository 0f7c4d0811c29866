"""Programs that standardise data and replicates under one draw after another."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from sdebayes.dynamics import ObservedSDE
from sdebayes.model import likelihood
from sdebayes.model.filtering import LinearGaussian, kalman_filter, linear_gaussian
from sdebayes.model.generate import generate
from sdebayes.model.observation import AbstractObservation
from sdebayes.model.observations import Observations
from sdebayes.model.rebuild import per_draw
from sdebayes.schemes import AbstractScheme


def whiten(
    values: Float[Array, "trajectory time observed"],
    mean: Float[Array, "trajectory time observed"],
    covariance: Float[Array, "trajectory time observed observed"],
    seen: Any,
) -> Float[Array, "trajectory time observed"]:
    """Return L⁻¹ (y − μ) with S = L Lᵀ, of the entries that were seen; NaN elsewhere."""

    def one(residual: Array, S: Array, here: Array) -> Array:
        S = jnp.where(here[:, None] & here[None, :], S, jnp.eye(here.size, dtype=S.dtype))
        white = solve_triangular(jnp.linalg.cholesky(S), jnp.where(here, residual, 0.0), lower=True)
        return jnp.where(here, white, jnp.nan)

    return jax.vmap(jax.vmap(one))(values - mean, covariance, jnp.asarray(seen))


def shared_innovations(
    system: LinearGaussian, data: Observations, values: Float[Array, "many time observed"]
) -> tuple[Float[Array, "many time observed"], Float[Array, "many time observed"]]:
    """Standardise and foretell trajectories that share their covariances, which are filtered once for all."""
    one = Observations(
        jnp.zeros((1, *values.shape[1:]), values.dtype),
        jnp.ones((1, *values.shape[1:]), bool),
        jnp.asarray(data.times)[:1],
        data.steps,
        jnp.asarray(data.step_index)[:1],
        shared=True,
        complete=True,
    )
    P = kalman_filter(system, one).predicted_covariance[0]
    H = system.matrix
    factors = jnp.linalg.cholesky(H @ P @ H.T + system.noise)
    gains = jax.vmap(lambda L, cross: jax.scipy.linalg.cho_solve((L, True), cross).T)(factors, H @ P)
    index = jnp.concatenate([one.step_index[0], jnp.zeros(1, dtype=one.step_index.dtype)])

    def step(mean: Array, inputs: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
        value, gain, L, u = inputs
        predicted = mean @ H.T
        residual = value - predicted
        following = (mean + residual @ gain.T) @ system.transition[u].T + system.shift[u]
        return following, (solve_triangular(L, residual.T, lower=True).T, predicted)

    start = jnp.broadcast_to(system.mean, (values.shape[0], system.mean.size))
    _, (white, predicted) = jax.lax.scan(step, start, (values.swapaxes(0, 1), gains, factors, index))
    return white.swapaxes(0, 1), predicted.swapaxes(0, 1)


def _standardised(
    one: ObservedSDE,
    scheme: AbstractScheme,
    observation: AbstractObservation,
    data: Observations,
    sets: list[Array],
) -> list[tuple[Array, Array]]:
    """Innovations and what was foretold of several sets of values at the times of the data, under one draw."""
    seen = jnp.asarray(data.seen)
    if one.sde.affine and data.shared:
        laws = jax.vmap(lambda dt: scheme.affine_transition(one.sde, dt))(jnp.asarray(data.steps))
        system = linear_gaussian(one, laws, observation.trajectory_effect)
        both = shared_innovations(system, data, jnp.concatenate(sets))
        parts = [jnp.split(one_of_both, len(sets)) for one_of_both in both]
        return [
            (jnp.where(seen, w, jnp.nan), jnp.where(seen, m, jnp.nan)) for w, m in zip(*parts, strict=True)
        ]

    def one_set(values: Array) -> tuple[Array, Array]:
        these = eqx.tree_at(lambda o: o.values, data, values)
        mean, covariance = likelihood.one_step_laws(one, scheme, observation, these)
        return whiten(values, mean, covariance, seen), jnp.where(seen, mean, jnp.nan)

    white, predicted = jax.lax.map(one_set, jnp.stack(sets))
    return list(zip(white, predicted, strict=True))


@lru_cache(maxsize=8)
def judging(scheme: AbstractScheme, observation: AbstractObservation) -> Callable[..., Any]:
    """From draws and data to innovations and what was foretold."""

    def one(draw: ObservedSDE, data: Observations) -> tuple[Array, Array]:
        return _standardised(draw, scheme, observation, data, [jnp.asarray(data.values)])[0]

    return per_draw(one)


@lru_cache(maxsize=8)
def replicating(scheme: AbstractScheme, observation: AbstractObservation) -> Callable[..., Any]:
    """From triples of maker, judge and key, and data, to replicates and to what `judging` returns of data and these."""

    def one(triple: tuple[ObservedSDE, ObservedSDE, Array], data: Observations) -> tuple[Any, ...]:
        maker, judge, key = triple
        values = generate(maker, scheme, data, jax.random.wrap_key_data(key))
        own, theirs = _standardised(judge, scheme, observation, data, [jnp.asarray(data.values), values])
        return jnp.where(jnp.asarray(data.seen), values, jnp.nan), own, theirs

    return per_draw(one)
