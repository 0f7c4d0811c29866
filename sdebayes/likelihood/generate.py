"""Draws of observations from a model's own sequential law, at the times of a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from sdebayes._core.types import Key, Scalar, Vector
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations

Stepper = Callable[[Vector, Scalar, Int[Array, ""], Vector], Vector]
"""From x, t, the index of Δt and standard normal numbers to the state a step later."""


def generate(
    model: ObservedSDE, stepper: Stepper, observations: Observations, key: Key
) -> Float[Array, "trajectory time observed"]:
    """Draw y at the data's times, zero where the data have no value."""
    each = jnp.zeros(observations.times.shape, int)
    return _generate(
        model, [stepper], model.initial_mean[None], model.initial_covariance[None], each, observations, key
    )


def generate_switching(
    model: ObservedSDE,
    steppers: Sequence[Stepper],
    regimes: Int[Array, "trajectory time"],
    observations: Observations,
    key: Key,
) -> Float[Array, "trajectory time observed"]:
    """Draw y of an SDE that switches between regimes, given the regime that leads to each step."""
    return _generate(
        model, steppers, model.initial_mean, model.initial_covariance, regimes, observations, key
    )


def _generate(
    model: ObservedSDE,
    steppers: Sequence[Stepper],
    means: Float[Array, "regime state"],
    covariances: Float[Array, "regime state state"],
    regimes: Int[Array, "trajectory time"],
    observations: Observations,
    key: Key,
) -> Float[Array, "trajectory time observed"]:
    path_key, effect_key, noise_key = jax.random.split(key, 3)
    white = jax.random.normal(path_key, (*observations.times.shape, means.shape[-1]))
    if model.degrees_of_freedom is not None:
        white = white.at[:, 1:].multiply(_heavy_scales(model.degrees_of_freedom, path_key, white[:, 1:, :1]))

    def one(white: Array, regimes: Array, times: Array, index: Array) -> Float[Array, "time state"]:
        first = means[regimes[0]] + scale_normals(covariances[regimes[0]], white[0])
        return _path(first, steppers, white[1:], regimes[1:], times[:-1], index)

    paths = jax.vmap(one)(
        white, regimes, jnp.asarray(observations.times), jnp.asarray(observations.step_index)
    )
    factors = observations.noise_factors(model.noise_slopes)
    return observe(model, paths, jnp.asarray(observations.seen), factors, effect_key, noise_key)


def _heavy_scales(
    degrees_of_freedom: Scalar, key: Key, like: Float[Array, "*step one"]
) -> Float[Array, "*step one"]:
    """Draw the factors that make standard normal innovations Student t of unit covariance."""
    square = jax.random.chisquare(jax.random.fold_in(key, 1), degrees_of_freedom, like.shape, like.dtype)
    return jnp.sqrt((degrees_of_freedom - 2) / square)


def observe(
    model: ObservedSDE,
    paths: Float[Array, "trajectory time state"],
    seen: Bool[Array, "trajectory time observed"],
    factors: Float[Array, "trajectory time"],
    effect_key: Key,
    noise_key: Key,
) -> Float[Array, "trajectory time observed"]:
    """Draw y of latent paths, zero where nothing is seen; R is multiplied by a factor at each step."""
    white = jax.random.normal(effect_key, (paths.shape[0], 1, paths.shape[-1]), paths.dtype)
    effect = scale_normals(model.effect_covariance, white)
    white = jax.random.normal(noise_key, seen.shape, paths.dtype)
    if model.noise_scales is not None:
        factors = factors * model.noise_scales.draw(jax.random.fold_in(noise_key, 1), seen.shape[:2])
    noise = scale_normals(model.noise_covariance, white * jnp.sqrt(factors)[..., None])
    return jnp.where(seen, (paths + effect) @ model.matrix.T + noise, 0.0)


def scale_normals(
    covariance: Float[Array, "n n"], white: Float[Array, "*batch n"]
) -> Float[Array, "*batch n"]:
    """Turn standard normal draws into draws with a covariance that may be singular."""
    values, vectors = jnp.linalg.eigh(covariance)
    return (white * jnp.sqrt(jnp.maximum(values, 0.0))) @ vectors.T


def _path(
    first: Vector, steppers: Sequence[Stepper], white: Array, regimes: Array, times: Array, index: Array
) -> Float[Array, "time state"]:
    def step(x: Array, inputs: tuple[Array, ...]) -> tuple[Array, Array]:
        z, regime, t, u = inputs
        each = [stepper(x, t, u, z) for stepper in steppers]
        following = each[0] if len(each) == 1 else jnp.stack(each)[regime]
        return following, following

    _, later = jax.lax.scan(step, first, (white, regimes, times, index))
    return jnp.concatenate([first[None], later])
