r"""The fully adapted particle filter of an SDE seen through Gaussian noise, and paths drawn from it.

A scheme's law of a step, N(μ(x), Q(x)), and an observation Y = H (x + c) + ε that is linear in the state give in closed
form what y_k says of a particle before it moves, and where it moves given y_k:

.. math::
    w_k^i = N\bigl(y_k;\, H (μ^i + m^i),\, H (Q^i + V) H^\top + R\bigr), \qquad
    x_k^i \sim p(x_k \mid x_{k-1}^{a_i}, y_{1:k}), \quad a_i \sim w_k.

The trajectory effect c is never sampled: given a path its law is N(m, V), with the same V for all particles. The
product of the means of w_k is an unbiased estimate of the likelihood under the scheme, and a path that is traced back
from a last particle is, with this estimate as its weight, a draw of the path given all observations.

References
----------
Pitt & Shephard (1999), Filtering via simulation: auxiliary particle filters, doi:10.1080/01621459.1999.10474153;
Andrieu, Doucet & Holenstein (2010), Particle Markov chain Monte Carlo methods, sec. 2.2 and 4.1,
doi:10.1111/j.1467-9868.2009.00736.x.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jaxtyping import Array, Bool, Float, Int

from sdebayes._core.linalg import inverse_and_log_determinant, symmetrize
from sdebayes._core.types import Key, Matrix, Scalar
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.gaussian_steps import clock
from sdebayes.likelihood.generate import scale_normals
from sdebayes.schemes import AbstractScheme

States = Float[Array, "particle state"]


class PathDraw(NamedTuple):
    """Estimates of likelihoods, and a draw of each latent path.

    Attributes
    ----------
    log_likelihood
        Log of an unbiased estimate of each trajectory's likelihood, in nats, (trajectory,).
    path
        x, (trajectory, time, state); after a trajectory's end the last state stands on.
    effect
        c, (trajectory, state); 0 without a trajectory effect.
    """

    log_likelihood: Float[Array, " trajectory"]
    path: Float[Array, "trajectory time state"]
    effect: Float[Array, "trajectory state"]


class _Cloud(NamedTuple):
    """Particles x, (particle, state), and the law N(m, V) of c given each one's path."""

    states: States
    effect_mean: States
    effect_covariance: Matrix


class _Seen(NamedTuple):
    """What is seen at a step, what R is multiplied by there, and the randomness of a move."""

    value: Float[Array, " observed"]
    seen: Bool[Array, " observed"]
    factor: Scalar
    key: Key


def draw_paths(
    model: ObservedSDE, scheme: AbstractScheme, observations: Observations, particles: int, key: Key
) -> PathDraw:
    """Run a particle filter along each trajectory and trace one path back.

    Parameters
    ----------
    model
        The SDE as it is observed.
    scheme
        What makes a normal law of each step.
    observations
        The data: any times, any gaps, missing entries included.
    particles
        Their number.
    key
        Random key.
    """
    times, steps = clock(observations)
    values, seen = jnp.asarray(observations.values), jnp.asarray(observations.seen)
    keys = jax.random.split(key, values.shape[0])

    def one(inputs: tuple[Array, ...]) -> PathDraw:
        return _one_trajectory(model, scheme, particles, *inputs)

    factors = observations.noise_factors(model.noise_slopes)
    return PathDraw(*jax.lax.map(one, (values, seen, factors, times, steps, keys)))


def _one_trajectory(
    model: ObservedSDE,
    scheme: AbstractScheme,
    particles: int,
    values: Float[Array, "time observed"],
    seen: Bool[Array, "time observed"],
    factors: Float[Array, " time"],
    times: Float[Array, " time"],
    steps: Float[Array, " time"],
    key: Key,
) -> PathDraw:
    first_key, walk_key, last_key, effect_key = jax.random.split(key, 4)
    n = model.initial_mean.shape[0]
    at_rest = jnp.zeros((particles, n), model.initial_mean.dtype)
    begin = _Cloud(at_rest, at_rest, model.effect_covariance)
    first_law = at_rest + model.initial_mean, jnp.broadcast_to(model.initial_covariance, (particles, n, n))
    cloud, first_density, _ = _meet(model, begin, first_law, _Seen(values[0], seen[0], factors[0], first_key))

    def step(cloud: _Cloud, inputs: tuple[Array, ...]) -> tuple[_Cloud, tuple[Array, ...]]:
        *given, t, dt = inputs
        going = dt > 0
        length = jnp.where(going, dt, 1.0)
        law = jax.vmap(lambda x: scheme.transition(model.sde, x, t, length))(cloud.states)
        moved, density, ancestors = _meet(model, cloud, law, _Seen(*given))
        cloud = jax.tree.map(lambda new, old: jnp.where(going, new, old), moved, cloud)
        ancestors = jnp.where(going, ancestors, jnp.arange(particles))
        return cloud, (jnp.where(going, density, 0.0), cloud.states, ancestors)

    keys = jax.random.split(walk_key, len(values) - 1)
    inputs = (values[1:], seen[1:], factors[1:], keys, times[1:], steps[1:])
    last, (densities, states, ancestors) = jax.lax.scan(step, cloud, inputs)
    chosen = jax.random.randint(last_key, (), 0, particles)
    path = _traced(jnp.concatenate([cloud.states[None], states]), ancestors, chosen)
    white = jax.random.normal(effect_key, (n,), at_rest.dtype)
    effect = last.effect_mean[chosen] + scale_normals(last.effect_covariance, white)
    return PathDraw(first_density + jnp.sum(densities), path, effect)


