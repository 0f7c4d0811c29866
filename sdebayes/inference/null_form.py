"""The common form of all nulls: a linear process with an effect and noise, of which each null leaves parts out."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.linear_gaussian import LinearGaussian, kalman_filter, shared_log_density


class Flags(eqx.Module):
    """Which parts of the common form a null has, each 0 or 1."""

    memory: float
    effect: float
    noise: float


class Parameters(eqx.Module):
    """Unconstrained parameters of the common form.

    y_k = x_k + c + ε_k; x_{k+1} = μ + η_k with η ~ N(0, W), or x_k + η_k with η ~ N(0, W Δt); c ~ N(0, C) and
    ε ~ N(0, R), each S (1 + M) (1 + M)ᵀ S with a diagonal S and, where it has correlations, the entries ``mixing`` of
    a strictly lower triangular M; x_1 ~ N(μ, W), or N(μ, P₀) with diagonal P₀.
    """

    mean: Float[Array, " state"]
    factor: Float[Array, "state state"]
    log_effect: Float[Array, " state"]
    log_noise: Float[Array, " state"]
    log_initial: Float[Array, " state"]
    mixing: Float[Array, " pair"]


def width_of(correlated: bool, observations: Observations) -> Parameters:
    """Return the prior's standard deviations."""
    start = start_of(correlated, observations)
    sd = jnp.sqrt(jnp.exp(start.log_initial))
    logs = jnp.full_like(sd, 2.0)
    off = jnp.broadcast_to(2 * sd[:, None], (sd.shape[0], sd.shape[0]))
    factor = off - jnp.diag(jnp.diagonal(off)) + jnp.diag(logs)
    return Parameters(2 * sd, factor, logs, logs, logs, jnp.ones_like(start.mixing))


def start_of(correlated: bool, observations: Observations) -> Parameters:
    """Return the middle of the prior, of the data's moments; ``correlated`` gives effect and noise correlations."""
    values = np.where(observations.seen, observations.values, np.nan)
    flat = values.reshape(-1, values.shape[-1])
    variance, n = np.nanvar(flat, axis=0), flat.shape[1]
    return Parameters(
        jnp.asarray(np.nanmean(flat, axis=0)),
        jnp.asarray(np.diag(np.log(np.sqrt(0.5 * variance)))),
        jnp.asarray(np.log(0.2 * variance)),
        jnp.asarray(np.log(0.3 * variance)),
        jnp.asarray(np.log(variance)),
        jnp.zeros(n * (n - 1) // 2 if correlated else 0),
    )


def log_density(
    parameters: Parameters, flags: Flags, observations: Observations
) -> Float[Array, "trajectory time"]:
    """Return log p(y_k | y_1, …, y_{k−1}) of each step."""
    system = _system(parameters, flags, jnp.asarray(observations.steps))
    if observations.shared:
        return shared_log_density(system, observations)
    return kalman_filter(system, observations).log_density


def _system(parameters: Parameters, flags: Flags, steps: Float[Array, " unique"]) -> LinearGaussian:
    n = parameters.mean.shape[0]
    identity, zero = jnp.eye(n), jnp.zeros((n, n))
    diagonal = jnp.exp(jnp.diagonal(parameters.factor))
    factor = jnp.tril(parameters.factor, -1) + jnp.diag(diagonal)
    W = factor @ factor.T
    effect = flags.effect * _covariance(parameters.log_effect, parameters.mixing)
    initial = jnp.where(flags.memory > 0, jnp.diag(jnp.exp(parameters.log_initial)), W)
    shift = jnp.concatenate([(1 - flags.memory) * parameters.mean, jnp.zeros(n)])

    def blocks(a: Any, b: Any) -> Array:
        return jnp.block([[a, zero], [zero, b]])

    return LinearGaussian(
        transition=jnp.broadcast_to(
            blocks(flags.memory * identity, identity), (steps.shape[0], 2 * n, 2 * n)
        ),
        shift=jnp.broadcast_to(shift, (steps.shape[0], 2 * n)),
        process=jax.vmap(lambda dt: blocks(jnp.where(flags.memory > 0, dt, 1.0) * W, zero))(steps),
        matrix=jnp.concatenate([identity, identity], axis=1),
        noise=flags.noise * _covariance(parameters.log_noise, parameters.mixing),
        mean=jnp.concatenate([parameters.mean, jnp.zeros(n)]),
        covariance=blocks(initial, effect),
    )


def _covariance(
    log_scale: Float[Array, " state"], mixing: Float[Array, " pair"]
) -> Float[Array, "state state"]:
    n = log_scale.shape[0]
    if not mixing.size:
        return jnp.diag(jnp.exp(log_scale))
    factor = jnp.eye(n).at[np.tril_indices(n, -1)].set(mixing) * jnp.exp(0.5 * log_scale)[:, None]
    return factor @ factor.T
