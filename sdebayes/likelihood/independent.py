"""The exact likelihood of a linear SDE with independent states: a filter for each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sdebayes._core.errors import ModelError
from sdebayes.dynamics import SDE, AffineDrift, ConstantDiffusion, ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.base import Innovations, Laws
from sdebayes.likelihood.generate import Stepper
from sdebayes.likelihood.kalman import Kalman
from sdebayes.likelihood.linear_gaussian import LinearGaussian


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
        return _log_density(_each(self._one.system, model, data), data)

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
        a, shift, variance, _ = _by_step(_each(self._one.system, model, data))
        sd = jnp.sqrt(variance)
        return lambda x, t, u, white: a[u] * x + shift[u] + sd[u] * white

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
        """Return innovations and what was foretold."""

        def of_state(own: ObservedSDE, alone: Observations, values: Array) -> tuple[Array, ...]:
            pairs = self._one.innovations(own, alone, list(values[..., None]))
            return tuple(jnp.stack(part) for part in zip(*pairs, strict=True))

        white, predicted = _each(of_state, model, data, jnp.stack(sets))
        return list(zip(_joint_mean(white), _joint_mean(predicted), strict=True))

    @property
    def _one(self) -> Kalman:
        """The likelihood of one state."""
        return Kalman(self.scheme, self.trajectory_effect)


def _each(
    function: Callable[..., Any],
    model: ObservedSDE,
    data: Observations,
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


def _log_density(systems: LinearGaussian, data: Observations) -> Float[Array, "trajectory time"]:
    """Filter all states side by side, entry by entry: nothing here is a matrix.

    Covariances are (state,) where trajectories share them, else (trajectory, state).
    """
    a, shift, process, noise = _by_step(systems)
    values, seen = (jnp.swapaxes(jnp.asarray(part), 0, 1) for part in (data.values, data.seen))
    count, states = values.shape[1:]
    index = jnp.pad(jnp.asarray(data.step_index).T, ((0, 1), (0, 0)))
    slopes = systems.noise_slopes
    factors = data.noise_factors(None if slopes is None else slopes[0])
    nothing = jnp.zeros((states if data.shared else (count, states)), values.dtype)
    start = systems.covariance[:, 0, 0]
    effect = systems.covariance[:, -1, -1] * float(systems.mean.shape[-1] > 1)

    def step(carry: tuple[Array, ...], inputs: tuple[Array, ...]) -> tuple[tuple[Array, ...], Array]:
        x, c, xx, xc, cc = carry
        value, here, u, factor = inputs
        known = 1.0 if data.shared else here
        variance = xx + 2 * xc + cc + (noise if data.shared else factor[:, None] * noise)
        u = u[0] if data.shared else u
        residual = jnp.where(here, value - x - c, 0.0)
        term = -0.5 * (residual**2 / variance + jnp.log(2 * jnp.pi * variance))
        gain_x, gain_c = known * (xx + xc) / variance, known * (xc + cc) / variance
        moved = a[u] * (x + gain_x * residual) + shift[u], c + gain_c * residual
        spread = (
            a[u] ** 2 * (xx - gain_x**2 * variance) + process[u],
            a[u] * (xc - gain_x * gain_c * variance),
            cc - gain_c**2 * variance,
        )
        return (*moved, *spread), jnp.where(here, term, 0.0).sum(-1)

    mean = jnp.broadcast_to(systems.mean[:, 0], (count, states)), jnp.zeros((count, states), values.dtype)
    begin: tuple[Array, ...] = (*mean, start + nothing, nothing, effect + nothing)
    each: tuple[Array, ...] = (values, seen, index, factors.T)
    _, terms = jax.lax.scan(step, begin, each)
    return terms.T


def _by_step(systems: LinearGaussian) -> tuple[Array, Array, Array, Array]:
    """Return factor, shift and variance of a step of x, (unique, state), and the noise's variance, (state,)."""
    a, process = systems.transition[..., 0, 0].T, systems.process[..., 0, 0].T
    return a, systems.shift[..., 0].T, process, systems.noise[..., 0, 0]


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
