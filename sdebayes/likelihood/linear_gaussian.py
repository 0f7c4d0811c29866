r"""The Kalman filter of a linear SDE observed with noise and a trajectory effect.

The filter's state is z = (x, c), or x alone without a trajectory effect:

.. math::
    z_{k+1} = F_k z_k + s_k + η_k, \quad η_k \sim N(0, Q_k), \qquad
    y_k = [H, H] z_k + ε_k, \quad ε_k \sim N(0, R),

so that c and the latent path are integrated out. Kalman (1960), doi:10.1115/1.3662552; Särkkä & Svensson (2023),
Bayesian Filtering and Smoothing, algorithms 6.1 and 12.1, doi:10.1017/9781108917407.
"""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from sdebayes._core.linalg import inverse_and_log_determinant, symmetrize
from sdebayes.dynamics import ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.schemes import AffineTransition


class LinearGaussian(eqx.Module):
    """A linear-Gaussian state-space model, its transitions given for each different Δt.

    Parameters
    ----------
    transition
        F, (unique, z, z).
    shift
        s, (unique, z).
    process
        Q, (unique, z, z).
    matrix
        [H, H], (observed, z).
    noise
        R, (observed, observed).
    mean, covariance
        Law of the first state, (z,) and (z, z).
    noise_slopes
        β, (term,), of the covariates that R depends on, or None.
    """

    transition: Float[Array, "unique z z"]
    shift: Float[Array, "unique z"]
    process: Float[Array, "unique z z"]
    matrix: Float[Array, "observed z"]
    noise: Float[Array, "observed observed"]
    mean: Float[Array, " z"]
    covariance: Float[Array, "z z"]
    noise_slopes: Float[Array, " term"] | None = None


class Filtered(eqx.Module):
    """What the filter leaves for each trajectory and step.

    Parameters
    ----------
    log_density
        log p(y_k | y_1, …, y_{k−1}), (trajectory, time).
    predicted_mean, predicted_covariance
        Law of z_k given y_1, …, y_{k−1}.
    mean, covariance
        Law of z_k given y_1, …, y_k.
    """

    log_density: Float[Array, "trajectory time"]
    predicted_mean: Float[Array, "trajectory time z"]
    predicted_covariance: Float[Array, "trajectory time z z"]
    mean: Float[Array, "trajectory time z"]
    covariance: Float[Array, "trajectory time z z"]


def linear_gaussian(
    model: ObservedSDE, transitions: AffineTransition, trajectory_effect: bool
) -> LinearGaussian:
    """Set up the filter's state z = (x, c), or x alone."""
    F, s, Q = transitions.matrix, transitions.shift, transitions.covariance
    H, m, P = model.matrix, model.initial_mean, model.initial_covariance
    if trajectory_effect:
        count, n = s.shape
        zeros = jnp.zeros((count, n, n), dtype=F.dtype)
        same = jnp.broadcast_to(jnp.eye(n, dtype=F.dtype), (count, n, n))
        F = jnp.concatenate([jnp.concatenate([F, zeros], -1), jnp.concatenate([zeros, same], -1)], -2)
        Q = jnp.concatenate([jnp.concatenate([Q, zeros], -1), jnp.concatenate([zeros, zeros], -1)], -2)
        s = jnp.concatenate([s, zeros[..., 0]], -1)
        m = jnp.concatenate([m, zeros[0, 0]])
        P = jax.scipy.linalg.block_diag(P, model.effect_covariance)
        H = jnp.concatenate([H, H], -1)
    return LinearGaussian(F, s, Q, H, model.noise_covariance, m, P, model.noise_slopes)


class SharedLaws(NamedTuple):
    """What the filter knows of trajectories with the same steps before it has seen their values.

    Attributes
    ----------
    following
        The Δt after each step, as an index into the transitions; 0 after the last.
    seen
        (time, observed), the entries that are seen.
    gain
        (time, z, observed).
    precision
        S⁻¹ of what is seen, (time, observed, observed).
    log_determinant
        log |S| of what is seen, (time,).
    """

    following: Int[Array, " time"]
    seen: Bool[Array, "time observed"]
    gain: Float[Array, "time z observed"]
    precision: Float[Array, "time observed observed"]
    log_determinant: Float[Array, " time"]

    @property
    def normalizer(self) -> Float[Array, " time"]:
        """Log |2π S| of what is seen, (time,)."""
        return self.log_determinant + jnp.sum(self.seen, -1) * jnp.log(2 * jnp.pi)


def shared_log_density(model: LinearGaussian, observations: Observations) -> Float[Array, "trajectory time"]:
    """Return log p(y_k | y_1, …, y_{k−1}) where all trajectories share their steps and have no gap.

    The covariances do not depend on the values, so they are computed once for all trajectories.
    """
    counted, values = jnp.asarray(observations.seen[..., 0]), jnp.asarray(observations.values)
    laws = shared_laws(model, observations.step_index[0], jnp.ones(values.shape[1:], bool))
    squares = shared_squares(model, laws, values, counted, jnp.ones(len(values), values.dtype))
    return jnp.where(counted, -0.5 * (squares + laws.normalizer), 0.0)


