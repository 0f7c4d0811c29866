r"""A scheme's likelihood, nearly: to second order around a point, as statistics of the Euler–Maruyama kind.

Under a finite-step scheme the mean of X(t + Δt) is not linear in the drift's coefficients Θ, and its covariance depends
on them. But at a point (Θ*, Σ*) the log-likelihood ℓ has slopes :math:`g_Θ` and :math:`g_Σ`, and its curvature in Θ is
about that of a regression on the features' mean over the step,

.. math:: \tilde ψ = ψ + \tfrac12 Δt\, (∂ψ\, f^* + \tfrac12 \mathrm{tr}(Σ^* ∂^2 ψ)),

by Itô's formula to first order, and of the information in what the drift does to the covariance, :math:`\tfrac12 Δt^2
(∂f\, Σ + Σ\, ∂f^\top)`, averaged over d states. So the statistics

.. math::
    G &= \sum_k Δ_k \bigl( \tilde ψ_k \tilde ψ_k^\top + \tfrac14 (1 + \tfrac1d) Δ_k\, ∂ψ_k Σ^* ∂ψ_k^\top \bigr), \\
    B &= G Θ^* + g_Θ Σ^*, \\
    Q &= n Σ^* + 2 Σ^* g_Σ Σ^* + Θ^{*\top} B + B^\top Θ^* - Θ^{*\top} G Θ^*

have the same log-likelihood, slopes and about the same curvature at the point. Where it lies amid the posterior's mass,
what they leave is of third order there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from sdebayes._core.errors import InferenceError
from sdebayes._core.linalg import symmetrize
from sdebayes._core.types import Key, Matrix, Scalar, Vector
from sdebayes.dynamics import SDE, ConstantDiffusion
from sdebayes.dynamics.drift import AbstractDrift
from sdebayes.inference.marginal.completion import completer, swept
from sdebayes.inference.marginal.marginalized import Marginalized, Surrogate
from sdebayes.inference.mode import find_mode
from sdebayes.inference.sufficient_statistics.euler_maruyama import (
    Coefficients,
    Given,
    Statistics,
    known_log_density,
)
from sdebayes.inference.sufficient_statistics.reduction import pieces_of
from sdebayes.inference.target import Density, Target
from sdebayes.likelihood import Observations

_AVERAGED = 64
_SWEEPS = 20
_ROUNDS = 10
_REACH, _CLOSE = 10.0, 1.0  # nats
_HALVINGS = 30


class Point(NamedTuple):
    """Where a likelihood is approximated.

    Attributes
    ----------
    coefficients
        Θ*, (feature, state).
    covariance
        Σ*, (state, state).
    """

    coefficients: Coefficients
    covariance: Matrix


class _Combination(AbstractDrift):
    """f(x) = Θᵀ ψ(x)."""

    features: Callable[[Vector], Float[Array, " feature"]] = eqx.field(static=True)
    coefficients: Coefficients

    def __call__(self, x: Vector, t: Scalar = 0.0) -> Vector:
        """Return f(x)."""
        return self.features(x) @ self.coefficients


class _Sums(NamedTuple):
    """G, ℓ, and ℓ's slopes in Θ and Σ."""

    gram: Float[Array, "feature feature"]
    log_likelihood: Scalar
    slope: Point


def point_of(model: Marginalized, target: Target, key: Key) -> Point:
    """Return a point amid the posterior's mass: the coefficients' mean at the mode of all but the weights.

    Parameters
    ----------
    model
        The model without its weights.
    target
        Its density at statistics of the data.
    key
        Random key.
    """
    mode_key, *keys = jax.random.split(key, _AVERAGED + 1)
    mode = find_mode(target, mode_key)
    position = target.density.place(mode.position, mode.whitenings)
    return _average(model, target.density)(position, jnp.stack(keys), target.data)


def local_statistics(model: Marginalized, target: Target, observations: Observations, key: Key) -> Statistics:
    """Return the statistics of a likelihood around a point amid the posterior's mass.

    Each round takes the point that the last statistics lead to, from Euler–Maruyama's on, and new ones there. Where the
    last ones fail to predict the likelihood at the point, it is too far, and half the way is taken.

    Parameters
    ----------
    model
        The model without its weights, whose scheme the likelihood is of.
    target
        Its density at the data's statistics under Euler–Maruyama.
    observations
        The data.
    key
        Random key.

    Raises
    ------
    InferenceError
        If the likelihood at a point is not finite, or far from a maximum in Σ, or sums over the data lose their digits.
    """
    start: Statistics = target.data.statistics
    keys = jax.random.split(key, _ROUNDS)
    point = point_of(model, target, keys[0])
    found = linearized(model, observations, point, start)
    for own in keys[1:]:
        there = point_of(model, replace(target, data=target.data._replace(statistics=found)), own)
        sums = _sums(model, observations, there)
        wrong = first = _error(found, there, sums)
        for _ in range(_HALVINGS):
            if wrong < _REACH:
                break
            there = jax.tree.map(lambda old, new: 0.5 * (old + new), point, there)
            sums = _sums(model, observations, there)
            wrong = _error(found, there, sums)
        else:
            raise InferenceError(
                f"Next to a point its approximation still misses the likelihood by {wrong:.3g} nats: the data reach so "
                "far that sums over them lose their digits. Leave out what runs away."
            )
        point, found = there, _statistics(model, sums, there, start)
        if first < _CLOSE:
            break
    return found


