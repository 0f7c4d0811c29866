"""The likelihood of states that are observed exactly: a vectorised sum over transitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from sdebayes._core.linalg import mahalanobis, normal_log_density
from sdebayes.dynamics import SDE, ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.base import AbstractLikelihood, Innovations, Laws
from sdebayes.likelihood.gaussian_filter import GaussianFilter
from sdebayes.likelihood.gaussian_steps import Linearize
from sdebayes.likelihood.generate import Stepper
from sdebayes.likelihood.horizons import Start
from sdebayes.likelihood.kalman import Kalman, transitions_of
from sdebayes.likelihood.student_t import innovation_log_density
from sdebayes.schemes import AffineTransition


@dataclass(frozen=True)
class Transitions(AbstractLikelihood):
    """The sum over transitions under a scheme's own law.

    Parameters
    ----------
    scheme
        The distribution of a step.
    """

    states_observed: ClassVar[bool] = True
    reads_tables: ClassVar[bool] = True

    @property
    def integrates_entries(self) -> bool:
        """Not: a transition needs both of its states whole."""
        return False

    def log_density(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time"]:
        """Return log p(y_k | y_{k−1}); the first column is log p(y_1)."""
        following = jnp.asarray(data.values)[:, 1:]
        if model.degrees_of_freedom is None:
            return _with_first(model, data, _each(model, self.scheme.log_density, data, following))

        def heavy_tailed(sde: SDE, x: Array, following: Array, t: Array, dt: Array) -> Array:
            mean, covariance = self.scheme.transition(sde, x, t, dt)
            square, log_determinant = mahalanobis(following - mean, covariance)
            return innovation_log_density(
                square, 0.5 * log_determinant, x.shape[-1], model.degrees_of_freedom
            )

        return _with_first(model, data, _each(model, heavy_tailed, data, following))

    def one_step(self, model: ObservedSDE, data: Observations) -> Laws:
        """Return mean and covariance of each state given the one before it, of the first by its own law."""
        means, covariances = _each(model, self.scheme.transition, data)
        count = means.shape[0]
        first_mean = jnp.broadcast_to(model.initial_mean, (count, 1, *model.initial_mean.shape))
        first = jnp.broadcast_to(model.initial_covariance, (count, 1, *model.initial_covariance.shape))
        return jnp.concatenate([first_mean, means], 1), jnp.concatenate([first, covariances], 1)

    def smooth(
        self, model: ObservedSDE, data: Observations
    ) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
        """Return the states themselves, without spread."""
        x = jnp.asarray(data.values)
        return x, jnp.zeros((*x.shape, x.shape[-1]), dtype=x.dtype)

    def linear_step(self, model: ObservedSDE, data: Observations) -> Linearize:
        """Return the extended Kalman filter's step."""
        return GaussianFilter(self.scheme).linear_step(model, data)

    def horizon_start(self, model: ObservedSDE, data: Observations) -> Start:
        """Return the states, carried on by the extended Kalman filter."""
        return GaussianFilter(self.scheme).horizon_start(model, data)

    def by_transition(self, data: Observations) -> bool:
        """Whether no step is seen in part, as must be."""
        return data.complete


@dataclass(frozen=True)
class LinearTransitions(AbstractLikelihood):
    """The sum over transitions of a linear SDE with additive noise; where steps are seen in part, the Kalman filter.

    Parameters
    ----------
    scheme
        The distribution of a step.
    normal
        Whether innovations are normal, as the filter needs them.
    """

    states_observed: ClassVar[bool] = True
    normal: bool = True

    @property
    def integrates_entries(self) -> bool:
        """Whether innovations are normal."""
        return self.normal

    @property
    def _filter(self) -> Kalman:
        return Kalman(self.scheme)

    def log_density(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time"]:
        """Return log p(y_k | y_1, …, y_{k−1}); see `AbstractLikelihood.log_density`."""
        if not data.complete:
            return self._filter.log_density(model, data)
        transitions = transitions_of(model, self.scheme, data.steps)
        return _with_first(model, data, _affine_terms(model, transitions, data))

    def one_step(self, model: ObservedSDE, data: Observations) -> Laws:
        """Return mean and covariance of y_k given y_1, …, y_{k−1}."""
        return self._filter.one_step(model, data)

    def smooth(
        self, model: ObservedSDE, data: Observations
    ) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
        """Return mean and covariance of the states given the whole trajectory."""
        return self._filter.smooth(model, data)

    def linear_step(self, model: ObservedSDE, data: Observations) -> Linearize:
        """Return the step of the SDE itself."""
        return self._filter.linear_step(model, data)

    def stepper(self, model: ObservedSDE, data: Observations) -> Stepper:
        """Return what draws the next state of a path, by the transitions over each different Δt."""
        return self._filter.stepper(model, data)

    def horizon_start(self, model: ObservedSDE, data: Observations) -> Start:
        """Return the states, or the filter's laws where they are missing."""
        return self._filter.horizon_start(model, data)

    def innovations(
        self, model: ObservedSDE, data: Observations, sets: list[Float[Array, "trajectory time observed"]]
    ) -> list[Innovations]:
        """Return innovations and what was predicted."""
        return self._filter.innovations(model, data, sets)

    def by_transition(self, data: Observations) -> bool:
        """Whether no step is seen in part."""
        return data.complete

    def has_linear_sums(self, data: Observations) -> bool:
        """Whether innovations are normal and no step is seen in part."""
        return self.normal and data.complete


def _affine_terms(
    model: ObservedSDE, transitions: AffineTransition, observations: Observations
) -> Float[Array, "trajectory transition"]:
    """Return log p(y_k | y_{k−1}) of a linear SDE."""
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
    return innovation_log_density(square, log_determinant, x.shape[-1], model.degrees_of_freedom)


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