def shared_laws(
    model: LinearGaussian,
    steps: Int[Array | np.ndarray, " transition"],
    seen: Bool[Array | np.ndarray, "time observed"],
) -> SharedLaws:
    """Run the filter's covariances, which do not depend on values.

    Parameters
    ----------
    model
        The state-space model.
    steps
        The Δt of each transition, as an index into those of the model.
    seen
        The entries that are seen.
    """
    index = jnp.concatenate([jnp.asarray(steps), jnp.zeros(1, dtype=int)])

    def step(covariance: Float[Array, "z z"], inputs: tuple[Array, Array]) -> tuple[Array, tuple[Array, ...]]:
        u, here = inputs
        H = jnp.where(here[:, None], model.matrix, 0.0)
        noise = jnp.where(here[:, None] & here[None, :], model.noise, 0.0) + jnp.diag(1.0 - here)
        cross = covariance @ H.T
        precision, log_determinant = inverse_and_log_determinant(H @ cross + noise)
        gain = cross @ precision
        F = model.transition[u]
        following = F @ (covariance - gain @ cross.T) @ F.T + model.process[u]
        return symmetrize(following), (gain, precision, log_determinant)

    _, found = jax.lax.scan(step, model.covariance, (index, jnp.asarray(seen)))
    return SharedLaws(index, jnp.asarray(seen), *found)


def shared_squares(
    model: LinearGaussian,
    laws: SharedLaws,
    values: Float[Array, "trajectory time observed"],
    counted: Bool[Array, "trajectory time"],
    weight: Float[Array, " trajectory"],
) -> Float[Array, "trajectory time"]:
    """Return eᵀ S⁻¹ e of the innovations e of each trajectory and step.

    Parameters
    ----------
    model
        The state-space model.
    laws
        Its covariances.
    values
        The trajectories.
    counted
        Up to which step each of them goes.
    weight
        What the model's means are multiplied by for each: 1 for data.
    """

    def step(
        mean: Float[Array, "trajectory z"], inputs: tuple[Array, ...]
    ) -> tuple[Array, Float[Array, "trajectory observed"]]:
        value, here, gain, u = inputs
        residual = jnp.where(here, value - mean @ model.matrix.T, 0.0)
        mean = (mean + residual @ gain.T) @ model.transition[u].T + weight[:, None] * model.shift[u]
        return mean, residual

    here = counted.T[..., None] & laws.seen[:, None]
    inputs = jnp.swapaxes(values, 0, 1), here, laws.gain, laws.following
    _, residuals = jax.lax.scan(step, weight[:, None] * model.mean, inputs)
    return jnp.sum((residuals @ laws.precision) * residuals, -1).T


def kalman_filter(model: LinearGaussian, observations: Observations) -> Filtered:
    """Filter every trajectory on its own: any times, any gaps, missing entries included."""
    steps = jnp.asarray(observations.step_index)
    index = jnp.concatenate([steps, jnp.zeros((steps.shape[0], 1), dtype=steps.dtype)], 1)
    factors = observations.noise_factors(model.noise_slopes)
    one = jax.vmap(lambda *inputs: _filter_one(model, inputs))
    return Filtered(*one(jnp.asarray(observations.values), jnp.asarray(observations.seen), index, factors))


def _filter_one(model: LinearGaussian, inputs: tuple[Array, ...]) -> tuple[Array, ...]:
    def step(carry: tuple[Array, Array], inputs: tuple[Array, ...]) -> tuple[tuple[Array, Array], tuple]:
        mean, covariance = carry
        value, here, u, factor = inputs
        H = jnp.where(here[:, None], model.matrix, 0.0)
        noise = jnp.where(here[:, None] & here[None, :], factor * model.noise, 0.0) + jnp.diag(1.0 - here)
        residual = jnp.where(here, value - model.matrix @ mean, 0.0)
        cross = covariance @ H.T
        precision, log_determinant = inverse_and_log_determinant(H @ cross + noise)
        gain = cross @ precision
        updated_mean = mean + gain @ residual
        updated = symmetrize(covariance - gain @ cross.T)
        F = model.transition[u]
        following = (
            F @ updated_mean + model.shift[u],
            symmetrize(F @ updated @ F.T) + model.process[u],
        )
        constant = jnp.sum(here) * jnp.log(2 * jnp.pi)
        density = -0.5 * (residual @ precision @ residual + log_determinant + constant)
        return following, (density, mean, covariance, updated_mean, updated)

    _, results = jax.lax.scan(step, (model.mean, model.covariance), inputs)
    return results


def smooth(
    model: LinearGaussian, filtered: Filtered, observations: Observations
) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
    """Return mean and covariance of z_k given the whole trajectory.

    The backward recursion of Rauch, Tung & Striebel (1965), doi:10.2514/3.3166. After a trajectory's end its last law
    is carried on; callers mask it.
    """
    return jax.vmap(lambda *parts: _smooth_one(model, *parts))(
        filtered.predicted_mean,
        filtered.predicted_covariance,
        filtered.mean,
        filtered.covariance,
        jnp.asarray(observations.step_index),
    )


def _smooth_one(
    model: LinearGaussian,
    predicted_mean: Array,
    predicted_covariance: Array,
    mean: Array,
    covariance: Array,
    index: Array,
) -> tuple[Array, Array]:
    def step(carry: tuple[Array, Array], inputs: tuple[Array, ...]) -> tuple[tuple, tuple]:
        later_mean, later_covariance = carry
        m_next, P_next, m, P, u = inputs
        F = model.transition[u]
        gain = jnp.linalg.solve(P_next, F @ P).T
        smoothed_mean = m + gain @ (later_mean - m_next)
        smoothed = symmetrize(P + gain @ (later_covariance - P_next) @ gain.T)
        return (smoothed_mean, smoothed), (smoothed_mean, smoothed)

    inputs = (predicted_mean[1:], predicted_covariance[1:], mean[:-1], covariance[:-1], index)
    last = (mean[-1], covariance[-1])
    _, (means, covariances) = jax.lax.scan(step, last, inputs, reverse=True)
    return (
        jnp.concatenate([means, last[0][None]]),
        jnp.concatenate([covariances, last[1][None]]),
    )