def linearized(
    model: Marginalized, observations: Observations, point: Point, start: Statistics
) -> Statistics:
    """Return the statistics of a likelihood around a point, in one pass over the data.

    Parameters
    ----------
    model
        The model without its weights, whose scheme the likelihood is of.
    observations
        The data.
    point
        Θ* and Σ*.
    start
        The data's statistics under Euler–Maruyama, of which the first states' remain.

    Raises
    ------
    InferenceError
        If the likelihood at the point is not finite, or far from a maximum in Σ.
    """
    return _statistics(model, _sums(model, observations, point), point, start)


def _sums(model: Marginalized, observations: Observations, point: Point) -> _Sums:
    size = model.functions.shape[0]
    total = _Sums(jnp.zeros((size, size)), jnp.zeros(()), jax.tree.map(jnp.zeros_like, point))
    for piece in pieces_of(observations):
        total = _accumulate(model)(total, point, *piece)
    return total


def _statistics(model: Marginalized, total: _Sums, point: Point, start: Statistics) -> Statistics:
    theta, sigma = point
    slope = symmetrize(total.slope.covariance)
    left = symmetrize(start.count * sigma + 2 * sigma @ slope @ sigma)
    if not (np.isfinite(total.log_likelihood) and np.all(np.linalg.eigvalsh(np.asarray(left)) > 0)):
        raise InferenceError(
            f"The likelihood of {type(model.model.discretization).__name__} is far from that of Euler–Maruyama, from "
            "which Marginal starts: the steps are long."
        )
    cross = total.gram @ theta + total.slope.coefficients @ sigma
    half = theta.T @ cross
    square = symmetrize(left + half + half.T - theta.T @ total.gram @ theta)
    found = eqx.tree_at(lambda s: (s.gram, s.cross, s.square), start, (total.gram, cross, square))
    level = 2 * (_log_likelihood(found, point) - total.log_likelihood) / len(sigma)
    return eqx.tree_at(lambda s: s.log_steps, found, found.log_steps + level)


def _log_likelihood(data: Statistics, point: Point) -> Scalar:
    """Return the log-likelihood of statistics at a point, first states aside."""
    theta, sigma = point
    n = len(sigma)
    nothing = jax.tree.map(jnp.zeros_like, (data.first_sum, data.first_square, data.first_count))
    later = eqx.tree_at(lambda s: (s.first_sum, s.first_square, s.first_count), data, nothing)
    return known_log_density(Given(theta, 0 * theta, sigma, jnp.zeros(n), jnp.eye(n)), later)


def _error(data: Statistics, point: Point, sums: _Sums) -> float:
    """Return how far the log-likelihood of statistics is off at a point, in nats."""
    return abs(float(_log_likelihood(data, point) - sums.log_likelihood))


@lru_cache(maxsize=8)
def _accumulate(model: Marginalized) -> Callable[..., _Sums]:
    """Return the compiled sum over one piece."""
    scheme = model.model.discretization

    def log_likelihood(point: Point, x: Array, increment: Array, step: Array, weight: Array) -> Scalar:
        noise = ConstantDiffusion(jnp.linalg.cholesky(point.covariance))
        sde = SDE(_Combination(model.functions.features, point.coefficients), noise)
        time = jnp.zeros((), x.dtype)
        terms = jax.vmap(lambda x, dx, dt: scheme.log_density(sde, x, x + dx, time, dt))(x, increment, step)
        return weight @ terms

    def add(total: _Sums, point: Point, x: Array, increment: Array, step: Array, weight: Array) -> _Sums:
        rows = jax.vmap(lambda x, dt: _regressors(model, point, x, dt))(x, step)
        value, slope = jax.value_and_grad(log_likelihood)(point, x, increment, step, weight)
        gram = jnp.einsum("k,kri,krj->ij", weight * step, rows, rows)
        return jax.tree.map(jnp.add, total, _Sums(gram, value, slope))

    return jax.jit(add)


def _regressors(model: Marginalized, point: Point, x: Vector, dt: Scalar) -> Float[Array, "row feature"]:
    """Return the mean of ψ over a step from x, and below it what the slopes of ψ tell through the covariance."""

    def along(direction: Vector, at: Vector) -> tuple[Array, Array]:
        return jax.jvp(model.functions.features, (at,), (direction,))

    def slope_and_bend(direction: Vector) -> tuple[Array, Array]:
        return jax.jvp(lambda at: along(direction, at)[1], (x,), (direction,))

    value, drifted = along(model.functions.features(x) @ point.coefficients, x)
    slopes, bends = jax.vmap(slope_and_bend)(jnp.linalg.cholesky(point.covariance).T)
    mean = value + 0.5 * dt * (drifted + 0.5 * bends.sum(0))
    return jnp.concatenate([mean[None], 0.5 * jnp.sqrt((1 + 1 / len(x)) * dt) * slopes])


@lru_cache(maxsize=8)
def _average(model: Marginalized, density: Density) -> Callable[..., Point]:
    """Return the compiled mean of the coefficients given the rest."""
    complete = completer(model, density)

    def once(position: Array, key: Key, data: Surrogate) -> Given:
        data = swept(model, density, position, key, data, _SWEEPS)
        return complete(position, key, data.statistics, data.terms).known

    def average(position: Array, keys: Array, data: Surrogate) -> Point:
        known = jax.vmap(lambda key: once(position, key, data))(keys)
        return Point(known.offset.mean(0), known.covariance.mean(0))

    return jax.jit(average)
