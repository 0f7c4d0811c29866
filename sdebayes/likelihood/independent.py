"""The exact likelihood of a linear SDE with independent states: a filter for each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from sdebayes._core.errors import ModelError
from sdebayes.dynamics import SDE, AffineDrift, ConstantDiffusion, ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.base import Innovations, Laws
from sdebayes.likelihood.conditional import Conditional, without
from sdebayes.likelihood.entrywise import Steps, by_itself, filtered, smoothed, steps_of
from sdebayes.likelihood.generate import Stepper
from sdebayes.likelihood.kalman import Kalman
from sdebayes.likelihood.pseudo_documents import PseudoDocuments


@dataclass(frozen=True)
class IndependentKalman(Kalman):
    """The Kalman filter's likelihood of a linear SDE whose states do not touch each other.

    A, Σ, R, C and the covariance of the first state are diagonal and H is the identity; what stands beside their
    diagonals is not read. The filter of one state has z = (x, c), two numbers, so that the cost goes with the number
    of states, where that of `Kalman` goes with its third power. What is asked for as a covariance matrix still has the
    square of that number as entries.
    """

    def log_density(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time"]:
        """Return log p(y_k | y_1, …, y_{k−1}); see `AbstractLikelihood.log_density`."""
        return self.given_past(model, data).log_density

    def log_density_of_sums(self, model: ObservedSDE, sums: PseudoDocuments) -> Float[Array, ""]:
        """Return log p(y) of all the trajectories that are summed, state by state."""
        return _each(self._one.log_density_of_sums, model, sums).sum()

    @property
    def independent(self) -> bool:
        """Whether states do not touch each other."""
        return True

    def given_past(self, model: ObservedSDE, data: Observations) -> Conditional:
        """Return the law of each y_k given y_1, …, y_{k−1}."""
        return filtered(self._by_step(model, data), data)

    def given_others(
        self, model: ObservedSDE, data: Observations, left_out: Bool[Array, "trajectory time"] | None = None
    ) -> Conditional:
        """Return the law of each y_k given all other steps of its trajectory, of one smoother pass."""
        return smoothed(self._by_step(model, data), without(data, left_out), data.seen)

    def given_nothing(self, model: ObservedSDE, data: Observations) -> Conditional:
        """Return the law of each y_k where nothing of its trajectory is known."""
        return by_itself(self._by_step(model, data), data)

    def one_step(self, model: ObservedSDE, data: Observations) -> Laws:
        """Return mean and covariance of y_k given y_1, …, y_{k−1}."""
        mean, covariance = _each(self._one.one_step, model, data)
        return _joint_mean(mean), _joint_covariance(covariance)

    def smooth(
        self, model: ObservedSDE, data: Observations
    ) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
        """Return mean and covariance of z_k given the whole trajectory."""
        mean, covariance = _each(self._one.smooth, model, data)
        return _joint_mean(mean), _joint_covariance(covariance)

    def stepper(self, model: ObservedSDE, data: Observations) -> Stepper:
        """Return what draws the next state of a path, entry by entry."""
        steps = self._by_step(model, data)
        sd = jnp.sqrt(steps.process)
        return lambda x, t, u, white: steps.factor[u] * x + steps.shift[u] + sd[u] * white

    def horizons(
        self, model: ObservedSDE, data: Observations, horizon: int, targets: Int[Array, " target"]
    ) -> tuple[
        Float[Array, "horizon trajectory target observed"],
        Float[Array, "horizon some target observed observed"],
    ]:
        """Return mean and covariance of y_k given y_1, …, y_{k−h}."""
        mean, covariance = _each(
            lambda own, alone: self._one.horizons(own, alone, horizon, targets), model, data
        )
        return _joint_mean(mean), _joint_covariance(covariance)

    def innovations(
        self, model: ObservedSDE, data: Observations, sets: list[Float[Array, "trajectory time observed"]]
    ) -> list[Innovations]:
        """Return innovations and what was predicted."""

        def of_state(own: ObservedSDE, alone: Observations, values: Array) -> tuple[Array, ...]:
            pairs = self._one.innovations(own, alone, list(values[..., None]))
            return tuple(jnp.stack(part) for part in zip(*pairs, strict=True))

        white, predicted = _each(of_state, model, data, jnp.stack(sets))
        return list(zip(_joint_mean(white), _joint_mean(predicted), strict=True))

    @property
    def _one(self) -> Kalman:
        """The likelihood of one state."""
        return Kalman(self.scheme, self.trajectory_effect)

    def _by_step(self, model: ObservedSDE, data: Observations) -> Steps:
        return steps_of(_each(self._one.system, model, data))


def _each(
    function: Callable[..., Any],
    model: ObservedSDE,
    data: Observations | PseudoDocuments,
    *others: Float[Array, "*batch state"],
) -> Any:
    """Ask a function for each state by itself, with its own SDE, data and other values; states lead the results."""
    linear = model.sde.linear
    if linear is None:
        raise ModelError("The SDE is not linear with additive noise, so that its states are not independent.")

    def one(numbers: tuple[Array, ...], values: Array, seen: Array, *more: Array) -> Any:
        a, v, rate, mean, *variances = numbers
        drift, diffusion = AffineDrift(a[None, None], v[None]), ConstantDiffusion(jnp.sqrt(rate)[None, None])
        start, noise, effect = (variance[None, None] for variance in variances)
        unit, slopes = jnp.ones((1, 1), a.dtype), model.noise_slopes
        own = ObservedSDE(SDE(drift, diffusion), mean[None], start, unit, noise, effect, noise_slopes=slopes)
        alone = eqx.tree_at(lambda o: (o.values, o.seen), data, (values[..., None], seen[..., None]))
        return function(own, alone, *more)

    a, rate, start, noise, effect = (
        jnp.diagonal(matrix)
        for matrix in (
            linear.matrix,
            linear.covariance_rate,
            model.initial_covariance,
            model.noise_covariance,
            model.effect_covariance,
        )
    )
    numbers = a, linear.offset, rate, model.initial_mean, start, noise, effect
    along = (jnp.moveaxis(jnp.asarray(part), -1, 0) for part in (data.values, data.seen, *others))
    return jax.vmap(one)(numbers, *along)


def _joint_mean(means: Float[Array, "state *batch part"]) -> Float[Array, "*batch z"]:
    """Put the means of parts, such as (x_j, c_j), into that of all, (x, c)."""
    ordered = jnp.moveaxis(means, 0, -1)
    return ordered.reshape(*ordered.shape[:-2], -1)


def _joint_covariance(
    covariances: Float[Array, "state *batch part part_bis"],
) -> Float[Array, "*batch z z"]:
    """Put the covariances of parts, such as (x_j, c_j), into that of all, (x, c)."""
    states, *batch, parts, _ = covariances.shape
    joint = jnp.einsum("j...ab,jk->...ajbk", covariances, jnp.eye(states, dtype=covariances.dtype))
    return joint.reshape(*batch, parts * states, parts * states)
