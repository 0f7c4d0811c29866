"""The law of the observations of whole trajectories, c_i, latent path and missing values integrated out."""

from __future__ import annotations

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float
from numpyro.distributions import constraints

from sdebayes._core.types import Key
from sdebayes.dynamics import ObservedSDE
from sdebayes.model.filtering import (
    Filtered,
    LinearGaussian,
    kalman_filter,
    linear_gaussian,
    shared_log_density,
    smooth,
)
from sdebayes.model.generate import generate
from sdebayes.model.nonlinear_filtering import predicted_observations
from sdebayes.model.observation import AbstractObservation
from sdebayes.model.observations import Observations
from sdebayes.model.transition_density import affine_log_density, scheme_laws, scheme_log_density
from sdebayes.schemes import AbstractScheme, AffineTransition


def log_density(
    model: ObservedSDE, scheme: AbstractScheme, observation: AbstractObservation, observations: Observations
) -> Float[Array, "trajectory time"]:
    """Return log p(y_k | y_1, …, y_{k−1}), zero where nothing was seen; a trajectory's sum is its log-likelihood."""
    if not model.sde.affine and observation.exact:
        return scheme_log_density(model, scheme, observations)
    if not model.sde.affine:
        return observation.filter.log_density(model, scheme, observations, observation.trajectory_effect)
    transitions = transitions_of(model, scheme, observations.steps)
    if observation.exact and observations.complete:
        return affine_log_density(model, transitions, observations)
    system = linear_gaussian(model, transitions, observation.trajectory_effect)
    if observations.shared:
        return shared_log_density(system, observations)
    return kalman_filter(system, observations).log_density


def draw(
    model: ObservedSDE,
    scheme: AbstractScheme,
    observation: AbstractObservation,
    observations: Observations,
    key: Key,
) -> Float[Array, "trajectory time observed"]:
    """Draw y from the law whose density `log_density` is, at the data's times, zero where the data have no value.

    Of a nonlinear SDE under noise this is the filter's law, `generate` draws from the SDE's own.
    """
    if not model.sde.affine and not observation.exact:
        return observation.filter.draw(model, scheme, observations, observation.trajectory_effect, key)
    return generate(model, scheme, observations, key)


def one_step_laws(
    model: ObservedSDE, scheme: AbstractScheme, observation: AbstractObservation, observations: Observations
) -> tuple[Float[Array, "trajectory time observed"], Float[Array, "trajectory time observed observed"]]:
    """Return mean and covariance of y_k given y_1, …, y_{k−1}."""
    if not model.sde.affine and not observation.exact:
        filtered = observation.filter.run(model, scheme, observations, observation.trajectory_effect)
        return predicted_observations(model, filtered)
    if not model.sde.affine:
        means, covariances = scheme_laws(model, scheme, observations)
        count = means.shape[0]
        first_mean = jnp.broadcast_to(model.initial_mean, (count, 1, *model.initial_mean.shape))
        first = jnp.broadcast_to(model.initial_covariance, (count, 1, *model.initial_covariance.shape))
        return jnp.concatenate([first_mean, means], 1), jnp.concatenate([first, covariances], 1)
    system, filtered = filtered_affine(model, scheme, observation, observations)
    mean = filtered.predicted_mean @ system.matrix.T
    covariance = system.matrix @ filtered.predicted_covariance @ system.matrix.T + system.noise
    return mean, covariance


def smoothed(
    model: ObservedSDE, scheme: AbstractScheme, observation: AbstractObservation, observations: Observations
) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
    """Return mean and covariance of z_k = (x_k, c), or x_k alone, given the whole trajectory."""
    if not model.sde.affine and not observation.exact:
        return observation.filter.smooth(model, scheme, observations, observation.trajectory_effect)
    if not model.sde.affine:
        x = jnp.asarray(observations.values)
        return x, jnp.zeros((*x.shape, x.shape[-1]), dtype=x.dtype)
    system, filtered = filtered_affine(model, scheme, observation, observations)
    return smooth(system, filtered, observations)


def filtered_affine(
    model: ObservedSDE, scheme: AbstractScheme, observation: AbstractObservation, observations: Observations
) -> tuple[LinearGaussian, Filtered]:
    """Set up the filter of a linear SDE and run it."""
    transitions = transitions_of(model, scheme, observations.steps)
    system = linear_gaussian(model, transitions, observation.trajectory_effect)
    return system, kalman_filter(system, observations)


def transitions_of(
    model: ObservedSDE, scheme: AbstractScheme, steps: Float[Array | np.ndarray, " unique"]
) -> AffineTransition:
    """Return the transitions of a linear SDE over each Δt."""
    return jax.vmap(lambda dt: scheme.affine_transition(model.sde, dt))(jnp.asarray(steps))


class TrajectoryLaw(dist.Distribution):
    """The law of y over trajectories, (trajectory,) × (time, observed), at the times of a data set.

    Parameters
    ----------
    model, scheme, observation
        The SDE as it is observed, and how its law is computed.
    observations
        The data set whose times and missing entries the law has.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    support = constraints.real_matrix
    pytree_data_fields = ("model", "observations")
    pytree_aux_fields = ("scheme", "observation")

    def __init__(
        self,
        model: ObservedSDE,
        scheme: AbstractScheme,
        observation: AbstractObservation,
        observations: Observations,
    ) -> None:
        self.model, self.scheme = model, scheme
        self.observation, self.observations = observation, observations
        count, *event = observations.values.shape
        super().__init__(batch_shape=(count,), event_shape=tuple(event))

    def log_prob(
        self, value: Float[Array, "trajectory time observed"], intermediates: Any = None
    ) -> Float[Array, " trajectory"]:
        """Return the log-likelihood of each trajectory, in nats; missing entries of ``value`` are not read."""
        seen, known = jnp.asarray(self.observations.seen), jnp.asarray(self.observations.values)
        observations = eqx.tree_at(lambda o: o.values, self.observations, jnp.where(seen, value, known))
        return log_density(self.model, self.scheme, self.observation, observations).sum(-1)

    def sample(self, key: Key, sample_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Draw trajectories, zero at missing entries."""
        if sample_shape == ():
            return draw(self.model, self.scheme, self.observation, self.observations, key)
        count = 1
        for size in sample_shape:
            count *= size
        draws = jax.vmap(lambda k: self.sample(k))(jax.random.split(key, count))
        return draws.reshape(*sample_shape, *draws.shape[1:])
