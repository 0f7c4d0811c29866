"""The exact likelihood of a linear SDE with independent states: a filter for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sdebayes._core.errors import ModelError
from sdebayes.dynamics import SDE, AffineDrift, ConstantDiffusion, ObservedSDE
from sdebayes.likelihood.arrays import Observations
from sdebayes.likelihood.base import Innovations, Laws
from sdebayes.likelihood.generate import Stepper
from sdebayes.likelihood.kalman import Kalman
from sdebayes.likelihood.linear_gaussian import (
    Filtered,
    LinearGaussian,
    kalman_filter,
    smooth,
)


@dataclass(frozen=True)
class IndependentKalman(Kalman):
    """The Kalman filter's likelihood of a linear SDE whose states do not touch each other.

    A, Σ, R, C and the covariance of the first state are diagonal and H is the identity; what stands beside their
    diagonals is not read. The filter of one state has z = (x, c), two numbers, so that the cost goes with the number
    of states, where that of `Kalman` goes with its third power.
    """

    def log_density(self, model: ObservedSDE, data: Observations) -> Float[Array, "trajectory time"]:
        """Return log p(y_k | y_1, …, y_{k−1}); see `AbstractLikelihood.log_density`."""
        return _log_density(self._systems(model, data), data)

    def stepper(self, model: ObservedSDE, data: Observations) -> Stepper:
        """Return what draws the next state of a path, entry by entry."""
        systems = self._systems(model, data)
        a, shift, variance = (
            part.T
            for part in (systems.transition[..., 0, 0], systems.shift[..., 0], systems.process[..., 0, 0])
        )
        sd = jnp.sqrt(variance)
        return lambda x, t, u, white: a[u] * x + shift[u] + sd[u] * white

    def run(self, model: ObservedSDE, data: Observations) -> tuple[LinearGaussian, Filtered]:
        """Filter each state, and put the laws of all into one."""
        each = self._each(kalman_filter, model, data)
        parts = (
            _joint_mean(each.predicted_mean),
            _joint_covariance(each.predicted_covariance),
            _joint_mean(each.mean),
            _joint_covariance(each.covariance),
        )
        return self.system(model, data), Filtered(each.log_density.sum(0), *parts)

    def one_step(self, model: ObservedSDE, data: Observations) -> Laws:
        """Return mean and covariance of y_k given y_1, …, y_{k−1}."""
        mean, variance = self._foretold(model, data)
        return mean, variance[..., None] * jnp.eye(mean.shape[-1])

    def smooth(
        self, model: ObservedSDE, data: Observations
    ) -> tuple[Float[Array, "trajectory time z"], Float[Array, "trajectory time z z"]]:
        """Return mean and covariance of z_k given the whole trajectory."""
        mean, covariance = self._each(
            lambda system, own: smooth(system, kalman_filter(system, own), own), model, data
        )
        return _joint_mean(mean), _joint_covariance(covariance)

    def innovations(
        self, model: ObservedSDE, data: Observations, sets: list[Float[Array, "trajectory time observed"]]
    ) -> list[Innovations]:
        """Return innovations and what was foretold."""
        seen = jnp.asarray(data.seen)

        def one_set(values: Array) -> Innovations:
            mean, variance = self._foretold(model, eqx.tree_at(lambda o: o.values, data, values))
            return jnp.where(seen, (values - mean) / jnp.sqrt(variance), jnp.nan), jnp.where(
                seen, mean, jnp.nan
            )

        white, predicted = jax.lax.map(one_set, jnp.stack(sets))
        return list(zip(white, predicted, strict=True))

    def _foretold(self, model: ObservedSDE, data: Observations) -> tuple[Array, Array]:
        """Return mean and variance of each entry of y_k given y_1, …, y_{k−1}, (trajectory, time, observed)."""
        factors = data.noise_factors(model.noise_slopes)

        def one(system: LinearGaussian, own: Observations) -> tuple[Array, Array]:
            filtered, H = kalman_filter(system, own), system.matrix
            spread = jnp.einsum("oz,itzy,oy->it", H, filtered.predicted_covariance, H)
            return (filtered.predicted_mean @ H.T)[..., 0], spread + factors * system.noise[0, 0]

        mean, variance = self._each(one, model, data)
        return jnp.moveaxis(mean, 0, -1), jnp.moveaxis(variance, 0, -1)

    def _systems(self, model: ObservedSDE, data: Observations) -> LinearGaussian:
        """Return the state-space model of each state, states leading."""
        return self._each(lambda system, own: system, model, data)

    def _each(self, function: Any, model: ObservedSDE, data: Observations) -> Any:
        """Ask for each state what a function makes of its state-space model and its data; states lead the results."""
        linear = model.sde.linear
        if linear is None:
            raise ModelError(
                "The SDE is not linear with additive noise, so that its states are not independent."
            )

        def one(numbers: tuple[Array, ...], values: Array, seen: Array) -> Any:
            a, v, rate, mean, *variances = numbers
            drift, diffusion = (
                AffineDrift(a[None, None], v[None]),
                ConstantDiffusion(jnp.sqrt(rate)[None, None]),
            )
            start, noise, effect = (variance[None, None] for variance in variances)
            unit = jnp.ones((1, 1), a.dtype)
            own = ObservedSDE(
                SDE(drift, diffusion), mean[None], start, unit, noise, effect, noise_slopes=model.noise_slopes
            )
            alone = eqx.tree_at(lambda o: (o.values, o.seen), data, (values[..., None], seen[..., None]))
            return function(self.system(own, alone), alone)

        diagonals = (linear.matrix, linear.covariance_rate, model.initial_covariance)
        a, rate, start, noise, effect = (
            jnp.diagonal(matrix) for matrix in (*diagonals, model.noise_covariance, model.effect_covariance)
        )
        numbers = a, linear.offset, rate, model.initial_mean, start, noise, effect
        values, seen = (jnp.moveaxis(jnp.asarray(part), -1, 0) for part in (data.values, data.seen))
        return jax.vmap(one)(numbers, values, seen)


def _log_density(systems: LinearGaussian, data: Observations) -> Float[Array, "trajectory time"]:
    """Filter all states side by side, entry by entry: nothing here is a matrix.

    Covariances are (state,) where trajectories share them, else (trajectory, state).
    """
    a, shift, process, noise = (
        part.T
        for part in (
            systems.transition[..., 0, 0],
            systems.shift[..., 0],
            systems.process[..., 0, 0],
            systems.noise[..., 0, 0],
        )
    )
    values, seen = (jnp.swapaxes(jnp.asarray(part), 0, 1) for part in (data.values, data.seen))
    count, states = values.shape[1:]
    index = jnp.pad(jnp.asarray(data.step_index).T, ((0, 1), (0, 0)))
    factors = data.noise_factors(
        systems.noise_slopes if systems.noise_slopes is None else systems.noise_slopes[0]
    )
    effect = jnp.zeros(states) if systems.mean.shape[-1] == 1 else systems.covariance[:, 1, 1]
    start = systems.covariance[:, 0, 0], jnp.zeros(states), effect
    if not data.shared:
        start = tuple(jnp.broadcast_to(part, (count, states)) for part in start)

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

    mean = jnp.broadcast_to(systems.mean[:, 0], (count, states)), jnp.zeros((count, states))
    _, terms = jax.lax.scan(step, (*mean, *start), (values, seen, index, factors.T))
    return terms.T


def _joint_mean(means: Float[Array, "state trajectory time part"]) -> Float[Array, "trajectory time z"]:
    """Put the means of (x_j, c_j) into that of z = (x, c)."""
    ordered = jnp.moveaxis(means, 0, -1)
    return ordered.reshape(*ordered.shape[:2], -1)


def _joint_covariance(
    covariances: Float[Array, "state trajectory time part part_bis"],
) -> Float[Array, "trajectory time z z"]:
    """Put the covariances of (x_j, c_j) into that of z = (x, c)."""
    states, trajectories, steps, parts, _ = covariances.shape
    joint = jnp.einsum("jitab,jk->itajbk", covariances, jnp.eye(states, dtype=covariances.dtype))
    return joint.reshape(trajectories, steps, parts * states, parts * states)