def _meet(
    model: ObservedSDE, cloud: _Cloud, law: tuple[States, Float[Array, "particle state state"]], given: _Seen
) -> tuple[_Cloud, Scalar, Int[Array, " particle"]]:
    """Choose particles by what is seen, move them given it, and update their laws of c.

    A particle moves freely first; what is seen, less what it would have shown, then corrects it by the gain, which
    makes it a draw given what is seen. Returns the cloud, the log of the mean weight, and where each came from.
    """
    resample_key, move_key, noise_key = jax.random.split(given.key, 3)
    (means, covariances), H, seen = law, model.matrix, given.seen
    both = seen[:, None] & seen[None, :]
    background = symmetrize(H @ cloud.effect_covariance @ H.T + given.factor * model.noise_covariance)

    def weigh(mean: Array, Q: Array, effect: Array) -> tuple[Array, Array]:
        S = H @ Q @ H.T + background
        precision, log_determinant = inverse_and_log_determinant(jnp.where(both, S, jnp.eye(len(seen))))
        residual = jnp.where(seen, given.value - H @ (mean + effect), 0.0)
        density = residual @ precision @ residual + log_determinant + jnp.sum(seen) * jnp.log(2 * jnp.pi)
        return -0.5 * density, jnp.where(seen, Q @ H.T, 0.0) @ precision

    log_weights, gains = jax.vmap(weigh)(means, covariances, cloud.effect_mean)
    log_weights = jnp.where(jnp.isfinite(log_weights), log_weights, -jnp.inf)
    log_sum = logsumexp(log_weights)
    ancestors = _systematic(
        resample_key, jnp.exp(log_weights - jnp.where(jnp.isfinite(log_sum), log_sum, 0.0))
    )
    effect = cloud.effect_mean[ancestors]

    white = jax.random.normal(move_key, means.shape, means.dtype)
    free = means[ancestors] + jnp.einsum("pij,pj->pi", jnp.linalg.cholesky(covariances[ancestors]), white)
    noise = scale_normals(background, jax.random.normal(noise_key, (len(means), len(seen)), means.dtype))
    away = jnp.where(seen, given.value - (free + effect) @ H.T - noise, 0.0)
    states = free + jnp.einsum("pij,pj->pi", gains[ancestors], away)

    cross = jnp.where(seen, cloud.effect_covariance @ H.T, 0.0)
    precision, _ = inverse_and_log_determinant(jnp.where(both, background, jnp.eye(len(seen))))
    residuals = jnp.where(seen, given.value - (states + effect) @ H.T, 0.0)
    moved = _Cloud(
        states,
        effect + residuals @ (cross @ precision).T,
        symmetrize(cloud.effect_covariance - cross @ precision @ cross.T),
    )
    return moved, log_sum - jnp.log(len(means)), ancestors


def _systematic(key: Key, weights: Float[Array, " particle"]) -> Int[Array, " particle"]:
    """Draw as many indices as there are weights of sum 1, each on average in proportion to its weight."""
    count = weights.shape[0]
    places = (jnp.arange(count) + jax.random.uniform(key, dtype=weights.dtype)) / count
    return jnp.minimum(jnp.searchsorted(jnp.cumsum(weights), places), count - 1)


def _traced(
    states: Float[Array, "time particle state"],
    ancestors: Int[Array, "transition particle"],
    last: Int[Array, ""],
) -> Float[Array, "time state"]:
    """Follow a last particle back to the first step."""

    def back(index: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        here, origin = inputs
        return origin[index], here[index]

    first, later = jax.lax.scan(back, last, (states[1:], ancestors), reverse=True)
    return jnp.concatenate([states[0][first][None], later])
